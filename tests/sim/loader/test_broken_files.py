"""The corpus of broken scenario files, each with the message that its author gets.

`UPDATE_GOLDEN=1 pytest tests/sim/loader` writes the messages anew.
"""

import os
from pathlib import Path

import pytest

from sim.loader import ScenarioError, load_variants

ROOT = Path(__file__).parents[3]
BROKEN = sorted((ROOT / "tests" / "broken").glob("*.sim.yaml"))
LIBRARY_WORDS = ("Input should", "pydantic", "function-before", "Traceback", "validation error", "Extra inputs")


def message_of(path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_variants(path.relative_to(ROOT))
    return f"{caught.value}\n"


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(".sim.yaml"))
def test_a_broken_file_has_its_message(path):
    """Each broken file gives exactly the message that lies beside it."""
    golden = path.with_name(path.name.replace(".sim.yaml", ".txt"))
    message = message_of(path)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(message, encoding="utf-8")

    assert message == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(".sim.yaml"))
def test_a_message_has_places_and_no_library_words(path):
    """Each problem begins with its file, nothing speaks the language of a library, and no line is a wall of text."""
    lines = message_of(path).splitlines()
    headlines = [line for line in lines if not line.startswith(" ")]

    assert headlines
    assert all(line.startswith("tests/broken/") for line in headlines)
    assert headlines[0].startswith(f"tests/broken/{path.name}") or "extends" in path.read_text()
    assert [word for word in LIBRARY_WORDS for line in lines if word in line] == []
    assert max(map(len, lines)) < 400


def test_every_message_belongs_to_a_file():
    """No golden message outlives the broken file that it was written for."""
    golden = sorted((ROOT / "tests" / "broken").glob("*.txt"))

    assert [path.stem for path in golden] == [path.name.removesuffix(".sim.yaml") for path in BROKEN]
