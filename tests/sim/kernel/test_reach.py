"""What a flow's code can get at, among all the modules of a process."""

from __future__ import annotations

import sys

import pytest

from sim.kernel.reach import reachable_from


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """Writes modules that can be imported, and forgets them afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)

    def write(folder, name, text):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(tmp_path / folder)
        (tmp_path / folder / f"{name}.py").write_text(text)

    yield write
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]


def test_imports_are_followed_and_strangers_are_not(importable):
    """A library that the flow imports counts, wherever in its text, and what that library imports; others do not."""
    importable("flows", "reach_flow", "import reach_library\ndef build():\n    import reach_late\n")
    importable("lib", "reach_library", "from reach_deep import clock\n")
    importable("lib", "reach_deep", "def clock():\n    return 0\n")
    importable("lib", "reach_late", "")
    importable("lib", "reach_stranger", "")
    for name in ("reach_flow", "reach_late", "reach_stranger"):
        __import__(name)
    found = {name for name in reachable_from("reach_flow") if name.startswith("reach_")}
    assert found == {"reach_flow", "reach_library", "reach_deep", "reach_late"}


def test_what_lies_beside_a_flow_belongs_to_it(importable):
    """Another module of the same folder counts, also where nobody names it."""
    importable("flows", "reach_flow", "")
    importable("flows", "reach_neighbour", "")
    for name in ("reach_flow", "reach_neighbour"):
        __import__(name)
    assert "reach_neighbour" in reachable_from("reach_flow")


def test_our_own_modules_and_the_standard_library_end_the_search(importable):
    """Whoever imports the runtime does not get at all that the harness has imported."""
    importable("flows", "reach_flow", "import asyncio\nimport penguiflow\nimport sim\n")
    __import__("reach_flow")
    assert not [name for name in reachable_from("reach_flow") if name.partition(".")[0] in ("asyncio", "sim")]
