"""`result.json`: written and read back."""

import json

import pytest
from pydantic import ValidationError
from report_samples import demo_suite, failing_suite, odd_suite, scenario, suite

from sim.model.result import Moment
from sim.report import ResultError, dump_result, load_result
from sim.report.resultfile import parse


@pytest.mark.parametrize("build", [demo_suite, failing_suite, odd_suite, suite])
def test_a_result_survives_its_file(build, tmp_path):
    """What was written is read back as it was, and written again to the same bytes."""
    path = tmp_path / "result.json"
    path.write_bytes(dump_result(build()))
    loaded = load_result(path)

    assert dump_result(loaded) == path.read_bytes()
    assert loaded.scenarios[:1] == build().scenarios[:1]


def test_keys_are_sorted_and_the_file_ends_in_a_newline():
    """The file is UTF-8 JSON with sorted keys and a newline at its end."""
    data = dump_result(failing_suite())
    raw = json.loads(data)

    assert list(raw) == sorted(raw)
    assert list(raw["scenarios"][0]) == sorted(raw["scenarios"][0])
    assert data.endswith(b"}\n")


def test_floats_are_rounded_to_the_microsecond():
    """Differences below a microsecond, and the sign of zero, do not reach the file."""

    def written(limit_s):
        return dump_result(suite(scenario(limits_s={"calm": limit_s})))

    assert written(0.1 + 0.2) == written(0.3)
    assert written(-0.0) == written(0.0)
    assert written(0.3) != written(0.300001)


def test_half_a_surrogate_pair_does_no_harm():
    """A name that UTF-8 cannot hold is written as an escape and read back."""
    odd = suite(scenario(title="\ud800"))

    assert parse(dump_result(odd), where="result.json") == odd


def test_infinity_is_refused_where_it_is_made():
    """A result holds no infinite number, so that its file is JSON everywhere."""
    with pytest.raises(ValidationError, match="finite"):
        Moment(kind="arrival", start_s=float("inf"), end_s=0.0)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is no JSON"),
        (b"\xff\xfe{", "the file is no JSON"),
        (b"[]", "schema is None"),
        (b'{"schema": "penguiflow.sim.result/9"}', "schema is 'penguiflow.sim.result/9'"),
        (b'{"schema": "penguiflow.sim.result/1"}', "version: Field required"),
        (b'{"schema": "penguiflow.sim.result/1", "version": [' + b"[" * 100_000, "the file is no JSON"),
    ],
)
def test_what_is_no_result_is_explained(data, problem):
    """A corrupt file, or one of another version, gives one error with the place, the rule and a fix."""
    with pytest.raises(ResultError) as caught:
        parse(data, where="old/result.json")

    assert caught.value.problem.startswith(problem)
    assert str(caught.value).startswith("old/result.json: ")
    assert "run the scenarios again" in caught.value.fix


def test_a_missing_file_is_explained(tmp_path):
    """A file that is not there is an error that names it."""
    with pytest.raises(ResultError, match="cannot be read") as caught:
        load_result(tmp_path / "result.json")

    assert caught.value.where == str(tmp_path / "result.json")
