"""Threads live in virtual time, one at a time, and none outlives its run."""

import asyncio
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import anyio
import pytest
from anyio import from_thread, to_thread

from sim.kernel import HorizonReached, SimLoop, Stuck, World
from sim.kernel import threads as kernel_threads
from sim.kernel.blocking import blocking
from sim.kernel.refusals import RealWorldError
from sim.kernel.threads import DEFAULT_POOL_SIZE


async def executor(func, *args):
    return await asyncio.get_running_loop().run_in_executor(None, func, *args)


async def abandoned_to_thread(func, *args):
    return await to_thread.run_sync(func, *args, abandon_on_cancel=True)


STUBBORN = "stubborn"
WAYS = [asyncio.to_thread, executor, abandoned_to_thread]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """Whatever a test does, the process has the threads afterwards that it had before."""
    before = [thread for thread in threading.enumerate() if thread.name != STUBBORN]
    yield
    assert [thread for thread in threading.enumerate() if thread.name != STUBBORN] == before


@pytest.mark.parametrize("in_thread", WAYS)
def test_late_commit_happens_at_its_time(in_thread):
    """A caller times out after 5 s; what the thread does after `blocking(30)` happens at 30 s all the same."""
    events = []

    def charge():
        events.append(("called", time.monotonic()))
        blocking(30)
        events.append(("committed", time.monotonic()))

    async def program():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await in_thread(charge)
        events.append(("timed out", time.monotonic()))
        await asyncio.sleep(100)

    World(1).run(program())
    assert events == [("called", 0.0), ("timed out", 5.0), ("committed", 30.0)]


def test_thread_goes_on_after_the_program():
    """A process waits for its threads before it exits, and so does a run."""
    committed = []

    def work():
        blocking(30)
        committed.append(time.monotonic())

    async def program():
        asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.sleep(1)

    World(1).run(program())
    assert committed == [30.0]


@pytest.mark.parametrize("daemon", [True, False])
def test_end_of_the_run_ends_its_threads(daemon):
    """At the horizon a thread that would go on is ended: its clean-up runs, and nothing behind its wait."""
    seen = []

    def work():
        try:
            blocking(1000)
            seen.append("too late")
        finally:
            seen.append("cleaned up")

    async def program():
        threading.Thread(target=work, daemon=daemon).start()
        await asyncio.sleep(10_000)

    with pytest.raises(HorizonReached):
        World(1, horizon_s=100).run(program())
    assert seen == ["cleaned up"]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_threads_end_with_a_failing_run(error):
    """An error or Ctrl-C in the program leaves no thread behind, waiting ones included."""
    seen = []

    def work():
        try:
            threading.Event().wait()
        finally:
            seen.append("ended")

    async def program():
        asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.sleep(1)
        raise error

    with pytest.raises(error):
        World(1).run(program())
    assert seen == ["ended"]


def test_interrupt_while_a_thread_runs(monkeypatch):
    """Ctrl-C that comes while a thread has the baton waits until it is back: two never run at once."""
    seen = []

    class Back:
        """The lock on which the loop waits for the baton; the first wait is interrupted."""

        def __init__(self, lock):
            self.lock, self.interrupted = lock, False
            self.release = lock.release

        def acquire(self, **options):
            if not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            return self.lock.acquire(**options)

    async def program():
        threads = asyncio.get_running_loop().threads
        threads._back = Back(threads._back)
        await asyncio.to_thread(seen.append, "ran")

    with pytest.raises(KeyboardInterrupt):
        World(1).run(program())
    assert seen == ["ran"]


def test_default_pool_has_a_fixed_size():
    """The default executor has as many threads on every machine; more work waits for its turn."""

    async def program():
        await asyncio.gather(*(asyncio.to_thread(blocking, 1) for _ in range(DEFAULT_POOL_SIZE + 1)))
        return time.monotonic()

    assert World(1).run(program()) == 2.0


def test_own_pool_keeps_its_size():
    """An executor of the program lets as many threads work as it was made for."""

    async def program():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            await asyncio.gather(*(loop.run_in_executor(pool, blocking, 1) for _ in range(6)))
        return time.monotonic()

    assert World(1).run(program()) == 3.0


def test_work_that_waits_for_its_turn_can_be_cancelled():
    """Work that has no thread yet when its caller gives up is never begun."""
    begun = []

    async def program():
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1)
        first = loop.run_in_executor(pool, blocking, 10)
        second = loop.run_in_executor(pool, begun.append, "second")
        await asyncio.sleep(1)
        second.cancel()
        await first

    World(1).run(program())
    assert begun == []


def test_thread_calls_back_into_the_loop():
    """A thread may run a coroutine on the loop and wait for its answer, with asyncio's means and with anyio's."""

    def by_asyncio(loop):
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(2, "asyncio"), loop).result()

    def by_anyio():
        from_thread.run(anyio.sleep, 3)
        return from_thread.run_sync(time.monotonic)

    async def program():
        return await asyncio.to_thread(by_asyncio, asyncio.get_running_loop()), await to_thread.run_sync(by_anyio)

    assert World(1).run(program()) == ("asyncio", 5.0)


def test_primitives_of_threads_wait_in_virtual_time():
    """Timers, events, queues, pools and joins of plain threads take exactly the virtual time that they name."""
    seen = []

    def note(what):
        seen.append((what, time.monotonic()))

    def work():
        timer = threading.Timer(4, note, ["timer"])
        timer.start()
        assert not threading.Event().wait(1)
        note("event")
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=1.5)
        note("queue")
        timer.join()
        with ThreadPoolExecutor(2) as pool:
            done = wait([pool.submit(blocking, seconds) for seconds in (1, 2, 3)], timeout=2.5).done
            note(f"{len(done)} of 3")
        note("pool")

    World(1).run(asyncio.to_thread(work))
    expected = [("event", 1.0), ("queue", 2.5), ("timer", 4.0), ("2 of 3", 6.5), ("pool", 8.0)]
    assert seen == expected


def test_lock_is_held_over_a_sleep():
    """Who waits for a lock that a sleeping thread holds gets it when that thread lets go."""
    lock_times = []

    async def program():
        lock = threading.RLock()

        def work():
            with lock, lock:
                lock_times.append(time.monotonic())
                time.sleep(2)

        await asyncio.gather(*(asyncio.to_thread(work) for _ in range(3)))

    World(1).run(program())
    assert lock_times == [0.0, 2.0, 4.0]


def test_loop_that_waits_for_a_thread_is_a_finding():
    """A coroutine that joins a thread holds up the loop: threads go on, tasks do not, and the line is told."""
    ticks = []

    async def tick():
        while True:
            await asyncio.sleep(1)
            ticks.append(time.monotonic())

    async def program():
        asyncio.create_task(tick())  # noqa: RUF006 - it runs as long as the program
        thread = threading.Thread(target=blocking, args=(3.5,))
        thread.start()
        thread.join()
        await asyncio.sleep(1)

    world = World(1)
    world.run(program())
    (finding,) = world.blocked
    line = program.__code__.co_firstlineno + 4
    assert (finding.call, finding.duration_s, finding.at_s) == ("waiting for a thread", 3.5, 0.0)
    assert (finding.file, finding.line, finding.actor) == ("test_threads.py", line, "task task-1")
    assert ticks == [4.5]  # it could not even begin before


def test_loop_that_waits_for_nothing_is_stuck():
    """A coroutine that waits for an event that no thread will set is told as stuck, and is no hang."""

    async def program():
        threading.Event().wait()

    with pytest.raises(Stuck, match=r"no thread can go on .*\n.*task task-1 at test_threads.py:\d+ waits for a lock"):
        World(1).run(program())


def test_threads_that_wait_for_each_other_are_stuck():
    """Two threads with crossed locks end the run as stuck, and both are gone after it."""

    async def program():
        first, second = threading.Lock(), threading.Lock()

        def work(mine, other):
            with mine:
                time.sleep(1)
                with other:
                    pass

        await asyncio.gather(asyncio.to_thread(work, first, second), asyncio.to_thread(work, second, first))

    with pytest.raises(Stuck):
        World(1).run(program())


def test_order_is_the_same_in_each_run():
    """Twenty threads that sleep, queue and lock leave the same log in each run."""

    def log_of_a_run():
        log = []

        async def program():
            lock, inbox = threading.Lock(), queue.Queue()

            def work(number):
                time.sleep(number % 3)
                with lock:
                    blocking(0.5)
                    log.append((number, time.monotonic(), threading.current_thread().name))
                inbox.put(number)
                log.append((number, inbox.get()))

            await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(20)))

        World(1).run(program())
        return log

    first = log_of_a_run()
    assert len(first) == 40
    assert [log_of_a_run() for _ in range(3)] == [first] * 3


def test_error_of_a_thread_is_told_as_ever(monkeypatch):
    """An error that nobody catches in a plain thread reaches `threading.excepthook`."""
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append((args.exc_type, args.thread.name)))

    def fail():
        raise LookupError

    async def program():
        thread = threading.Thread(target=fail, name="worker")
        thread.start()
        thread.join()

    World(1).run(program())
    assert told == [(LookupError, "worker")]


def test_thread_that_refuses_to_end_is_given_up():
    """A thread that swallows its ending again and again holds up neither the run nor the exit of the process."""

    def stubborn():
        while True:
            try:
                time.sleep(1)
            except BaseException:  # noqa: BLE001, S112 - refusing is what this is about
                continue

    async def program():
        threading.Thread(target=stubborn, name=STUBBORN).start()
        await asyncio.sleep(1)

    World(1, horizon_s=10).run(program())
    assert [thread.daemon for thread in threading.enumerate() if thread.name == STUBBORN] == [True]


def test_thread_that_keeps_the_baton_is_named(monkeypatch, caplog):
    """A thread that waits for a real lock from before the run is given up, by name and line."""
    monkeypatch.setattr(kernel_threads, "HUNG_S", 0.05)
    outside = threading.Lock()
    outside.acquire()

    def work():
        with outside:
            pass

    async def program():
        await asyncio.to_thread(work)

    with pytest.raises(Stuck):
        World(1).run(program())
    (lost,) = [thread for thread in threading.enumerate() if thread.name.startswith("asyncio_")]
    outside.release()
    lost.join()
    assert "thread 'asyncio_0' runs for 0.05 s of real time at test_threads.py:" in caplog.text


def test_second_loop_in_a_thread_is_refused():
    """`asyncio.run` in a thread is refused by name, for it would wait in real time."""

    async def answer():
        return "answer"

    def work():
        coroutine = answer()
        try:
            return asyncio.run(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(RealWorldError, match=r"a second event loop, made by thread asyncio_0 at .*from_thread"):
        World(1).run(asyncio.to_thread(work))


def test_threads_without_a_world():
    """A loop that runs alone, as under `asyncio.Runner`, has simulated threads too."""

    async def program():
        await asyncio.to_thread(blocking, 30)
        await to_thread.run_sync(blocking, 30)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=SimLoop) as runner:
        assert runner.run(program()) == 60.0


def test_debug_mode_knows_simulated_threads():
    """The debug mode of asyncio takes no simulated thread for a foreign one."""

    async def program():
        asyncio.get_running_loop().set_debug(True)
        return await asyncio.to_thread(blocking, 2), asyncio.get_running_loop().time()

    assert World(1).run(program()) == (None, 2.0)


def test_blocking_on_the_loop_is_a_finding():
    """`blocking` in a coroutine holds up the loop, and is reported."""

    async def program():
        blocking(2)

    world = World(1)
    world.run(program())
    assert [(finding.call, finding.duration_s) for finding in world.blocked] == [("sim.blocking", 2)]


def test_blocking_outside_of_a_run_does_nothing():
    """Code that says how long its work takes runs unchanged in production."""
    assert blocking(3600) is None


def test_negative_blocking_is_refused():
    """A negative duration is told with its value and the rule."""
    with pytest.raises(ValueError, match=r"blocking\(-1\) takes a negative time"):
        blocking(-1)


def test_everything_of_threading_is_put_back():
    """After a run `threading`, `queue` and `Thread` are Python's own again."""
    before = [dict(vars(owner)) for owner in (threading, queue, threading.Thread)]
    World(1).run(asyncio.to_thread(blocking, 1))
    assert [dict(vars(owner)) for owner in (threading, queue, threading.Thread)] == before


LEFT_OPEN = """
import asyncio
from concurrent.futures import ThreadPoolExecutor

from sim.kernel import SimLoop


async def program():
    await asyncio.get_running_loop().run_in_executor(None, int)
    ThreadPoolExecutor().submit(int)  # its thread has no turn any more


loop = SimLoop()
loop.run_until_complete(program())
loop.run_in_executor(None, int)
"""


def test_process_exits_although_its_loop_was_not_closed():
    """Idle threads of a pool, and those that never had a turn, hold up no process that ends."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "-c", LEFT_OPEN]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own script
    assert (ended.returncode, ended.stderr) == (0, "")
