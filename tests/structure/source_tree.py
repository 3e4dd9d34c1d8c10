"""What the structure tests look at: the files of this checkout, parsed once."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def project_files() -> tuple[str, ...]:
    """Paths from the root of all files that git tracks or would track; the test skips outside a git checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if listing.returncode != 0:
        pytest.skip("this is no git checkout, so nothing says which files belong to the project")
    return tuple(sorted(name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> tuple[str, ...]:
    """Python files of the project below any of `folders`."""
    return tuple(name for name in project_files() if name.endswith(".py") and name.startswith(folders))


@cache
def parsed(name: str) -> ast.Module:
    """The syntax tree of one file of the project."""
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)


def place(name: str, node: ast.AST) -> str:
    """`file:line` of a piece of syntax."""
    return f"{name}:{getattr(node, 'lineno', 0)}"


def imported_modules(tree: ast.AST) -> list[tuple[ast.stmt, str]]:
    """Every absolute import in `tree`, `from a import b` as `a.b`, less those for type checkers only."""
    found: list[tuple[ast.stmt, str]] = []
    for node in _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            found.extend((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.extend((node, f"{node.module}.{alias.name}") for alias in node.names)
    return found


def _run_time_nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes of `tree`, in order, except bodies of `if TYPE_CHECKING:`."""
    nodes = [tree]
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            nodes.extend(node.orelse)
        else:
            nodes.extend(ast.iter_child_nodes(node))
    return nodes
