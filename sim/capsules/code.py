"""How the same code is known again: digests over everything that a run reads of it."""

from __future__ import annotations

import ast
import functools
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import penguiflow
from sim.loader import ScenarioError, resolve_csv
from sim.model.capsule import Code
from sim.model.fields import CODE_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sim.loader import LoadedScenario

_PACKAGES = (Path(penguiflow.__file__).parent, Path(__file__).parents[1])
_DIGITS = 32


def code_of(loaded: LoadedScenario) -> Code:
    """The digests of the code that a scenario runs.

    Modules beside the scenario count when it names them, or when one that
    counts imports them, wherever in it the import stands; and so do files
    that the scenario names. What is installed does not: versions of other
    packages are not looked at.
    """
    parts = [*_modules(loaded.folder, loaded.data), *_files(loaded)]
    return Code(scenario=_digest(sorted(parts)), harness=_harness())


def module_file(folder: Path, name: str) -> Path | None:
    """The file of a module that lies in `folder`; `None` where it is none of that folder."""
    base = folder.joinpath(*name.split("."))
    found = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in found if path.is_file()), None)


def _modules(folder: Path, data: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each module that counts, with its source."""
    waiting = [text.partition(":")[0] for text in _texts(data) if re.fullmatch(CODE_PATTERN, text)]
    seen: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        path = module_file(folder, name)
        if name in seen or path is None:
            continue
        seen[name] = None
        source = path.read_bytes()
        yield name, source
        waiting += [name.rpartition(".")[0], *_imports(name, path, source)]


def _imports(name: str, path: Path, source: bytes) -> Iterator[str]:
    """The names that a module may import."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # importing it says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _files(loaded: LoadedScenario) -> Iterator[tuple[str, bytes]]:
    """Each file that the scenario names, with its content; recorded traffic too, wherever it lies."""
    for text in dict.fromkeys(_texts(loaded.data)):
        path = loaded.folder / text
        if 0 < len(text) < 200 and "\0" not in text and path.is_file():  # noqa: PLR2004 - longer than any file's name
            yield text, path.read_bytes()
    if loaded.scenario.load.trace is not None:
        try:
            yield "load.trace", resolve_csv(loaded).read_bytes()
        except (OSError, ScenarioError):
            return  # preparing the scenario says what is wrong


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


@functools.cache
def _harness() -> str:
    sources = ((package, path) for package in _PACKAGES for path in sorted(package.rglob("*.py")))
    return _digest((path.relative_to(package.parent).as_posix(), path.read_bytes()) for package, path in sources)


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    whole = sha256()
    for name, content in parts:
        whole.update(f"{name} {sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()[:_DIGITS]
