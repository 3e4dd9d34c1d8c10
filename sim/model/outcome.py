"""What a sweep keeps of one judged run: it goes between processes, and into the file of a shard."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from sim.model.plan import Plan
from sim.model.properties import PropertyTally
from sim.model.recording import FaultCount, SpanKind
from sim.model.result import Finding, Verdict


def _doubles(values: Any) -> Any:
    return array("d", map(float, values))


def _integers(values: Any) -> Any:
    return array("I", values)


if TYPE_CHECKING:
    Doubles = array[float]
    Integers = array[int]
else:
    Doubles = Annotated[array, PlainValidator(_doubles), PlainSerializer(list, return_type=list[float])]
    Integers = Annotated[array, PlainValidator(_integers), PlainSerializer(list, return_type=list[int])]


@dataclass(frozen=True, slots=True)
class RequestSeries:
    """Arrival, latency and outcome of every request: 17 bytes each.

    Args:
        arrival_s: when it arrived.
        latency_s: how long it took; not a number if it never ended.
        outcome: positions in `OUTCOMES`.

    """

    arrival_s: Doubles
    latency_s: Doubles
    outcome: bytes


@dataclass(frozen=True, slots=True)
class DepthSeries:
    """The queue before one node, as seconds spent at each depth in each bin of time.

    Bins start at 0 and their width is a power of two seconds, so that those of several
    seeds fall together exactly. Each entry of the columns says: in `runs` bins from
    `bins` on, the queue stood at `depths` for `seconds` each.
    """

    node: str
    bound: int
    width_s: float
    bins: Integers
    runs: Integers
    depths: Integers
    seconds: Doubles


@dataclass(frozen=True, slots=True)
class NodeTally:
    """What one node did, in numbers that add up over seeds.

    Args:
        events: how often each flow event came, by its type.
        latencies: attempts whose latency is at most each of `LATENCY_BUCKETS_MS`, the ones before excluded; last,
            those beyond all of them.
        latency_ms: milliseconds of all attempts together.

    """

    events: Mapping[str, int]
    latencies: tuple[int, ...]
    latency_ms: float


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check in one seed.

    Args:
        id: the check.
        value: its number; infinite beside a baseline of 0, `None` without samples.
        samples: how many things it looked at.
        verdict: `pass`, `fail` or `inconclusive`.
        headline: the failure in a few words.
        findings: what broke it, when it fails.
        found: how many such things there are, `findings` among them.

    """

    id: str
    value: float | None
    samples: int
    verdict: Verdict
    headline: str = ""
    findings: tuple[Finding, ...] = ()
    found: int = 0


@dataclass(frozen=True, slots=True)
class SeedOutcome:
    """One seed, judged and made small: it goes from a worker process to the sweep.

    Args:
        seed: the seed.
        digest: over every event of the run.
        steps_digest: over every step of every task.
        plan: what was late besides; `None` where nothing is explored.
        properties: what the code states about itself.
        stride: after so many events each there is a mark.
        marks: the digest of everything up to there.
        plan_unmet: calls that the plan names and that were not made.
        end_s: when the run ended, in virtual seconds.
        events: how many events it had.
        effects: how many effects it had.
        checks: those of the file, then the always-on ones.
        faults: how often each fault matched and fired.
        controls_missing: `fault/place` of each canary that its own tenant never saw.
        requests: for the plots.
        depths: for the plots.
        time_shares: seconds of each kind at each node.
        nodes: what each node did.

    """

    seed: int
    digest: str
    end_s: float
    events: int
    effects: int
    checks: tuple[CheckOutcome, ...]
    faults: Mapping[str, FaultCount]
    controls_missing: tuple[str, ...]
    requests: RequestSeries
    depths: tuple[DepthSeries, ...]
    time_shares: Mapping[str, Mapping[SpanKind, float]]
    nodes: Mapping[str, NodeTally]
    steps_digest: str = ""
    plan: Plan | None = None
    properties: tuple[PropertyTally, ...] = ()
    stride: int = 0
    marks: tuple[str, ...] = ()
    plan_unmet: tuple[str, ...] = ()

    @property
    def explored(self) -> bool:
        """Whether something was late that no fault of the file made late."""
        return self.plan is not None and self.plan.kind != "baseline"
