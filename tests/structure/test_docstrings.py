"""Every test says its promise in one sentence."""

import ast
import re

from source_tree import parsed, place, python_files

_SENTENCE_END_INSIDE = re.compile(r"[.!?][\"')`]*\s+(?=[A-Z`])")


def offences(tree: ast.Module, name: str) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        f"{place(name, function)}: {function.name} needs a docstring of one sentence"
        for function in functions
        if function.name.startswith("test_") and not _is_one_sentence(ast.get_docstring(function) or "")
    ]


def _is_one_sentence(text: str) -> bool:
    return text.endswith((".", "!", "?")) and "\n\n" not in text and _SENTENCE_END_INSIDE.search(text) is None


def test_every_test_promises_one_sentence():
    """The docstring of each test function in the project is exactly one sentence."""
    assert [offence for name in python_files("tests/") for offence in offences(parsed(name), name)] == []


def test_docstring_lint_sees_missing_and_long_promises():
    """A test without a docstring, without a full stop or with two sentences is reported, one with a sentence is not."""
    sample = '''
def test_none(): pass
def test_no_stop():
    """No stop"""
async def test_two():
    """First one. Then another."""
def test_good():
    """A delay of 1.5 s, e.g. by `sleep`, costs no time."""
def helper(): pass
'''
    found = offences(ast.parse(sample), "sample.py")

    assert [offence.split(" needs")[0] for offence in found] == [
        "sample.py:2: test_none",
        "sample.py:3: test_no_stop",
        "sample.py:5: test_two",
    ]
