"""`penguiflow sim schema`."""

from __future__ import annotations

from command import ROOT, SCENARIOS, sim


def test_the_schema_is_printed():
    """What is printed is the tracked copy, byte for byte."""
    finished = sim("schema")

    assert finished.returncode == 0
    assert finished.stdout == (SCENARIOS / "scenario.schema.json").read_text(encoding="utf-8")


def test_a_copy_is_held_against_this_version(tmp_path):
    """A copy that is up to date gives 0; another one gives 1, with the command that renews it."""
    other = tmp_path / "scenario.schema.json"
    other.write_text("{}\n")

    same, drifted = sim("schema", "--check", SCENARIOS / "scenario.schema.json"), sim("schema", "--check", other)

    assert (same.returncode, same.stdout) == (
        0,
        f"{(SCENARIOS / 'scenario.schema.json').relative_to(ROOT)}: up to date\n",
    )
    assert drifted.returncode == 1
    assert f"penguiflow sim schema > {other}" in drifted.stderr


def test_a_copy_that_is_not_there_is_named(tmp_path):
    """A file that cannot be read is an error of usage, told in one line."""
    finished = sim("schema", "--check", tmp_path / "gone.json")

    assert finished.returncode == 2
    assert "gone.json: the schema cannot be read: no such file or directory" in finished.stderr
    assert "Traceback" not in finished.stderr
