"""Whose data is seen by whom: every place, every sink, and flows that do nothing wrong."""

from __future__ import annotations

import base64
import json
import logging
import sys
import urllib.parse
import warnings
from dataclasses import replace
from typing import Any

import pytest
import structlog
from flows_for_tests import echoing, run, scenario

from penguiflow import Node, create
from sim.checks.evaluate import evaluate_seed
from sim.kernel.draws import Draws
from sim.model.recording import Recording
from sim.model.scenario import TenantProbeFault
from sim.model.service_call import ServiceCall
from sim.subject import Envelope
from sim.watch.leaks import LeakWatch

POISSON = {"arrival": "poisson", "stages": [{"for": "10s", "rate": "2/s"}]}
PROBE = {"id": "peek", "kind": "tenant_probe", "victim": "globex", "attacker": "acme"}


def leaks(recording: Recording) -> list[Any]:
    return [sighting for sighting in recording.sightings if sighting.leaked]


def answering(handle: Any, **fields: Any) -> Any:
    return create(Node(handle, name="answer").to(), **fields)


def probed(build: Any, *plant: str, **fields: Any) -> Recording:
    return run(build, inject=[{**PROBE, "plant": list(plant) or ["payload"]}], load=POISSON, **fields)


def gossiping(tell: Any) -> Any:
    """A flow in which every request of acme sees what the last one of globex brought, through `tell(secret)`."""
    secrets: list[str] = []

    async def gossip(message: Any, ctx: Any) -> Any:
        secret = message.payload.get("canary")
        if secret is not None:
            secrets.append(secret)
        elif secrets:
            told = tell(secrets[-1])
            if told is not None:
                return message.model_copy(update={"payload": told})
        return message

    return answering(gossip)


def warn(text: str) -> None:
    warnings.warn(text, stacklevel=1)


def refuse(text: str) -> None:
    raise ValueError(f"no {text}")


def apart() -> logging.Logger:
    logger = logging.getLogger("app.apart")
    logger.propagate = False
    return logger


LOGS = {
    "a logger": lambda secret: logging.getLogger("app").warning("it is %s", secret),
    "an extra": lambda secret: logging.getLogger("app").warning("it is", extra={"what": {"secret": secret}}),
    "a logger that does not propagate": lambda secret: apart().warning(secret),
    "structlog": lambda secret: structlog.get_logger().warning("it is", what=secret),
    "structlog into bytes": lambda secret: structlog.wrap_logger(
        structlog.BytesLogger(sys.__stdout__.buffer), processors=[lambda _l, _m, event: str(event).encode()]
    ).info(secret) and None,
    "print": print,
    "pieces of a line": lambda secret: sys.stdout.write(secret[:9]) and print(secret[9:]),  # noqa: T201 - under test
    "bytes": lambda secret: sys.stdout.buffer.write(f"{secret}\n".encode()) and None,
    "stderr": lambda secret: sys.stderr.write(f"{secret}\n") and None,
    "a warning": warn,
}  # fmt: skip


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("way", LOGS)
def test_whatever_is_written_is_searched_and_its_line_is_named(way, capfd):
    """Every logger, structlog, what is printed, and warnings: the finding leads to the line of the call."""
    recording = probed(lambda: gossiping(LOGS[way]))
    assert {(leak.owner, leak.seen_by, leak.sink, leak.node) for leak in leaks(recording)} == {
        ("globex", "acme", "logs", "answer")
    }
    assert all(leak.line.partition(":")[0].endswith("test_leaks.py") for leak in leaks(recording))


@pytest.mark.filterwarnings("default")
def test_a_warning_leaks_again_in_the_next_run():
    """Python shows a warning once a process; a run must not depend on the one before."""
    build = lambda: gossiping(warn)  # noqa: E731 - the same builder twice
    assert leaks(probed(build)) == leaks(probed(build)) != []


def test_an_exception_text_that_reaches_the_caller_is_a_leak():
    """The error that tells a caller no is a sink of its own, down to the exception behind it."""
    recording = probed(lambda: gossiping(refuse))
    assert ("acme", "errors") in {(leak.seen_by, leak.sink) for leak in leaks(recording)}
    assert any("exception" in leak.path for leak in leaks(recording) if leak.sink == "errors")


class Bus:
    """Takes everything and tells nobody."""

    async def publish(self, envelope: Any) -> None:
        """Let it be."""


def test_messages_on_a_bus_are_searched():
    """What is published for one tenant with the data of another is a leak, with the node that sent it."""
    kept: list[Any] = []

    async def mix(message: Any, ctx: Any) -> Any:
        kept.append(message.payload)
        return message.model_copy(update={"payload": {"first": kept[0]}})

    async def done(message: Any, ctx: Any) -> Any:
        return "done"

    def build() -> Any:
        kept.clear()
        first, last = Node(mix, name="mix"), Node(done, name="done")
        return create(first.to(last), last.to(), message_bus=Bus())

    recording = probed(build)
    assert {(leak.sink, leak.node, leak.path) for leak in leaks(recording)} <= {
        ("bus", "mix", "payload.payload.first.canary")
    }
    assert recording.controls_missing == []


def test_stored_bindings_do_not_disturb_what_is_planted_in_events():
    """Only events have room for a canary; a bus or a binding beside them is left as it is."""
    recording = probed(lambda world: answering(_same, state_store=world.store, message_bus=Bus()), "state")
    assert recording.controls_missing == []
    assert leaks(recording) == []


async def _same(message: Any, ctx: Any) -> Any:
    return message


@pytest.mark.parametrize(
    ("write", "form"),
    [
        (lambda text: base64.b64encode(f"id:{text}".encode()).decode(), "base64"),
        (lambda text: urllib.parse.quote("".join(f"%{ord(letter):02x}" for letter in text)), "escaped"),
        (lambda text: json.dumps({"in": json.dumps(text)}), "plain"),
        (lambda text: text.upper(), "upper-case"),
    ],
)
def test_a_leak_says_how_it_was_written(write, form):
    """However it is encoded on its way, it is found, and the form is named."""
    recording = probed(lambda: gossiping(lambda secret: {"note": write(secret)}))
    assert {(leak.form, leak.path) for leak in leaks(recording)} == {(form, "payload.note")}


def test_a_canary_is_found_across_the_chunks_of_a_stream():
    """No chunk holds it whole, and it is seen all the same; the answer is the whole stream."""
    secrets: list[str] = []

    async def stream(message: Any, ctx: Any) -> None:
        secrets.extend([message.payload["canary"]] if "canary" in message.payload else [])
        text = f"so: {secrets[0] if secrets else 'nothing'}."
        for start in range(0, len(text), 3):
            await ctx.emit_chunk(parent=message, text=text[start : start + 3], done=start + 3 >= len(text))

    recording = probed(lambda: answering(stream))
    assert {request.outcome for request in recording.requests} == {"ok"}
    assert {(leak.sink, leak.path.split(" load")[0]) for leak in leaks(recording)} == {("egress", "chunks of stream")}
    assert recording.controls_missing == []


# -- places ----------------------------------------------------------------------------------


def test_meta_is_a_place():
    """A message that is answered with somebody else's meta gives away what stood there."""
    kept: list[Any] = []

    async def answer(message: Any, ctx: Any) -> Any:
        kept.append(message.meta)
        return message.model_copy(update={"meta": kept[0]})

    def build() -> Any:
        kept.clear()
        return answering(answer)

    recording = run(build, 4, inject=[{**PROBE, "plant": ["meta"]}], load=POISSON)
    told = {(leak.place, leak.path, leak.owner) for leak in leaks(recording)}
    assert told <= {("meta", "meta.canary", "globex"), ("meta", "meta.canary", "acme")}
    assert told


def test_memory_is_what_the_flow_keeps_of_one_request():
    """The canary of `memory` is planted once; who sees it later sees a variable that outlives its request."""
    kept: dict[str, Any] = {}

    async def answer(message: Any, ctx: Any) -> Any:
        if "canary" in message.payload:
            kept.setdefault("last", message.payload["canary"])
        return message.model_copy(update={"payload": {"before": kept.get("last"), **message.payload}})

    def build() -> Any:
        kept.clear()
        return answering(answer)

    recording = probed(build, "memory")
    assert {(leak.place, leak.path, leak.seen_by) for leak in leaks(recording)} == {
        ("memory", "payload.before", "acme")
    }
    judged = scenario(checks=[{"id": "no-leak", "metric": "leaks.confirmed", "max": 0}])
    finding = evaluate_seed(judged, recording).checks[0].findings[0]
    assert "planted in the memory of globex was seen by acme in egress, at payload.before" in finding.summary
    assert finding.cause.startswith("What one request brought is kept")


# -- without a probe -------------------------------------------------------------------------


def always_on(recording: Recording, **fields: Any) -> dict[str, str]:
    judged = evaluate_seed(scenario(**fields), recording)
    return {check.id: check.verdict for check in judged.checks}


def test_two_tenants_are_watched_without_a_probe():
    """A message that is kept and given to another tenant is found in a file that says nothing of leaks."""
    kept: list[Any] = []

    async def answer(message: Any, ctx: Any) -> Any:
        kept.append(message.meta)
        return message.model_copy(update={"meta": kept[0]})

    recording = run(lambda: answering(answer), load=POISSON)
    assert {leak.fault for leak in leaks(recording)} == {""}
    assert always_on(recording)["leaks"] == "fail"


def test_a_payload_that_asks_for_a_canary_gets_its_tenants_own():
    """Where a payload says `{canary}`, every tenant is marked, and a cache without the tenant is found."""
    kept: list[Any] = []

    async def answer(message: Any, ctx: Any) -> Any:
        kept.append(message.payload)
        return message.model_copy(update={"payload": kept[0], "meta": {}})

    recording = run(lambda: answering(answer), load=POISSON, payload=lambda _rng, _tenant, _i: {"name": "Ada {canary}"})
    assert {(leak.place, leak.path) for leak in leaks(recording)} == {("payload", "payload.name")}


def test_a_correct_flow_of_two_tenants_passes_and_has_been_watched():
    """The check stands in the result only where a tenant has seen a canary of its own."""
    assert always_on(run(echoing, load=POISSON))["leaks"] == "pass"

    async def swallow(message: Any, ctx: Any) -> Any:
        return "done"

    assert "leaks" not in always_on(run(lambda: answering(swallow), load=POISSON))


def test_a_flow_of_one_tenant_is_left_alone():
    """Nobody is there from whom anything has to be kept, so nothing is planted."""

    async def answer(message: Any, ctx: Any) -> Any:
        return {"meta": message.meta}

    recording = run(lambda: answering(answer), tenants={"acme": {}})
    assert recording.sightings == []


def test_what_every_run_plants_changes_nothing_that_the_flow_does():
    """Payload, outcome and effects of a watched flow are those of one whose tenants have no neighbours."""
    payloads: dict[int, list[Any]] = {1: [], 2: []}

    def build(number: int) -> Any:
        async def answer(message: Any, ctx: Any) -> Any:
            payloads[number].append(message.payload)
            await ctx.effect("book", key=ctx.idempotency_key("book"), args=message.payload)
            return message

        return answering(answer)

    alone = run(lambda: build(1), tenants={"acme": {}})
    beside = run(lambda: build(2), tenants={"acme": {"weight": 1000}, "globex": {"weight": 0.001}})
    assert payloads[1] == payloads[2]
    assert [replace(one, tenant=None) for one in alone.effects] == [replace(one, tenant=None) for one in beside.effects]


# -- services --------------------------------------------------------------------------------


def test_what_a_service_is_asked_on_behalf_of_another_tenant_is_a_leak():
    """Address, headers and body of a request, and a prompt, are what a tenant shows to the outside."""
    recording, probe = Recording("by hand", 1), TenantProbeFault.model_validate({**PROBE, "plant": ["payload"]})
    watch = LeakWatch([probe], Draws(1), recording, lambda: 0.0)
    marked = watch.mark(Envelope("t1", "globex", {"name": "x"}))
    secret = marked.payload["canary"]

    def ask(tenant: str, **fields: Any) -> None:
        known = {"act": "tool", "node": "call", "name": "POST /", "trace_id": "t2", "attempt": 0, "occurrence": 0}
        call = ServiceCall(**{**known, **fields}, tenant=tenant, service="model", is_effect=True)  # type: ignore[arg-type]
        step = watch.intercept(call, _answer)
        with pytest.raises(StopIteration):
            step.send(None)

    prompt = {"url": "http://model/v1", "headers": {}, "body": {"messages": [{"content": f"I know {secret}"}]}}
    ask("acme", value=prompt)
    ask("acme", value={}, name=f"GET /users/{secret}")
    ask("acme", value={}, key=f"{secret}/pay")
    ask("globex", value=prompt)
    assert [(leak.sink, leak.path) for leak in leaks(recording)] == [
        ("services", "args.body.messages.0.content"), ("services", "call"), ("services", "key"),
    ]  # fmt: skip
    watch.finish()
    assert recording.controls_missing == []


async def _answer() -> str:
    return "yes"
