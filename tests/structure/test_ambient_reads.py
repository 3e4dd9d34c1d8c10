"""Clock, chance and identity come through the ambient seam.

A lint of names: it sees imports and plain calls such as `datetime.now()`, and is blind to `getattr`,
to `loop.time()` and to libraries that read a clock themselves.
"""

import ast

from source_tree import imported_modules, parsed, place, python_files

# Where such reads belong, and why.
ALLOWED = {
    "penguiflow/ambient.py": "the seam itself",
    "sim/kernel/": "puts the world under virtual time",
}
SOURCES = ("time", "random", "uuid", "secrets", "os.urandom", "os.getrandom")
CLOCK_CALLS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom", "os.getrandom")


def offences(tree: ast.Module, name: str) -> list[str]:
    imports = [
        f"{place(name, statement)}: imports {module}"
        for statement, module in imported_modules(tree)
        if any(f"{module}.".startswith(f"{source}.") for source in SOURCES)
    ]
    calls = [
        f"{place(name, node)}: calls {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and f".{ast.unparse(node.func)}".endswith(tuple(f".{call}" for call in CLOCK_CALLS))
    ]
    return imports + calls


def test_nothing_reads_clock_chance_or_identity_past_the_seam():
    """Only the ambient module and the virtual-time kernel import a clock, a random source or an id."""
    names = [name for name in python_files("penguiflow/", "sim/") if not name.startswith(tuple(ALLOWED))]

    assert [offence for name in names for offence in offences(parsed(name), name)] == []


def test_ambient_lint_sees_each_source():
    """Imports and calls of each kind are reported, imports for type checkers only are not."""
    sample = """
from typing import TYPE_CHECKING
import time, datetime, timeit
from random import Random
from os import urandom, path
if TYPE_CHECKING:
    import random
started = datetime.datetime.now()
salt = os.urandom(8)
known = snow(1)
"""
    assert offences(ast.parse(sample), "sample.py") == [
        "sample.py:3: imports time",
        "sample.py:4: imports random.Random",
        "sample.py:5: imports os.urandom",
        "sample.py:8: calls datetime.datetime.now",
        "sample.py:9: calls os.urandom",
    ]
