"""Apps of services: made for each run, started before the first request, ended after the last."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.server import MCPServer
from served import Bank, answer_of, run
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse
from starlette.routing import Route

from sim.services import ServiceError

BANK = httpx.AsyncClient(base_url="http://bank")


async def ask() -> Any:
    return (await BANK.get("/x")).json()["asked"]


class WithLifespan(Bank):
    """An app with a lifespan, which notes what happens."""

    def __init__(self, notes: list[str], *, failing: str = "") -> None:
        super().__init__()
        self.notes, self.failing = notes, failing

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            self.notes.append("request")
            await super().__call__(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            self.notes.append(phase)
            failed = phase == self.failing
            await send({"type": f"lifespan.{phase}.{'failed' if failed else 'complete'}", "message": "no disk"})


def test_an_app_lives_as_long_as_its_run() -> None:
    """Start, requests, end, in this order."""
    notes: list[str] = []
    answer_of(ask, {"bank": lambda: WithLifespan(notes)})

    assert notes == ["startup", "request", "shutdown"]


@pytest.mark.parametrize(("phase", "told"), [("startup", "its start fails: no disk"), ("shutdown", "its end fails")])
def test_a_lifespan_that_fails_is_told(phase: str, told: str) -> None:
    """The app's own words, with the service's name."""

    async def program(request: Any) -> None:
        await ask()

    with pytest.raises(ServiceError, match=f"service bank: {told}"):
        run(program, {"bank": lambda: WithLifespan([], failing=phase)})


def test_each_run_has_a_new_app() -> None:
    """What one run has left in an app is not there in the next."""
    assert [answer_of(ask, {"bank": Bank}) for _ in range(2)] == [1, 1]


def test_an_app_that_is_given_twice_is_refused() -> None:
    """A factory that hands out one app again would let runs see each other."""
    only = Bank()
    answer_of(ask, {"bank": lambda: only})

    with pytest.raises(ServiceError, match="an app that it has given before"):
        answer_of(ask, {"bank": lambda: only})


@pytest.mark.parametrize(
    ("factory", "told"), [(lambda: 7, "gives a int, which is no ASGI app"), (lambda: 1 / 0, "ZeroDivisionError")]
)
def test_a_factory_that_makes_no_app_is_told(factory: Any, told: str) -> None:
    """What is no app, and what raises."""
    with pytest.raises(ServiceError, match=told):
        answer_of(ask, {"bank": factory})


def test_an_app_of_a_framework_runs_unchanged() -> None:
    """Starlette's routing, lifespan and background tasks work; state is the app's own."""
    done: list[str] = []

    def make() -> Any:
        @asynccontextmanager
        async def lifespan(app: Any) -> Any:
            app.state.ready = True
            yield

        async def charge(request: Any) -> Any:
            told = {"id": request.path_params["id"], "ready": request.app.state.ready}
            return JSONResponse(told, background=BackgroundTask(done.append, "mail sent"))

        return Starlette(routes=[Route("/charges/{id}", charge, methods=["POST"])], lifespan=lifespan)

    async def program() -> Any:
        return (await BANK.post("/charges/7")).json()

    assert answer_of(program, {"bank": make}) == {"id": "7", "ready": True}
    assert done == ["mail sent"]


def test_an_mcp_server_over_http_is_an_app() -> None:
    """The official client reaches the official server, which is an ASGI app with a lifespan."""

    def make() -> Any:
        server = MCPServer("cards")

        @server.tool()
        def charge(cents: int) -> str:
            return f"charged {cents}"

        return server.streamable_http_app(host="cards")

    async def program() -> Any:
        async with Client("http://cards/mcp") as client:
            result = await client.call_tool("charge", {"cents": 5})
            return result.content[0].text

    assert answer_of(program, {"cards": make}) == "charged 5"
