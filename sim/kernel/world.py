"""A world: one seed, one clock, one run; everything that a program can ask about time and chance agrees."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from penguiflow import ambient
from sim.kernel.clocks import Blocking, utc, virtual_dates
from sim.kernel.draws import Draws
from sim.kernel.entropy import seeded_entropy
from sim.kernel.loop import SimLoop
from sim.kernel.standins import stand_ins
from sim.kernel.stuck import remember_lock_holders
from sim.kernel.tasks import repeatable_task_sets
from sim.kernel.threads import inline_threads
from sim.kernel.winddown import wind_down

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

T = TypeVar("T")

_running: World | None = None


class World:
    """Everything around a program for one run: its loop, its clocks, its chance and its identities.

    Args:
        seed: where all chance of the run comes from.
        epoch_s: the wall clock at the start of the run, in seconds since 1970.
        horizon_s: virtual seconds that the run may last.
        event_budget: callbacks that the run may execute.

    """

    def __init__(
        self,
        seed: int,
        *,
        epoch_s: float = 1_700_000_000.0,
        horizon_s: float = 3600.0,
        event_budget: int = 10_000_000,
    ) -> None:
        self.seed = seed
        self.epoch_s = epoch_s
        self.draws = Draws(seed)
        self.loop = SimLoop(horizon_s=horizon_s, event_budget=event_budget)
        self.blocking: list[Blocking] = []
        self._taken: Counter[str] = Counter()

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.loop.time()

    def octets(self, source: str, size: int) -> bytes:
        """The next `size` random bytes of one source, such as `urandom`; sources do not disturb each other."""
        self._taken[source] += 1
        return self.draws.octets(size, source, self._taken[source])

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` to its end inside this world, then cancel what is left, and put everything back.

        A world runs once. The coroutine starts in an empty `contextvars.Context`.

        Raises:
            SimulationEnd: when the run cannot go on: `Stuck`, `HorizonReached` or `BudgetExhausted`.
            RuntimeError: when a world is running already, or this one has run.

        """
        try:
            self._check_free()
            return contextvars.Context().run(self._run, coroutine)
        finally:
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                coroutine.close()  # it could not even start

    def _check_free(self) -> None:
        if _running is not None:
            msg = (
                f"world {self.seed} cannot run inside world {_running.seed}; a process has one clock at a time; "
                "run the second world after the first, or in another process"
            )
            raise RuntimeError(msg)
        if self.loop.is_closed():
            msg = f"world {self.seed} has run already; a world runs once; make another World({self.seed})"
            raise RuntimeError(msg)
        if _in_event_loop():
            msg = (
                f"world {self.seed} cannot run inside a running event loop; World.run would block it; "
                "call it from plain code, such as a test that is no coroutine"
            )
            raise RuntimeError(msg)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self._installed():
            try:
                return self.loop.run_until_complete(coroutine)
            finally:
                wind_down(self.loop)
                gc.collect(0)  # finalizers of the run's garbage still see the run's clock

    @contextmanager
    def _installed(self) -> Iterator[None]:
        with ExitStack() as stack:
            for part in (
                _alone(self),
                _undisturbed(),
                repeatable_task_sets(),
                remember_lock_holders(),
                inline_threads(),
                utc(),
                virtual_dates(self),
                stand_ins(self),
                seeded_entropy(self.draws),
                _ambient(_WorldAmbient(self)),
            ):
                stack.enter_context(part)
            yield


class _WorldAmbient:
    """The world as the runtime sees it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return self._world.loop.time()

    def wall(self) -> float:
        return self._world.epoch_s + self._world.loop.time()

    def new_id(self) -> str:
        return self._world.octets("id", 16).hex()

    def uniform(self, address: Sequence[str | int]) -> float:
        return self._world.draws.uniform("ambient", *address)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _alone(world: World) -> Iterator[None]:
    global _running
    _running = world
    try:
        yield
    finally:
        _running = None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector away: when it comes depends on the process's past, and it runs finalizers."""
    enabled = gc.isenabled()
    gc.disable()
    gc.collect(0)
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _ambient(provider: ambient.Ambient) -> Iterator[None]:
    previous = ambient.install(provider)
    try:
        yield
    finally:
        ambient.install(previous)
