"""Which sightings are leaks, which are controls, and what is written down of each."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from by_hand import Clock, answer, call, done, event

from penguiflow import StreamChunk
from sim.kernel.draws import Draws
from sim.model.recording import Recording, Sighting
from sim.model.scenario import TenantProbeFault
from sim.subject import Answer, Envelope
from sim.watch.leaks import LeakWatch

PROBE = {"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex"}


class Watched:
    """A watch that has marked one request of acme, `load-1`."""

    def __init__(self, *plant: str, always: bool = False, **fields: Any) -> None:
        self.recording, self.clock = Recording("s", 1), Clock()
        probes = [TenantProbeFault.model_validate({**PROBE, **fields, "plant": list(plant)})] if plant else []
        self.watch = LeakWatch(probes, Draws(1), self.recording, self.clock, always=always)
        envelope = self.watch.mark(Envelope("load-1", "acme", {"name": "Ada"}))
        self.secret = envelope.payload.get("canary") or envelope.meta.get("canary") or ""
        self.clock.now_s = 3.0

    @property
    def seen(self) -> list[Any]:
        return self.recording.sightings

    def told(self, *names: str) -> list[Any]:
        return [tuple(getattr(sighting, name) for name in names) for sighting in self.seen]


def filled(value: Any, secret: str) -> Any:
    """A row of a table with the mark where it says `SECRET`."""
    if isinstance(value, dict):
        return {key: filled(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, secret) for item in value]
    return value.replace("SECRET", secret) if isinstance(value, str) else value


def test_a_sighting_says_everything_about_itself():
    """Who planted it, whose it is, where it was seen by whom, when, at which path and in which form."""
    watched = Watched("payload")
    watched.watch.look("egress", {"a": watched.secret}, seen_by="globex", node="pay", trace_id="load-7")
    assert watched.seen == [
        Sighting(
            fault="peek", place="payload", owner="acme", sink="egress", seen_by="globex", node="pay",
            trace_id="load-7", at_s=3.0, path="a", leaked=True, form="plain", line="",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sink", "seen_by", "leaked"),
    [
        ("egress", "globex", True),
        ("egress", "acme", False),
        ("egress", None, False),
        ("metric_labels", None, True),
        ("metric_labels", "acme", True),
        ("logs", "globex", True),
    ],
)
def test_what_others_see_is_a_leak(sink, seen_by, leaked):
    """The owner's own sighting is none, nor one by nobody knows whom; labels are for everybody."""
    watched = Watched("payload")
    watched.watch.look(sink, watched.secret, seen_by=seen_by, node=None, trace_id=None)
    assert watched.told("sink", "seen_by", "leaked", "path") == [(sink, seen_by, leaked, "")]


def test_of_controls_the_first_in_each_sink_is_written_down_and_of_leaks_all():
    """Each path of one entry is written down; what its owner has seen once in a sink proves no more the second time."""
    watched = Watched("payload")
    entry = {"a": watched.secret, "b": [watched.secret], "c": "clean"}
    for seen_by in ("acme", "acme", "globex", "globex", None, None):
        for sink in ("egress", "state"):
            watched.watch.look(sink, entry, seen_by=seen_by, node=None, trace_id=None)
    once = [(sink, "acme", path, False) for sink in ("egress", "state") for path in ("a", "b.0")]
    again = [(sink, "globex", path, True) for sink in ("egress", "state") for path in ("a", "b.0")]
    assert watched.told("sink", "seen_by", "path", "leaked") == [*once, *again, *again]


def test_only_the_sinks_that_a_probe_names_are_searched():
    """`look_in` bounds a probe; what every run plants is looked for everywhere."""
    watched = Watched("payload", look_in=["logs"])
    for sink in ("egress", "logs"):
        watched.watch.look(sink, watched.secret, seen_by="globex", node=None, trace_id=None)
    assert watched.told("sink") == [("logs",)]
    quiet = Watched(always=True)
    quiet.watch.look("egress", quiet.secret, seen_by="globex", node=None, trace_id=None)
    assert quiet.told("fault", "place", "sink", "owner") == [("", "meta", "egress", "acme")]


def test_a_canary_that_its_owner_never_saw_is_missing():
    """By probe and place; a sighting by others does not stand for it."""
    watched = Watched("payload", "meta")
    watched.watch.look("egress", watched.secret, seen_by="acme", node=None, trace_id=None)
    watched.watch.finish()
    assert watched.recording.controls_missing == ["peek/meta"]
    watched = Watched("payload")
    watched.watch.look("egress", watched.secret, seen_by="globex", node=None, trace_id=None)
    watched.watch.finish()
    assert watched.recording.controls_missing == ["peek/payload"]


# -- streams -----------------------------------------------------------------------------------


def chunk(text: str, seq: int = 0, *, done: bool = False, stream_id: str = "s") -> StreamChunk:
    return StreamChunk(stream_id=stream_id, seq=seq, text=text, done=done)


def test_a_canary_in_pieces_is_found_once_and_only_across_chunks():
    """A chunk that holds it whole tells its path; one that ends it tells the stream; then no more."""
    watched = Watched("payload")
    secret = watched.secret
    for seq, text in enumerate(("x " + secret[:7], secret[7:12], secret[12:] + " y", "z", secret)):
        watched.watch.look("bus", chunk(text, seq), seen_by="globex", node="pay", trace_id="load-7")
    assert watched.told("path", "sink", "node", "trace_id", "seen_by") == [
        ("chunks of stream s", "bus", "pay", "load-7", "globex"), ("text", "bus", "pay", "load-7", "globex"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [{"sink": "state"}, {"node": "ship"}, {"trace_id": "load-8"}, {"stream_id": "t"}],
)
def test_pieces_belong_together_in_one_stream_at_one_place(other):
    """Halves in two sinks, at two nodes, of two traces or of two streams are no whole."""
    watched = Watched("payload")
    first = {"sink": "bus", "node": "pay", "trace_id": "load-7", "stream_id": "s"}
    for text, where in ((watched.secret[:9], first), (watched.secret[9:], {**first, **other})):
        part = chunk(text, stream_id=where["stream_id"])
        watched.watch.look(where["sink"], part, seen_by="globex", node=where["node"], trace_id=where["trace_id"])
    assert watched.seen == []


def test_an_answer_that_is_a_stream_is_searched_as_one():
    """Its chunks belong to `egress`; after the answer nothing of it is kept."""
    watched = Watched("payload")
    parts = [chunk(watched.secret[:9]), chunk(watched.secret[9:], 1, done=True)]
    watched.watch.read_answer(Answer("ok", parts), "globex", "load-7")
    assert watched.told("sink", "seen_by", "node", "trace_id", "path") == [
        ("egress", "globex", None, "load-7", "chunks of stream s")
    ]
    watched.watch.read_answer(Answer("ok", [chunk(watched.secret[:9])]), "globex", "load-8")
    watched.watch.read_answer(Answer("ok", [chunk(watched.secret[9:])]), "globex", "load-8")
    assert len(watched.seen) == 1


# -- answers, events, logs ---------------------------------------------------------------------


def test_answers_and_errors_are_sinks_of_their_own():
    """A value is `egress`; an error is `errors`, be it the answer or what told the caller no."""
    watched = Watched("payload")
    refused = ValueError(f"no {watched.secret}")
    watched.watch.read_answer(Answer("ok", {"name": watched.secret}), "globex", "load-7")
    watched.watch.read_answer(Answer("error", refused), "globex", "load-8")
    watched.watch.read_answer(Answer("error", error=refused), "globex", "load-9")
    assert set(watched.told("sink", "seen_by", "trace_id", "node", "path")) == {
        ("egress", "globex", "load-7", None, "name"),
        ("errors", "globex", "load-8", None, "exception"),
        ("errors", "globex", "load-8", None, "args.0"),
        ("errors", "globex", "load-9", None, "exception"),
        ("errors", "globex", "load-9", None, "args.0"),
    }


@pytest.mark.parametrize(
    ("where", "sinks"),
    [
        ({"extra": {"what": "SECRET"}}, {("events", "what"), ("metric_labels", "what")}),
        ({"extra": {"what": ["SECRET"]}}, {("events", "what.0")}),
        ({"node_name": "pay SECRET"}, {("events", "node_name"), ("metric_labels", "node_name")}),
        ({"trace_id": "SECRET"}, {("events", "trace_id")}),
        ({"node_id": "SECRET"}, {("events", "node_id"), ("metric_labels", "node_id")}),
    ],
)
def test_events_and_the_labels_made_of_them_are_searched(where, sinks):
    """An event belongs to its tenant; labels belong to everybody."""
    watched = Watched("payload")
    watched.watch.observe(event("node_start", tenant="globex", **filled(where, watched.secret)))
    assert set(watched.told("sink", "path")) == sinks
    assert all(
        sighting.seen_by == (None if sighting.sink == "metric_labels" else "globex") for sighting in watched.seen
    )
    if "node_name" not in where and "trace_id" not in where:
        assert {(sighting.node, sighting.trace_id) for sighting in watched.seen} == {("pay", "load-1")}


def test_the_type_and_the_tenant_of_an_event_are_searched():
    """An event type made of data gives it away, too."""
    watched = Watched("payload")
    watched.watch.observe(event(f"saw_{watched.secret}", tenant="globex"))
    assert ("events", "event") in watched.told("sink", "path")


def record_of(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    record = logging.LogRecord("app", logging.WARNING, "x.py", 1, message, args, extra.pop("exc_info", None))
    vars(record).update(extra)
    return record


@pytest.mark.parametrize(
    ("facts", "whose"),
    [
        ({"tenant": "globex"}, ("globex", None, None)),
        ({"tenant": "globex", "node_name": "ship", "trace_id": "load-7"}, ("globex", "ship", "load-7")),
        ({"tenant": 7, "node_name": 8, "trace_id": 9}, ("7", "8", "9")),
        ({}, (None, None, None)),
    ],
)
def test_a_log_entry_belongs_to_whom_it_names(facts, whose):
    """Outside of every handler it is nobody's, unless it says whose it is."""
    watched = Watched("payload")
    watched.watch.read_entry({"event": watched.secret, **facts})
    assert watched.told("seen_by", "node", "trace_id", "sink", "path") == [(*whose, "logs", "event")]


def test_a_log_record_is_searched_in_every_part():
    """Its message with its arguments, what was given besides, and the exception that it carries."""
    watched = Watched("payload")
    error = ValueError(f"no {watched.secret}")
    watched.watch.read_log(record_of("it is %s", watched.secret, tenant="globex"))
    watched.watch.read_log(record_of("hello", what={"deep": watched.secret}, tenant="globex"))
    watched.watch.read_log(record_of("oh", exc_info=(ValueError, error, None), tenant="globex"))
    watched.watch.read_log(record_of("oh", exc_info=(None, None, None), tenant="globex"))
    watched.watch.read_line(f"printed {watched.secret}")
    assert watched.told("path", "sink", "seen_by") == [
        ("message", "logs", "globex"), ("what.deep", "logs", "globex"), ("exception.exception", "logs", "globex"),
        ("exception.args.0", "logs", "globex"), ("printed", "logs", None),
    ]  # fmt: skip


def test_only_leaks_of_logs_name_their_line():
    """It leads to the user's log call; a control needs none, and other sinks have none."""
    watched = Watched("payload")
    for seen_by in ("globex", "acme"):
        watched.watch.read_entry({"event": watched.secret, "tenant": seen_by})
        watched.watch.look("egress", watched.secret, seen_by=seen_by, node=None, trace_id=None)
    assert [(sighting.sink, sighting.seen_by, ".py:" in sighting.line) for sighting in watched.seen] == [
        ("logs", "globex", True), ("egress", "globex", False), ("logs", "acme", False), ("egress", "acme", False),
    ]  # fmt: skip
    assert {sighting.line for sighting in watched.seen[1:]} == {""}


def test_nothing_is_read_where_nothing_is_planted():
    """A run of one tenant without a probe is left alone; a probe, or several tenants, make the watch active."""
    idle = Watched()
    assert not idle.watch.active
    assert not LeakWatch([], Draws(1), Recording("s", 1), Clock()).active
    idle.watch.read_log(record_of("hello"))
    idle.watch.read_entry({"event": "hello"})
    assert Watched("meta").watch.active
    assert Watched(always=True).watch.active


def test_a_log_line_belongs_to_the_handler_that_runs():
    """Tenant, node and trace of the attempt, unless the entry names others; after the attempt it is nobody's."""
    watched = Watched("payload")

    async def handler() -> str:
        watched.watch.read_entry({"event": watched.secret})
        watched.watch.read_entry({"event": watched.secret, "node_name": "ship", "trace_id": "load-9"})
        watched.watch.read_entry({"event": watched.secret, "tenant": "initech"})
        return "answer"

    attempt = call(act="attempt", name=None, tenant="globex", trace_id="load-7")
    assert done(watched.watch.intercept(attempt, handler)) == "answer"
    watched.watch.read_entry({"event": watched.secret})
    assert watched.told("seen_by", "node", "trace_id") == [
        ("globex", "pay", "load-7"), ("globex", "ship", "load-9"), ("initech", "pay", "load-7"), (None, None, None),
    ]  # fmt: skip


# -- the seam ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "sink", "path"),
    [
        ({"value": {"who": "SECRET"}}, "tool_args", "args.who"),
        ({"key": "SECRET/1"}, "tool_args", "key"),
        ({"value": "SECRET", "service": "bank"}, "services", "args"),
        ({"key": "SECRET/1", "service": "bank"}, "services", "key"),
        ({"name": "GET /SECRET", "service": "bank"}, "services", "call"),
        ({"act": "store", "name": "save_event", "value": {"a": "SECRET"}}, "state", "a"),
        ({"act": "store", "name": "save_binding", "value": {"a": "SECRET"}}, "state", "a"),
        ({"act": "store", "name": "publish", "value": {"a": "SECRET"}}, "bus", "a"),
    ],
)
def test_what_goes_out_is_searched_where_it_goes(fields, sink, path):
    """Tools, services, the store and the bus: each is a sink, seen by the tenant on whose behalf it is called."""
    watched = Watched("payload")

    hit = call(tenant="globex", trace_id="load-7", **filled(fields, watched.secret))
    assert done(watched.watch.intercept(hit, answer)) == {"receipt": "yes"}
    assert watched.told("sink", "path", "seen_by", "node", "trace_id") == [(sink, path, "globex", "pay", "load-7")]


def test_the_name_of_a_tool_is_no_sink():
    """It stands in the code; that of a service call holds an address."""
    watched = Watched("payload")
    done(watched.watch.intercept(call(name=watched.secret, tenant="globex"), answer))
    assert watched.seen == []


def test_what_is_stored_and_what_tools_give_is_planted():
    """Events of a marked trace get the mark before they are stored, results after they came."""
    watched = Watched("state", "tool_result")

    class Stored:
        payload = {"a": 1}  # noqa: RUF012 - it is replaced

    marked, other = Stored(), Stored()
    for value, trace_id in ((marked, "load-1"), (other, "load-2")):
        done(watched.watch.intercept(call(act="store", name="save_event", value=value, trace_id=trace_id), answer))
    assert marked.payload.keys() == {"a", "canary"}
    assert other.payload == {"a": 1}
    binding = Stored()
    done(watched.watch.intercept(call(act="store", name="save_binding", value=binding), answer))
    assert binding.payload == {"a": 1}
    assert done(watched.watch.intercept(call(), answer)).keys() == {"receipt", "canary"}
    assert done(watched.watch.intercept(call(trace_id="load-2"), answer)) == {"receipt": "yes"}
    assert watched.told("place", "sink", "path", "leaked") == [("state", "state", "payload.canary", False)]


def test_what_tools_give_is_planted_in_every_run_of_several_tenants():
    """Where a result says `{canary}`, its tenant's own mark stands there, with or without a probe."""
    watched = Watched(always=True)

    async def asking() -> dict[str, str]:
        return {"note": "for {canary}"}

    marks = {
        tenant: done(watched.watch.intercept(call(tenant=tenant), asking))["note"] for tenant in ("acme", "globex")
    }
    assert all(mark.startswith("for cnry") for mark in marks.values())
    assert marks["acme"] != marks["globex"]
    assert done(watched.watch.intercept(call(tenant=None), asking)) == {"note": "for {canary}"}
