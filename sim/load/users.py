"""Who is there in a closed load: a fixed number of users in each stage, each asking again only after its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.stages import Stage


class Stretch(NamedTuple):
    """A user is there from `start_s`, and begins nothing from `end_s` on; what is under way goes on."""

    start_s: float
    end_s: float


def stretches(stages: Sequence[Stage], user: int) -> list[Stretch]:
    """When `user` is there: in a stage of n users, those numbered below n are; who stays does not begin anew."""
    found: list[Stretch] = []
    now_s = 0.0
    for stage in stages:
        end_s = round(now_s + stage.for_, 6)
        if user < (stage.users or 0):
            start_s = found.pop().start_s if found and found[-1].end_s == now_s else now_s
            found.append(Stretch(start_s, end_s))
        now_s = end_s
    return found
