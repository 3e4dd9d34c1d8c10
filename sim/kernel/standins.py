"""Stand-ins for functions of the real world, wherever a module has bound them, for the length of a run.

`from time import monotonic` leaves an alias that no patch of `time.monotonic`
reaches. So every module is searched for the real functions, once, when it has
come; a run then swaps what was found. What a module keeps out of reach, such as
in a list, is told as uncontrolled.
"""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from sim.kernel.aliases import Findings, Pairs, search
from sim.kernel.locks import schedule_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from sim.kernel.aliases import Generator, Uncontrolled
    from sim.kernel.loop import SimLoop

P = ParamSpec("P")
R = TypeVar("R")


class Surroundings(Protocol):
    """What a stand-in asks instead of the real world: the world that runs."""

    loop: SimLoop

    @property
    def epoch_s(self) -> float:
        """What the run takes for the wall clock at its start."""
        ...

    def octets(self, source: str, size: int) -> bytes:
        """The next random bytes of one source."""
        ...


_stand_ins: list[tuple[object, object]] = []
_found = Findings([], [], [])
_searched: list[ModuleType] = []
_main: list[tuple[str, int]] = []
_NO_KEEPERS = (int, float, str, bool, type(None))  # what a loop at the top of a script counts with
_world: Surroundings | None = None


def stands_in_for(real: Callable[..., R]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let the decorated function answer in place of `real` during a run; its first argument is the running world.

    Somebody who kept the stand-in beyond the run gets the real answer, and so
    does a thread that is none of the run's.
    """

    def decorate(simulated: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(real)
        def stand_in(*args: Any, **options: Any) -> R:
            if _world is None or schedule_here() is None:
                return real(*args, **options)
            return simulated(_world, *args, **options)

        register(real, stand_in)
        return stand_in

    return decorate


def register(real: object, stand_in: object) -> None:
    """Swap `real` for `stand_in` in every module during a run."""
    _stand_ins.append((real, stand_in))


@contextmanager
def stand_ins(world: Surroundings) -> Iterator[None]:
    """Swap all aliases of real functions, and put them back, those of modules imported meanwhile included."""
    global _world
    if _modules() != _searched:
        _search_newcomers()
    if _names_of_main() != _main:
        _search_main()
    try:
        _world = world
        for owner, name, _, stand_in in _found.aliases:
            setattr(owner, name, stand_in)
        yield
    finally:
        _world = None
        for owner, name, real, _ in _found.aliases:
            setattr(owner, name, real)
        if _modules() != _searched:
            _clean_newcomers()


def uncontrolled() -> tuple[Uncontrolled, ...]:
    """What the modules of this process keep out of reach, as far as they have been searched."""
    return tuple(sorted(set(_found.uncontrolled)))


def module_generators() -> list[Generator]:
    """The generators of random numbers that modules have made for themselves."""
    return _found.generators


def _search_newcomers() -> None:
    found = search(_newcomers(), Pairs(_stand_ins))
    _searched[:] = _modules()
    _found.aliases += found.aliases
    _found.uncontrolled += found.uncontrolled
    _found.generators += found.generators


def _names_of_main() -> list[tuple[str, int]]:
    # By their identity: what people keep in a notebook may compare in any way, and must not be kept alive.
    names = vars(sys.modules["__main__"]).items()
    return [(name, id(value)) for name, value in names if type(value) not in _NO_KEEPERS]


def _search_main() -> None:
    """A script, a notebook or a prompt goes on to bind names between its runs."""
    main = sys.modules["__main__"]
    _main[:] = _names_of_main()
    found = search([main], Pairs(_stand_ins))
    again = {(id(alias.owner), alias.name) for alias in found.aliases}
    others = [alias for alias in _found.aliases if alias.owner is not main]
    _found.aliases[:] = [alias for alias in others if (id(alias.owner), alias.name) not in again] + found.aliases
    _found.uncontrolled += [one for one in found.uncontrolled if one not in _found.uncontrolled]
    known = {id(generator.random) for generator in _found.generators}
    _found.generators += [generator for generator in found.generators if id(generator.random) not in known]


def _clean_newcomers() -> None:
    for owner, name, _, real in search(_newcomers(), Pairs((new, old) for old, new in _stand_ins)).aliases:
        setattr(owner, name, real)


def _modules() -> list[ModuleType]:
    # Two lists are compared four times as fast as two dictionaries, and each run does so twice.
    return list(sys.modules.values())


def _newcomers() -> list[ModuleType]:
    known = frozenset(map(id, _searched))
    return [module for module in _modules() if id(module) not in known]
