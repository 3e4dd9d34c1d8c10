"""Plots are drawn without matplotlib's global state."""

import ast

from source_tree import imported_modules, parsed, place, python_files

GLOBAL_STATE = ("matplotlib.pyplot", "matplotlib.pylab", "pylab")


def offences(tree: ast.Module, name: str) -> list[str]:
    return [
        f"{place(name, statement)}: imports {module}"
        for statement, module in imported_modules(tree)
        if f"{module}.".startswith(tuple(f"{forbidden}." for forbidden in GLOBAL_STATE))
    ]


def test_nobody_imports_pyplot():
    """No file of the project imports `pyplot`, whose figures live in the process."""
    assert [offence for name in python_files("") for offence in offences(parsed(name), name)] == []


def test_pyplot_lint_sees_every_spelling():
    """Each way to import `pyplot` is reported, `Figure` and other names are not."""
    sample = """
import matplotlib.pyplot as plt
from matplotlib import pyplot
def draw():
    from matplotlib.pyplot import plot
from matplotlib.figure import Figure
"""
    assert [offence.split(":")[1] for offence in offences(ast.parse(sample), "sample.py")] == ["2", "3", "5"]
