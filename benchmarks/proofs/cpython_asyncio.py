"""CPython's own tests of asyncio on SimLoop: all that need no input or output pass, or are named here with a reason.

Every module runs in a fresh process. A listed test runs too, on its own: one
that passes after all is as much of a surprise as one that fails unlisted.

    python benchmarks/proofs/cpython_asyncio.py
    python benchmarks/proofs/cpython_asyncio.py test_asyncio.test_queues test_asyncio.test_locks
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

MODULES = (
    *(
        f"test_asyncio.test_{name}"
        for name in (
            "base_events", "context", "eager_task_factory", "events", "futures", "futures2", "locks", "pep492",
            "queues", "runners", "staggered", "streams", "taskgroups", "tasks", "threads", "timeouts", "waitfor",
        )
    ),
    "test_asyncgen", "test_contextlib_async", "test_coroutines", "test_unittest.test_async_case",
)  # fmt: skip

_SOCKETS = "needs sockets"
_HEAP = "looks into asyncio's heap of handles; this one holds (time, order, handle)"
_SELECTOR = "asks a mocked selector for events; there is no selector"
_THREAD = "a thread from before the run calls into the loop; its timing cannot be repeated, so it is refused"

OUTSIDE = {
    "test_base_events.BaseEventLoopWithSelectorTests.*": _SOCKETS,
    "test_base_events.BaseLoopSockSendfileTests.*": _SOCKETS,
    "test_base_events.TestSelectorUtils.*": _SOCKETS,
    "test_events.*SelectEventLoopTests.*": "SelectSelector's loop; its mixin runs as SimLoopTests",
    "test_events.*PollEventLoopTests.*": "Poll's loops; their mixin runs as SimLoopTests",
    "test_events.*KqueueEventLoopTests.*": "Kqueue's loop; its mixin runs as SimLoopTests",
    "test_events.SimLoopTests.test_*connect*": _SOCKETS,
    "test_events.SimLoopTests.test_create_*": _SOCKETS,
    "test_events.SimLoopTests.test_*datagram*": _SOCKETS,
    "test_events.SimLoopTests.test_*_fds*": _SOCKETS,
    "test_events.SimLoopTests.test_prompt_cancellation": _SOCKETS,
    "test_events.SimLoopTests.test_*reader_callback*": _SOCKETS,
    "test_events.SimLoopTests.test_*writer_callback*": _SOCKETS,
    "test_events.SimLoopTests.test_server_*": _SOCKETS,
    "test_events.SimLoopTests.test_*_pipe*": "needs pipes",
    "test_events.SimLoopTests.test_*_pty*": "needs pipes",
    "test_events.SimLoopTests.test_*signal*": "needs signals",
    "test_events.SimLoopTests.test_timeout_rounding": _SELECTOR,
    "test_events.TestServer.*": _SOCKETS,
    "test_streams.StreamTests.test_*_writer_api*": _SOCKETS,
    "test_streams.StreamTests.test_drain_raises": _SOCKETS,
    "test_streams.StreamTests.test_eof_feed_when_closing_writer": _SOCKETS,
    "test_streams.StreamTests.test_loop_is_closed_resource_warnings": _SOCKETS,
    "test_streams.StreamTests.test_open_*": _SOCKETS,
    "test_streams.StreamTests.test_read_all_from_pipe_reader": "needs pipes",
    "test_streams.StreamTests.test_start_*": _SOCKETS,
    "test_streams.StreamTests.test_unclosed_*": _SOCKETS,
    "test_streams.StreamTests.test_unhandled_*": _SOCKETS,
    "test_streams.StreamTests.test_wait_closed_*": _SOCKETS,
}
"""Not run: what these test is no part of a loop without input and output."""

LISTED = {
    "test_base_events.BaseEventLoopTests.test__run_once": _HEAP,
    "test_base_events.BaseEventLoopTests.test__run_once_cancelled_event_cleanup": _HEAP,
    "test_base_events.BaseEventLoopTests.test__run_once_schedule_handle": _HEAP,
    "test_base_events.BaseEventLoopTests.test_call_later": _HEAP,
    "test_base_events.BaseEventLoopTests.test_check_thread": _THREAD,
    "test_base_events.BaseEventLoopTests.test_custom_run_forever_integration": "polls an idle loop; here that is stuck",
    "test_base_events.BaseEventLoopTests.test_not_implemented": "wants the errors of the abstract base",
    "test_base_events.BaseEventLoopTests.test_run_forever_pre_stopped": _SELECTOR,
    "test_base_events.BaseEventLoopTests.test_shutdown_default_executor_timeout": "its executor sleeps in real time",
    "test_base_events.BaseEventLoopTests.test_single_selecter_event_callback_after_stopping": _SELECTOR,
    "test_events.Test*GetEventLoop.test_get_event_loop_new_process": "needs a process",
    "test_tasks.*.test_stop_while_run_in_complete": "counts one step of the clock after the loop has stopped",
}
"""Run, and expected to fail."""

_MODULE_S = 60
_LISTED_S = 5


@dataclass
class Row:
    """The figures of one module."""

    module: str
    passed: int = 0
    skipped: int = 0
    listed: list[str] = field(default_factory=list)
    outside: int = 0
    surprises: list[str] = field(default_factory=list)


def ships(module: str) -> bool:
    """Whether this Python has the module; some came with a later one, and some distributions leave all out."""
    try:
        return importlib.util.find_spec(f"test.{module}") is not None
    except ModuleNotFoundError:
        return False


def prove(module: str) -> Row:
    """Run one module, then each of its listed tests by itself."""
    row = Row(module)
    answer = in_fresh_process(module, only=["*"], without=[*OUTSIDE, *LISTED], limit_s=_MODULE_S)
    if answer is None:
        row.surprises.append(f"{module} did not end within {_MODULE_S} s, or its process died")
        return row
    row.passed, row.skipped = len(answer["passed"]), len(answer["skipped"])
    row.surprises = [f"{name} fails: {error}" for name, error in answer["failed"].items()]
    row.listed = [name for name in answer["left_out"] if reason_of(name)]
    row.surprises += [f"{name} is listed ({reason_of(name)}), and passes" for name in row.listed if passes(row, name)]
    row.outside = len(answer["left_out"]) - len(row.listed)
    return row


def passes(row: Row, name: str) -> bool:
    """Whether a listed test passes after all."""
    answer = in_fresh_process(row.module, only=[name], without=[], limit_s=_LISTED_S)
    return answer is not None and not answer["failed"]


def reason_of(name: str) -> str | None:
    """Why a test is listed; nothing for one that is not."""
    return next((reason for pattern, reason in LISTED.items() if fnmatchcase(name, pattern)), None)


def in_fresh_process(module: str, *, only: list[str], without: list[str], limit_s: float) -> dict[str, Any] | None:
    """What became of the tests of one module; nothing where the process did not come to an end."""
    request = json.dumps({"module": module, "only": only, "without": without})
    command = [sys.executable, __file__, "--child", request]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=True)  # noqa: S603 - this file itself
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])  # the tests may have printed before it
    return answer


def show(rows: list[Row]) -> None:
    """Print the table, the listed tests with their reasons, and what nobody expected."""
    print(f"{'':<34} {'passed':>7} {'skipped':>8} {'listed':>7} {'outside':>8} {'surprises':>10}")
    total = Row("all of them")
    for row in [*rows, total]:
        figures = f"{row.passed:>7} {row.skipped:>8} {len(row.listed):>7} {row.outside:>8} {len(row.surprises):>10}"
        print(f"{row.module:<34} {figures}")
        total.passed, total.skipped = total.passed + row.passed, total.skipped + row.skipped
        total.listed, total.outside = total.listed + row.listed, total.outside + row.outside
        total.surprises = total.surprises + row.surprises
    print("\nlisted, with what stands in the way:")
    for pattern, reason in LISTED.items():
        if any(fnmatchcase(name, pattern) for name in total.listed):
            print(f"  {pattern}: {reason}")
    for surprise in (surprise for row in rows for surprise in row.surprises):
        print(f"SURPRISE {surprise}")


def main() -> None:
    """Run all modules, or those that are named; exit with 1 after a surprise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="such as test_asyncio.test_queues")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        from _stock_tests import run_module  # noqa: PLC0415 - it replaces asyncio's loops, in the child alone

        print(json.dumps(run_module(**json.loads(options.child))), flush=True)
        os._exit(0)  # some tests leave a loop open, and its idle threads would be waited for
    if not ships("test_asyncio"):
        print(f"skipped: this Python ships no test package ({sys.executable}, {platform.python_version()})")
        return
    print(f"CPython {platform.python_version()}: its tests of asyncio, on SimLoop")
    rows = [prove(module) for module in options.modules if ships(module)]
    show(rows)
    sys.exit(any(row.surprises for row in rows))


if __name__ == "__main__":
    main()
