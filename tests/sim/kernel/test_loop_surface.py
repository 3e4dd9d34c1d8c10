"""The rest of what asyncio promises of a loop: executors, debug mode, single rounds, async generators."""

import asyncio
import concurrent.futures
import contextlib
import inspect
import sys

import pytest

from sim.kernel import SimLoop


def run(coroutine, **options):
    with asyncio.Runner(loop_factory=SimLoop, **options) as runner:
        return runner.run(coroutine)


def test_an_own_default_executor_is_let_go_at_the_end():
    """A program that sets a default executor ends, though no thread of it ever reports back to the loop."""

    async def program():
        asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor())
        return await asyncio.to_thread(str.upper, "done")

    assert run(program()) == "DONE"


def test_work_may_be_handed_over_before_the_loop_runs():
    """What an executor gets before `run_until_complete` is simulated too, and may wait for the loop."""

    async def answer():
        await asyncio.sleep(5)
        return loop.time()

    def work():
        return asyncio.run_coroutine_threadsafe(answer(), loop).result()

    with contextlib.closing(SimLoop()) as loop:
        assert loop.run_until_complete(loop.run_in_executor(None, work)) == 5.0


def test_the_default_executor_takes_nothing_after_its_shutdown():
    """Work for the default executor after its shutdown is refused, as asyncio does; other executors still take it."""

    async def program():
        loop = asyncio.get_running_loop()
        await loop.shutdown_default_executor()
        with concurrent.futures.ThreadPoolExecutor() as own:
            assert await loop.run_in_executor(own, int, "7") == 7
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            loop.run_in_executor(None, print)

    run(program())


def test_a_coroutine_is_no_work_for_an_executor():
    """In debug mode a coroutine function is refused before it is called and its coroutine lost."""

    async def program():
        with pytest.raises(TypeError, match="coroutines cannot be used with run_in_executor"):
            asyncio.get_running_loop().run_in_executor(None, asyncio.sleep)

    run(program(), debug=True)


def made_here(loop):
    line = inspect.currentframe().f_lineno + 1
    made = [loop.call_soon(print), loop.call_later(1, print), loop.call_at(2, print), loop.call_soon_threadsafe(print)]
    for handle in made:
        handle.cancel()
    return line, made


def test_debug_mode_names_the_line_that_made_a_handle():
    """The last frame that a handle remembers is the caller's, none of the loop's own."""
    loop = SimLoop()
    loop.set_debug(True)
    line, made = made_here(loop)
    assert [handle._source_traceback[-1][:2] for handle in made] == [(__file__, line)] * 4


def test_debug_mode_names_the_line_that_made_a_task():
    """The last frame that a task remembers is the caller's, none of the loop's own."""

    async def program():
        line = inspect.currentframe().f_lineno + 1
        task = asyncio.get_running_loop().create_task(asyncio.sleep(0))
        await task
        return line, task._source_traceback[-1][:2]

    line, made_at = run(program(), debug=True)
    assert made_at == (__file__, line)


def test_a_timer_needs_a_time():
    """`None` is no time, and says so."""
    loop = SimLoop()
    with pytest.raises(TypeError, match="when cannot be None"):
        loop.call_at(None, print)
    with pytest.raises(TypeError):
        loop.call_later(None, print)


def test_a_single_round_runs_what_is_ready():
    """A loop that is driven by hand, round by round, runs what is ready, and keeps what that made ready."""
    loop, seen = SimLoop(), []
    loop.call_soon(lambda: loop.call_soon(seen.append, "second"))
    loop.call_soon(seen.append, "first")
    loop._run_once()
    assert seen == ["first"]
    loop._run_once()
    assert seen == ["first", "second"]


def test_async_generators_are_closed_at_the_end():
    """A generator that is left half used cleans up before the loop closes, and its clean-up may take time."""
    seen = []

    async def numbers():
        try:
            for number in range(10):
                yield number
        finally:
            await asyncio.sleep(5)
            seen.append(asyncio.get_running_loop().time())

    async def program():
        left = numbers()
        seen.append(await anext(left))
        return left

    run(program())
    assert seen == [0, 5.0]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has no eager tasks")
def test_eager_tasks_that_finish_at_once_never_reach_the_loop():
    """An eager task without a pause is done when it is made, and costs the loop no callback."""

    async def answer():
        return 7

    async def program():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        before = len(loop._ready)
        task = asyncio.create_task(answer())
        return task.done(), task.result(), len(loop._ready) - before

    assert run(program()) == (True, 7, 0)
