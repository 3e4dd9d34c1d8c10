"""Nothing of ours runs over a set, whose order differs from process to process.

A lint without types: it knows set displays, `set()` and `frozenset()` calls, set algebra on those and on
`.keys()`, and names or attributes that the same file annotates as sets or binds to one. It is blind to sets that
come out of functions or from other files.
"""

import ast
from collections.abc import Iterator

from source_tree import parsed, place, python_files

_SET_TYPES = ("set", "frozenset", "Set", "MutableSet", "AbstractSet", "WeakSet")
_ALGEBRA = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_ALGEBRA_METHODS = ("union", "intersection", "difference", "symmetric_difference", "copy")
# Calls that take over the order of what they are given.
_ORDERED_CALLS = (
    "list",
    "tuple",
    "iter",
    "next",
    "enumerate",
    "zip",
    "map",
    "filter",
    "reversed",
    "join",
    "fromkeys",
    "extend",
)
# Calls whose answer is the same for every order.
_UNORDERED_CALLS = ("sorted", "set", "frozenset", "len", "any", "all", "min", "max")


class SetIteration(ast.NodeVisitor):
    """Collects the places of one file at which a set is run over."""

    def __init__(self, tree: ast.AST) -> None:
        self.found: list[ast.AST] = []
        self._names = [self._bound_in(tree)]
        self._attributes = {name for node in ast.walk(tree) for name in self._set_attributes(node)}
        self._excused: list[ast.AST] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        typed = {argument.arg for argument in arguments if _is_set_annotation(argument.annotation)}
        hidden = {argument.arg for argument in arguments} - typed
        self._names.append((self._names[-1] - hidden) | typed | self._bound_in(node))
        self.generic_visit(node)
        self._names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the visitor's protocol

    def visit_For(self, node: ast.For | ast.AsyncFor | ast.comprehension) -> None:
        self._check(node.iter)
        self.generic_visit(node)

    visit_AsyncFor = visit_comprehension = visit_For  # noqa: N815 - the visitor's protocol

    def visit_Starred(self, node: ast.Starred) -> None:
        self._check(node.value)
        self.generic_visit(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._excuse(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = _last_name(node.func)
        for argument in node.args:
            if called in _ORDERED_CALLS:
                self._check(argument)
            elif called in _UNORDERED_CALLS and isinstance(argument, ast.GeneratorExp):
                self._excuse(argument)
        if called == "pop" and not node.args and isinstance(node.func, ast.Attribute):
            self._check(node.func.value)
        self.generic_visit(node)

    def _check(self, iterated: ast.expr) -> None:
        if iterated not in self._excused and self._is_set(iterated):
            self.found.append(iterated)

    def _excuse(self, comprehension: ast.GeneratorExp | ast.SetComp) -> None:
        self._excused.extend(generator.iter for generator in comprehension.generators)

    def _is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._names[-1]
            case ast.Attribute(attr=name):
                return name in self._attributes
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _ALGEBRA_METHODS:
                return self._is_set(owner)
            case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, _ALGEBRA):
                return any(self._is_set(side) or _is_keys(side) for side in (left, right))
        return _is_plain_set(node)

    def _bound_in(self, scope: ast.AST) -> set[str]:
        """Names that `scope` itself, not a function inside it, binds to a set."""
        return {
            target.id for node in _own_nodes(scope) for target in _set_targets(node) if isinstance(target, ast.Name)
        }

    def _set_attributes(self, node: ast.AST) -> Iterator[str]:
        fields = node.body if isinstance(node, ast.ClassDef) else []
        for target in [*_set_targets(node), *(target for field in fields for target in _set_targets(field))]:
            if isinstance(target, ast.Attribute):
                yield target.attr
            elif isinstance(node, ast.ClassDef) and isinstance(target, ast.Name):
                yield target.id


def _own_nodes(scope: ast.AST) -> list[ast.AST]:
    nodes = list(ast.iter_child_nodes(scope))
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            nodes.extend(ast.iter_child_nodes(node))
    return nodes


def _set_targets(node: ast.AST) -> list[ast.expr]:
    """What an assignment binds to something that is plainly a set."""
    if isinstance(node, ast.AnnAssign) and _is_set_annotation(node.annotation):
        return [node.target]
    if isinstance(node, ast.Assign) and _is_plain_set(node.value):
        return node.targets
    return []


def _is_plain_set(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return _last_name(value.func) in _SET_TYPES
    return isinstance(value, ast.Set | ast.SetComp)


def _is_set_annotation(annotation: ast.expr | None) -> bool:
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return outer is not None and _last_name(outer) in _SET_TYPES


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _last_name(node.func) == "keys"


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def offences(tree: ast.Module, name: str) -> list[str]:
    visitor = SetIteration(tree)
    visitor.visit(tree)
    return [f"{place(name, node)}: runs over the set {ast.unparse(node)}" for node in visitor.found]


def test_nothing_runs_over_a_set():
    """Runtime and harness take no order from a set."""
    names = python_files("penguiflow/", "sim/")

    assert [offence for name in names for offence in offences(parsed(name), name)] == []


def test_set_lint_sees_every_way_to_run_over_a_set():
    """Loops, comprehensions, conversions, unpacking, algebra and `pop` on sets are reported."""
    sample = """
names = {"a", "b"}
class Box:
    held: set[int]
    def __init__(self):
        self._open = set()
    def run(self, given: frozenset[str], rows: dict):
        for one in self.held: pass
        first = [one for one in given]
        second = list(self._open)
        third = [*names]
        fourth = tuple(rows.keys() - {1})
        fifth = ", ".join({str(row) for row in rows})
        sixth = self._open.pop()
        seventh = next(iter(names.union(rows)))
"""
    places = [int(offence.split(":")[1]) for offence in offences(ast.parse(sample), "sample.py")]

    assert sorted(places) == [8, 9, 10, 11, 12, 13, 14, 15]


def test_set_lint_lets_order_free_uses_pass():
    """Membership, sorting, counting and sets made of sets are fine, and so is a list of the same name elsewhere."""
    sample = """
names = {"a", "b"}
def one():
    held = {1}
    return sorted(held), len(held), 1 in held, {n + 1 for n in held}, any(n > 1 for n in held)
def two(held: list, names: tuple):
    return [n for n in held], list(names), held.pop()
"""
    assert offences(ast.parse(sample), "sample.py") == []
