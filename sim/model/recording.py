"""What one run left behind, as data: the input of every check, plot and story.

All times are virtual seconds from the start of the run. All lists are in
the order in which things happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from sim.model.packed import Packed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.model.limits import NodeLimits
    from sim.model.properties import PropertyTally

Outcome = Literal["ok", "error", "deadline", "cancelled", "no_result", "unanswered"]
SpanKind = Literal["waiting", "running", "backoff", "blocked"]
Gone = Literal["", "answered", "refused", "cancelled", "deadline", "gave_up"]
"""Why nobody waits for an effect any more; empty while somebody does, or where nobody ever did."""

INGRESS = "ingress"
"""The node of a request that no edge has room for yet."""


@dataclass(slots=True)
class Request:
    """One request of one caller, and how it ended.

    Args:
        index: position in the order of arrival, from 0.
        trace_id: its trace.
        tenant: who sent it.
        order: what the caller wants; retries of one caller share it.
        origin: `load`, or the id of the fault whose callers sent it.
        client_attempt: the how-many-th try of its caller, from 1.
        arrival_s: when it was meant to arrive; latency counts from here.
        deadline_s: when it has to be answered; `None` for no deadline.
        ended_s: when the caller got its answer or was told no; `None` if never.
        outcome: how it ended.
        detail: the error's class and code, never its text.
        gives_up_s: when the caller stops waiting without having told the flow so; `None` if it does not.

    """

    index: int
    trace_id: str
    tenant: str
    order: str
    origin: str
    client_attempt: int
    arrival_s: float
    deadline_s: float | None = None
    ended_s: float | None = None
    outcome: Outcome = "unanswered"
    detail: str = ""
    gives_up_s: float | None = None

    @property
    def latency_s(self) -> float | None:
        """Seconds from the intended arrival to the end; `None` if there was no end."""
        return None if self.ended_s is None else round(self.ended_s - self.arrival_s, 6)


class Span(NamedTuple):
    """A stretch of a trace's time at one node: where the time went."""

    trace_id: str
    node: str
    kind: SpanKind
    attempt: int
    start_s: float
    end_s: float
    result: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of the outside world, as the outside world saw it.

    Args:
        name: the tool or service that was changed.
        key: the idempotency key, if the caller gave one.
        args_digest: digest of the arguments.
        trace_id: the trace on whose behalf.
        tenant: the tenant on whose behalf.
        node: the node that acted.
        attempt: the node's attempt, from 1.
        at_s: when it took effect.
        gone: why the caller no longer waited, which makes it a zombie: it had its answer, was told no (refused),
            had cancelled, or its deadline had come. Empty where it waited, or where no caller is behind the trace.
        certain: false where the call was cut off under way, so that it has perhaps happened.
        service: the simulated service that was changed; `None` for a tool or a declared node.

    """

    name: str
    key: str | None
    args_digest: str
    trace_id: str | None
    tenant: str | None
    node: str | None
    attempt: int
    at_s: float
    gone: Gone = ""
    certain: bool = True
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Fire:
    """One hit of a fault."""

    fault: str
    at_s: float
    address: str
    effect: str


@dataclass(slots=True)
class FaultCount:
    """How often a fault could have fired, and did."""

    matched: int = 0
    fired: int = 0
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A canary seen in a sink.

    Args:
        fault: the probe that planted it; empty for what every run of several tenants plants.
        place: where it was planted.
        owner: the tenant it belongs to.
        sink: where it was seen.
        seen_by: the tenant that owns the sink's entry; `None` where everybody can look.
        node: the node concerned, if one is.
        trace_id: the trace concerned, if one is.
        at_s: when.
        path: where inside the value, such as `payload.answer`.
        leaked: whether somebody other than the owner could see it.
        form: how it was written, such as `plain`, `base64`, `escaped`.
        line: `file:line` of the log call, where a log leaked.

    """

    fault: str
    place: str
    owner: str
    sink: str
    seen_by: str | None
    node: str | None
    trace_id: str | None
    at_s: float
    path: str
    leaked: bool
    form: str = "plain"
    line: str = ""


class Depth(NamedTuple):
    """Messages waiting before a node from `at_s` on."""

    at_s: float
    node: str
    depth: int
    bound: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why nothing moves any more.

    Args:
        at_s: when everything stopped.
        reason: one line.
        waits: one line for each join that holds messages, and one for each waiting task: task, place in the code,
            what it waits for.
        cycle: the tasks that wait for each other in a ring, if there is one.

    """

    at_s: float
    reason: str
    waits: tuple[str, ...] = ()
    cycle: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JoinIncomplete:
    """A join that gave up: nothing was on its way any more that it could have waited for.

    Args:
        trace_id: the trace.
        node: the join.
        held: the messages that it had.
        needed: the messages that it waited for in all.

    """

    trace_id: str
    node: str
    held: int
    needed: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool or of a simulated service, written down when it was made, whatever became of it."""

    name: str
    trace_id: str | None
    node: str | None
    at_s: float
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Blocking:
    """A call that held up the whole event loop.

    Args:
        call: what held it up, such as `time.sleep`.
        place: `file:line` of the caller.
        duration_s: for how long.
        actor: who called: a node or a task.
        at_s: when it began.

    """

    call: str
    place: str
    duration_s: float
    actor: str
    at_s: float


def _has_ended(request: Request) -> bool:
    return request.ended_s is not None


@dataclass(slots=True)
class Recording:
    """Everything that one run of one seed left behind.

    Args:
        scenario: its name.
        seed: the seed.
        end_s: when the run ended.
        digest: over every event of the run, in order.
        steps_digest: over every step of every task, behind the Python version that it holds for.
        stride: after so many events each there is a mark.
        marks: the digest of everything up to there, in 8 digits.
        plan_unmet: calls that the plan names and that were not made.
        deaths_s: when the flow died, and another one took its place.
        nodes: the flow's nodes, in the order of construction.
        joins_incomplete: what joins held when their traces ended without a result.
        edges: pairs of nodes, each where one sends to the other.
        limits: how each node is run; only nodes with a policy.
        windows: start and end of each fault that disturbs for a part of the run only.
        tool_calls: calls of tools; kept where a check counts them.
        messages_in: messages that arrived before each node; `None` where no check counts them.
        unstored: events of each request that its store does not have; `None` where nothing is stored, or no check asks.
        residue: what a subject still held when all was quiet, by table; `None` where it does not tell.
        never_arrived: requests that were planned for a time that the run did not reach.
        refused: attempts to leave the process, one line each.
        withheld: environment variables that were asked for, set, and not listed.
        uncontrolled: sources of time or chance that no stand-in reaches, one line each.
        properties: what the code states about itself, by name.

    """

    scenario: str
    seed: int
    end_s: float = 0.0
    digest: str = ""
    steps_digest: str = ""
    events: int = 0
    stride: int = 0
    marks: tuple[str, ...] = ()
    plan_unmet: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    limits: Mapping[str, NodeLimits] = field(default_factory=dict)
    windows: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    requests: Packed[Request] | list[Request] = field(default_factory=lambda: Packed(Request, settled=_has_ended))
    spans: Packed[Span] | list[Span] = field(default_factory=lambda: Packed(Span))
    effects: Packed[Effect] | list[Effect] = field(default_factory=lambda: Packed(Effect))
    fires: Packed[Fire] | list[Fire] = field(default_factory=lambda: Packed(Fire))
    deaths_s: list[float] = field(default_factory=list)
    fault_counts: dict[str, FaultCount] = field(default_factory=dict)
    sightings: Packed[Sighting] | list[Sighting] = field(default_factory=lambda: Packed(Sighting))
    controls_missing: list[str] = field(default_factory=list)
    depths: Packed[Depth] | list[Depth] = field(default_factory=lambda: Packed(Depth))
    tool_calls: Packed[ToolCall] | list[ToolCall] = field(default_factory=lambda: Packed(ToolCall))
    messages_in: dict[str, int] | None = None
    unstored: dict[str, int] | None = None
    residue: Mapping[str, int] | None = None
    stuck: Stuck | None = None
    horizon_reached: bool = False
    unfinished: list[str] = field(default_factory=list)
    joins_incomplete: Packed[JoinIncomplete] | list[JoinIncomplete] = field(
        default_factory=lambda: Packed(JoinIncomplete)
    )
    never_arrived: int = 0
    blocked: tuple[Blocking, ...] = ()
    refused: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    uncontrolled: tuple[str, ...] = ()
    properties: dict[str, PropertyTally] = field(default_factory=dict)

    @property
    def quiet(self) -> bool:
        """Whether the run ended by itself: nothing was stuck, and it did not reach its horizon."""
        return self.stuck is None and not self.horizon_reached

    @property
    def beyond(self) -> int:
        """How often the run held up its loop or went past its world."""
        return len(self.blocked) + len(self.refused) + len(self.withheld) + len(self.uncontrolled)
