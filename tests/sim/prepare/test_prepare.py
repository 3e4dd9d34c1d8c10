"""What a scenario names, loaded and held against the file before anything runs."""

from __future__ import annotations

import sys

import pytest

from sim.loader import ScenarioError, load_scenario, load_variants
from sim.prepare import prepare

HEAD = "schema: penguiflow.sim/1\nname: small\n"
LOAD = "load: {stages: [{for: 1s, rate: 1/s}]}\n"
CODE = """\
import json
import sys
from penguiflow import Node, create

async def work(message, ctx):
    return message

def build():
    return create(Node(work, name="work").to())

async def coroutine(*args):
    return build()

def generator(*args):
    yield build()

async def stream(*args):
    yield build()

class Callable:
    async def __call__(self, *args):
        return build()

instance = Callable()

def in_library():
    return json.loads("{")

def leaving():
    sys.exit(0)

def hidden_coroutine():
    return coroutine()

class TwoTexts(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)

class Picky(Exception):
    def __init__(self, text):
        raise ValueError("not this text")

class Fine(Exception):
    pass
"""


@pytest.fixture(autouse=True)
def _modules_put_back(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(CODE)
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]


def prepared(tmp_path, text):
    file = tmp_path / "small.sim.yaml"
    file.write_text(HEAD + text)
    return prepare(load_scenario(file))


def problems(tmp_path, text):
    with pytest.raises(ScenarioError) as caught:
        prepared(tmp_path, text)
    return [(problem.path, str(problem)) for problem in caught.value.problems]


def tool_errors(*names):
    faults = (f"  - {{id: f{number}, kind: tool_error, error: 'shop:{name}'}}\n" for number, name in enumerate(names))
    return "faults:\n" + "".join(faults)


def test_a_scenario_with_nothing_wrong_is_ready(tmp_path):
    """Builder and exception classes are loaded and stand under the names that the file gives them."""
    ready = prepared(tmp_path, "flow: shop:build\n" + LOAD + tool_errors("Fine"))

    assert ready.builder.__name__ == "build"
    assert str(ready.errors["shop:Fine"]("lost")) == "lost"


def test_every_part_is_told_at_once(tmp_path):
    """Payload, recorded traffic, each exception class and each unknown node are told in one go."""
    text = (
        "flow: shop:build\n"
        "load: {payload: 'shop:nothing', trace: {csv: none.csv, time: T}}\n"
        "faults:\n"
        "  - {id: a, kind: tool_error, error: 'shop:Missing'}\n"
        "  - {id: b, kind: tool_error, error: 'shop:build'}\n"
        "  - {id: c, kind: latency, delay: 1s, where: {node: wrok}}\n"
    )

    found = [path for path, _ in problems(tmp_path, text)]

    assert found == ["load.payload", "load.trace.csv", "faults[0].error", "faults[1].error", "faults[2].where.node"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("coroutine", "is a coroutine function"),
        ("instance", "is a coroutine function"),
        ("generator", "is a generator function"),
        ("stream", "is a generator function"),
    ],
)
def test_builders_and_payload_functions_answer_when_they_are_called(tmp_path, name, kind):
    """Coroutine and generator functions are refused as builder and as payload, and never called."""
    text = f"flow: shop:{name}\nload: {{payload: 'shop:{name}', stages: [{{for: 1s, rate: 1/s}}]}}\n"

    found = problems(tmp_path, text)

    assert [path for path, _ in found] == ["flow", "load.payload"]
    assert all(kind in words for _, words in found)


def test_a_builder_that_hands_out_a_coroutine_is_refused_in_silence(tmp_path):
    """What a plain function gives instead of a flow is named by its type, and leaves no warning behind."""
    ((path, words),) = problems(tmp_path, "flow: shop:hidden_coroutine\n" + LOAD)

    assert path == "flow"
    assert "gives a coroutine" in words


@pytest.mark.parametrize(
    ("name", "reason"), [("in_library", "JSONDecodeError: Expecting"), ("leaving", "SystemExit: 0")]
)
def test_a_builder_that_fails_is_told_with_the_users_own_line(tmp_path, name, reason):
    """However deep in a library it fails, and even when it ends the process, the user's line is named."""
    line = next(number for number, text in enumerate(CODE.splitlines(), 1) if text == f"def {name}():") + 1

    ((path, words),) = problems(tmp_path, f"flow: shop:{name}\n" + LOAD)

    assert path == "flow"
    assert f"building the flow fails: {reason}" in words
    assert f"(shop.py:{line})" in words


@pytest.mark.parametrize(
    ("name", "reason"),
    [("TwoTexts", "TypeError: "), ("Picky", "ValueError: not this text (shop.py:41)")],
)
def test_an_error_that_no_text_makes_is_refused(tmp_path, name, reason):
    """An exception class is tried with one text, as the fault makes it, before anything runs."""
    ((path, words),) = problems(tmp_path, "flow: shop:build\n" + LOAD + tool_errors(name))

    assert path == "faults[0].error"
    assert f"shop:{name}(text) raises {reason}" in words


def test_the_nodes_of_an_override_are_held_against_the_flow(tmp_path):
    """A node that the flow does not have is an error at its key, with the close match."""
    override = "override: {nodes: {work: {timeout_s: 1}, wrok: {timeout_s: 1}}}\n"

    ((path, message),) = problems(tmp_path, f"flow: shop:build\n{LOAD}{override}")

    assert path == "override.nodes.wrok"
    assert "unknown node 'wrok'; it is one of work; did you mean 'work'?" in message


def test_an_override_of_something_that_is_no_flow_is_refused(tmp_path):
    """A subject without node policies cannot run under others, and the file says so before the run."""
    (tmp_path / "shop.py").write_text(
        "async def handle(request):\n    return request\ndef build():\n    return handle\n"
    )

    ((path, message),) = problems(tmp_path, f"flow: shop:build\n{LOAD}override: {{queue_maxsize: 3}}\n")

    assert path == "override"
    assert "what is built here is no flow" in message


def test_a_shape_is_loaded_with_the_rest(tmp_path):
    """The function under `load.shape` is there when the scenario runs, and a missing one is an error at its place."""
    (tmp_path / "shop.py").write_text(f"{CODE}\ndef weekend(rng, horizon_s):\n    return [1.0]\n")

    assert prepared(tmp_path, "flow: shop:build\nload: {shape: 'shop:weekend'}\n").shape.__name__ == "weekend"
    ((path, message),) = problems(tmp_path, "flow: shop:build\nload: {shape: 'shop:weekned'}\n")
    assert path == "load.shape"
    assert "did you mean 'weekend'?" in message


def test_a_node_that_only_a_matrix_names_is_found_there(tmp_path):
    """An overridden node that the flow lacks is an error at its key of the matrix."""
    file = tmp_path / "small.sim.yaml"
    file.write_text(f"{HEAD}flow: shop:build\n{LOAD}matrix:\n  override.nodes.wrok.timeout_s: [1]\n")
    (loaded,) = load_variants(file)

    with pytest.raises(ScenarioError) as caught:
        prepare(loaded)

    (problem,) = caught.value.problems
    assert (problem.path, problem.source_line) == ("override.nodes.wrok", "  override.nodes.wrok.timeout_s: [1]")
