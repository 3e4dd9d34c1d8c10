"""The properties that a scenario's code states, found in its text: one whose line never ran is known, too."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from sim.loader.modules import own_modules
from sim.model.properties import DeclaredProperty

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_AT = {"always": 1, "sometimes": 1, "reachable": 0, "unreachable": 0}
"""The position of the name among the arguments."""


def declared_properties(folder: Path) -> tuple[DeclaredProperty, ...]:
    """Every call of `sim.sometimes` and its like in the modules of `folder` that are imported, by file and line.

    A call counts when it goes by the name `sim` or by a name imported from it, and names its property in place.
    """
    files = sorted({Path(file) for module in own_modules(folder) if (file := getattr(module, "__file__", None))})
    return tuple(found for file in files for found in _in_file(file, folder))


def _in_file(file: Path, folder: Path) -> Iterator[DeclaredProperty]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # no Python text, such as an extension module
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("sim", "sim.properties")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _kind(node.func, imported)) in _NAME_AT:
            name = _name(node, _NAME_AT[kind])
            if name is not None:
                yield DeclaredProperty(kind, name, f"{file.relative_to(folder).as_posix()}:{node.lineno}")


def _kind(function: ast.expr, imported: dict[str, str]) -> str:
    if isinstance(function, ast.Name):
        return imported.get(function.id, "")
    is_attribute = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return function.attr if is_attribute and function.value.id == "sim" else ""  # type: ignore[attr-defined] # just tested


def _name(call: ast.Call, position: int) -> str | None:
    given = [word.value for word in call.keywords if word.arg == "name"] or call.args[position : position + 1]
    value = given[0] if given else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
