"""A PenguiFlow flow as a subject, through the runtime's public names only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penguiflow import FinalAnswer, FlowError, Headers, Message, StreamChunk, TraceEnded
from sim.model.limits import NodeLimits
from sim.model.targets import Targets
from sim.subject.protocol import Answer, Envelope, SubjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penguiflow import FlowEvent, Interceptor, ModelRegistry, NodePolicy, PenguiFlow
    from sim.model.recording import Outcome

_OUTCOMES: dict[str, Outcome] = {
    "result": "ok",
    "error": "error",
    "cancelled": "cancelled",
    "deadline": "deadline",
    "no_result": "no_result",
}


class _Observer:
    """A middleware that is called directly."""

    def __init__(self, observe: Callable[[FlowEvent], None]) -> None:
        self.observe = observe

    async def __call__(self, event: FlowEvent) -> None:
        self.observe(event)


class PenguinSubject:
    """Drives a flow by scoped roundtrips.

    Args:
        flow: the flow, not yet running.
        registry: its models, if it has any.

    """

    def __init__(self, flow: PenguiFlow, registry: ModelRegistry | None = None) -> None:
        self._flow = flow
        self._registry = registry

    @property
    def flow(self) -> PenguiFlow:
        """What is driven."""
        return self._flow

    def targets(self) -> Targets:
        """The flow's nodes and edges, how many messages may wait before each node, and whether it has a store."""
        graph = self._flow.graph
        bound = max(self._flow.queue_maxsize, 0)
        edges_in = {node: len(graph.predecessors(node)) + (node in graph.ingress) for node in graph.nodes}
        return Targets(
            graph.names,
            {node.label: bound * edges_in[node] for node in graph.nodes},
            edges=tuple((source.label, target.label) for source, target in graph.edges),
            store=self._flow.state_store is not None,
            timeouts_s={node.label: node.policy.timeout_s for node in graph.nodes if node.policy.timeout_s is not None},
            limits={node.label: _limits(node.policy) for node in graph.nodes},
        )

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every act, inside those installed before."""
        self._flow.add_interceptor(interceptor)

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event to `observer`, when it happens."""
        self._flow.add_middleware(_Observer(observer))

    async def start(self) -> None:
        """Run the flow.

        Raises:
            SubjectError: it runs already, or models are missing.

        """
        with _refusals("start"):
            self._flow.run(registry=self._registry)

    async def send(self, envelope: Envelope) -> None:
        """Emit one message under its own trace.

        Raises:
            SubjectError: the flow no longer takes messages.

        """
        message = Message(
            payload=envelope.payload,
            headers=Headers(tenant=envelope.tenant, topic=envelope.topic),
            trace_id=envelope.trace_id,
            deadline_s=envelope.deadline_unix_s,
            meta=dict(envelope.meta),
        )
        with _refusals("take a request"):
            await self._flow.emit(message, trace_id=envelope.trace_id)

    async def outcome(self, trace_id: str) -> Answer:
        """Fetch the first result of the trace, or learn why there is none; a stream is fetched to its last chunk.

        Raises:
            SubjectError: the flow was stopped by somebody else.

        """
        chunks: list[Any] = []
        try:
            with _refusals("answer"):
                value = await self._flow.fetch(trace_id=trace_id)
                while _is_open_chunk(value):
                    chunks.append(value)
                    value = await self._flow.fetch(trace_id=trace_id)
        except TraceEnded as ended:
            code = ended.error.code if ended.error is not None else ended.status
            kind = ended.error.exception_type if ended.error is not None else None
            detail = f"{code}: {kind}" if kind else code
            return Answer(_OUTCOMES[ended.status], chunks or None, detail, error=ended)
        told = [*chunks, value] if chunks else value
        if isinstance(value, FlowError):
            return Answer("error", told, f"{value.code}: {value.exception_type}")
        payload = value.payload if isinstance(value, Message) else value
        if isinstance(payload, FinalAnswer) and payload.text == "Deadline exceeded":
            return Answer("deadline", told, "DEADLINE_EXCEEDED")
        return Answer("ok", told)

    async def cancel(self, trace_id: str) -> bool:
        """Cancel the trace."""
        return await self._flow.cancel(trace_id)

    def depths(self) -> Mapping[str, int]:
        """Messages that wait before each node."""
        return self._flow.queue_depths()

    def residue(self) -> Mapping[str, int]:
        """What the flow's tables hold, by `flow.health()`; outcomes that nobody fetched are bounded, and no residue."""
        health = self._flow.health()
        return {
            "open traces": health.open_traces,
            "messages in queues": sum(node.depth for node in health.nodes),
            "handlers at work": sum(node.busy for node in health.nodes),
            "handlers left behind": sum(node.abandoned for node in health.nodes),
            "senders waiting for room": sum(node.blocked_senders for node in health.nodes),
            "events not yet handed out": sum(hook.backlog for hook in health.hooks),
        }

    async def stop(self) -> None:
        """Stop the flow."""
        await self._flow.stop()


def _limits(policy: NodePolicy) -> NodeLimits:
    return NodeLimits(
        timeout_s=policy.timeout_s,
        max_retries=policy.max_retries,
        backoff_base_s=policy.backoff_base,
        backoff_mult=policy.backoff_mult,
        max_backoff_s=policy.max_backoff,
        jitter=policy.jitter,
        concurrency=policy.concurrency,
        cancel_grace_s=policy.cancel_grace_s,
    )


def _is_open_chunk(value: object) -> bool:
    """Whether this is a piece of a stream, and not its last."""
    chunk = value.payload if isinstance(value, Message) else value
    return isinstance(chunk, StreamChunk) and not chunk.done


@contextmanager
def _refusals(act: str) -> Iterator[None]:
    """The runtime says with a RuntimeError that its flow is in no state for an act."""
    try:
        yield
    except RuntimeError as error:
        rule = "the run starts the flow, and stops it after the last answer"
        fix = "leave run(), drain() and stop() to the run, and give the models that nodes validate with"
        raise SubjectError(f"the flow does not {act}: {error}", rule=rule, fix=fix) from error
