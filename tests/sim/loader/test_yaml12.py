"""YAML 1.2 with places: what plain scalars mean, and what is refused."""

import math

import pytest
import yaml

from sim.loader import ScenarioError, yaml12
from sim.loader.yaml12 import parse


def value_of(text):
    document = parse("test.sim.yaml", f"a: {text}\n")
    assert document.problems == ()
    return document.value["a"]


def problems_in(text):
    return parse("test.sim.yaml", text).problems


@pytest.mark.parametrize(
    "text", ["no", "on", "Yes", "off", "y", "1:30", "2026-01-01", "1_000", "0b11", "1e", "+", ".", "0o8"]
)
def test_words_of_yaml_1_1_are_text(text):
    """What YAML 1.1 takes for a boolean, a sexagesimal, a date or a number with separators stays text."""
    assert value_of(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        (".5", 0.5),
        ("5.", 5.0),
        ("0", 0),
        ("-0", 0),
        ("+17", 17),
        ("007.5", 7.5),
        ("0o17", 15),
        ("0xFF", 255),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'017'", "017"),
        ('"true"', "true"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_the_core_schema_decides_what_a_scalar_means(text, value):
    """Numbers, booleans and nulls are those of the core schema, and quotes make text."""
    read = value_of(text)

    assert (type(read), read) == (type(value), value)


def test_nan_is_a_number():
    """`.nan` is the float that is no number."""
    assert math.isnan(value_of(".nan"))


@pytest.mark.parametrize("text", ["017", "-01", "00", "08"])
def test_a_leading_zero_is_an_error(text):
    """An integer that YAML 1.1 and 1.2 read differently is refused."""
    (problem,) = problems_in(f"a: {text}\n")

    assert (problem.line, problem.column, problem.path) == (1, 4, "a")
    assert problem.message == f"{text} has a leading zero"


def test_a_duplicate_key_names_both_lines():
    """A second key is refused at its own place, with the line of the first, and the first value stays."""
    document = parse("test.sim.yaml", "a: {x: 1}\nb: 2\na: {x: 3}\n")
    (problem,) = document.problems

    assert (problem.line, problem.column) == (3, 1)
    assert "line 1" in problem.message
    assert document.value == {"a": {"x": 1}, "b": 2}


@pytest.mark.parametrize("text", ["1: x", "true: x", "~: x", "1.5: x"])
def test_a_key_is_text(text):
    """A plain key that means a number, a boolean or null is refused."""
    (problem,) = problems_in(f"{text}\n")

    assert "is no text" in problem.message


def test_every_key_and_value_has_its_place():
    """Keys and values are found again by line and column, a value below its key under the key."""
    document = parse("test.sim.yaml", "faults:\n  - id: slow\n    where: {node: search}\n")

    assert document.places[("faults",)] == (1, 1)
    assert document.places["faults", 0] == (2, 5)
    assert document.places["faults", 0, "id"] == (2, 9)
    assert document.keys["faults", 0, "where"] == (3, 5)
    assert document.places["faults", 0, "where", "node"] == (3, 19)


def test_an_alias_repeats_its_anchor():
    """Aliases are allowed, and mean what their anchor holds."""
    assert parse("test.sim.yaml", "a: &x [1, {b: 2}]\nc: *x\nd: &y z\ne: *y\n").value == {
        "a": [1, {"b": 2}],
        "c": [1, {"b": 2}],
        "d": "z",
        "e": "z",
    }


@pytest.mark.parametrize(
    "text", ["a: 1\n---\nb: 2\n", "", "# only this\n", "---\n", "a: *x\n", "a: &x [*x]\n", "? [1]\n: 2\n"]
)
def test_some_documents_are_refused(text):
    """No document, a second one, an alias that leads nowhere and a key that is a list end the reading."""
    with pytest.raises(ScenarioError):
        parse("test.sim.yaml", text)


@pytest.mark.parametrize("text", ["a: !!str 1\n", "a: !thing {b: 1}\n", "a: ! 1\n", "a: {<<: {b: 1}}\n"])
def test_tags_and_merge_keys_are_refused(text):
    """A tag or a merge key is a problem at its place, and the rest of the file is still read."""
    assert [problem.line for problem in problems_in(text)] == [1]


@pytest.mark.parametrize(("depth", "refused"), [(31, False), (32, True)])
def test_values_are_nested_32_deep(depth, refused):
    """Thirty-two levels are read, a thirty-third is not."""
    text = f"a: {'[' * depth}{']' * depth}\n"
    if refused:
        with pytest.raises(ScenarioError, match="nested too deeply"):
            parse("test.sim.yaml", text)
    else:
        assert parse("test.sim.yaml", text).value["a"] is not None


def test_aliases_cannot_multiply():
    """A file whose aliases unfold into millions of values is refused before anybody unfolds it."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]

    with pytest.raises(ScenarioError, match="too many values"):
        parse("test.sim.yaml", "\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "a:\n\tb: 1",
        "a: b: c",
        "a: [1, 2\nb: 3",
        "a: 'x\nb: 1\n",
        "a: @x",
        "x: [[[",
        "a: {b: 1",
        'a: "\\q"',
        "a: -\n b: 1",
        "a: }",
    ],
)
def test_the_pure_parser_says_the_same(text, monkeypatch):
    """Without the C parser a syntax error has the same words and the same line, give or take the end of the text."""

    def complaint():
        with pytest.raises(ScenarioError) as caught:
            parse("test.sim.yaml", text)
        return caught.value.problems[0].message

    with_c_parser = complaint()
    monkeypatch.setattr(yaml12, "_PARSER", yaml.SafeLoader)

    assert complaint() == with_c_parser
    assert "this is no YAML" not in with_c_parser
