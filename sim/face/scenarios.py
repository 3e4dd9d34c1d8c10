"""`@sim.scenario`: a test that is given what a scenario came to."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sim.model.scenario import Scenario

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test

_GIVEN, _FIXTURE = "result", "sim_run"


def scenario(
    path: str | Path | Scenario, *, seed: int | None = None, seeds: int | Sequence[int] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a scenario before a test, and hand its result to the test as the argument `result`.

    Args:
        path: a file, looked for beside the test's, or a scenario made in Python.
        seed: this seed only.
        seeds: how many in a row, or which; without either, those of pytest's options, or of the scenario.

    Raises:
        TypeError: the test is async, or has no argument `result`.

    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        name = getattr(test, "__name__", repr(test))
        if inspect.iscoroutinefunction(test):
            raise TypeError(f"@sim.scenario: {name} is async; the scenario has run when the test begins; write def")
        if _GIVEN not in signature.parameters:
            raise TypeError(
                f"@sim.scenario: {name} has no argument result; it is given there; write def {name}(result)"
            )

        @functools.wraps(test)
        def wrapped(*args: Any, **fixtures: Any) -> None:
            run = fixtures[_FIXTURE] if asks else fixtures.pop(_FIXTURE)
            test(*args, **fixtures, **{_GIVEN: run(path, seed=seed, seeds=seeds)})

        asks = _FIXTURE in signature.parameters
        others = [one for name, one in signature.parameters.items() if name != _GIVEN]
        fixture = [] if asks else [inspect.Parameter(_FIXTURE, inspect.Parameter.KEYWORD_ONLY)]
        # pytest reads from the signature which fixtures a test wants.
        wrapped.__signature__ = signature.replace(parameters=[*others, *fixture])  # type: ignore[attr-defined]
        return wrapped

    return decorate
