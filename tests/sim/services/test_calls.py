"""Calls of a service pass through faults, plans and watchers; what happened is told where it happened."""

from __future__ import annotations

import asyncio
import socket
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from served import Bank, answer_of, dropped, run

from penguiflow import Node, NodePolicy, create
from sim.harness import probe_calls
from sim.model.plan import Plan
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario
from sim.services import Idempotent

BANK = httpx.AsyncClient(base_url="http://bank", timeout=2)
SLOW = {"bank": {"app": "served:bank", "latency": "100ms"}}


def charge(times: int = 1, **headers: str) -> Any:
    """A program that charges until it succeeds, so often at most."""

    async def program(request: Any) -> None:
        for left in reversed(range(times)):
            try:
                await BANK.post("/charges", json={"amount": 5}, headers=headers)
            except httpx.HTTPError:
                if not left:
                    raise
            else:
                return

    return program


def test_a_lost_answer_is_an_effect_without_an_answer() -> None:
    """The retry of a POST whose answer was lost is a second effect with the same digest."""
    recording = run(charge(2), {"bank": Bank}, faults=[dropped()])

    assert [effect.key for effect in recording.effects] == [None, None]
    assert len({effect.args_digest for effect in recording.effects}) == 1
    assert recording.fault_counts["lost"].fired == 1


def test_a_lost_request_is_no_effect() -> None:
    """A fault on the way there keeps the service from being reached."""
    recording = run(charge(2), {"bank": Bank}, faults=[dropped(after_effect=False)])

    assert len(recording.effects) == 1


def test_a_service_that_knows_the_key_does_nothing_again() -> None:
    """An answer from memory says so, and is no effect."""
    recording = run(charge(2, **{"Idempotency-Key": "k-1"}), {"bank": lambda: Idempotent(Bank())}, faults=[dropped()])

    assert [effect.key for effect in recording.effects] == ["k-1"]
    assert [request.outcome for request in recording.requests] == ["ok"]


def test_a_key_with_another_body_is_refused() -> None:
    """Stripe's rule: one key stands for one request."""

    async def program() -> Any:
        headers = {"Idempotency-Key": "k"}
        first = await BANK.post("/charges", json={"amount": 1}, headers=headers)
        again = await BANK.post("/charges", json={"amount": 1}, headers=headers)
        other = await BANK.post("/charges", json={"amount": 2}, headers=headers)
        return [first.json()["asked"], again.json()["asked"], again.headers["idempotent-replayed"], other.status_code]

    assert answer_of(program, {"bank": lambda: Idempotent(Bank())}) == [1, 1, "true", 422]


def test_requests_under_one_key_wait_for_the_first() -> None:
    """Two at once under one key are carried out once."""

    async def program() -> Any:
        both = [BANK.post("/charges", json={}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        return [answer.json()["asked"] for answer in await asyncio.gather(*both)]

    assert answer_of(program, {"bank": lambda: Idempotent(Bank())}) == [1, 1]


@pytest.mark.parametrize(("method", "status", "effects"), [("GET", 200, 0), ("PUT", 200, 1), ("POST", 409, 0)])
def test_only_what_changes_something_is_an_effect(method: str, status: int, effects: int) -> None:
    """Reading is none, nor is what the service refuses."""

    async def program(request: Any) -> None:
        await BANK.request(method, "/charges", headers={"x-status": str(status)})

    assert len(run(program, {"bank": Bank}).effects) == effects


def test_a_file_says_which_verbs_are_effects() -> None:
    """`effects: [GET]` makes reading one, and posting none."""

    async def program(request: Any) -> None:
        await BANK.get("/a")
        await BANK.post("/b")

    services = {"bank": {"app": "served:bank", "effects": ["GET"]}}
    assert [effect.name for effect in run(program, {"bank": Bank}, services=services).effects] == ["GET /a"]


def test_an_effect_happens_although_the_client_has_gone() -> None:
    """A service that is slower than its client's patience does its work all the same, at its own time."""

    class Slow(Bank):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await asyncio.sleep(3)
            await super().__call__(scope, receive, send)

    async def program(request: Any) -> None:
        with pytest.raises(httpx.ReadTimeout):
            await BANK.post("/charges", json={})

    recording = run(program, {"bank": Slow})

    assert [(effect.at_s, effect.certain) for effect in recording.effects] == [(3.0, True)]


@pytest.mark.parametrize(("side", "at_s"), [("request", 1.1), ("response", 0.1)])
def test_a_fault_sits_on_either_leg(side: str, at_s: float) -> None:
    """A late request is a late effect; a late answer is an effect in time."""
    late = {"id": "late", "kind": "latency", "where": {"service": "bank"}, "delay": "1s", "side": side}
    recording = run(charge(), {"bank": Bank}, services=SLOW, faults=[late])

    assert [effect.at_s for effect in recording.effects] == [pytest.approx(at_s)]
    assert [request.latency_s for request in recording.requests] == [pytest.approx(1.2)]


@pytest.mark.parametrize(
    ("error", "expected"), [("unavailable", httpx.ConnectError), ("timeout", httpx.ReadTimeout), ("rate_limited", 429)]
)
def test_a_fault_speaks_http(error: str, expected: Any) -> None:
    """What a fault raises reaches the client as a status or as the client's own error."""
    fault = {"id": "bad", "kind": "tool_error", "where": {"service": "bank"}, "error": error}

    async def program() -> Any:
        try:
            return (await BANK.get("/x")).status_code
        except httpx.HTTPError as failure:
            return type(failure)

    assert answer_of(program, {"bank": Bank}, faults=[fault]) == expected


def test_a_fault_of_a_tool_does_not_hit_a_service() -> None:
    """Nor does one of a node, or of another service."""
    faults = [
        {"id": "a", "kind": "tool_error", "where": {"tool": "POST /charges"}, "error": "unavailable"},
        {"id": "b", "kind": "tool_error", "where": {"service": "shop"}, "error": "unavailable"},
    ]
    recording = run(charge(), {"bank": Bank, "shop": Bank}, faults=faults)

    assert [recording.fault_counts[name].matched for name in "ab"] == [0, 0]


def test_retries_of_a_node_are_told_apart() -> None:
    """The attempt of a flow's node stands in the effect, and `where.attempt` matches it."""

    async def pay(message: Any, ctx: Any) -> Any:
        await BANK.post("/charges", json={"order": 1})
        return message

    def flow() -> Any:
        return create(Node(pay, name="pay", policy=NodePolicy(max_retries=2, backoff_base=0.1)).to())

    where = {"service": "bank", "node": "pay", "attempt": 1}
    fault = {"id": "lost", "kind": "tool_error", "where": where, "error": "unavailable", "after_effect": True}
    recording = run(flow(), {"bank": Bank}, faults=[fault])

    assert [(effect.node, effect.attempt) for effect in recording.effects] == [("pay", 1), ("pay", 2)]


def test_a_plan_makes_a_call_late() -> None:
    """A call has an address with its service, and exploration can hold its answer back."""
    scenario = _scenario(SLOW)
    prepared = Prepared(scenario, charge, services={"bank": Bank})
    addresses = [call.address for call in probe_calls(prepared, 1)]
    address = "program/bank POST /charges@load-0#1"
    assert address in addresses

    recording = run(charge(), {"bank": Bank}, services=SLOW, plan=Plan(kind="delay_points", late={address: 4}))

    assert [request.latency_s for request in recording.requests] == [pytest.approx(0.8)]


def _scenario(services: Any) -> Scenario:
    fields = {
        "schema": "penguiflow.sim/1", "name": "x", "flow": "a:b", "world": {"services": services},
        "load": {"stages": [{"for": "1s", "rate": "1/s"}]},
    }  # fmt: skip
    return Scenario.model_validate(fields)


def test_an_unknown_host_is_refused_with_what_is_there() -> None:
    """The refusal names the services, and the one that was probably meant."""

    async def program(request: Any) -> None:
        await httpx.AsyncClient().get("http://bnak/x")

    (refused,) = run(program, {"bank": Bank}).refused

    assert refused.startswith("GET http://bnak/x by task handle:load-0 at ")
    assert refused.endswith("; services known: bank; did you mean 'bank'?")


def test_a_client_that_cannot_be_reached_is_named_with_the_way_out() -> None:
    """A socket of its own, or a stream of asyncio's: the error names the service and `replace`."""

    async def by_socket(request: Any) -> None:
        await asyncio.to_thread(socket.create_connection, ("bank", 5432))

    async def by_stream(request: Any) -> None:
        await asyncio.open_connection("bank", 5432)

    for program in (by_socket, by_stream):
        (refused,) = run(program, {"bank": Bank}).refused
        assert "'bank' is a service of this run, and this client is none of those that are led to it" in refused
        assert "{bank: {replace: {module:callable: module:stand_in}}}" in refused


def test_a_service_sees_nothing_of_its_clients_context() -> None:
    """Context variables do not cross a network."""
    secret: ContextVar[str] = ContextVar("secret", default="none")
    seen: list[str] = []

    class Curious(Bank):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append(secret.get())
            await super().__call__(scope, receive, send)

    async def program() -> Any:
        secret.set("of the client")
        return (await BANK.get("/x")).status_code

    answer_of(program, {"bank": Curious})

    assert set(seen) == {"none"}


def test_the_boundary_of_a_form_is_no_argument() -> None:
    """Two uploads of the same file have the same digest, although each has a boundary of its own."""

    async def program(request: Any) -> None:
        for _ in range(2):
            await BANK.post("/files", files={"f": b"same"})

    recording = run(program, {"bank": Bank})

    assert len({effect.args_digest for effect in recording.effects}) == 1


def test_a_node_can_be_an_effect() -> None:
    """Every finished body of a declared node is one, keyed by trace and node; one that fails is none."""
    tries: list[int] = []

    async def ship(message: Any, ctx: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("no answer")
        return message

    flow = create(Node(ship, name="ship", policy=NodePolicy(max_retries=1, backoff_base=0.1)).to())
    recording = run(flow, {}, effects=[{"node": "ship"}])

    assert [(effect.name, effect.key) for effect in recording.effects] == [("ship", "load-0/ship")]


def test_calls_of_a_service_are_counted_by_its_name() -> None:
    """Amplification at a service: every call that its caller made, also those that were lost."""
    check = {"id": "few", "metric": "attempts.per_request", "stat": "max", "where": {"service": "bank"}, "max": 1}
    recording = run(charge(3), {"bank": Bank}, faults=[dropped(where={"service": "bank"}, max_fires=2)], checks=[check])

    assert [(call.service, call.name) for call in recording.tool_calls] == [("bank", "POST /charges")] * 3


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "hang"}, "ReadTimeout"),
        ({"kind": "rate_limit", "rate": "1/m", "retry_after": "3s"}, (429, "3")),
        ({"kind": "corrupt", "how": "remove", "fields": ["asked"]}, (200, None)),
    ],
    ids=["hang", "rate_limit", "corrupt"],
)
def test_faults_of_calls_hit_services_too(fault: Any, expected: Any) -> None:
    """Silence ends the client's patience, a limit says when to come back, damage is in the body."""

    async def program() -> Any:
        try:
            await BANK.get("/x")
            answer = await BANK.get("/x")
        except httpx.HTTPError as error:
            return type(error).__name__
        assert answer.status_code != 200 or "asked" not in answer.json()
        return answer.status_code, answer.headers.get("retry-after")

    hit = {"id": "hit", "where": {"service": "bank"}, **fault}
    assert answer_of(program, {"bank": Bank}, faults=[hit]) == expected
