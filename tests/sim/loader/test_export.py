"""The format as a JSON schema for editors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scenario_files import LARGE, SMALL

from sim.loader.export import scenario_schema, schema_text
from sim.loader.yaml12 import parse

ROOT = Path(__file__).parents[3]
SCHEMA = scenario_schema()
EDITOR = jsonschema.Draft7Validator(SCHEMA)
SHIPPED = sorted((ROOT / "scenarios").glob("**/*.sim.yaml"))
STRUCTURAL = re.compile(
    r"unknown key|unknown kind|unknown (arrival|metric|stat|distribution|place)|is not a (number|whole number|mapping|"
    r"list)|is not text|: missing; "
)


def is_structural(golden: Path) -> bool:
    text = golden.with_name(f"{golden.stem}.sim.yaml").read_text(encoding="utf-8", errors="replace")
    whole = "matrix:" not in text and "extends:" not in text
    return whole and STRUCTURAL.search(golden.read_text(encoding="utf-8")) is not None


BROKEN = [golden.stem for golden in sorted((ROOT / "tests" / "broken").glob("*.txt")) if is_structural(golden)]


def complaints(text: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in EDITOR.iter_errors(parse("f", text).value)]


def test_the_schema_is_one():
    """The schema obeys the rules of draft-07."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_tracked_copy_is_up_to_date():
    """The copy beside the shipped scenarios is what `penguiflow sim schema > scenarios/scenario.schema.json` writes."""
    assert (ROOT / "scenarios" / "scenario.schema.json").read_text(encoding="utf-8") == schema_text()


def test_every_field_is_described():
    """An editor has something to say of every key of every mapping, with an example."""
    mappings = {"": SCHEMA, **{name: one for name, one in SCHEMA["definitions"].items() if not name.endswith("Whole")}}
    bare = [
        f"{name}.{key}"
        for name, mapping in mappings.items()
        for key, said in mapping.get("properties", {}).items()
        if not said.get("description") or not said.get("examples")
    ]

    assert len(mappings) > 20
    assert bare == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_scenarios_are_valid(path):
    """An editor underlines nothing in a scenario that the project ships."""
    assert complaints(path.read_text()) == []


@pytest.mark.parametrize("text", [SMALL, LARGE], ids=["small", "large"])
def test_valid_files_are_valid(text):
    """An editor underlines nothing in a file that loads."""
    assert complaints(text) == []


@pytest.mark.parametrize("name", BROKEN)
def test_an_editor_sees_what_is_wrong_with_the_structure(name):
    """Misspelt keys and words, missing keys and wrong types are underlined before anything is run."""
    path = ROOT / "tests" / "broken" / f"{name}.sim.yaml"

    assert list(EDITOR.iter_errors(parse(path.name, path.read_text()).value))


def test_the_corpus_holds_structure_to_check():
    """The pattern that picks files of the corpus picks many of them."""
    assert len(BROKEN) > 30


def of_fault(fault: str) -> list[str]:
    return complaints(f"{SMALL}faults:\n  - {fault}\n")


def test_a_misspelt_key_of_a_fault_is_told_by_name():
    """No union is in the way: the message names the key, not the kinds that did not fit."""
    assert of_fault("{id: slow, kind: latency, delay: 1s, chnace: 0.5}") == [
        "$.faults[0]: Additional properties are not allowed ('chnace' was unexpected)"
    ]


def test_a_misspelt_kind_is_told_once():
    """The message lists the kinds."""
    (message,) = of_fault("{id: slow, kind: latnecy, delay: 1s}")

    assert message.startswith("$.faults[0].kind: 'latnecy' is not one of ['")


def test_a_missing_kind_is_told():
    """A fault without a kind lacks it, and nothing else is said of it."""
    assert of_fault("{id: slow, delay: 1s}") == ["$.faults[0]: 'kind' is a required property"]


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("{form: 1/s, to: 2/s}", "Additional properties are not allowed ('form' was unexpected)"),
        ("{from: 1/s}", "'to' is a required property"),
        ("20", "20 is not of type 'string'"),
    ],
)
def test_a_value_of_two_forms_is_held_against_the_one_it_has(rate, message):
    """A mapping is read as a ramp, anything else as a rate."""
    text = SMALL.replace("rate: 20/s", f"rate: {rate}")

    assert any(message in one for one in complaints(text))


def test_a_file_that_extends_another_may_leave_out_what_that_has():
    """Nothing is required of it but its schema; unknown keys are still told."""
    head = "schema: penguiflow.sim/1\nextends: base.yaml\n"

    assert complaints(f"{head}faults:\n  - {{id: storm, share: 0.5}}\nload: {{stages: [{{rate: 1/s}}]}}\n") == []
    assert "'shaer'" in complaints(f"{head}faults:\n  - {{id: storm, shaer: 0.5}}\n")[0]
    assert complaints("schema: penguiflow.sim/1\n")[0].endswith("'name' is a required property")


def test_no_form_is_left_that_editors_cannot_explain():
    """There is neither `oneOf` nor `discriminator` in the schema."""

    def keys(part: Any) -> set[str]:
        if isinstance(part, list):
            return {key for one in part for key in keys(one)}
        return set(part) | {key for one in part.values() for key in keys(one)} if isinstance(part, dict) else set()

    assert not keys(SCHEMA) & {"oneOf", "discriminator", "$defs"}
