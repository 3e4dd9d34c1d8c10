"""The CSV file of recorded traffic."""

import pytest
from scenario_files import SMALL, loaded, write

from sim.loader import ScenarioError, resolve_csv

HEAD = SMALL[: SMALL.index("load:")]


def scenario(folder, csv="traffic.csv", more=""):
    return loaded(
        folder, f"{HEAD}load:\n  trace: {{csv: '{csv}', time: TIME, fields: [Tokens]{more}}}\n", "suite/a.sim.yaml"
    )


def messages(folder, **trace):
    with pytest.raises(ScenarioError) as caught:
        resolve_csv(scenario(folder, **trace))
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_a_relative_file_starts_at_the_scenarios_folder(tmp_path):
    """The file lies beside the scenario, whatever the working directory."""
    path = write(tmp_path, "TIME,Tokens\n", "suite/traffic.csv")

    assert resolve_csv(scenario(tmp_path)) == path


def test_a_variable_names_the_file(tmp_path, monkeypatch):
    """`${NAME}` is replaced by the environment variable, which may hold an absolute path or a part of one."""
    path = write(tmp_path, "\ufeffTIME,Tokens\n", "data/traffic.csv")
    monkeypatch.setenv("TRAFFIC_CSV", str(path))
    monkeypatch.setenv("YEAR", "traffic")

    assert resolve_csv(scenario(tmp_path, csv="${TRAFFIC_CSV}")) == path
    assert resolve_csv(scenario(tmp_path, csv="../data/${YEAR}.csv")).samefile(path)


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    """A variable that is not set is an error with its name; half a variable is one too."""
    monkeypatch.delenv("TRAFFIC_CSV", raising=False)

    assert messages(tmp_path, csv="${TRAFFIC_CSV}") == [
        "load.trace.csv: the environment variable TRAFFIC_CSV is not set"
    ]
    assert messages(tmp_path, csv="${TRAFFIC") == ["load.trace.csv: a ${ without a name and }"]


def test_a_missing_file_is_named_with_its_place(tmp_path, monkeypatch):
    """A file that cannot be opened is an error at the line that names it."""
    monkeypatch.chdir(tmp_path)

    assert messages(tmp_path) == ["load.trace.csv: suite/traffic.csv cannot be read: no such file or directory"]
    assert messages(tmp_path, csv=".") == ["load.trace.csv: suite cannot be read: is a directory"]


def test_missing_columns_are_all_named(tmp_path):
    """Every column that the scenario names and the file lacks is a problem, with a close match."""
    write(tmp_path, "TIMES,tokens\n", "suite/traffic.csv")
    with pytest.raises(ScenarioError) as caught:
        resolve_csv(scenario(tmp_path, more=", tenant: customer"))

    assert [(problem.path, problem.fix) for problem in caught.value.problems] == [
        ("load.trace.time", "did you mean 'TIMES'?"),
        ("load.trace.fields[0]", "did you mean 'tokens'?"),
        ("load.trace.tenant", None),
    ]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    """A CSV file in another encoding is an error of the scenario that names it."""
    write(tmp_path, b"TIME,T\xf6kens\n", "suite/traffic.csv")

    assert messages(tmp_path)[0].endswith("is no UTF-8 text")


def test_a_file_that_is_no_csv_is_refused(tmp_path):
    """A file with a cell of more than 128 KiB is something else than recorded traffic."""
    write(tmp_path, "x" * 200_000, "suite/traffic.csv")

    assert "is no CSV: field larger than field limit" in messages(tmp_path)[0]


def test_a_load_without_a_trace_has_no_file(tmp_path):
    """Asking for the file of a synthetic load is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"small has no load\.trace"):
        resolve_csv(loaded(tmp_path, SMALL))
