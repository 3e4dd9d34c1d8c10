"""`--format json`: what happens, one JSON object a line, for programs that follow a sweep."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.cli.exits import Exit
    from sim.model.result import ScenarioResult


@contextmanager
def told_as_events(name: str, seeds: int) -> Iterator[Callable[[int], None]]:
    """Tell that a scenario is begun, and give what is to be called with each seed that is done."""
    _tell("start", scenario=name, seeds=seeds)
    yield lambda seed: _tell("seed", scenario=name, seed=seed)


def tell_result(result: ScenarioResult) -> None:
    """A scenario is done."""
    checks = [
        {"id": check.id, "verdict": check.verdict, "value": check.value, "failing_seeds": check.failing_seeds}
        for check in result.checks
    ]
    facts: dict[str, Any] = {"verdict": result.verdict, "reason": result.reason, "digest": result.digest}
    _tell("result", scenario=result.name, **facts, checks=checks)


def tell_end(code: Exit) -> None:
    """The command ends."""
    _tell("end", exit_code=int(code))


def _tell(event: str, **facts: Any) -> None:
    click.echo(json.dumps({"event": event, **facts}))
