"""Asks a check of somebody's own what it saw, and turns that into samples."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from sim.checks.stats import Samples
from sim.checks.windows import WHOLE
from sim.model.custom import CustomCheckError, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.checks.windows import Interval
    from sim.model.custom import CustomCheck
    from sim.model.recording import Recording
    from sim.model.scenario import Check, CheckWhere


def seen_by(check: Check, function: CustomCheck, recording: Recording, interval: Interval) -> list[Seen]:
    """What `function` saw of what `check` looks at; bare numbers have no time, tenant or node.

    Raises:
        CustomCheckError: it raised, or gave something that is no number and no `Seen`.

    """
    try:
        given = list(function(recording))
    except Exception as error:
        message = f"{check.check} raised {type(error).__name__}: {error}"
        rule = "a check of your own takes any recording, also one in which nothing happened"
        raise CustomCheckError(check.id, message, rule=rule, fix="handle that case in the function") from error
    seen = [_as_seen(check, one) for one in given]
    return [one for one in seen if _matches(one, check.where, interval)]


def samples_of(seen: Sequence[Seen]) -> Samples:
    """The same as samples."""
    return Samples([one.value for one in seen])


def _as_seen(check: Check, given: object) -> Seen:
    value = given.value if isinstance(given, Seen) else given
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        message = f"{check.check} gave {type(value).__name__} {value!r:.80}"
        rule = "a check of your own gives finite numbers, or Seen with one"
        raise CustomCheckError(check.id, message, rule=rule, fix="yield Seen(text, value=...), or a float")
    return given if isinstance(given, Seen) else Seen("", float(value))


def _matches(seen: Seen, where: CheckWhere, interval: Interval) -> bool:
    in_time = interval == WHOLE if seen.at_s is None else seen.at_s in interval
    return in_time and where.tenant in (None, seen.tenant) and where.node in (None, seen.node)
