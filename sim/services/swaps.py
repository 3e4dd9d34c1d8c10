"""Callables swapped for the length of a run, under every name that modules know them by."""

from __future__ import annotations

import functools
import inspect
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.kernel.aliases import Alias, Pairs, search
from sim.services.operations import operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType


@functools.cache
def _as_operation(service: str, stand_in: Any) -> Any:
    """An async function is a call of the service by itself; anything else says with `operation` what is one."""
    if not inspect.iscoroutinefunction(stand_in) or hasattr(stand_in, "__wrapped__"):
        return stand_in
    return operation(service)(stand_in)


class Swap(NamedTuple):
    """A callable at its home, and what takes its place."""

    owner: Any
    name: str
    real: Any
    stand_in: Any


class Swaps:
    """What a service swaps.

    Args:
        service: its name.
        swaps: each callable with its stand-in.

    """

    def __init__(self, service: str, swaps: Sequence[Swap]) -> None:
        self._swaps = [
            Alias(owner, name, real, _as_operation(service, stand_in)) for owner, name, real, stand_in in swaps
        ]
        self._aliases: list[Alias] = list(self._swaps)
        self._searched: dict[str, ModuleType] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Swap, and put everything back, in modules that were imported meanwhile too."""
        self._search()
        before = [(alias, _own(alias)) for alias in self._aliases]
        try:
            for owner, name, _, stand_in in self._aliases:
                setattr(owner, name, stand_in)
            yield
        finally:
            for (owner, name, _, _), real in reversed(before):
                setattr(owner, name, real)
            self._clean()

    def _search(self) -> None:
        """Find names in modules that have come in since the last run."""
        if sys.modules == self._searched:
            return
        known = {(id(owner), name) for owner, name, _, _ in self._aliases}
        found = search(self._newcomers(), Pairs((real, stand_in) for _, _, real, stand_in in self._swaps)).aliases
        self._aliases += [
            _as_it_binds(alias)
            for alias in found
            if (id(alias.owner), alias.name) not in known and not _keeps_the_real_one(alias)
        ]
        self._searched = dict(sys.modules)

    def _clean(self) -> None:
        """A module that was imported during the run has taken the stand-in for the real one."""
        if sys.modules == self._searched:
            return
        pairs = Pairs((stand_in, real) for _, _, real, stand_in in self._swaps)
        for alias in search(self._newcomers(), pairs).aliases:
            if not _is_at_home(alias.owner, alias.real):
                setattr(alias.owner, alias.name, _as_it_binds(alias).stand_in)

    def _newcomers(self) -> list[ModuleType]:
        return [module for name, module in sys.modules.items() if self._searched.get(name) is not module]


def _as_it_binds(alias: Alias) -> Alias:
    """A function in a class gets the object that it is called on, and so does what takes its place."""
    bare = alias.stand_in.__func__ if isinstance(alias.stand_in, staticmethod) else alias.stand_in
    return alias if isinstance(alias.real, staticmethod) else alias._replace(stand_in=bare)


def _keeps_the_real_one(alias: Alias) -> bool:
    """Whether this is the stand-in's own module, which may call what it stands for."""
    return _is_at_home(alias.owner, alias.stand_in)


def _is_at_home(owner: Any, function: Any) -> bool:
    return bool(getattr(function, "__module__", None) == getattr(owner, "__name__", owner))


def _own(alias: Alias) -> object:
    """The owner's own attribute: a class method has to come back as the same descriptor."""
    return vars(alias.owner)[alias.name] if alias.name in vars(alias.owner) else getattr(alias.owner, alias.name)
