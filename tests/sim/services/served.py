"""Small services and programs that call them, and a way to run both under a scenario."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sim.harness import run_seed
from sim.model.plan import Plan
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from sim.model.recording import Recording


def run(handle: Any, made_of: dict[str, Any], *, seed: int = 1, plan: Any = None, **fields: Any) -> Recording:
    """One request of `acme` to the async function `handle`, with apps as `services`; fields override the scenario."""
    services = fields.pop("services", {name: {"app": "served:bank"} for name in made_of})
    known: dict[str, Any] = {
        "schema": "penguiflow.sim/1",
        "name": "under-test",
        "flow": "served:nothing",
        "tenants": {"acme": {}},
        "load": {"stages": [{"for": "1s", "rate": "1/s"}]},
        "horizon": "600s",
        "world": {"services": services, "effects": fields.pop("effects", [])},
    }
    scenario = Scenario.model_validate({**known, **fields})
    prepared = Prepared(scenario, lambda: handle, services=made_of)
    return run_seed(prepared, seed, plan=plan or Plan())


def answer_of(handle: Any, made_of: dict[str, Any], **fields: Any) -> Any:
    """What one call of `handle` gives, in a run that went well."""
    answers: list[Any] = []

    async def program(request: Any) -> None:
        answers.append(await handle())

    recording = run(program, made_of, **fields)
    assert [request.outcome for request in recording.requests] == ["ok"], recording.requests
    return answers[0]


class Bank:
    """An ASGI app that writes down what it is asked, and tells it back."""

    def __init__(self) -> None:
        self.charges: list[Any] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        body = b""
        while (message := await receive()).get("more_body") or message["body"]:
            body += message["body"]
            if not message.get("more_body"):
                break
        self.charges.append(body.decode())
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        told = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "scheme": scope["scheme"],
            "body": body.decode(),
            "asked": len(self.charges),
            "agent": headers.get("user-agent", ""),
        }
        status = int(headers.get("x-status", "200"))
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def dropped(service: str = "bank", **more: Any) -> dict[str, Any]:
    """A fault that loses the answer of the first call."""
    return {
        "id": "lost", "kind": "tool_error", "where": {"service": service, "call": 1}, "error": "unavailable",
        "after_effect": True, **more,
    }  # fmt: skip
