"""One module of CPython's own tests, with SimLoop wherever they would make an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import unittest
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sim.kernel import SimLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator


@dataclass(frozen=True)
class Outcome:
    """What became of the tests that were chosen: names, and for failures the last line of the error."""

    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: dict[str, str]
    left_out: tuple[str, ...]


class ScriptedLoop(SimLoop):
    """Stands in for CPython's test loop, whose script checks each timer and says how far to move the clock.

    The checks stay; the clock moves by itself.
    """

    def __init__(self, script: Callable[[], Generator[Any, float, None]] | None = None) -> None:
        super().__init__()
        self._script = None if script is None else script()
        if self._script is not None:
            next(self._script)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        """Let the script check the timer, and set it."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        """Let the script check the timer, and set it."""
        if self._script is not None:
            self._script.send(when)
        return super().call_at(when, callback, *args, context=context)

    def advance_time(self, advance: float) -> None:
        """Move the clock, as the test loop's method of this name does."""
        self.advance(advance)

    def close(self) -> None:
        """Close, and fail where the script expects another timer."""
        super().close()
        if self._script is None:
            return
        with contextlib.suppress(StopIteration):
            self._script.send(0)
            raise AssertionError("Time generator is not finished")


class _Result(unittest.TestResult):
    def __init__(self) -> None:
        super().__init__()
        self.passed: list[str] = []

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        self.passed.append(_name(test))

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - as above
        super().addExpectedFailure(test, err)
        self.passed.append(_name(test))


def run_module(module: str, *, only: Iterable[str] = ("*",), without: Iterable[str] = ()) -> dict[str, Any]:
    """Run the tests of `test.<module>` that match a pattern of `only` and none of `without`; an `Outcome` as data."""
    replace_loops()
    everything = list(_flat(unittest.defaultTestLoader.loadTestsFromName(f"test.{module}")))
    chosen = [test for test in everything if _matches(test, only) and not _matches(test, without)]
    left_out = tuple(_name(test) for test in everything if _matches(test, without))
    result = _Result()
    unittest.TestSuite(chosen).run(result)
    failed = {_name(test): text.rstrip().rpartition("\n")[2] for test, text in result.failures + result.errors}
    failed |= {_name(test): "unexpected success" for test in result.unexpectedSuccesses}
    skipped = tuple(_name(test) for test, _ in result.skipped)
    return asdict(Outcome(tuple(result.passed), skipped, failed, left_out))


def replace_loops() -> None:
    """Let every way in which the tests make a loop give them a SimLoop."""
    base_events: Any = importlib.import_module("asyncio.base_events")
    utils: Any = importlib.import_module("test.test_asyncio.utils")
    test_events: Any = importlib.import_module("test.test_asyncio.test_events")
    events: Any = asyncio.events
    current_policy = getattr(events, "_get_event_loop_policy", events.get_event_loop_policy)  # private since 3.14
    type(current_policy())._loop_factory = SimLoop  # noqa: SLF001 - the only seam below asyncio.new_event_loop
    for owner, name in ((base_events, "BaseEventLoop"), *((asyncio, name) for name in _LOOPS)):
        if hasattr(owner, name):
            setattr(owner, name, SimLoop)
    if hasattr(asyncio, "SafeChildWatcher"):  # until 3.13 a set-up attaches one, though no test starts a process
        setattr(asyncio.SafeChildWatcher, "attach_loop", lambda _watcher, _loop: None)  # noqa: B010 - typed read-only
    utils.TestLoop = ScriptedLoop
    members = {"create_event_loop": lambda _: SimLoop(), "__module__": test_events.__name__}
    test_events.SimLoopTests = type("SimLoopTests", (test_events.EventLoopTestsMixin, utils.TestCase), members)


_LOOPS = ("BaseEventLoop", "SelectorEventLoop", "EventLoop")


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        else:
            yield test


def _name(test: Any) -> str:
    """`test_queues.QueueGetTests.test_get`, for a subtest the name of its test."""
    whole: str = getattr(test, "test_case", test).id()
    return whole.removeprefix("test.").removeprefix("test_asyncio.")


def _matches(test: unittest.TestCase, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(_name(test), pattern) for pattern in patterns)
