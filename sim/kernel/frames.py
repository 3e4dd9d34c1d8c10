"""Where a suspended coroutine stands, in words that are the same on every machine."""

from __future__ import annotations

import asyncio
from inspect import CORO_SUSPENDED, getcoroutinestate, iscoroutine
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

_MACHINERY = ("asyncio", "anyio", "contextlib", "concurrent")
_RUNTIME = ("penguiflow", "sim")


def await_chain(awaitable: Any) -> list[FrameType]:
    """The frames of a suspended coroutine, from its own down to the innermost one that awaits."""
    frames = []
    while awaitable is not None:
        frame = _first(awaitable, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None:
            frames.append(frame)
        inner = _first(awaitable, "cr_await", "gi_yieldfrom", "ag_await")
        awaitable = _stepped_in(frame) if inner is None else inner
    return frames


def _stepped_in(frame: FrameType | None) -> Any:
    """The coroutine that a generator steps by hand: the one suspended coroutine among its variables."""
    variables = () if frame is None else frame.f_locals.values()
    stepped = [value for value in variables if iscoroutine(value) and getcoroutinestate(value) == CORO_SUSPENDED]
    return stepped[0] if len(stepped) == 1 else None


def _first(awaitable: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(awaitable, name, None)) is not None), None)


def user_depth(frames: list[FrameType]) -> int:
    """The index of the innermost frame of the user; of the runtime, where there is none; -1 in asyncio alone."""
    for hidden in (_MACHINERY + _RUNTIME, _MACHINERY):
        seen = [depth for depth, frame in enumerate(frames) if _package(frame) not in hidden]
        if seen:
            return seen[-1]
    return -1


def place(frame: FrameType) -> str:
    """`flows/checkout.py:42`: the file as its module names it, the same from every working directory."""
    module: str = frame.f_globals.get("__name__", "")
    path = PurePath(frame.f_code.co_filename)
    depth = module.count(".") + (2 if path.stem == "__init__" else 1)
    return f"{'/'.join(path.parts[-depth:])}:{frame.f_lineno}"


def spinning_at(ready: Iterable[Any]) -> str:
    """Where the first task stands that is ready to run; its name where its code cannot be seen."""
    for handle in ready:
        task = getattr(getattr(handle, "_callback", None), "__self__", None)
        if isinstance(task, asyncio.Task):
            frames = await_chain(task.get_coro())
            return place(frames[user_depth(frames)]) if frames else task.get_name()
    return "a callback"


def _package(frame: FrameType) -> str:
    module: str = frame.f_globals.get("__name__", "")
    return module.partition(".")[0]
