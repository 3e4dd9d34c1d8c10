"""A world: one seed, one clock, one run; everything that a program can ask about time and chance agrees."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from penguiflow import ambient
from sim.kernel.clocks import virtual_dates
from sim.kernel.digest import Digest
from sim.kernel.draws import Draws
from sim.kernel.ends import BudgetExhausted, HorizonReached, Stuck
from sim.kernel.entropy import seeded_entropy
from sim.kernel.environment import listed_environment
from sim.kernel.isolation import sealed
from sim.kernel.loop import SimLoop
from sim.kernel.standins import stand_ins, uncontrolled
from sim.kernel.stuck import leftovers, stalled
from sim.kernel.tasks import repeatable_task_sets
from sim.kernel.users import remember_users
from sim.kernel.watchdog import watched
from sim.kernel.winddown import wind_down

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence

    from sim.kernel.aliases import Uncontrolled
    from sim.kernel.blocking import Blocked

T = TypeVar("T")

_running: World | None = None


class World:
    """Everything around a program for one run: its loop, its clocks, its chance and its identities.

    Args:
        seed: where all chance of the run comes from.
        epoch_s: the wall clock at the start of the run, in seconds since 1970.
        horizon_s: virtual seconds that the run may last.
        event_budget: callbacks that the run may execute.
        env: environment variables that the run may read, besides those that every run sees
            (`sim.kernel.environment.ALWAYS_LISTED`).

    Attributes:
        start_unix_s: the true wall clock at the start of the run, whatever the run reads of it.
        skews: what makes the wall clock wrong: each gives the seconds that it is ahead at a moment of the run.
        leaked_tasks: after a run that came to its end, one line for each task that it left: where, waiting for what.

    """

    def __init__(
        self,
        seed: int,
        *,
        epoch_s: float = 1_700_000_000.0,
        horizon_s: float = 3600.0,
        event_budget: int = 10_000_000,
        env: Collection[str] = (),
    ) -> None:
        self.seed = seed
        self.start_unix_s = epoch_s
        self.skews: list[Callable[[float], float]] = []
        self.draws = Draws(seed)
        self.loop = SimLoop(horizon_s=horizon_s, event_budget=event_budget)
        self.digest = self.loop.digest = Digest()
        self._env = env
        self._refused: Sequence[str] = ()
        self._withheld: Collection[str] = ()
        self.leaked_tasks: tuple[str, ...] = ()
        self._taken: Counter[str] = Counter()

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.loop.time()

    @property
    def epoch_s(self) -> float:
        """What the run takes for the wall clock at its start, by what it reads of it now."""
        if not self.skews:
            return self.start_unix_s
        return self.start_unix_s + sum(skew(self.now_s) for skew in self.skews)

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The calls that held up the event loop so far."""
        return tuple(self.loop.threads.blocked)

    @property
    def refused(self) -> tuple[str, ...]:
        """The attempts so far to leave the process, also those whose error was swallowed."""
        return tuple(self._refused)

    @property
    def withheld(self) -> tuple[str, ...]:
        """The environment variables that the run has asked for and that are set, but not listed in `env`."""
        return tuple(self._withheld)

    @property
    def threads_at_work(self) -> int:
        """How many threads of the run have something left to do."""
        return self.loop.threads.at_work

    @property
    def uncontrolled(self) -> tuple[Uncontrolled, ...]:
        """What the modules of this process keep where the world does not reach it."""
        return uncontrolled()

    def octets(self, source: str, size: int) -> bytes:
        """The next `size` random bytes of one source, such as `urandom`; sources do not disturb each other."""
        self._taken[source] += 1
        return self.draws.octets(size, source, self._taken[source])

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` to its end inside this world, then cancel what is left, and put everything back.

        A world runs once. The coroutine starts in an empty `contextvars.Context`.

        Raises:
            SimulationEnd: when the run cannot go on: `Stuck`, `HorizonReached`, `BudgetExhausted`, `Spinning` or
                `Unyielding`.
            RuntimeError: when a world is running already, or this one has run.

        """
        try:
            self._check_free()
            return contextvars.Context().run(self._run, coroutine)
        except BaseException:
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                coroutine.close()  # it could not even start
            raise

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
        with (  # an ExitStack would be longer about it
            sealed() as self._refused,
            listed_environment(self._env) as self._withheld,
            _alone(self),
            self.loop.threads.installed(),
            repeatable_task_sets(),
            remember_users(),
            virtual_dates(self),
            stand_ins(self),
            seeded_entropy(self.draws, self._taken),
            watched(self.loop),
        ):
            try:
                result = self.loop.run_until_complete(coroutine)
                self.leaked_tasks = leftovers(self.loop)
            except (BudgetExhausted, HorizonReached) as end:
                story = stalled(self.loop, end.at_s)
                if story is not None:
                    raise Stuck(story) from end
                raise
            else:
                return result
            finally:
                wind_down(self.loop)
                gc.collect(0)  # finalizers of the run's garbage still see the run's clock


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


def running_world() -> World:
    """The world that this process runs at the moment.

    Raises:
        RuntimeError: outside of a run.

    """
    if _running is None:
        msg = "no world runs; one exists from the start of World.run or sim.run to its end; ask from inside of it"
        raise RuntimeError(msg)
    return _running


def _in_event_loop() -> bool:
    return asyncio._get_running_loop() is not None  # noqa: SLF001 - an error for each run without a loop is dear


YOUNG_COLLECTIONS = 20
"""After so many runs the garbage collector looks at what outlived its first look, too."""


@contextmanager
def _alone(world: World) -> Iterator[None]:
    """Be the world that the runtime sees, undisturbed by the garbage collector.

    When the collector comes depends on the process's past, and it runs finalizers.
    """
    global _running
    collects = gc.isenabled()
    gc.disable()
    # Earlier worlds are rings; those that were still held at the last look are found at one of the next.
    gc.collect(1 if gc.get_count()[1] > YOUNG_COLLECTIONS else 0)
    previous = ambient.install(_WorldAmbient(world))
    _running = world
    try:
        yield
    finally:
        _running = None
        ambient.install(previous)
        if collects:
            gc.enable()
