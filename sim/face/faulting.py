"""`sim.fault`: something goes wrong while a block of a test runs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from sim.face.leaking import probing
from sim.face.making import ELSEWHERE, about, kinds, make, parameters
from sim.face.stage import Stage, current_stage
from sim.faults import FaultSeam, Setting
from sim.loader.words import unknown
from sim.model.faults import NAMED_ERRORS
from sim.model.scenario import TenantProbeFault, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from sim.model.recording import FaultCount
    from sim.model.scenario import FaultBase

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test


class Faults:
    """One context manager for each kind of fault of a scenario file; its arguments are the keys of the file.

    The keys of `where` stand beside the others: `sim.fault.latency(node="search", delay="900ms")`. A fault is on while
    its block runs, and gives the count of its hits. One that hit nothing fails the test: it has shown nothing.
    """

    def __getattr__(self, kind: str) -> Callable[..., AbstractContextManager[FaultCount]]:
        """The context manager of one kind."""
        if kind in ELSEWHERE:
            msg = f"sim.fault has no {kind}: {ELSEWHERE[kind]}; write it into a scenario, and run that with sim_run"
            raise AttributeError(msg)
        if kind not in kinds():
            raise AttributeError("; ".join(part for part in unknown("kind of fault", kind, kinds()) if part))

        def fault(**arguments: Any) -> AbstractContextManager[FaultCount]:
            return _begun(kind, arguments)

        fault.__name__, fault.__doc__ = kind, about(kind)
        keyword = inspect.Parameter.KEYWORD_ONLY
        # For editors and help().
        fault.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, keyword, default=None) for name in parameters(kind)]
        )
        return fault

    def __dir__(self) -> list[str]:
        return kinds()


fault = Faults()


def _begun(kind: str, arguments: dict[str, Any]) -> AbstractContextManager[FaultCount]:
    """The block of one fault; what is wrong with its arguments is said before the block."""
    stage = current_stage(f"sim.fault.{kind}")
    stage.faults += 1
    made, objects = make(kind, stage.faults, arguments)
    if isinstance(made, TenantProbeFault):
        return probing(stage, made)
    return _Broken(stage, made, _with_named_error(kind, made, objects))


class _Broken:
    """The block of a fault that hits calls."""

    def __init__(self, stage: Stage, made: FaultBase, objects: Mapping[str, Callable[..., Any]]) -> None:
        self._stage = stage
        self._made = made
        subject: Any = stage  # what faults ask of a subject, a stage has
        self._setting = Setting(stage.world, subject, errors=objects, factories=objects)

    def __enter__(self) -> FaultCount:
        stage = self._stage
        window = Window.model_construct(from_=stage.now_s(), for_=None)
        begun: Any = self._made.model_copy(update={"window": window})
        self._skews = list(stage.world.skews)
        self._seam = FaultSeam((begun,), self._setting, stage.recording)
        self._count = stage.recording.fault_counts[self._made.id]
        stage.seams.append(self._seam)
        return self._count

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stage.seams.remove(self._seam)
        self._stage.world.skews[:] = self._skews
        if kind is None and self._count.fired < self._made.must_fire_effective:
            raise AssertionError(_missed(self._stage, self._made, self._count))


def _with_named_error(
    kind: str, made: FaultBase, objects: Mapping[str, Callable[..., Any]]
) -> Mapping[str, Callable[..., Any]]:
    """`objects`, which has to hold the exception class itself: a test has it, and a file can only name it."""
    error = getattr(made, "error", None)
    if error is None or error in NAMED_ERRORS or error in objects:
        return objects
    msg = (
        f"sim.fault.{kind}: error: {error!r} is a text; a test has the class itself; write error={error.split(':')[1]}"
    )
    raise ValueError(msg)


def _missed(stage: Stage, made: FaultBase, count: FaultCount) -> str:
    where = ", ".join(f"{key}={value!r}" for key, value in made.where.model_dump(exclude_none=True).items())
    kind = made.id.rpartition("-")[0].replace("-", "_")
    nodes = ", ".join(stage.nodes) or "none"
    return (
        f"sim.fault.{kind}({where}) hit {count.fired} of {count.matched} calls that matched; a fault that hits fewer "
        f"than {made.must_fire_effective} shows nothing; the flows that were started have these nodes: {nodes}; "
        "look at the arguments, or pass must_fire=0"
    )
