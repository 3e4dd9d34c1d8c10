"""Stand-ins for functions of the real world, wherever a module has bound them, for the length of a run.

`from time import monotonic` leaves an alias that no patch of `time.monotonic`
reaches. So every module's names are searched for the real functions, once,
and again only when modules have come; a run then swaps the names found. Out
of reach is what a module keeps elsewhere than under a name: a default value,
or a method such as `datetime.now` taken from its class.
"""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from sim.kernel.loop import SimLoop

P = ParamSpec("P")
R = TypeVar("R")

_LEFT_REAL = ("freezegun", "threading", "queue", "multiprocessing", "concurrent", "subprocess", "selectors", "_pytest")
"""Packages that wait for real threads and processes, or keep the real functions on purpose."""


class Surroundings(Protocol):
    """What a stand-in asks instead of the real world: the world that runs."""

    loop: SimLoop
    epoch_s: float
    blocking: list[Any]

    def octets(self, source: str, size: int) -> bytes:
        """The next random bytes of one source."""
        ...


class _Alias(NamedTuple):
    names: dict[str, Any]
    name: str
    real: object
    stand_in: object


_stand_ins: dict[int, tuple[object, object]] = {}
_aliases: list[_Alias] = []
_searched: dict[str, ModuleType] = {}
_world: Surroundings | None = None


def stands_in_for(real: Callable[..., R]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let the decorated function answer in place of `real` during a run; its first argument is the running world.

    Somebody who kept the stand-in beyond the run gets the real answer.
    """

    def decorate(simulated: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(real)
        def stand_in(*args: Any, **options: Any) -> R:
            return real(*args, **options) if _world is None else simulated(_world, *args, **options)

        register(real, stand_in)
        return stand_in

    return decorate


def register(real: object, stand_in: object) -> None:
    """Swap `real` for `stand_in` in every module during a run."""
    _stand_ins[id(real)] = (real, stand_in)


@contextmanager
def stand_ins(world: Surroundings) -> Iterator[None]:
    """Swap all aliases of real functions, and put them back, those of modules imported meanwhile included."""
    global _world
    if sys.modules != _searched:
        _search()
    try:
        _world = world
        for names, name, _, stand_in in _aliases:
            names[name] = stand_in
        yield
    finally:
        _world = None
        for names, name, real, _ in _aliases:
            names[name] = real
        if sys.modules != _searched:
            _clean_newcomers()


def _search() -> None:
    _aliases.clear()
    _searched.clear()
    _searched.update(sys.modules)
    for module in _searched.values():
        for names, name, value in _bound(module):
            real, stand_in = _stand_ins.get(id(value), (None, None))
            if value is real and real is not None:
                _aliases.append(_Alias(names, name, real, stand_in))


def _clean_newcomers() -> None:
    reals = {id(stand_in): real for real, stand_in in _stand_ins.values()}
    newcomers = [module for name, module in sys.modules.items() if _searched.get(name) is not module]
    for module in newcomers:
        for names, name, value in _bound(module):
            names[name] = reals.get(id(value), value)


def _bound(module: ModuleType) -> list[tuple[dict[str, Any], str, object]]:
    # A module may be anything that somebody put into sys.modules; some have no dictionary of their own.
    names = cast("dict[str, Any]", getattr(module, "__dict__", {}))
    name = str(names.get("__name__", ""))
    if name.partition(".")[0] in _LEFT_REAL or name.startswith("sim.kernel."):
        return []
    return [(names, bound, value) for bound, value in list(names.items())]
