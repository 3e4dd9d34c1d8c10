"""What a sweep found, as frozen data: `result.json` is exactly this, and reports are functions of it.

No wall-clock time, host, path or payload value stands in a result. Times
are virtual seconds, rounded to the microsecond. Verdicts merge in the order
pass < warn < inconclusive < fail < error.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

RESULT_SCHEMA_ID = "penguiflow.sim.result/1"
Verdict = Literal["pass", "warn", "inconclusive", "fail", "error"]
VERDICT_ORDER: tuple[Verdict, ...] = ("pass", "warn", "inconclusive", "fail", "error")


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict that decides; `pass` for none."""
    return VERDICT_ORDER[max(map(VERDICT_ORDER.index, verdicts), default=0)]


class _Data(BaseModel):
    # JSON has no infinity; one is refused where it is made, not when the file is written.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Moment(_Data):
    """One entry of a finding's timeline: a stretch of time, or an instant (`end_s` equals `start_s`).

    `kind` is `waiting`, `running`, `backoff`, `blocked`, `effect`, `fault`, `arrival`, `answer` or `deadline`.
    """

    kind: str
    start_s: float
    end_s: float
    node: str | None = None
    attempt: int | None = None
    text: str = ""


class Finding(_Data):
    """One concrete thing that broke a promise, with the story behind it.

    `story` is the trace's timeline, one entry a span or event, in order of time.
    """

    kind: str
    seed: int
    at_s: float
    summary: str
    trace_id: str | None = None
    tenant: str | None = None
    node: str | None = None
    story: tuple[Moment, ...] = ()
    cause: str = ""
    fix: str = ""


class CheckResult(_Data):
    """One promise over all seeds.

    `found` counts the findings of all seeds; `findings` holds the first of them.
    `verdict` is what the numbers say; `expected` is true where the scenario
    demands this failure (a demonstration), and `met` whether it came. `known`
    says that the failure is a known one, and whether that still excuses it.
    """

    id: str
    metric: str
    stat: str
    during: str
    where: str
    severity: Literal["fail", "warn"]
    verdict: Verdict
    value: float | None
    unit: str
    limit: str
    samples: int
    worst_seed: int | None
    failing_seeds: tuple[int, ...]
    explanation: str
    line: int | None = None
    expected: bool = False
    met: bool | None = None
    found: int = 0
    findings: tuple[Finding, ...] = ()
    known: str = ""

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A failure that nobody knows of says nothing of that."""
        data: dict[str, object] = serialise(self)
        if not data.get("known"):
            data.pop("known", None)
        return data


class FaultResult(_Data):
    """One fault over all seeds."""

    id: str
    kind: str
    where: str
    parameters: str
    start_s: float
    end_s: float | None
    matched: int
    fired: int
    suppressed: int
    must_fire: int
    controls_seen: int | None = None
    controls_wanted: int | None = None


class LatencyBin(_Data):
    """Latencies of the requests that arrived in one stretch of virtual time, in seconds."""

    start_s: float
    end_s: float
    count: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None
    outcomes: dict[str, int]


class DepthBin(_Data):
    """Messages waiting before a node in one stretch of virtual time, over all seeds."""

    start_s: float
    end_s: float
    min: int
    median: float
    max: int


class QueueSeries(_Data):
    """Queue depth of one node over virtual time, with its bound (0 is unbounded)."""

    node: str
    bound: int
    bins: tuple[DepthBin, ...]


class TimeShare(_Data):
    """Where the requests' time went at one node, in seconds over all seeds."""

    node: str
    waiting_s: float
    running_s: float
    backoff_s: float
    blocked_s: float


LATENCY_BUCKETS_MS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
"""Upper bounds of the buckets in which latencies of attempts are counted."""


class NodeNumbers(_Data):
    """What one node did, over all seeds.

    `events` counts flow events by type. `latencies` counts attempts by the
    buckets of `LATENCY_BUCKETS_MS`, each without the ones before, and last
    those beyond all of them; `latency_ms` is the sum over all attempts.
    """

    node: str
    events: dict[str, int]
    latencies: tuple[int, ...]
    latency_ms: float


class Numbers(_Data):
    """Plain counts over all seeds."""

    requests: int
    outcomes: dict[str, int]
    effects: int
    events: int
    virtual_s: float
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    latency_max_s: float | None


class SeedPlan(_Data):
    """What was late in one seed, besides what the file's faults did; all that it takes to see the run again.

    `steps_digest` is over every step of every task; it holds for one minor version of Python.
    """

    seed: int
    mode: str
    plan: dict[str, int | dict[str, int]]
    digest: str
    steps_digest: str


class ExplorationResult(_Data):
    """How the seeds turned into plans.

    `calls` and `singles` count the calls that plans were made from, and the plans with exactly one late call.
    """

    modes: tuple[str, ...]
    probe_seed: int
    calls: int
    singles: int
    singles_tried: int
    python: str
    scenario_sha256: str
    seeds: tuple[SeedPlan, ...]


class ScenarioResult(_Data):
    """One scenario over all its seeds.

    `verdict` already takes `expect` into account: a demonstration passes
    when exactly the expected checks failed in the expected way.
    """

    name: str
    title: str
    about: str
    file: str
    flow: str
    tags: tuple[str, ...]
    seeds: tuple[int, ...]
    digest: str
    verdict: Verdict
    demonstration: bool
    reason: str
    checks: tuple[CheckResult, ...]
    faults: tuple[FaultResult, ...]
    numbers: Numbers
    latency: tuple[LatencyBin, ...] = ()
    limits_s: dict[str, float] = Field(default_factory=dict)
    queues: tuple[QueueSeries, ...] = ()
    time_shares: tuple[TimeShare, ...] = ()
    nodes: tuple[NodeNumbers, ...] = ()
    caught: tuple[str, ...] = ()
    exploration: ExplorationResult | None = None
    stopped: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all checks, in their order."""
        return tuple(finding for check in self.checks for finding in check.findings)

    def check(self, id: str) -> CheckResult:
        """What one check came to.

        Raises:
            KeyError: the scenario has no check of this id.

        """
        for one in self.checks:
            if one.id == id:
                return one
        raise KeyError(f"{self.name} has no check {id!r}; it has {', '.join(one.id for one in self.checks)}")

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What did not happen is not told: no exploration, no early end."""
        data: dict[str, object] = serialise(self)
        for key in ("exploration", "stopped"):
            if not data.get(key):
                data.pop(key, None)
        return data


class SuiteResult(_Data):
    """All scenarios of one command; the whole of `result.json`."""

    schema_: Literal["penguiflow.sim.result/1"] = Field(default="penguiflow.sim.result/1", alias="schema")
    version: str
    verdict: Verdict
    exit_code: int
    scenarios: tuple[ScenarioResult, ...]
