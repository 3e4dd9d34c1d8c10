"""Each primitive of anyio does in a world what its documentation says, at exactly the expected virtual time."""

import contextvars
import time

import anyio
import pytest
from anyio import from_thread, to_thread

from sim.kernel import SimLoop, Stuck, World

REQUEST = contextvars.ContextVar("request", default="none")


def run(program):
    """What `program` returns, and when it was over."""
    world = World(1)
    return world.run(program()), world.now_s


class Journal(list):
    """What happened, each with its virtual time."""

    def note(self, what):
        self.append((anyio.current_time(), what))


async def after(delay_s, act, *args):
    await anyio.sleep(delay_s)
    act(*args)


def test_event_wakes_everyone_at_once():
    """All who wait for an event go on at the moment it is set, and who comes later does not wait."""

    async def program():
        event, seen = anyio.Event(), Journal()

        async def wait(name):
            await event.wait()
            seen.note(name)

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(wait, name)
            group.start_soon(after, 2, event.set)
            await anyio.wait_all_tasks_blocked()
            assert event.statistics().tasks_waiting == 3
        await event.wait()
        return seen

    assert run(program) == ([(2.0, "a"), (2.0, "b"), (2.0, "c")], 2.0)


def test_lock_is_handed_on_in_order():
    """A lock goes to who has waited longest; `acquire_nowait` says that it is taken, and only the owner lets go."""

    async def program():
        lock, seen = anyio.Lock(), Journal()

        async def hold(name):
            async with lock:
                await anyio.sleep(1)
                seen.note(name)

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(hold, name)
            await anyio.sleep(0.5)
            with pytest.raises(anyio.WouldBlock):
                lock.acquire_nowait()
            with pytest.raises(RuntimeError):
                lock.release()
            assert lock.statistics().tasks_waiting == 2
        return seen

    assert run(program) == ([(1.0, "a"), (2.0, "b"), (3.0, "c")], 3.0)


def test_condition_wakes_as_many_as_it_is_told():
    """`notify(1)` lets one waiter go on, `notify_all` the rest."""

    async def program():
        condition, seen = anyio.Condition(), Journal()

        async def wait(name):
            async with condition:
                await condition.wait()
                seen.note(name)

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(wait, name)
            await anyio.sleep(1)
            async with condition:
                condition.notify(1)
            await anyio.sleep(1)
            async with condition:
                condition.notify_all()
        return seen

    assert run(program) == ([(1.0, "a"), (2.0, "b"), (2.0, "c")], 2.0)


def test_semaphore_admits_as_many_as_it_holds():
    """Five pieces of work of a second each pass a semaphore of two in three seconds."""

    async def program():
        semaphore, seen = anyio.Semaphore(2, max_value=2), Journal()

        async def work(number):
            async with semaphore:
                await anyio.sleep(1)
                seen.note(number)

        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(work, number)
        with pytest.raises(ValueError, match="too many times"):
            semaphore.release()
        return seen

    assert run(program) == ([(1.0, 0), (1.0, 1), (2.0, 2), (2.0, 3), (3.0, 4)], 3.0)


def test_limiter_follows_its_number_of_tokens():
    """A capacity limiter admits more as soon as it is given more tokens."""

    async def program():
        limiter, seen = anyio.CapacityLimiter(1), Journal()

        async def work(number):
            async with limiter:
                seen.note(number)
                await anyio.sleep(2)

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(work, number)
            await anyio.sleep(1)
            limiter.total_tokens = 3
            await anyio.wait_all_tasks_blocked()
            assert (limiter.borrowed_tokens, limiter.available_tokens) == (3, 0)
        return seen

    assert run(program) == ([(0.0, 0), (1.0, 1), (1.0, 2), (2.0, 3)], 4.0)


def test_limiter_lends_in_the_name_of_others():
    """A borrower other than the task holds its token until somebody gives it back."""

    async def program():
        limiter = anyio.CapacityLimiter(1)
        await limiter.acquire_on_behalf_of("acme")
        with pytest.raises(anyio.WouldBlock):
            limiter.acquire_on_behalf_of_nowait("globex")
        async with anyio.create_task_group() as group:
            group.start_soon(after, 3, limiter.release_on_behalf_of, "acme")
            await limiter.acquire_on_behalf_of("globex")
        return limiter.statistics().borrowers

    assert run(program) == (("globex",), 3.0)


def test_resource_guard_names_the_second_user():
    """A guarded resource that is in use refuses the next user at once, and is free afterwards."""

    async def program():
        guard, seen = anyio.ResourceGuard("reading"), []

        async def use():
            with guard:
                await anyio.sleep(1)

        async with anyio.create_task_group() as group:
            group.start_soon(use)
            await anyio.sleep(0.5)
            with pytest.raises(anyio.BusyResourceError) as refused:
                await use()
            seen.append(str(refused.value))
        await use()
        return seen

    (message,), ended_s = run(program)
    assert "already reading" in message
    assert ended_s == 2.0


def test_stream_makes_the_sender_wait():
    """A stream of one item holds its sender until the receiver has taken something."""

    async def program():
        send, receive = anyio.create_memory_object_stream[int](1)
        seen = Journal()

        async def produce():
            async with send:
                for number in range(3):
                    await send.send(number)
                    seen.note(f"sent {number}")
                with pytest.raises(anyio.WouldBlock):
                    send.send_nowait(99)

        async with anyio.create_task_group() as group, receive:
            group.start_soon(produce)
            for _ in range(3):
                await anyio.sleep(1)
                await receive.receive()
            with pytest.raises(anyio.EndOfStream):
                await receive.receive()
        return seen

    assert run(program) == ([(0.0, "sent 0"), (1.0, "sent 1"), (2.0, "sent 2")], 3.0)


def test_stream_ends_with_its_last_sender():
    """Clones keep a stream open: its receiver sees the end when the last of them is closed."""

    async def program():
        send, receive = anyio.create_memory_object_stream[str]()
        seen = Journal()

        async def produce(own, delay_s):
            async with own:
                await anyio.sleep(delay_s)
                await own.send(f"after {delay_s} s")

        async with anyio.create_task_group() as group:
            for delay_s in (3, 1, 2):
                group.start_soon(produce, send.clone(), delay_s)
            send.close()
            async with receive:
                async for item in receive:
                    seen.note(item)
        return seen

    assert run(program) == ([(1.0, "after 1 s"), (2.0, "after 2 s"), (3.0, "after 3 s")], 3.0)


def test_stream_without_a_receiver_is_broken():
    """A sender that waits learns at once that its last receiver has gone; a closed end refuses to work."""

    async def program():
        send, receive = anyio.create_memory_object_stream[int]()
        other = receive.clone()
        receive.close()
        async with anyio.create_task_group() as group, send:
            group.start_soon(after, 2, other.close)
            with pytest.raises(anyio.BrokenResourceError):
                await send.send(1)
        with pytest.raises(anyio.ClosedResourceError):
            await receive.receive()
        return anyio.current_time()

    assert run(program) == (2.0, 2.0)


def test_receivers_take_turns():
    """Who waits longest at a stream gets the next item."""

    async def program():
        send, receive = anyio.create_memory_object_stream[int]()
        seen = Journal()

        async def consume(name, own):
            async with own:
                async for item in own:
                    seen.note(f"{name}{item}")
                    await anyio.sleep(0.5)

        async with anyio.create_task_group() as group, send:
            for name in "ab":
                group.start_soon(consume, name, receive.clone())
            receive.close()
            for item in range(4):
                await send.send(item)
        return seen

    assert run(program) == ([(0.0, "a0"), (0.0, "b1"), (0.5, "a2"), (0.5, "b3")], 1.0)


def test_failing_child_ends_its_group():
    """The first failure cancels the siblings, and all errors come out together."""

    async def program():
        seen = Journal()

        async def fail():
            await anyio.sleep(1)
            raise LookupError("lost")

        async def sibling(name):
            try:
                await anyio.sleep(60)
            finally:
                seen.note(name)

        async def family():
            async with anyio.create_task_group() as group:
                for start, *args in ((sibling, "a"), (fail,), (sibling, "b")):
                    group.start_soon(start, *args)

        with pytest.raises(ExceptionGroup) as group_error:
            await family()
        return seen, [type(error) for error in group_error.value.exceptions]

    assert run(program) == (([(1.0, "a"), (1.0, "b")], [LookupError]), 1.0)


def test_start_waits_until_the_child_is_ready():
    """`start` comes back with the child's value when the child says so, while the child goes on."""

    async def program():
        async def serve(*, task_status):
            await anyio.sleep(2)
            task_status.started("port 80")
            await anyio.sleep(3)

        async with anyio.create_task_group() as group:
            value = await group.start(serve)
            ready_s = anyio.current_time()
        return value, ready_s

    assert run(program) == (("port 80", 2.0), 5.0)


def test_start_fails_with_the_child():
    """A child that fails, or is over, before it is ready fails its `start`, and the group goes on."""

    async def program():
        async def fail(*, task_status):
            await anyio.sleep(1)
            raise LookupError("no port")

        async def forget(*, task_status):
            await anyio.sleep(1)

        async with anyio.create_task_group() as group:
            with pytest.raises(LookupError, match="no port"):
                await group.start(fail)
            with pytest.raises(RuntimeError, match="started"):
                await group.start(forget)
        return "goes on"

    assert run(program) == ("goes on", 2.0)


def test_shield_keeps_the_outer_scope_out():
    """Work in a shielded scope is finished before the cancellation from outside gets through."""

    async def program():
        seen = Journal()
        with anyio.move_on_after(1) as outer:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
                seen.note("committed")
            await anyio.sleep(5)
        return seen, outer.cancelled_caught

    assert run(program) == (([(3.0, "committed")], True), 3.0)


def test_deadline_inside_a_shield_still_holds():
    """A shield keeps cancellation from outside away, never its own deadline."""

    async def program():
        with anyio.move_on_after(1), anyio.move_on_after(4, shield=True) as inner:
            await anyio.sleep(10)
        return inner.cancelled_caught

    assert run(program) == (True, 4.0)


def test_deadline_can_be_moved():
    """A scope obeys the deadline that it has last been given, and knows the nearest one around it."""

    async def program():
        with anyio.move_on_after(5) as outer:
            with anyio.move_on_after(1) as inner:
                inner.deadline += 2
                assert anyio.current_effective_deadline() == 3.0
                await anyio.sleep(10)
            return inner.cancelled_caught, outer.cancel_called

    assert run(program) == ((True, False), 3.0)


def test_fail_after_raises_only_when_it_is_late():
    """`fail_after` raises `TimeoutError` at its deadline, and is silent for work that is done before."""

    async def program():
        with anyio.fail_after(2):
            await anyio.sleep(1)
        with pytest.raises(TimeoutError), anyio.fail_after(2):
            await anyio.sleep_until(100)
        return anyio.current_time()

    assert run(program) == (3.0, 3.0)


def test_cancelled_scope_answers_every_wait():
    """Whoever waits in a cancelled scope is cancelled again and again until he leaves, and time goes on."""

    async def program():
        cancelled = []
        with anyio.CancelScope() as scope:
            scope.cancel("no longer wanted")
            for _ in range(3):
                try:
                    await anyio.sleep(1)
                except anyio.get_cancelled_exc_class():
                    cancelled.append(scope.cancel_called)
            await anyio.lowlevel.checkpoint()
        await anyio.sleep(1)
        return cancelled, scope.cancelled_caught

    assert run(program) == (([True] * 3, True), 1.0)


def test_work_in_threads_takes_the_time_it_sleeps():
    """`to_thread` keeps the loop free, gives the answer at its virtual time, and copies the context."""

    async def program():
        REQUEST.set("acme")
        seen = Journal()

        def work():
            time.sleep(2)
            return REQUEST.get(), time.monotonic()

        async with anyio.create_task_group() as group:
            group.start_soon(after, 1, seen.note, "loop is free")
            answer = await to_thread.run_sync(work)
        return answer, seen

    assert run(program) == ((("acme", 2.0), [(1.0, "loop is free")]), 2.0)


def test_abandoned_thread_does_not_hold_up_its_caller():
    """With `abandon_on_cancel` the caller goes on at his deadline; without it he waits for the thread."""

    async def program():
        ended = []
        for abandon in (True, False):
            began = anyio.current_time()
            with anyio.move_on_after(1):
                await to_thread.run_sync(time.sleep, 5, abandon_on_cancel=abandon)
            ended.append(anyio.current_time() - began)
        return ended

    assert run(program)[0] == [1.0, 5.0]


def test_thread_reaches_back_into_the_loop():
    """A worker thread awaits coroutines and calls functions of the loop, and waits for them in virtual time."""

    async def program():
        async def price(of):
            await anyio.sleep(3)
            return f"{of}: 7"

        def work():
            time.sleep(1)
            return from_thread.run(price, "coffee"), from_thread.run_sync(anyio.current_time)

        return await to_thread.run_sync(work)

    assert run(program) == (("coffee: 7", 4.0), 4.0)


def test_thread_sees_that_it_is_cancelled():
    """A thread that asks learns that its caller has been cancelled."""

    async def program():
        asked = []

        def work():
            while True:
                time.sleep(1)
                asked.append(time.monotonic())
                from_thread.check_cancelled()

        with anyio.move_on_after(2.5) as scope:
            await to_thread.run_sync(work)
        return asked, scope.cancelled_caught

    assert run(program) == (([1.0, 2.0, 3.0], True), 3.0)


def test_blocking_portal_serves_a_thread():
    """A thread starts tasks through a blocking portal and gathers their answers at their virtual times."""

    async def program():
        async def answer(delay_s):
            await anyio.sleep(delay_s)
            return delay_s, anyio.current_time()

        def work(portal):
            futures = [portal.start_task_soon(answer, delay_s) for delay_s in (2, 1)]
            return [future.result() for future in futures], portal.call(anyio.current_time)

        async with from_thread.BlockingPortal() as portal:
            return await to_thread.run_sync(work, portal)

    assert run(program) == (([(2, 2.0), (1, 1.0)], 2.0), 2.0)


def test_task_info_tells_who_runs():
    """Tasks know their names, whose children they are, and whether a cancellation waits for them."""

    async def program():
        told = []

        async def child():
            info = anyio.get_current_task()
            told.append((info.name, info.parent_id == parent.id, info.has_pending_cancellation()))

        parent = anyio.get_current_task()
        async with anyio.create_task_group() as group:
            group.start_soon(child, name="worker")
            await anyio.sleep(1)
            names = [task.name for task in anyio.get_running_tasks()]
        return told, len(names)

    assert run(program) == (([("worker", True, False)], 1), 1.0)


def test_wait_that_nobody_can_end_is_stuck():
    """An anyio event that nobody sets ends the run with the line that waits for it."""

    async def program():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.Event().wait, name="waits for ever")

    with pytest.raises(Stuck, match="waits for ever"):
        run(program)


def test_anyio_run_needs_the_loop_only():
    """`anyio.run` with our loop keeps virtual time without a world around it."""

    async def program():
        with anyio.move_on_after(86_400):
            await anyio.sleep_forever()
        return anyio.current_time()

    assert anyio.run(program, backend_options={"loop_factory": SimLoop}) == 86_400.0
