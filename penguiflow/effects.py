"""Side effects that happen once: a guard that remembers which steps were begun.

A step that was begun and whose end is not known must not be begun again by
itself: the runbook's *duplicate side effects* are born there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from penguiflow.errors import StepNotExecuted, StepUnknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

STEPS_REMEMBERED = 10_000


@dataclass(slots=True)
class _Step:
    running: asyncio.Future[None] | None = None
    done: bool = False
    result: Any = None


class OnceGuard:
    """Runs each step at most once per key; remembers the newest 10,000 keys, in memory."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}

    async def run(self, key: str, func: Callable[[], Awaitable[T]]) -> T:
        """Run `func` unless `key` was begun before; a finished step gives its first result again.

        Args:
            key: names the step, such as `<trace id>/<step>`.
            func: does the step.

        Raises:
            StepUnknown: the step was begun before and did not finish, so it may have happened.
            StepNotExecuted: raised by `func` to say that nothing happened; the step may run again.

        """
        step = self._steps.get(key)
        if step is None:
            return await self._begin(key, func)
        if step.running is not None:
            await asyncio.shield(step.running)
        if key not in self._steps:
            return await self.run(key, func)
        if not step.done:
            raise StepUnknown(key)
        result: T = step.result
        return result

    async def _begin(self, key: str, func: Callable[[], Awaitable[T]]) -> T:
        step = self._steps[key] = _Step(running=asyncio.get_running_loop().create_future())
        if len(self._steps) > STEPS_REMEMBERED:
            del self._steps[next(iter(self._steps))]
        try:
            step.result = result = await func()
            step.done = True
        except StepNotExecuted:
            self._steps.pop(key, None)
            raise
        finally:
            running, step.running = step.running, None
            if running is not None and not running.done():
                running.set_result(None)
        return result
