"""Valid scenario files, broken at random: keys, values, types, structure, text and bytes.

An edit is a few whole numbers, so that Hypothesis can make it smaller.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import yaml
from hypothesis import strategies as st
from scenario_files import LARGE, SMALL

from sim.loader import LoadedScenario, ScenarioError, load_variants
from sim.loader.export import scenario_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERYTHING = """\
schema: penguiflow.sim/1
name: everything
flow: shop:build
args: {mode: fast}
tenants: {acme: {weight: 3, deadline: 1s}, globex: {}}
load:
  model: closed
  think: {dist: exponential, median: 1s}
  client: {give_up_after: 3s, cancel: {after: 1s, chance: 0.1}, resubmit: {times: 2, after: 1s, factor: 2}}
  stages:
    - {for: 30s, users: 5}
override: {nodes: {pay: {timeout_s: 2, max_retries: 1}}, queue_maxsize: 16}
faults:
  - {id: slow, kind: latency, window: {from: 10s, for: 5s}, delay: {dist: uniform, median: 1s}}
checks:
  - {id: once, metric: effects.duplicates, max: 0}
  - {id: quick, metric: trace.latency, stat: p99, during: slow, max: 2s}
known:
  - {check: once, issue: SHOP-1, until: 2027-03-31}
explore: {modes: [file, stall], late: 2}
matrix: {faults.slow.chance: [0.1, 1], args.mode: [fast, slow]}
"""
OPEN = """\
schema: penguiflow.sim/1
name: open
flow: shop:build
load:
  arrival: poisson
  stages:
    - {for: 30s, rate: {from: 1/s, to: 20/s}}
    - {for: 30s, rate: 5/s}
"""
CHILD = """\
schema: penguiflow.sim/1
name: child
extends: base.yaml
faults:
  - {id: slow, chance: 0.5}
checks:
  - {id: late, metric: trace.timeouts, stat: rate, max: 0.1}
"""
FILES = (SMALL, LARGE, EVERYTHING, OPEN, CHILD)
LIBRARY_WORDS = ("Input should", "pydantic", "function-before", "Traceback", "validation error", "Extra inputs")
EDITOR = jsonschema.Draft7Validator(scenario_schema())

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2.5, 10**30, 1e308, float("inf"), float("nan"), "", " ", "x", "x" * 300, "5%", "20/s",
    "1s", "0s", "-1s", "2027-02-30", "a:b", "{}", "[", "é☃", "\u202e", "base.yaml", "once", "slow", "acme",
    "constant", "latency", "retry_storm", "load.stages.0.for", [], [[]], [None], ["a", "a"], {}, {"a": {"b": 1}},
    {"id": ["x"]}, {"kind": "latency"}, {"from": "1/s", "to": "2/s"}, {"args.x.y": [1]}, {"faults.slow": ["x"]},
)  # fmt: skip
PIECES: tuple[bytes, ...] = (
    b":", b": ", b"- ", b"{", b"}", b"[", b"]", b",", b"&a ", b"*a", b"!!int ", b"|\n", b">\n", b'"', b"'", b"\t",
    b"\n", b"\r", b"\r\n", b"%", b"@", b"`", b"<<: ", b"---\n", b"...\n", b"\xef\xbb\xbf", b"\x00", b"\xff", b"? ",
    b"# ", b"  ", b"\\", b"\xe2\x80\xa8", b"017", b"1e3", b"~", b"null", b"no", b"\xc3", b"{{{{", b"[" * 40,
)  # fmt: skip

Edit = tuple[int, int, int]


class Broken(NamedTuple):
    """A file with its edits, and the one that it may extend."""

    content: bytes
    base: bytes


@dataclass(frozen=True)
class _Spot:
    """A place in a tree: what holds it, and under which key or index."""

    holder: Any
    step: Any


def broken_files() -> st.SearchStrategy[Broken]:
    """Files with edits of their tree, of their bytes, or of both; some have none."""
    number = st.integers(0, 10_000)
    edits = st.tuples(number, number, number)
    few, none = st.lists(edits, max_size=3), st.just([])
    tree, text = st.tuples(few, none), st.tuples(none, few)
    drawn = st.one_of(tree, tree, text, st.tuples(few, few))
    return st.builds(
        lambda file, edits, in_base: _made(file, *edits, in_base), st.sampled_from(FILES), drawn, st.booleans()
    )


def verdict_on(
    broken: Broken, folder: Path, kinds_of: Callable[[str], None] = lambda _message: None
) -> list[LoadedScenario]:
    """The scenarios of a broken file, or none: then its errors are well formed.

    Whatever else is raised is a bug. `kinds_of` is called with each message.
    """
    path = folder / "test.sim.yaml"
    path.write_bytes(broken.content)
    (folder / "base.yaml").write_bytes(broken.base)
    try:
        loaded = load_variants(path)
    except ScenarioError as error:
        _require_well_formed(error)
        for problem in error.problems:
            kinds_of(problem.message)
        return []
    assert loaded
    for one in loaded:
        assert str(one.problem("load", "a problem of later"))
        plain = {key: value for key, value in one.data.items() if key != "name"} | {"name": "plain"}
        assert not list(EDITOR.iter_errors(plain)), "an editor underlines what loads"
    return loaded


def _require_well_formed(error: ScenarioError) -> None:
    assert error.problems
    for problem in error.problems:
        lines = str(problem).splitlines()
        assert problem.message
        assert problem.file
        assert 1 <= len(lines) <= 3
        assert len(lines[0]) < 1000
        assert not [word for word in LIBRARY_WORDS if word in str(problem)]


def _made(text: str, tree_edits: list[Edit], byte_edits: list[Edit], in_base: bool) -> Broken:  # noqa: FBT001 - drawn
    base = EVERYTHING.replace("matrix:", "# ")
    if in_base and text is CHILD:
        base = _edited_tree(base, tree_edits)
        return Broken(text.encode(), _edited_bytes(base.encode(), byte_edits))
    content = _edited_tree(text, tree_edits) if tree_edits else text
    return Broken(_edited_bytes(content.encode(), byte_edits), base.encode())


def _edited_tree(text: str, edits: list[Edit]) -> str:
    tree = {"file": yaml.load(text, Loader=yaml.BaseLoader)}  # noqa: S506 - all scalars as text: plain again below
    for where, what, which in edits:
        spots = list(_spots(tree["file"])) or [_Spot(tree, "file")]
        _change(spots[where % len(spots)], tree["file"], what, which)
    return _dumped(tree["file"])


def _spots(tree: Any) -> Any:
    steps = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    for step, value in steps:
        yield _Spot(tree, step)
        yield from _spots(value)


def _change(spot: _Spot, tree: Any, what: int, which: int) -> None:
    holder, step = spot.holder, spot.step
    match what % 7:
        case 0:
            del holder[step]
        case 1 | 2:
            holder[step] = deepcopy(VALUES[which % len(VALUES)])
        case 3 if isinstance(holder, dict):
            holder[_misspelt(step, which)] = holder.pop(step)
        case 4 if isinstance(holder, dict):
            holder[f"key{which}"] = deepcopy(VALUES[which % len(VALUES)])
        case 5 if isinstance(holder, list):
            holder.append(deepcopy(holder[step]))
        case 6:
            others = list(_spots(tree))
            other = others[which % len(others)]
            holder[step] = deepcopy(other.holder[other.step])
        case _:
            holder[step] = [holder[step]]


def _misspelt(key: Any, which: int) -> str:
    word = str(key)
    at = which % max(len(word), 1)
    return [
        word[:at] + word[at + 1 :],
        f"{word[:at]}{word[at : at + 1] * 2}{word[at + 1 :]}",
        word.upper(),
        f"{word} ",
    ][which % 4]


def _dumped(value: Any) -> str:
    """YAML in flow style, with texts that were plain scalars plain again where that is possible."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_dumped(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dumped, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = value and value == value.strip() and not set(value) & set("{}[],:#&*!|>'\"%@`\\?\n") and value[0] != "-"
        return (
            value if plain and value.isprintable() else yaml.dump(value, default_style='"', allow_unicode=True).strip()
        )
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return {"inf": ".inf", "nan": ".nan"}.get(str(value), str(value))


def _edited_bytes(content: bytes, edits: list[Edit]) -> bytes:
    for where, what, which in edits:
        at = where % (len(content) + 1)
        piece = PIECES[which % len(PIECES)]
        match what % 12:
            case 0 | 3 | 6:
                content = content[:at] + piece + content[at:]
            case 1 | 4 | 7 | 9:
                content = content[:at] + content[at + 1 + which % 5 :]
            case 2 | 5 | 8 | 10:
                content = content[:at] + piece + content[at + len(piece) :]
            case _:
                content = content[:at]
    return content
