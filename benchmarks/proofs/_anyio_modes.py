"""A pytest plugin for anyio's own suite: one backend, SimLoop in the mode that the environment names, and the outcomes.

The suite's conftest takes over the fixtures and `SIMLOOP` from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.kernel import SimLoop
from sim.kernel.tasks import repeatable_task_sets

if TYPE_CHECKING:
    from collections.abc import Iterator

MODE = os.environ["SIMLOOP_MODE"]


def make_loop() -> SimLoop:
    """A loop in the mode of this run."""
    loop = SimLoop()
    if MODE == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined] # since Python 3.12
    return loop


SIMLOOP = pytest.param(("asyncio", {"debug": MODE == "debug", "loop_factory": make_loop}), id="asyncio")


@pytest.fixture(params=[SIMLOOP])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The only backend of this run."""
    backend: tuple[str, dict[str, Any]] = request.param
    return backend


@pytest.fixture
def asyncio_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop that some tests drive by hand."""
    with contextlib.closing(make_loop()) as loop:
        yield loop


@pytest.fixture(scope="session", autouse=True)
def sets_of_this_mode() -> Iterator[None]:
    """In the mode `ordered`, anyio's scopes keep their order as they do in a world."""
    with repeatable_task_sets() if MODE == "ordered" else contextlib.nullcontext():
        yield


class _Outcomes:
    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.counts = {"passed": 0, "skipped": 0, "failed": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext.strip().rpartition("\n")[2]

    def pytest_sessionfinish(self) -> None:
        answer = {"counts": self.counts, "failed": self.failed}
        Path(os.environ["SIMLOOP_ANSWER"]).write_text(json.dumps(answer), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Count what happens."""
    config.pluginmanager.register(_Outcomes())
