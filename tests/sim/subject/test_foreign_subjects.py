"""Subjects that are no PenguiFlow flows: async functions, wrapped functions, a service of somebody else's."""

import asyncio
import inspect
from pathlib import Path

import foreign_service
import pytest

from penguiflow import InMemoryStateStore
from sim.harness import run_seed
from sim.kernel import World
from sim.kernel.draws import Draws
from sim.loader import load_scenario
from sim.prepare import prepare
from sim.subject import BuildError, Envelope, FunctionSubject, Subject, SubjectError, WrappingSeam
from sim.subject.build import BuildWorld, build_subject


def build(builder):
    return build_subject(builder, BuildWorld(1, ("acme",), InMemoryStateStore(), Draws(1)), {})


def drive(program):
    """What an async function gives that runs on virtual time."""
    return World(1).run(program)


async def ask(subject, payload, *, deadline_unix_s=None, trace_id="t-1"):
    await subject.send(Envelope(trace_id, "acme", payload, deadline_unix_s))
    return await subject.outcome(trace_id)


async def answered(subject, payload, **options):
    """The answer to one request, from start to stop."""
    await subject.start()
    try:
        return await ask(subject, payload, **options)
    finally:
        await subject.stop()


@pytest.mark.parametrize("builder", [foreign_service.plain, foreign_service.service])
def test_whatever_takes_requests_is_a_subject(builder):
    """An async function and a class of somebody else's are driven through the same protocol as a flow."""

    async def program():
        subject = build(builder)
        assert isinstance(subject, Subject)
        return await answered(subject, {"question": "ice"})

    answer = drive(program())
    assert (answer.outcome, answer.value) == ("ok", "about ice")


def test_targets_are_what_was_wrapped():
    """A scenario can point at the function, its wrapped nodes and its tools."""
    targets = build(foreign_service.wrapped).targets()
    assert targets.nodes == ("search", "answer")
    assert targets.tools == ("book",)


def test_wrapped_calls_pass_the_interceptors_with_their_identity():
    """Every wrapped call meets the interceptors that want its act, outermost first, and says who calls what."""
    seen = []

    class Watch:
        acts = ("attempt", "tool")

        async def intercept(self, call, proceed):
            seen.append((call.act, call.node, call.name, call.trace_id, call.tenant, call.occurrence, call.key))
            return await proceed()

    class Blind:
        acts = ("send",)

        async def intercept(self, *_):
            seen.append("never")

    subject = build(foreign_service.wrapped)
    subject.install(Watch())
    subject.install(Blind())
    drive(answered(subject, {"question": "ice", "order": "o-7"}))

    assert seen == [
        ("attempt", "answer", None, "t-1", "acme", 0, None),
        ("attempt", "search", None, "t-1", "acme", 0, None),
        ("tool", "answer", "book", "t-1", "acme", 0, "o-7"),
    ]


def test_interceptor_may_break_a_call():
    """An error that an interceptor raises is the request's outcome, with its class and not its text."""

    class Broken:
        async def intercept(self, call, proceed):
            if call.node == "search":
                raise ConnectionError("secret")
            return await proceed()

    subject = build(foreign_service.wrapped)
    subject.install(Broken())
    answer = drive(answered(subject, {"question": "ice", "order": "o-7"}))
    assert (answer.outcome, answer.detail) == ("error", "ConnectionError")


def test_events_tell_the_same_story_as_those_of_a_flow():
    """A node starts and ends in events that carry trace, tenant and latency."""
    events = []
    subject = build(foreign_service.wrapped)
    subject.listen(lambda event: events.append((event.event_type, event.node_name, round(event.latency_ms))))
    drive(answered(subject, {"question": "ice", "order": "o-7"}))
    assert events == [
        ("node_start", "answer", 0),
        ("node_start", "search", 0),
        ("node_success", "search", 200),
        ("node_success", "answer", 300),
    ]


def test_function_outside_of_a_request_is_plain():
    """A wrapped function that is called outside of every request is not counted, hit or told."""
    seam, events = WrappingSeam(), []
    seam.listen(events.append)
    find, pay = seam.node(foreign_service.search), seam.tool(foreign_service.book)

    async def program():
        return await find({"question": "ice"}), await pay("o-7")

    assert drive(program()) == ("about ice", "booked o-7")
    assert events == []


def test_deadline_ends_a_request():
    """A function that is not done at the deadline is cancelled, and the outcome says so."""
    world = World(1)
    subject = FunctionSubject(foreign_service.handle)
    due_s = world.epoch_s + 0.1
    answer = world.run(answered(subject, {"question": "ice"}, deadline_unix_s=due_s))
    assert answer.outcome == "deadline"
    assert world.now_s == 0.1


def test_timeout_of_the_function_itself_is_an_error():
    """A TimeoutError that comes before the deadline is the function's own."""

    async def impatient(_request):
        raise TimeoutError

    answer = drive(answered(FunctionSubject(impatient), {}, deadline_unix_s=2e9))
    assert (answer.outcome, answer.detail) == ("error", "TimeoutError")


def test_cancelled_request_is_told_as_that():
    """Cancelling reaches the function, says whether there was anything to cancel, and is the outcome."""

    async def program():
        subject, events = FunctionSubject(foreign_service.handle), []
        subject.listen(lambda event: events.append(event.event_type))
        await subject.start()
        await subject.send(Envelope("t-1", "acme", {"question": "ice"}))
        await asyncio.sleep(0.1)
        told = await subject.cancel("t-1"), await subject.cancel("t-2")
        return told, (await subject.outcome("t-1")).outcome, events

    assert drive(program()) == ((True, False), "cancelled", ["node_start", "node_trace_cancelled"])


def test_stop_leaves_nothing_running():
    """After stop no call is under way, and further requests are refused with what to do."""

    async def program():
        subject = FunctionSubject(foreign_service.handle)
        await subject.start()
        await subject.send(Envelope("t-1", "acme", {"question": "ice"}))
        await subject.stop()
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(SubjectError, match="finds nobody at work"):
            await subject.send(Envelope("t-2", "acme", {}))
        return (await subject.outcome("t-1")).outcome

    assert drive(program()) == "cancelled"


def test_answer_is_handed_out_once():
    """A subject keeps nothing of a request whose answer was fetched."""

    async def program():
        subject = FunctionSubject(foreign_service.handle)
        await subject.start()
        await ask(subject, {"question": "ice"})
        with pytest.raises(SubjectError, match="nothing is known of request 't-1'"):
            await subject.outcome("t-1")

    drive(program())


def test_names_are_unique_and_functions_async():
    """A seam refuses what a scenario could not point at, and what cannot be late."""
    seam = WrappingSeam()
    seam.node(foreign_service.search)
    with pytest.raises(SubjectError, match="two nodes are named 'search'"):
        seam.node(foreign_service.search)
    with pytest.raises(SubjectError, match="tool 'length' is no async function"):
        seam.tool(len, name="length")


def test_half_a_subject_is_told_what_it_lacks():
    """A builder that gives a class with some of the methods learns which are missing."""

    class Half:
        async def start(self):
            """Do nothing."""

    with pytest.raises(BuildError, match="gives a Half, a subject without targets, install, listen, send, outcome"):
        build(Half)


def test_every_run_gets_a_subject_of_its_own():
    """A builder that gives the same subject again is refused, as one that gives the same flow is."""
    kept = foreign_service.service()
    build(lambda: kept)
    with pytest.raises(BuildError, match="gives a subject that it has given before"):
        build(lambda: kept)


SCENARIO = """\
schema: penguiflow.sim/1
name: late-look-up
flow: foreign_service:service
horizon: 60s
seeds: {first: 1, count: 1}
load: {payload: foreign_service:question, deadline: 2s, stages: [{for: 5s, rate: 1/s}]}
faults:
  - {id: slow, kind: latency, where: {node: look_up}, delay: 3s, chance: 1}
checks:
  - {id: in-time, metric: trace.timeouts, stat: count, max: 0}
"""


def test_scenario_drives_a_subject_of_somebody_elses(tmp_path, monkeypatch):
    """The worked example of the documentation: faults hit the service's step, and its requests come too late."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    file = tmp_path / "late.sim.yaml"
    file.write_text(SCENARIO)
    recording = run_seed(prepare(load_scenario(file)), 1)
    assert recording.nodes == ("look_up",)
    assert {request.outcome for request in recording.requests} == {"deadline"}
    assert recording.fault_counts["slow"].fired > 0


def test_documentation_shows_the_code_that_runs():
    """The worked example in the documentation is, word for word, the service that these tests drive."""
    source = inspect.getsource(foreign_service)
    page = Path(__file__).parents[3] / "docs" / "subjects.md"
    assert source[source.index("class Service:") :].rstrip() in page.read_text()
