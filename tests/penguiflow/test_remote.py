"""RUNTIME 1.22: nodes whose work is done by an agent elsewhere."""

import asyncio

import pytest
from pydantic import BaseModel, field_serializer
from remote_samples import URL, Agent, answer, item, remote
from runtime_samples import Events, message, roundtrip, running

from penguiflow import InMemoryStateStore, StreamChunk
from penguiflow.core import Context, Endpoint
from penguiflow.remote import (
    REMOTE_TERMINAL_TASK_STATES,
    RemoteCallRequest,
    RemotePushNotificationBinding,
    RemoteTask,
    RemoteTaskFailed,
    RemoteTaskState,
    RemoteTaskStatus,
    RemoteTransport,
    SupportsRemoteTasks,
)
from penguiflow.state import SupportsConversationBindings

WORKING, COMPLETED, FAILED = RemoteTaskState.WORKING, RemoteTaskState.COMPLETED, RemoteTaskState.FAILED
BASE = {
    "remote_skill": "search",
    "remote_transport": "Agent",
    "remote_agent_url": URL,
}


def _remote_events(events):
    return [event for event in events if event.event_type.startswith("remote_")]


def _run_flow(run, target, msg=None, **options):
    """What a flow of one remote node answers, and the remote events on the way."""
    events = Events()

    async def main():
        async with running(target.to(), middlewares=[events], **options) as flow:
            return await roundtrip(flow, msg or message(trace_id="t1"))

    return run(main()), _remote_events(events)


# -- unary calls -----------------------------------------------------------------------------


def test_a_unary_call_returns_the_bare_result(run):
    """The node hands its message to the transport with skill, agent, card and meta, and returns what comes back."""
    agent = Agent(answer({"hits": 3}))
    sent = message(trace_id="t1", meta={"k": 1})

    result, _ = _run_flow(run, remote(agent), sent)

    assert result == {"hits": 3}
    assert agent.requests == [
        RemoteCallRequest(message=sent, skill="search", agent_url=URL, agent_card={"version": "1"}, metadata={"k": 1})
    ]


def test_a_unary_call_tells_start_and_success(run):
    """Both events name skill, transport and agent, with sizes in bytes and the time that the agent took."""
    _, (start, success) = _run_flow(run, remote(Agent(2, answer("found", context_id="c1", task_id="r1"))))

    sizes = {"remote_request_bytes": start.extra["remote_request_bytes"], "remote_streaming": False}
    assert (start.event_type, start.latency_ms, start.node_name, start.trace_id) == (
        "remote_call_start", 0.0, "remote", "t1",
    )  # fmt: skip
    assert sizes["remote_request_bytes"] > len('{"payload":"ping"}')
    assert start.extra == {**BASE, **sizes}
    assert (success.event_type, success.latency_ms, success.attempt) == ("remote_call_success", 2000.0, 0)
    assert success.extra == {
        **BASE,
        **sizes,
        "remote_response_bytes": len("found"),
        "remote_stream_events": 0,
        "remote_status": "success",
        "remote_context_id": "c1",
        "remote_task_id": "r1",
    }


def test_each_retry_is_another_call_and_a_failure_is_told(run):
    """What the transport raises fails the attempt, with an event, and the next attempt calls again."""
    agent = Agent(ConnectionError("refused"), answer())

    result, events = _run_flow(run, remote(agent, max_retries=1))

    assert (result, len(agent.requests)) == ("found", 2)
    assert [event.event_type for event in events] == [
        "remote_call_start", "remote_call_error", "remote_call_start", "remote_call_success",
    ]  # fmt: skip
    assert events[1].extra["remote_error"] == "ConnectionError('refused')"
    assert events[1].extra["remote_status"] == "error"


def test_a_cancelled_error_of_the_transport_is_a_failure_of_the_call(run):
    """A transport in which something else was cancelled is retried, and no remote task is cancelled for it."""
    agent = Agent(asyncio.CancelledError(), answer())

    result, events = _run_flow(run, remote(agent, max_retries=1))

    assert result == "found"
    assert events[1].event_type == "remote_call_error"
    assert agent.cancelled == []


@pytest.mark.parametrize(
    ("timeout_s", "deadline_s", "given_s"), [(None, None, None), (9, None, 9), (9, 4, 4), (2, 4, 2)]
)
def test_the_transport_learns_how_long_its_answer_is_waited_for(run, timeout_s, deadline_s, given_s):
    """The request carries the node's bound or the time to the trace's deadline, whichever is less."""
    agent = Agent(answer())

    async def main():
        fields = {} if deadline_s is None else {"deadline_s": 1_700_000_000.0 + deadline_s}
        async with running(remote(agent, timeout_s=timeout_s).to()) as flow:
            await roundtrip(flow, message(**fields))

    run(main())
    assert agent.requests[0].timeout_s == given_s


def test_a_remote_node_takes_messages_only(run):
    """A bare payload has no tenant to act for, and is refused."""
    handler = remote(Agent()).func

    async def main():
        with pytest.raises(TypeError, match="remote node 'remote' takes a Message; got int"):
            await handler(5, Context(Endpoint("test")))
        with pytest.raises(RuntimeError, match="Context is not attached to a running flow"):
            await handler(message(), Context(Endpoint("test")))

    run(main())


class _Unspeakable(BaseModel):
    x: int = 1

    @field_serializer("x")
    def refuse(self, _value):
        raise ZeroDivisionError


def _ring():
    ring = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    ("result", "size"),
    [
        ("h\u00e9", 3),
        ("\ud800", 1),
        ([1, 2], 5),
        (object(), 8),
        (b"\xff", 6),
        (None, 0),
        (_Unspeakable(), 0),
        (_ring(), 0),
    ],
    ids=["text", "half a character", "json", "object", "bytes", "nothing", "serializer fails", "ring"],
)
def test_the_size_of_any_result_can_be_told(run, result, size):
    """Bytes count for text, JSON for the rest, and what has no size counts nothing and fails nothing."""
    agent = Agent(answer(result))
    events = Events()

    async def main():
        async with running(remote(agent).to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            return await flow.outcome(trace_id="t1")

    run(main())
    assert events.one("remote_call_success").extra["remote_response_bytes"] == size


# -- streams ---------------------------------------------------------------------------------


def test_a_stream_is_sent_on_as_chunks_and_its_last_result_returned(run):
    """Each text goes on as a chunk while it comes in, and the last result that is not None is the node's."""
    agent = Agent(
        item("he", meta={"lang": "en"}, result="early"), 1, item("llo", done=True), item(result="hello"), item()
    )

    async def main():
        async with running(remote(agent, streaming=True).to()) as flow:
            await flow.emit(message(trace_id="t1"), trace_id="t1")
            return [await flow.fetch(trace_id="t1") for _ in range(3)]

    first, second, result = run(main())
    assert first.payload == StreamChunk(stream_id="t1", seq=0, text="he", meta={"lang": "en"})
    assert second.payload == StreamChunk(stream_id="t1", seq=1, text="llo", done=True)
    assert result == "hello"
    assert agent.open_streams == 0


def test_each_item_of_a_stream_is_told(run):
    """An event for each item gives its number, its size and the keys of its meta, and the success gives the sums."""
    agent = Agent(item("he", meta={"b": 1, "a": 2}), 1, item("llo!", done=True, result="hi"))

    async def main():
        async with running(remote(agent, streaming=True).to(), middlewares=[events]) as flow:
            await flow.emit(message(trace_id="t1"), trace_id="t1")
            for _ in range(3):
                await flow.fetch(trace_id="t1")

    events = Events()
    run(main())
    start, first, second, success = _remote_events(events)
    shared = dict(start.extra)
    assert shared["remote_streaming"] is True
    assert first.extra == {
        **shared,
        "remote_stream_seq": 0,
        "remote_chunk_bytes": 2,
        "remote_chunk_done": False,
        "remote_chunk_meta_keys": ["a", "b"],
    }
    assert second.extra == {**shared, "remote_stream_seq": 1, "remote_chunk_bytes": 4, "remote_chunk_done": True}
    assert (first.latency_ms, second.latency_ms) == (0.0, 1000.0)
    assert (success.extra["remote_stream_events"], success.extra["remote_response_bytes"]) == (2, 8)


def test_a_stream_that_fails_is_closed_and_told(run):
    """What a stream raises fails the attempt, and nothing of the stream stays open."""
    agent = Agent(item(task_id="r1"), ConnectionError("reset"))

    async def main():
        async with running(
            remote(agent, streaming=True).to(), middlewares=[events], emit_errors_to_rookery=True
        ) as flow:
            return await roundtrip(flow, message())

    events = Events()
    assert run(main()).exception_type == "ConnectionError"
    assert events.one("remote_call_error").extra["remote_task_id"] == "r1"
    assert agent.open_streams == 0


def test_a_stream_may_be_a_plain_iterator(run):
    """A transport may give any async iterator, also one that cannot be closed."""

    class Plain:
        def __init__(self):
            self.left = [item(result="plain")]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    class PlainAgent(Agent):
        def stream(self, _request):
            return Plain()

    result, _ = _run_flow(run, remote(PlainAgent(), streaming=True))
    assert result == "plain"


# -- bindings --------------------------------------------------------------------------------


def _bindings(run, target, msg):
    store = InMemoryStateStore()
    result, _ = _run_flow(run, target, msg, state_store=store)
    return result, store.bindings


def test_the_task_of_a_trace_is_stored_once(run):
    """A binding is saved when the task's id is first seen, and not again for what else is told of it."""
    saved = []

    class Store(InMemoryStateStore):
        async def save_remote_binding(self, binding):
            saved.append(binding)

    agent = Agent(item(), item(task_id="r1", context_id="c1"), item(task_id="r1", context_id="c2"), item(result="x"))
    msg = message(trace_id="t1", meta={"router_session_id": "s1", "user_id": 7})

    _run_flow(run, remote(agent, streaming=True), msg, state_store=Store())

    (binding,) = saved
    assert (binding.trace_id, binding.context_id, binding.task_id, binding.agent_url) == ("t1", "c1", "r1", URL)
    assert (binding.remote_skill, binding.tenant_id, binding.is_terminal) == ("search", "acme", False)
    assert (binding.router_session_id, binding.user_id, binding.metadata) == ("s1", "7", {})


def test_w03_meta_has_no_say_in_whose_task_it_is(run):
    """The binding belongs to the tenant of the headers, whatever tenant the meta names."""
    msg = message(tenant="real", meta={"tenant_id": "spoofed", "tenant": "spoofed"})

    _, (binding,) = _bindings(run, remote(Agent(answer(task_id="r1"))), msg)

    assert binding.tenant_id == "real"


def test_the_end_of_a_task_is_stored_too(run):
    """A binding becomes terminal with the item that says so, also where that does not repeat the task's id."""
    agent = Agent(item(task_id="r1"), item(result="x", state=COMPLETED))

    _, (binding,) = _bindings(run, remote(agent, streaming=True), message())

    assert (binding.task_id, binding.is_terminal) == ("r1", True)
    assert binding.metadata == {"task_state": "completed"}


@pytest.mark.parametrize(
    ("given", "options"), [({"task_id": "r1"}, {"record_binding": False}), ({"context_id": "c1"}, {})]
)
def test_nothing_is_stored_without_a_task_or_unless_wanted(run, given, options):
    """A call that names no task, or a node that records none, leaves no binding."""
    assert _bindings(run, remote(Agent(answer(**given)), **options), message()) == ("found", ())


def test_a_store_that_fails_does_not_fail_the_call(run, caplog):
    """A binding that cannot be saved is logged, and the answer comes all the same."""

    class Broken(InMemoryStateStore):
        async def save_remote_binding(self, _binding):
            raise OSError("disk full")

    result, _ = _run_flow(run, remote(Agent(answer(task_id="r1"))), state_store=Broken())

    assert result == "found"
    assert "state_store_binding_failed" in caplog.messages


# -- conversations ---------------------------------------------------------------------------


def _talk(run, agent, *messages):
    store = InMemoryStateStore()

    async def main():
        async with running(remote(agent).to(), state_store=store) as flow:
            for index, msg in enumerate(messages):
                await roundtrip(flow, msg, f"t{index}")

    run(main())
    assert isinstance(store, SupportsConversationBindings)
    return store.bindings


def _said(session_id, tenant="acme"):
    return message(tenant=tenant, meta={"router_session_id": session_id})


def test_a_session_goes_on_in_the_agents_context(run):
    """A later message of a session is sent in the context that the agent gave the earlier one, as a new task."""
    agent = Agent(answer(context_id="c1", task_id="r1"), answer(context_id="c1", task_id="r2"))

    bindings = _talk(run, agent, _said("s1"), _said("s1"))

    assert [(request.context_id, request.task_id) for request in agent.requests] == [(None, None), ("c1", None)]
    assert [binding.last_remote_task_id for binding in bindings] == [None, "r1"]


def test_a_task_that_waits_for_input_gets_the_next_message(run):
    """Where the agent asked something back, the answer goes to the task that asked."""
    asks = answer("which one?", context_id="c1", task_id="r1", state=RemoteTaskState.INPUT_REQUIRED)
    agent = Agent(asks, answer("that one", context_id="c1", task_id="r1", state=COMPLETED))

    first, second = _talk(run, agent, _said("s1"), _said("s1"))

    assert (agent.requests[1].context_id, agent.requests[1].task_id) == ("c1", "r1")
    assert (first.is_terminal, second.is_terminal) == (False, True)


@pytest.mark.parametrize("other", [_said("s2"), _said("s1", tenant="rival"), message()])
def test_w03_a_conversation_stays_with_its_session_and_tenant(run, other):
    """Another session, another tenant that names the same session, or a message without one starts from nothing."""
    agent = Agent(answer(context_id="c1", task_id="r1"), answer())

    _talk(run, agent, _said("s1"), other)

    assert agent.requests[1].context_id is None


# -- tasks -----------------------------------------------------------------------------------


class _TaskAgent(Agent):
    """Answers at once that it is at work; what becomes of the task is in `later`, and how it stands in the end."""

    def __init__(self, *later, result=None, state=COMPLETED):
        super().__init__(answer(None, task_id="r1", context_id="c1", state=WORKING))
        self.later = later
        self.end = RemoteTask("r1", URL, RemoteTaskStatus(state), context_id="c1", result=result)
        self.followed = []
        self.looked_at = []

    async def get_task(self, *, agent_url, task_id):
        self.looked_at.append((agent_url, task_id))
        return self.end

    async def subscribe_task(self, *, agent_url, task_id):
        self.followed.append((agent_url, task_id))
        self.answers = self.later
        async for told in self._items():
            yield told

    async def set_push_notification(self, binding):
        raise AssertionError(binding)  # no test asks for it


def test_a_call_that_comes_back_early_stays_with_its_task(run):
    """Where the agent is still at work, the node follows the task to its result, without sending chunks on."""
    agent = _TaskAgent(5, item("thinking"), item(result="done", task_id="r1", state=COMPLETED))
    assert isinstance(agent, SupportsRemoteTasks)

    result, bindings = _bindings(run, remote(agent), message())

    assert (result, agent.followed, agent.looked_at, agent.open_streams) == ("done", [(URL, "r1")], [], 0)
    assert [binding.is_terminal for binding in bindings] == [True]


def test_a_task_whose_news_hold_no_result_is_looked_at(run):
    """A result that was not in the news of the task is asked for."""
    agent = _TaskAgent(item("thinking"), result="kept")

    result, bindings = _bindings(run, remote(agent), message())

    assert (result, agent.looked_at) == ("kept", [(URL, "r1")])
    assert [binding.is_terminal for binding in bindings] == [True]


@pytest.mark.parametrize("state", [None, COMPLETED, RemoteTaskState.INPUT_REQUIRED])
def test_a_task_that_is_not_at_work_is_not_followed(run, state):
    """An answer from an agent that has ended, or waits for us, is the answer."""
    agent = _TaskAgent()
    agent.answers = [answer("now", task_id="r1", state=state)]

    assert _run_flow(run, remote(agent))[0] == "now"
    assert agent.followed == []


@pytest.mark.parametrize(
    ("agent", "state"),
    [
        (Agent(answer(None, task_id="r1", state=FAILED)), FAILED),
        (_TaskAgent(item(state=FAILED)), FAILED),
        (_TaskAgent(state=FAILED), FAILED),
        (_TaskAgent(state=WORKING), WORKING),
    ],
    ids=["at once", "later", "found out", "left alone"],
)
def test_a_task_that_gives_no_answer_fails_the_call(run, agent, state):
    """A task that failed, or of which nothing more is heard, is a failure and no empty answer."""
    error, events = _run_flow(run, remote(agent), emit_errors_to_rookery=True)

    failure = error.unwrap()
    assert isinstance(failure, RemoteTaskFailed)
    assert failure.state == state
    assert f"remote task r1 at {URL} gave no answer" in error.message
    assert events[-1].event_type == "remote_call_error"


def test_a_transport_that_knows_no_tasks_is_taken_at_its_word(run):
    """Without a way to follow a task, the answer is the answer, whatever state it names."""
    assert _run_flow(run, remote(Agent(answer("so far", task_id="r1", state=WORKING))))[0] == "so far"


def test_a_task_has_ended_in_four_of_its_states():
    """Completed, canceled, failed and rejected are ends, and each state compares equal to its text."""
    ended = [state for state in RemoteTaskState if RemoteTask("r1", URL, RemoteTaskStatus(state)).is_terminal]

    assert sorted(ended) == ["canceled", "completed", "failed", "rejected"]
    assert "completed" in REMOTE_TERMINAL_TASK_STATES


def test_w22_the_token_of_a_push_notification_is_not_shown():
    """The text of the object holds everything but the secret."""
    shown = repr(RemotePushNotificationBinding("r1", URL, "https://us.example/cb", "s3cr3t"))

    assert "https://us.example/cb" in shown
    assert "s3cr3t" not in shown


def test_a_transport_is_known_by_its_methods():
    """Whoever sends, streams and cancels is a transport, whether it derives from the protocol or not."""

    class Duck:
        async def send(self, request): ...
        def stream(self, request): ...
        async def cancel(self, *, agent_url, task_id): ...

    assert isinstance(Duck(), RemoteTransport)
    assert not isinstance(object(), RemoteTransport)
