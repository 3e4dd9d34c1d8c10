"""Which modules a flow's code can get at: what others of the process keep is none of its business."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = ("sim", "penguiflow")
_ENDS = sys.stdlib_module_names | {*_OURS, "__future__"}


def reachable_from(module: str) -> frozenset[str]:
    """The names of the modules that code of `module`, and of what lies beside it, can get at.

    Followed are imports, wherever they stand in the text of the files beside
    it, and what modules hold: other modules, functions, classes. The standard
    library, the runtime and the harness end the search.
    """
    return _reachable(module, len(sys.modules))


@functools.lru_cache(maxsize=64)
def _reachable(module: str, _known: int) -> frozenset[str]:
    open_names = [module, *_beside(module)]
    seen: dict[str, None] = {}
    while open_names:
        name = open_names.pop()
        found = sys.modules.get(name)
        if name in seen or found is None:
            continue
        seen[name] = None
        open_names.extend(one for one in _held_by(found) if one.partition(".")[0] not in _ENDS)
    return frozenset(seen)


def _beside(module: str) -> Iterator[str]:
    """Modules that lie in the same folder, and what the text of their files imports."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(file, str):
        return
    folder = Path(file).parent
    for name, other in list(sys.modules.items()):
        path = getattr(other, "__file__", None)
        if isinstance(path, str) and Path(path).is_relative_to(folder):
            yield name
            yield from _imported(Path(path))


@functools.lru_cache(maxsize=512)
def _imported(file: Path) -> tuple[str, ...]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()  # no Python text, such as an extension module
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return tuple(name for name in names if name.partition(".")[0] not in _ENDS)


def _held_by(module: ModuleType) -> Iterator[str]:
    for value in list(vars(module).values()):
        held: Any = value
        if isinstance(held, ModuleType):
            yield held.__name__
        elif isinstance(held, (type, FunctionType)):
            yield str(held.__module__)
