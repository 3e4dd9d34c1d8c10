"""Nothing leaves the process."""

import asyncio
import inspect
import threading

import pytest

from sim.kernel import World
from sim.kernel.refusals import _ALTERNATIVES, RealWorldError

KEPT = {
    "call_at", "call_exception_handler", "call_later", "call_soon", "call_soon_threadsafe", "close", "create_future",
    "create_task", "default_exception_handler", "get_debug", "get_exception_handler", "get_task_factory", "is_closed",
    "is_running", "run_forever", "run_in_executor", "run_until_complete", "set_debug", "set_default_executor",
    "set_exception_handler", "set_task_factory", "shutdown_asyncgens", "shutdown_default_executor", "stop", "time",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_ALTERNATIVES))
def test_every_refusal_names_the_call_and_the_alternative(name):
    """Each call that would leave the process is refused, by its name, with what to do instead."""

    async def program():
        result = getattr(asyncio.get_running_loop(), name)("argument", option=1)
        if inspect.isawaitable(result):
            await result

    with pytest.raises(RealWorldError) as caught:
        World(1).run(program())
    assert str(caught.value) == (
        f"loop.{name}() is refused in a simulation; virtual time has no real input or output; {_ALTERNATIVES[name]}"
    )


def test_every_method_of_a_loop_is_either_simulated_or_refused():
    """A loop method that is new in Python is noticed here, and not by somebody's real socket."""
    public = {name for name, _ in inspect.getmembers(asyncio.AbstractEventLoop, callable) if not name.startswith("_")}
    assert public == KEPT | set(_ALTERNATIVES)


@pytest.mark.parametrize(
    "open_it",
    [
        lambda: asyncio.open_connection("localhost", 80),
        lambda: asyncio.start_server(print, "localhost", 0),
        lambda: asyncio.create_subprocess_exec("true"),
        lambda: asyncio.create_subprocess_shell("true"),
    ],
)
def test_streams_and_processes_are_refused(open_it):
    """The usual ways to a socket or a process end at the same refusal."""

    async def program():
        await open_it()

    with pytest.raises(RealWorldError, match="is refused in a simulation"):
        World(1).run(program())


def test_other_threads_are_refused():
    """A callback from a real thread is refused in that thread: its timing could not be repeated."""
    refused, loops, turn, done = [], [], threading.Lock(), threading.Lock()

    def work():
        with turn:
            try:
                loops[0].call_soon_threadsafe(print)
            except RealWorldError as error:
                refused.append(str(error))
        done.release()

    async def program():
        loops.append(asyncio.get_running_loop())
        turn.release()
        done.acquire()

    turn.acquire()
    done.acquire()
    thread = threading.Thread(target=work, name="outsider")
    thread.start()
    World(1).run(program())
    thread.join()
    expected = (
        "loop.call_soon_threadsafe() from thread 'outsider' is refused in a simulation; "
        "virtual time has no real input or output; run the work with asyncio.to_thread, which is simulated"
    )
    assert refused == [expected]


def test_own_thread_may_use_the_threadsafe_call():
    """`call_soon_threadsafe` from the loop's own thread is `call_soon`."""

    async def program():
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon_threadsafe(done.set_result, "here")
        return await done

    assert World(1).run(program()) == "here"
