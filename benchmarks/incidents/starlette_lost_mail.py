"""starlette before 0.21.0: a client that hangs up takes the background task of its own request with it.

A background task is what an application does after its answer: here the mail
that confirms a booking. Under a `BaseHTTPMiddleware` it ran as a part of the
request, and was cancelled with it when the client closed the connection.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
from _incident import explored
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import sim
from sim.kernel import running_world
from sim.net.http import AppTransport

if TYPE_CHECKING:
    from starlette.requests import Request

GUESTS = ("ann", "bob")
PATIENCE_S = 0.1


async def main() -> None:
    """Two guests book; whoever is booked gets a mail, whatever becomes of the connection."""
    booked: list[str] = []
    confirmed: list[str] = []

    async def confirm(guest: str) -> None:
        await sim.latency("mail", 0.02, guest)
        confirmed.append(guest)

    async def book(request: Request) -> Response:
        guest = request.path_params["guest"]
        booked.append(guest)
        return PlainTextResponse("booked", background=BackgroundTask(confirm, guest))

    async def tagged(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-served-by"] = "hotel"
        return response

    app = Starlette(
        routes=[Route("/{guest}", book, methods=["POST"])],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=tagged)],
    )
    transport = AppTransport(running_world(), {"hotel": app})
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE_S) as client:
        for guest in GUESTS:
            with suppress(httpx.TimeoutException):
                await client.post(f"http://hotel/{guest}")
    await asyncio.sleep(60)  # more than any mail takes
    assert sorted(confirmed) == booked, f"booked: {booked}; got a mail: {confirmed}"  # noqa: S101 - the property


if __name__ == "__main__":
    explored(main)
