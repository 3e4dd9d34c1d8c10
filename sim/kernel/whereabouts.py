"""Who calls, and from which line: for findings and refusals that a user has to trace back to the user's own code."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from sim.kernel.frames import place

if TYPE_CHECKING:
    from types import FrameType

_MACHINERY = sys.stdlib_module_names | {"_pytest", "anyio", "structlog"}
_HARNESS = ("sim.", "importlib.")
_RUNTIME_TASK = "penguiflow:"


def line_of_user() -> str:
    """`file:line` of the innermost frame that belongs neither to the harness nor to the standard library."""
    return place(user_frame(sys._getframe(1)))  # noqa: SLF001 - the public way reads source files


def user_frame(frame: FrameType) -> FrameType:
    """The innermost frame of the user's code, from `frame` outwards; `frame` itself where there is none."""
    seen: FrameType | None = frame
    while seen is not None and _is_machinery(seen):
        seen = seen.f_back
    return frame if seen is None else seen


def actor() -> str:
    """Who runs: `node charge`, `task task-3`, `thread asyncio_0`, or `the import of a module`."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        in_main = threading.current_thread() is threading.main_thread()
        return "code outside a task" if in_main else f"thread {threading.current_thread().name}"
    if task is None:
        return "a callback of the event loop"
    name = task.get_name()
    # The runtime names the task of a worker after its node.
    return f"node {name.removeprefix(_RUNTIME_TASK)}" if name.startswith(_RUNTIME_TASK) else f"task {name}"


def _is_machinery(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    # Modules that importlib has frozen call themselves `importlib._bootstrap`.
    return module.partition(".")[0] in _MACHINERY or module.startswith(_HARNESS)
