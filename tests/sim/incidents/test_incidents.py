"""The programs of the public incidents, with the versions that are installed here: found where broken, else silent."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import sim

PROGRAMS = Path(__file__).parents[3] / "benchmarks" / "incidents"
SEEDS = range(60)


@pytest.fixture
def program(monkeypatch):
    """Imports a program by its name."""
    monkeypatch.syspath_prepend(PROGRAMS)

    def load(name):
        spec = importlib.util.spec_from_file_location(name, PROGRAMS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("way", ["commands", "one_connection", "pipelines"])
def test_redis_gives_each_caller_its_own_reply(program, way):
    """The redis-py of today closes a connection whose reply was not read."""
    pytest.importorskip("redis", reason="the extra `fleet` brings redis")
    sim.explore(getattr(program("redis_reply_of_another"), way), seeds=SEEDS).check()


def test_httpcore_takes_connections_back(program):
    """The httpcore of today keeps its pool whole, whoever is cancelled when."""
    pytest.importorskip("httpcore", reason="httpx brings httpcore")
    sim.explore(program("httpcore_pool").main, seeds=SEEDS).check()


def test_starlette_ends_background_tasks(program):
    """The starlette of today sends the mail, also when the client has hung up."""
    pytest.importorskip("starlette", reason="the test group brings starlette")
    sim.explore(program("starlette_lost_mail").main, seeds=SEEDS).check()


def test_tenacity_answers_each_call(program):
    """The tenacity of today keeps its calls apart."""
    pytest.importorskip("tenacity", reason="the test group brings tenacity")
    sim.explore(program("tenacity_lost_answer").main, seeds=SEEDS).check()


def test_a_swallowed_cancellation_is_found_where_python_has_it(program):
    """`asyncio.wait_for` forgets a cancellation up to Python 3.11, and not from 3.12 on."""
    found = sim.explore(program("wait_for_swallows").main, seeds=SEEDS).failures
    assert bool(found) is (sys.version_info < (3, 12))
