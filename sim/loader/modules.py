"""Importing a scenario's own modules without mixing them up with those of another folder.

Two folders may both have a `flows.py`. While the modules of one folder are in
use, those of all others are out of `sys.modules`.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

# The modules of each scenario folder that code was loaded from, in this process.
_modules_of_folder: dict[Path, dict[str, ModuleType]] = {}

# A scenario cannot replace these, whatever lies beside it.
_KEPT = frozenset({*sys.stdlib_module_names, "__main__", "penguiflow", "sim"})


@contextmanager
def modules_of(folder: Path) -> Iterator[None]:
    """Inside, imports look into `folder` first, then into the working directory, then where they always do.

    They stay importable afterwards, until those of another folder are asked
    for, unless the process itself had imported others under their names: then
    those come back. `sys.path` is put back in any case.
    """
    folder = folder.resolve()
    own = _modules_of_folder.setdefault(folder, {})
    _take_out_other_folders(folder)
    hidden = {name: sys.modules.pop(name) for name in _namesakes(folder)}
    sys.modules.update(own)
    known, path = frozenset(sys.modules), list(sys.path)
    sys.path[:0] = [str(folder), str(Path.cwd())]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        added = [(name, module) for name, module in sys.modules.items() if name not in known]
        own.update((name, module) for name, module in added if _lies_in(folder, module))
        if hidden:
            _take_out(own)
            sys.modules.update(hidden)


def own_modules(folder: Path) -> list[ModuleType]:
    """The modules that were imported from `folder` for its scenarios, in the order of their import."""
    return list(_modules_of_folder.get(folder.resolve(), {}).values())


def _take_out_other_folders(folder: Path) -> None:
    for other, modules in _modules_of_folder.items():
        if other != folder:
            _take_out(modules)


def _take_out(modules: Mapping[str, ModuleType]) -> None:
    for name, module in modules.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _namesakes(folder: Path) -> list[str]:
    """Imported modules that a module of `folder` would be taken for."""
    packages = [init.parent.name for init in folder.glob("*/__init__.py")]
    names = [name for name in (*(file.stem for file in folder.glob("*.py")), *packages) if name not in _KEPT]
    return [
        name for name, module in sys.modules.items() if name.partition(".")[0] in names and not _lies_in(folder, module)
    ]


def _lies_in(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)
