"""`CircuitBreaker`: a node that keeps failing is left alone for a while."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from penguiflow import ambient
from penguiflow.resilience.refusal import AttemptRefused, notify, require_positive
from penguiflow.resilience.window import SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from penguiflow.core.intercept import Call
    from penguiflow.node import Node

CircuitState = Literal["closed", "open", "half_open"]

_TIMED_OUT_SHARE = 0.9
"""A cancelled attempt that lasted this share of its node's timeout was ended by it: some of it goes by outside."""


class CircuitOpen(AttemptRefused):
    """A node failed too often of late, and is left alone for a while.

    Args:
        node: the node that is left alone.
        retry_after_s: seconds until it is tried again.

    """

    def __init__(self, node: str, retry_after_s: float) -> None:
        super().__init__(f"circuit of node {node!r} is open after failures; it is tried again in {retry_after_s:g} s")
        self.node = node
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class CircuitSnapshot:
    """One node's circuit at one moment.

    Args:
        node: the node.
        state: `closed` lets everything through, `open` nothing, `half_open` one probe.
        consecutive_failures: failures since the last success.
        calls: attempts that ended within the window.
        failures: how many of them failed.
        refused: attempts refused since the breaker was made.
        retry_after_s: seconds until the next probe is let through; 0 when closed.

    """

    node: str
    state: CircuitState
    consecutive_failures: int
    calls: int
    failures: int
    refused: int
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class _Limits:
    failures: int
    failure_share: float | None
    min_calls: int
    window_s: float
    reset_after_s: float


class _Circuit:
    """What is known of one node. Each change of state begins a new term; what began in an older one counts no more."""

    def __init__(self, node: Node, limits: _Limits, on_change: Callable[[CircuitSnapshot], None] | None) -> None:
        self._node = node
        self._limits = limits
        self._on_change = on_change
        self._window = SlidingWindow(limits.window_s)
        self._consecutive = 0
        self._refused = 0
        self._retry_at_s = 0.0
        self._term = 0
        self._state: CircuitState = "closed"

    def admit(self) -> int:
        """Let an attempt through and return the current term, or raise `CircuitOpen`."""
        if self._state != "closed":
            now_s = ambient.monotonic()
            if now_s < self._retry_at_s:
                self._refused += 1
                raise CircuitOpen(self._node.label, self._retry_at_s - now_s)
            self._turn("half_open")
        return self._term

    def succeeded(self, term: int) -> None:
        """An attempt of `term` gave a result."""
        if term != self._term:
            return
        self._consecutive = 0
        if self._state == "half_open":
            self._window.clear()
            self._turn("closed")
        else:
            self._window.add(calls=1)

    def failed(self, term: int) -> None:
        """An attempt of `term` failed."""
        if term != self._term:
            return
        self._consecutive += 1
        self._window.add(calls=1, marked=1)
        if self._state == "half_open" or self._too_many():
            self._turn("open")

    def undecided(self, term: int) -> None:
        """An attempt of `term` ended without telling anything about the node: the next call is the probe."""
        if term == self._term and self._state == "half_open":
            self._retry_at_s = ambient.monotonic()

    def ran_out(self, started_s: float) -> bool:
        """Whether an attempt that began at `started_s` has used up the node's time limit."""
        timeout_s = self._node.policy.timeout_s
        return timeout_s is not None and ambient.monotonic() - started_s >= _TIMED_OUT_SHARE * timeout_s

    def snapshot(self) -> CircuitSnapshot:
        """The circuit now."""
        calls, failures = self._window.counts()
        waits_s = 0.0 if self._state == "closed" else max(0.0, self._retry_at_s - ambient.monotonic())
        return CircuitSnapshot(
            node=self._node.label, state=self._state, consecutive_failures=self._consecutive,
            calls=calls, failures=failures, refused=self._refused, retry_after_s=waits_s,
        )  # fmt: skip

    def _too_many(self) -> bool:
        if self._consecutive >= self._limits.failures:
            return True
        calls, failures = self._window.counts()
        share = self._limits.failure_share
        return share is not None and calls >= self._limits.min_calls and failures >= share * calls

    def _turn(self, state: CircuitState) -> None:
        told = state != self._state
        self._term += 1
        self._state = state
        # A probe that never ends must not hold the circuit for good: after the same time another one is let through.
        self._retry_at_s = ambient.monotonic() + self._limits.reset_after_s
        if told:
            notify(self._on_change, self.snapshot())


class CircuitBreaker:
    """Leaves a node alone that keeps failing, and fails its messages at once with `CircuitOpen`.

    Each node has a circuit of its own. It opens after `failures` failures in a
    row, or when the share of failures among at least `min_calls` attempts of
    the last `window_s` seconds reaches `failure_share`. After `reset_after_s`
    one attempt is let through as a probe: a result closes the circuit, a
    failure opens it again. After Nygard, "Release It!", chapter 5.

    Timeouts are failures. A cancelled attempt that did not run into its
    node's `timeout_s` tells nothing about the node and is not counted.

    Args:
        nodes: the nodes to guard, each by itself; `flow.graph.nodes` for all of a flow.
        failures: failures in a row that open a circuit.
        failure_share: share of failures, in (0, 1], that opens it; not looked at if left out.
        min_calls: attempts in the window below which the share says nothing.
        window_s: seconds that the share looks back at.
        reset_after_s: seconds that a circuit stays open before a probe.
        ignore: exceptions that are not the node's fault, such as refused input; they are not counted.
        on_change: called with the node's snapshot when a circuit changes its state.

    Raises:
        ValueError: a limit that makes no sense, with the rule.

    """

    acts = ("attempt",)

    def __init__(
        self,
        nodes: Iterable[Node],
        *,
        failures: int = 5,
        failure_share: float | None = None,
        min_calls: int = 20,
        window_s: float = 60.0,
        reset_after_s: float = 30.0,
        ignore: tuple[type[Exception], ...] = (),
        on_change: Callable[[CircuitSnapshot], None] | None = None,
    ) -> None:
        require_positive(failures=failures, min_calls=min_calls, window_s=window_s, reset_after_s=reset_after_s)
        if failure_share is not None and not 0 < failure_share <= 1:
            raise ValueError(f"failure_share must lie in (0, 1]; got {failure_share!r}")
        limits = _Limits(failures, failure_share, min_calls, window_s, reset_after_s)
        self._circuits = {node.label: _Circuit(node, limits, on_change) for node in nodes}
        self._ignore: tuple[type[Exception], ...] = (AttemptRefused, *ignore)

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Refuse the attempt if the node's circuit is open; otherwise learn from how it ends."""
        circuit = self._circuits.get(call.node or "")
        return await (proceed() if circuit is None else self._watched(circuit, proceed))

    def snapshot(self) -> dict[str, CircuitSnapshot]:
        """Every circuit now, by the node's name."""
        return {name: circuit.snapshot() for name, circuit in self._circuits.items()}

    async def _watched(self, circuit: _Circuit, proceed: Callable[[], Awaitable[Any]]) -> Any:
        term = circuit.admit()
        started_s = ambient.monotonic()
        try:
            result = await proceed()
        except BaseException as error:
            if self._blames(error) or (isinstance(error, asyncio.CancelledError) and circuit.ran_out(started_s)):
                circuit.failed(term)
            else:
                circuit.undecided(term)
            raise
        circuit.succeeded(term)
        return result

    def _blames(self, error: BaseException) -> bool:
        return isinstance(error, Exception) and not isinstance(error, self._ignore)
