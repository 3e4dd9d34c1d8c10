"""numpy's own generator in a run: seeded where numpy is there already, and as soon as a run imports it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from sim.kernel.draws import Draws

_NAME = "numpy.random"
_plain_urandom = os.urandom


@contextmanager
def seeded_numpy(draws: Draws, taken: Counter[str]) -> Iterator[None]:
    """Seed what `numpy.random.random()` and its like draw from, for the length of a run.

    Args:
        draws: where the seed comes from.
        taken: how often each source of octets was asked; an import of numpy in the run leaves it as it was.

    """
    numpy_random: Any = sys.modules.get(_NAME)
    if numpy_random is not None:
        state = numpy_random.get_state(legacy=False)
        try:
            numpy_random.seed(_seed(draws))
            yield
        finally:
            numpy_random.set_state(state)
        return
    arrival = _Arrival(draws, taken)
    sys.meta_path.insert(0, arrival)
    try:
        yield
    finally:
        sys.meta_path.remove(arrival)
        if (numpy_random := sys.modules.get(_NAME)) is not None:
            numpy_random.seed(int.from_bytes(_plain_urandom(4), "big"))  # as an import outside of a run leaves it


def _seed(draws: Draws) -> int:
    return draws.u64("numpy") >> 32  # numpy takes 32 bits


class _Arrival:
    """Stands in the way of the import of numpy: a run that imports it draws the same as one that finds it there."""

    def __init__(self, draws: Draws, taken: Counter[str]) -> None:
        self._draws = draws
        self._taken = taken

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find numpy's generators as ever, and have a word with their loader; nothing for any other module."""
        spec = PathFinder.find_spec(name, path, target) if name == _NAME else None
        if spec is not None and spec.loader is not None:
            load: Callable[[ModuleType], None] = spec.loader.exec_module

            def load_and_seed(module: Any) -> None:
                before = self._taken.copy()
                load(module)
                self._taken.clear()
                self._taken.update(before)
                module.seed(_seed(self._draws))

            spec.loader.exec_module = load_and_seed  # type: ignore[method-assign]
        return spec
