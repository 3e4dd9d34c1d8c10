"""Scenario files become models, or errors at their places."""

import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_files import LARGE, SMALL, loaded, problems_in, write

from sim.loader import LoadedScenario, ScenarioError, load_scenario
from sim.loader.load import _validated
from sim.loader.schema import child
from sim.loader.yaml12 import parse
from sim.model.scenario import Scenario

SHIPPED = sorted((Path(__file__).parents[3] / "scenarios").glob("*.sim.yaml"))


def test_a_full_scenario_loads(tmp_path):
    """A file with every kind of fault and most kinds of check becomes a scenario in the right units."""
    scenario = loaded(tmp_path, LARGE).scenario

    assert [fault.kind for fault in scenario.faults] == ["latency", "tool_error", "retry_storm", "tenant_probe"]
    assert [check.max for check in scenario.checks] == [0.4, 1.8, 1.2, 0.01, 0.0, 0.0, 2.0, 10.0, 64.0]
    assert (scenario.horizon, scenario.load.stages[1].rate, scenario.faults[0].window.end_s) == (120.0, 60.0, 35.0)
    assert scenario.seeds.all()[-2:] == [50, 4711]


def test_a_small_scenario_has_defaults(tmp_path):
    """Name, flow and load are enough; everything else has a default."""
    scenario = loaded(tmp_path, SMALL).scenario

    assert (scenario.horizon, list(scenario.tenants), scenario.faults, scenario.seeds.all()) == (
        600.0,
        ["default"],
        (),
        [1],
    )


def test_lines_lead_to_places(tmp_path):
    """Every path of the file, such as `checks[2]`, leads to its line and column."""
    lines = loaded(tmp_path, LARGE).lines

    assert lines["checks[2]"] == (56, 5)
    assert lines["faults[0].where.node"] == (27, 19)
    assert lines["load.stages[1].rate"] == (22, 24)


def test_a_loaded_scenario_travels(tmp_path):
    """A loaded scenario and its errors survive pickling, so that other processes can have them."""
    scenario = loaded(tmp_path, LARGE)
    error = ScenarioError(problems_in(tmp_path, "name: 1\n"))

    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 - made two words earlier
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - made two lines earlier


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_scenarios_load(path):
    """Every scenario that the project ships is valid."""
    assert load_scenario(path).scenario.name == path.name.removesuffix(".sim.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"schema: penguiflow.sim/1\nname: caf\xe9\n", "the byte 0xe9 is not UTF-8"),
        (b"schema: penguiflow.sim/1\nname: a\x00b\n", "the control character '\\x00'"),
        (b"# " + b"x" * 1024 * 1024, "the file is too large"),
    ],
    ids=["latin-1", "zero byte", "huge"],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    """A file that is not UTF-8, holds control characters or is larger than 1 MiB is refused before it is parsed."""
    (problem,) = problems_in(tmp_path, content)

    assert problem.message == message


def test_the_place_of_a_bad_byte_is_named(tmp_path):
    """A byte that is not UTF-8 is found by line and column, the line shown as far as it can be."""
    (problem,) = problems_in(tmp_path, b"schema: penguiflow.sim/1\nname: caf\xe9\n")

    assert (problem.line, problem.column, problem.source_line) == (2, 10, "name: caf\ufffd")


def test_a_byte_order_mark_is_no_content(tmp_path):
    """A file that an editor has begun with a byte order mark loads like any other."""
    path = write(tmp_path, b"\xef\xbb\xbf" + SMALL.encode())

    assert load_scenario(path).lines["schema"] == (1, 9)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    """A file that is not there gives an error with its name and nothing else."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ScenarioError, match=r"^gone\.sim\.yaml: the file cannot be read: no such file or directory;"):
        load_scenario(Path("gone.sim.yaml"))


def test_paths_are_shown_from_the_working_directory(tmp_path, monkeypatch):
    """A file below the working directory is shown relative to it, any other as it was given."""
    path = write(tmp_path, "name: 1\n", "below/test.sim.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=r"^below/test\.sim\.yaml:1:"):
        load_scenario(path)
    (tmp_path / "beside").mkdir()
    monkeypatch.chdir(tmp_path / "beside")

    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)

    assert str(caught.value).startswith(f"{path}:1:")


def test_the_name_of_a_file_is_the_same_from_anywhere(tmp_path, monkeypatch):
    """In results a file is named from the root of its project, whatever the working directory."""
    (tmp_path / "pyproject.toml").touch()
    scenario = loaded(tmp_path, SMALL, "suites/small.sim.yaml")
    monkeypatch.chdir(tmp_path / "suites")

    assert scenario.file == load_scenario(Path("small.sim.yaml")).file == "suites/small.sim.yaml"


def test_all_problems_come_at_once_and_in_order(tmp_path):
    """Duplicate keys, unknown names and broken values are reported together, sorted by place."""
    text = (
        SMALL + "checks:\n  - {id: a, id: b, metric: trace.latency, stat: p99, during: nowhere, max: 1}\nhorizon: 5\n"
    )
    problems = problems_in(tmp_path, text)

    assert [(problem.line, problem.path) for problem in problems] == [
        (8, "checks[0].id"),
        (8, "checks[0].during"),
        (8, "checks[0].max"),
        (9, "horizon"),
    ]


def test_long_values_are_shortened(tmp_path):
    """A value of a thousand characters takes up to eighty in its message, and its line is cut around the culprit."""
    (problem,) = problems_in(tmp_path, SMALL.replace("small", "X" * 1000))
    headline, excerpt, caret = str(problem).splitlines()

    assert "X" * 81 not in headline
    assert len(excerpt) < 120
    assert caret.endswith("^")


def test_terminal_escapes_stay_out_of_messages(tmp_path):
    """A file cannot send control sequences to the terminal of who reads its errors."""
    text = SMALL + 'title: "\\e[31mred"\nhorizon: "\\e[31m"\n'

    assert all("\x1b" not in str(problem) for problem in problems_in(tmp_path, text))


LINES = LARGE.splitlines(keepends=True)
SNIPPETS = [
    "",
    " ",
    "\t",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ":",
    "'",
    '"',
    "&a ",
    "*a",
    "!!x ",
    "~",
    "null",
    "1e400",
    "-1",
    "{}",
    "[]",
    ".nan",
    "\x07",
    "é",
    "\ud7ff",
]


@settings(derandomize=True, max_examples=250, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(LARGE)), st.integers(0, 12), st.sampled_from(SNIPPETS) | st.text(max_size=5)),
        min_size=1,
        max_size=4,
    )
)
def test_any_edit_gives_a_scenario_or_its_error(tmp_path_factory, edits):
    """However a file is mangled, it is a valid scenario or it has a message without library words."""
    text = LARGE
    for start, length, snippet in edits:
        text = text[:start] + snippet + text[start + length :]
    path = write(tmp_path_factory.getbasetemp(), text.encode("utf-8", "surrogatepass"), "mangled.sim.yaml")

    assert isinstance(load_or_error(path), (LoadedScenario, ScenarioError))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["acme", "1s", "5/s"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "kind", "node", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places_in(value, path=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for step, inner in children for place in places_in(inner, (*path, step))]


def replace(value, path, new):
    """Put `new` at `path`, unless an earlier replacement took the path away."""
    for step in path[:-1]:
        value = child(value, step)
    if isinstance(value, dict) or (isinstance(value, list) and path[-1] in range(len(value))):
        value[path[-1]] = new


PLACES = places_in(yaml.safe_load(LARGE))


@settings(derandomize=True, max_examples=250, deadline=None)
@given(replacements=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
def test_any_value_gives_a_scenario_or_its_error(replacements):
    """Whatever stands where, the models' objections become plain words with a place in the file."""
    value = yaml.safe_load(LARGE)
    for path, new in replacements:
        replace(value, path, new)
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=None)

    assert isinstance(validated_or_error(text), (Scenario, ScenarioError))


def load_or_error(path):
    try:
        return load_scenario(path)
    except ScenarioError as error:
        assert_plain(error)
        return error


def validated_or_error(text):
    try:
        return _validated(parse("test.sim.yaml", text))
    except ScenarioError as error:
        assert_plain(error)
        return error


def assert_plain(error):
    text = str(error)
    assert error.problems
    assert not any(word in text for word in ("Input should", "pydantic", "does not fit here", "Traceback"))
