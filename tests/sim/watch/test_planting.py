"""Which requests carry canaries, and where."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import Clock

from sim.kernel.draws import Draws
from sim.model.recording import FaultCount, Recording
from sim.model.scenario import TenantProbeFault
from sim.subject import Envelope
from sim.watch.forms import Scanner
from sim.watch.planting import Planter

EVERYWHERE = ["payload", "headers", "meta", "state", "tool_result"]


def probe_of(*plant: str, **fields: Any) -> TenantProbeFault:
    known = {"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex"}
    return TenantProbeFault.model_validate({**known, "plant": list(plant), **fields})


def planter_of(*probes: TenantProbeFault, always: bool = False) -> tuple[Planter, Recording, Clock, Scanner]:
    recording, clock, scanner = Recording("s", 1), Clock(), Scanner()
    return Planter(probes, Draws(1), recording, clock, scanner, always=always), recording, clock, scanner


def request(trace_id: str = "load-1", tenant: str = "acme", **fields: Any) -> Envelope:
    return Envelope(trace_id, tenant, **{"payload": {"name": "Ada"}, "topic": "orders", "meta": {"k": "v"}, **fields})


def mark_of(*address: str) -> str:
    """The mark at this address: kept capsules are full of them."""
    return f"cnry{Draws(1).u64('canary', *address):016x}"


PEEK = {place: mark_of("peek", place) for place in (*EVERYWHERE, "memory")}


@pytest.mark.parametrize(
    ("place", "marked"),
    [
        ("payload", {"payload": {"name": "Ada", "canary": PEEK["payload"]}}),
        ("memory", {"payload": {"name": "Ada", "canary": PEEK["memory"]}}),
        ("headers", {"topic": PEEK["headers"]}),
        ("meta", {"meta": {"k": "v", "canary": PEEK["meta"]}}),
        ("state", {}),
        ("tool_result", {}),
    ],
)
def test_each_place_of_a_request_gets_its_own_canary(place, marked):
    """And nothing else of the request changes; the mark is drawn at the probe's and the place's name."""
    planter, _, _, scanner = planter_of(probe_of(place))
    original = request()
    assert planter.mark(original) == request(**marked)
    assert original == request()
    assert [canary.text for canary in planter.planned] == [PEEK[place]]
    (form,) = scanner.find(PEEK[place])
    assert (form.canary.fault, form.canary.place, form.canary.owner) == ("peek", place, "acme")


def test_what_is_stored_and_what_tools_give_is_marked_for_marked_traces_only():
    """The decision falls when the request is sent, and holds for its whole trace."""
    planter, _, clock, _ = planter_of(probe_of("state", "tool_result", window={"from": "5s"}))
    planter.mark(request("early"))
    clock.now_s = 5.0
    planter.mark(request("late"))
    assert [planter.in_state(trace_id) for trace_id in ("early", "late", "other", None)] == ["", PEEK["state"], "", ""]
    results = [planter.in_result({"n": 1}, trace_id, "acme") for trace_id in ("early", "late", "other", None)]
    assert results == [{"n": 1}, {"n": 1, "canary": PEEK["tool_result"]}, {"n": 1}, {"n": 1}]
    assert planter.in_result("for {canary}", "late", "acme") == f"for {PEEK['tool_result']}"


def test_the_requests_of_others_are_not_marked_and_lose_the_marker():
    """Only the victim's requests carry what a probe plants; nobody sees the text `{canary}` itself."""
    planter, recording, _, _ = planter_of(probe_of(*EVERYWHERE))
    assert planter.mark(request(tenant="globex")) == request(tenant="globex")
    assert planter.mark(request(tenant="globex", payload="Ada {canary}")).payload == "Ada "
    assert recording.fault_counts == {}


def test_memory_is_planted_in_one_request():
    """The first that the probe marks; the other places in every request."""
    planter, _, _, _ = planter_of(probe_of("memory", "meta"), probe_of("memory", id="spy"))
    first, second = planter.mark(request("one")), planter.mark(request("two"))
    assert first.payload == {"name": "Ada", "canary": f"{PEEK['memory']} {mark_of('spy', 'memory')}"}
    assert second.payload == {"name": "Ada"}
    assert [each.meta["canary"] for each in (first, second)] == [PEEK["meta"]] * 2


@pytest.mark.parametrize(
    ("fields", "at_s", "marked", "counts"),
    [
        ({}, [0, 1, 2], [True, True, True], FaultCount(3, 3, 0)),
        (
            {"window": {"from": "1s", "for": "2s"}},
            [0.999, 1, 2.999, 3],
            [False, True, True, False],
            FaultCount(2, 2, 0),
        ),
        ({"max_fires": 2}, [0, 1, 2, 3], [True, True, False, False], FaultCount(4, 2, 2)),
        ({"chance": 0}, [0, 1], [False, False], FaultCount(2, 0, 0)),
    ],
)
def test_a_probe_marks_in_its_window_and_not_too_often(fields, at_s, marked, counts):
    """The window holds its start and not its end; requests beyond `max_fires` are counted as suppressed."""
    planter, recording, clock, _ = planter_of(probe_of("meta", **fields))
    got = []
    for number, now_s in enumerate(at_s):
        clock.now_s = now_s
        got.append("canary" in planter.mark(request(f"load-{number}")).meta)
    assert got == marked
    assert recording.fault_counts == {"peek": counts}


def test_chance_is_drawn_at_the_probe_and_the_trace():
    """So that a request is marked or not, whatever came before it; counts of the run so far go on."""
    planter, recording, _, _ = planter_of(probe_of("meta", chance=0.5))
    recording.fault_counts["peek"] = FaultCount(1, 1, 1)
    marked = ["canary" in planter.mark(request(f"load-{number}")).meta for number in range(40)]
    assert marked == [Draws(1).chance(0.5, "chance", "peek", f"load-{number}") for number in range(40)]
    assert recording.fault_counts["peek"] == FaultCount(41, 1 + sum(marked), 1)


def test_every_run_of_several_tenants_plants_in_quiet_places():
    """In meta, and where a payload or a tool's result says `{canary}`; each tenant has marks of its own."""
    planter, _, _, scanner = planter_of(always=True)
    for tenant in ("acme", "globex"):
        quiet = {place: mark_of("", place, tenant) for place in ("payload", "meta", "tool_result")}
        marked = planter.mark(request(f"of-{tenant}", tenant, payload={"name": "Ada {canary}"}))
        assert marked.payload == {"name": f"Ada {quiet['payload']}"}
        assert marked.meta == {"k": "v", "canary": quiet["meta"]}
        assert marked.topic == "orders"
        assert planter.mark(request(tenant=tenant)).payload == {"name": "Ada"}
        assert planter.in_result("x {canary}", "any", tenant) == f"x {quiet['tool_result']}"
        assert planter.in_result({"n": 1}, "any", tenant) == {"n": 1}
        (form,) = scanner.find(quiet["meta"])
        assert (form.canary.fault, form.canary.place, form.canary.owner) == ("", "meta", tenant)
    assert planter.in_result("x {canary}", "any", None) == "x {canary}"
    assert planter.planned == ()


def test_what_a_probe_marks_is_not_marked_again():
    """A place that a probe of the tenant marks gets no quiet canary, the others do; other tenants get theirs."""
    planter, _, _, _ = planter_of(probe_of("meta"), probe_of("payload", id="spy", victim="globex", attacker="acme"),
                                  always=True)  # fmt: skip
    acme = planter.mark(request(payload="Ada {canary}"))
    assert (acme.payload, acme.meta["canary"]) == (f"Ada {mark_of('', 'payload', 'acme')}", PEEK["meta"])
    globex = planter.mark(request("g", "globex", payload="Ada {canary}"))
    assert (globex.payload, globex.meta["canary"]) == (
        f"Ada {mark_of('spy', 'payload')}",
        mark_of("", "meta", "globex"),
    )


def test_a_run_of_one_tenant_plants_nothing_by_itself():
    """Without a probe and without neighbours the request is as it was, but for the marker."""
    planter, _, _, _ = planter_of()
    assert planter.mark(request()) == request()
    assert planter.mark(request(payload="Ada {canary}")).payload == "Ada "
    assert planter.in_result("x {canary}", "load-1", "acme") == "x {canary}"
