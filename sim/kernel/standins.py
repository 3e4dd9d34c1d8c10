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
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from sim.kernel.aliases import Findings, Pairs, search
from sim.kernel.locks import schedule_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.kernel.aliases import Alias, Generator, Uncontrolled
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
_main_at_last: list[str | int] = []
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
    if _main_now() != _main_at_last:
        _search_main()
    try:
        _world = world
        for names, _, simulated in _swaps.of_modules:
            names.update(simulated)
        for owner, name, _, stand_in in _swaps.others:
            setattr(owner, name, stand_in)
        yield
    finally:
        _world = None
        for owner, name, real, _ in _swaps.others:
            setattr(owner, name, real)
        for names, reals, _ in _swaps.of_modules:
            names.update(reals)
        if _newcomers_came():
            _clean_newcomers()


def uncontrolled() -> tuple[Uncontrolled, ...]:
    """What the modules of this process keep out of reach, as far as they have been searched."""
    return tuple(sorted(set(_found.uncontrolled)))


def module_generators() -> list[Generator]:
    """The generators of random numbers that modules have made for themselves."""
    return _found.generators


class _Swaps:
    """The aliases that were found; those of one module, which most are, in the form that is quickest to swap.

    Attributes:
        of_modules: for each module its names, what they stand for, and what stands in for that during a run.
        others: those of classes, functions and the like.

    """

    def __init__(self, aliases: Sequence[Alias]) -> None:
        modules: dict[int, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {}
        self.others: list[Alias] = []
        for alias in aliases:
            if type(alias.owner) is not ModuleType:
                self.others.append(alias)
                continue
            names = vars(alias.owner)
            _, reals, simulated = modules.setdefault(id(names), (names, {}, {}))
            reals[alias.name], simulated[alias.name] = alias.real, alias.stand_in
        self.of_modules = list(modules.values())


_swaps = _Swaps(())


def _search_newcomers() -> None:
    global _swaps
    found = search(_newcomers(), Pairs(_stand_ins))
    _searched[:] = _modules()
    _found.aliases += found.aliases
    _swaps = _Swaps(_found.aliases)
    _found.uncontrolled += found.uncontrolled
    _found.generators += found.generators


def _main_now() -> list[str | int]:
    # By identity: what people keep in a notebook may compare in any way, and must not be kept alive.
    names = vars(sys.modules["__main__"])
    return [*names, *map(id, names.values())]


def _names_of_main() -> list[tuple[str, int]]:
    names = vars(sys.modules["__main__"]).items()
    return [(name, id(value)) for name, value in names if type(value) not in _NO_KEEPERS]


def _search_main() -> None:
    """A script, a notebook or a prompt goes on to bind names between its runs."""
    global _swaps
    _main_at_last[:] = _main_now()
    if (names := _names_of_main()) == _main:
        return
    _main[:] = names
    main = sys.modules["__main__"]
    found = search([main], Pairs(_stand_ins))
    again = {(id(alias.owner), alias.name) for alias in found.aliases}
    others = [alias for alias in _found.aliases if alias.owner is not main]
    _found.aliases[:] = [alias for alias in others if (id(alias.owner), alias.name) not in again] + found.aliases
    _swaps = _Swaps(_found.aliases)
    _found.uncontrolled += [one for one in found.uncontrolled if one not in _found.uncontrolled]
    known = {id(generator.random) for generator in _found.generators}
    _found.generators += [generator for generator in found.generators if id(generator.random) not in known]


def _clean_newcomers() -> None:
    for owner, name, _, real in search(_newcomers(), Pairs((new, old) for old, new in _stand_ins)).aliases:
        setattr(owner, name, real)


def _modules() -> list[ModuleType]:
    # Two lists are compared four times as fast as two dictionaries, and each run does so.
    return list(sys.modules.values())


def _newcomers_came() -> bool:
    """Whether the run has imported something: who comes is the last of the modules."""
    return len(sys.modules) != len(_searched) or next(reversed(sys.modules.values())) is not _searched[-1]


def _newcomers() -> list[ModuleType]:
    known = frozenset(map(id, _searched))
    return [module for module in _modules() if id(module) not in known]
