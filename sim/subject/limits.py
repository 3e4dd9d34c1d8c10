"""Running a flow under other limits than it was built with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.subject.penguin import PenguinSubject
from sim.subject.protocol import SubjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.override import Override
    from sim.subject.protocol import Subject


class NoLimitsError(SubjectError):
    """What is to be tested has no limits that a scenario could change."""


@contextmanager
def under_limits(subject: Subject, override: Override) -> Iterator[None]:
    """Inside, the subject has the limits of `override` where it gives any; for a subject that does not run yet.

    Nodes get their old policies back: a module may keep its nodes for the next flow that it builds.

    Raises:
        NoLimitsError: the subject is no flow, and there is something to change.

    """
    changes = {name: limits.model_dump(exclude_none=True) for name, limits in override.nodes.items()}
    if not changes and override.queue_maxsize is None:
        yield
        return
    if not isinstance(subject, PenguinSubject):
        rule, fix = "node policies and queue bounds are those of a PenguiFlow", "give the builder args instead"
        raise NoLimitsError("what is built here is no flow", rule=rule, fix=fix)
    flow = subject.flow
    before = [(node, node.policy) for node in flow.graph.nodes if node.label in changes]
    if override.queue_maxsize is not None:
        flow.queue_maxsize = override.queue_maxsize
    try:
        for node, policy in before:
            node.policy = replace(policy, **changes[node.label])
        yield
    finally:
        for node, policy in before:
            node.policy = policy
