"""The protocol through which the harness meets what it tests.

Whoever implements it can be driven, broken and judged; nothing above this
package knows what a PenguiFlow flow is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penguiflow import FlowEvent, Interceptor
    from sim.model.recording import Outcome
    from sim.model.targets import Targets


class SubjectError(Exception):
    """What is to be tested cannot be driven, and whoever wrote it can do something about it.

    Args:
        message: what is wrong, with which value.
        rule: what holds instead.
        fix: one thing to try.

    """

    def __init__(self, message: str, *, rule: str, fix: str) -> None:
        super().__init__(f"{message}; {rule}; {fix}")
        self.message = message
        self.rule = rule
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Envelope:
    """One request on its way in.

    Args:
        trace_id: its trace.
        tenant: who sends it.
        payload: what is asked.
        deadline_unix_s: when it has to be answered, in Unix seconds; `None` for no deadline.
        topic: the header of that name.
        meta: facts that go with the request, where the subject has room for any.

    """

    trace_id: str
    tenant: str
    payload: Any
    deadline_unix_s: float | None = None
    topic: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended.

    Args:
        outcome: `ok`, or why there is no answer.
        value: the answer; of a stream, the list of its chunks.
        detail: the class and code of an error, never its text.
        error: what was raised to tell the caller no; it is only searched for what it gives away.

    """

    outcome: Outcome
    value: Any = None
    detail: str = ""
    error: BaseException | None = None


@runtime_checkable
class Subject(Protocol):
    """Something that takes requests and answers them.

    A class of anybody's that has these methods is one: there is nothing to
    derive from and nothing to register.
    """

    def targets(self) -> Targets:
        """What a scenario can point at."""
        ...

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every act, inside those installed before."""
        ...

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event to `observer`, when it happens."""
        ...

    async def start(self) -> None:
        """Begin to take requests."""
        ...

    async def send(self, envelope: Envelope) -> None:
        """Hand in one request; waits where the subject pushes back."""
        ...

    async def outcome(self, trace_id: str) -> Answer:
        """Wait until a request has ended."""
        ...

    async def cancel(self, trace_id: str) -> bool:
        """Ask for a request to be dropped; whether there was anything to drop."""
        ...

    def depths(self) -> Mapping[str, int]:
        """Messages that wait before each node."""
        ...

    async def stop(self) -> None:
        """Stop, and leave nothing running."""
        ...


@runtime_checkable
class Accountable(Protocol):
    """A subject that can tell what it still holds; `state.residue` asks those that can."""

    def residue(self) -> Mapping[str, int]:
        """How many things each of its tables holds now, by the table's name."""
        ...
