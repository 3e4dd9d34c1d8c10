"""Loading the code that a scenario names."""

import sys
from functools import partial

import pytest
from scenario_files import SMALL, loaded, write

from sim.loader import ScenarioError, load_object, modules_of


@pytest.fixture(autouse=True)
def _modules_put_back(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]


def load(folder, reference, cause="flow"):
    scenario = loaded(folder, SMALL)
    return load_object(reference, folder=scenario.folder, problem_at=partial(scenario.problem, cause))


def message_of(folder, reference):
    with pytest.raises(ScenarioError) as caught:
        load(folder, reference)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (3, 7, "flow")
    return "; ".join(part for part in (problem.message, problem.rule, problem.fix) if part)


def test_code_comes_from_the_scenarios_folder_then_from_the_working_directory(tmp_path):
    """Of two modules with one name, the one beside the scenario wins; the other is found where it is alone."""
    write(tmp_path, "def build(): return 'working directory'\n", "shop.py")
    write(tmp_path, "def build(): return 'working directory'\n", "depot.py")
    write(tmp_path, "def build(): return 'scenario'\n", "suite/shop.py")

    assert load(tmp_path / "suite", "shop:build")() == "scenario"
    assert load(tmp_path / "suite", "depot:build")() == "working directory"


def test_modules_of_two_folders_are_not_mixed_up(tmp_path):
    """Each folder has its own modules of one name, in whatever order and how often they are asked for."""
    for name in ("one", "two"):
        write(tmp_path, f"NAME = '{name}'\n", f"{name}/flows/names.py")
        write(tmp_path, "from flows.names import NAME\ndef build(): return NAME\n", f"{name}/flows/shop.py")
    one, two = load(tmp_path / "one", "flows.shop:build"), load(tmp_path / "two", "flows.shop:build")

    assert (one(), two()) == ("one", "two")
    assert load(tmp_path / "one", "flows.shop:build") is one
    assert load(tmp_path / "two", "flows.shop:build") is two


def test_a_folder_does_not_lend_its_modules(tmp_path):
    """A module of one folder does not make up for one that is missing in another."""
    write(tmp_path, "def build(): pass\n", "one/shop.py")
    (tmp_path / "two").mkdir()
    load(tmp_path / "one", "shop:build")

    assert message_of(tmp_path / "two", "shop:build").startswith("there is no module 'shop'")


def test_an_import_at_run_time_stays_in_its_folder(tmp_path):
    """Inside `modules_of`, code that imports late gets the modules of its own folder."""
    for name in ("one", "two"):
        write(tmp_path, f"NAME = '{name}'\n", f"{name}/names.py")
        write(tmp_path, "def build():\n    from names import NAME\n    return NAME\n", f"{name}/shop.py")
    one, _ = load(tmp_path / "one", "shop:build"), load(tmp_path / "two", "shop:build")

    with modules_of(tmp_path / "one"):
        assert one() == "one"


def test_the_process_keeps_its_own_modules(tmp_path, monkeypatch):
    """A module that was imported before under the same name is still there afterwards, and so is the search path."""
    write(tmp_path, "def build(): return 'scenario'\n", "suite/shop.py")
    ours = type(sys)("shop")
    monkeypatch.setitem(sys.modules, "shop", ours)
    path = list(sys.path)

    assert load(tmp_path / "suite", "shop:build")() == "scenario"
    assert sys.modules["shop"] is ours
    assert sys.path == path


def test_a_missing_module_gets_a_close_match(tmp_path):
    """A module that does not exist is named, with one that does."""
    write(tmp_path, "", "flows/checkout.py")

    assert message_of(tmp_path, "flows.chekout:build") == (
        "there is no module 'flows.chekout'; modules are looked for beside the scenario, "
        "then in the working directory; did you mean 'flows.checkout'?"
    )
    assert "there is no module 'flow'" in message_of(tmp_path, "flow.checkout:build")
    assert "flows.checkout is a module and not a package" in message_of(tmp_path, "flows.checkout.build:build")


def test_a_missing_attribute_gets_a_close_match(tmp_path):
    """A name that the module lacks is an error with the one that was probably meant."""
    write(tmp_path, "class Shop:\n    def build(self): pass\n", "shop.py")

    assert message_of(tmp_path, "shop:Shopp") == "shop has no 'Shopp'; did you mean 'Shop'?"
    assert message_of(tmp_path, "shop:Shop.biuld") == "shop.Shop has no 'biuld'; did you mean 'build'?"
    assert load(tmp_path, "shop:Shop.build").__name__ == "build"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import json\n\ndef fetch():\n    return json.loads('{')\n\nfetch()\n",
            "JSONDecodeError: Expecting property name",
        ),
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def build(:\n", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("assert 1 == 2\n", "AssertionError"),
    ],
    ids=["deep in a library", "missing library", "syntax", "exit", "no text"],
)
def test_a_failing_import_says_why_and_where(tmp_path, code, reason):
    """An import that fails gives the inner error's type and text, and the line of the user's own code."""
    write(tmp_path, code, "shop.py")
    line = 4 if "fetch" in code else 1

    message = message_of(tmp_path, "shop:build")

    assert message.startswith(f"importing shop fails: {reason}")
    assert f"(shop.py:{line})" in message


def test_ctrl_c_is_no_broken_module(tmp_path):
    """Who interrupts an import interrupts the command, and gets no message about the module."""
    write(tmp_path, "raise KeyboardInterrupt\n", "shop.py")

    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, "shop:build")


def test_what_cannot_be_called_is_refused(tmp_path):
    """A reference to something that is no function and no class is an error."""
    write(tmp_path, "build = 3\n", "shop.py")

    assert message_of(tmp_path, "shop:build").startswith("'shop:build' is no callable;")
