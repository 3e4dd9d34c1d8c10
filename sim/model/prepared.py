"""A scenario with everything that it names loaded: what a run starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.model.custom import CustomCheck
    from sim.model.scenario import Scenario


@dataclass(frozen=True)
class Prepared:
    """What a run starts from.

    Args:
        scenario: the file's content.
        builder: the callable under `flow`.
        payload: the callable under `load.payload`.
        rows: recorded arrivals, where the load is a trace.
        shape: the callable under `load.shape`.
        errors: exception classes by the text of `error`.
        factories: what makes custom faults, by the text of `factory`.
        checks: functions of custom checks by the text of `check`.
        services: what each service is made of, by name: a factory of ASGI apps, or the swaps of callables.

    """

    scenario: Scenario
    builder: Callable[..., Any]
    payload: Callable[..., Any] | None = None
    rows: Any = None
    shape: Callable[..., Any] | None = None
    errors: Mapping[str, Callable[[str], Exception]] = field(default_factory=dict)
    factories: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    checks: Mapping[str, CustomCheck] = field(default_factory=dict)
    services: Mapping[str, Any] = field(default_factory=dict)
