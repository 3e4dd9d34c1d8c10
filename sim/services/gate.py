"""The gate to the services of a run: each HTTP request of the program comes through here, whichever client makes it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from sim.kernel.isolation import refuse
from sim.net.http import AppTransport
from sim.net.links import Link
from sim.services.advice import advice
from sim.services.bodies import body_of, seen_of
from sim.services.nested import run_nested

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from sim.kernel import World
    from sim.model.service_call import ServiceCall
    from sim.net.http import App
    from sim.services.seam import ServiceSeam

KEY_HEADER = "idempotency-key"
"""draft-ietf-httpapi-idempotency-key-header."""
REPLAYED_HEADER = b"idempotent-replayed"
"""How a service says that it answers a key with an earlier result, and does nothing (docs.stripe.com/api)."""
_CALL = "penguiflow.sim.call"
_FIRST_REFUSAL = 400


class Gate:
    """Carries requests through the seam into the apps of a run.

    Args:
        world: the run.
        apps: ASGI apps by the name of their service, which is the host that clients ask for; filled before requests.
        names: the services that have apps.
        effects: for each service, the verbs that change something.
        latency_s: for each service, seconds of each leg.
        seam: where faults, plans and watchers stand.

    """

    def __init__(
        self,
        world: World,
        apps: Mapping[str, App],
        *,
        names: Sequence[str],
        effects: Mapping[str, Sequence[str]],
        latency_s: Mapping[str, float],
        seam: ServiceSeam,
    ) -> None:
        self._world, self._effects, self._seam = world, effects, seam
        self._services = names
        links = {name: Link(latency_s=leg_s) for name, leg_s in latency_s.items()}
        self._transport = _ServiceTransport(world, apps, links=links, seam=seam)

    def check(self, method: str, url: object, host: str) -> None:
        """Let only requests to services of the run pass.

        Raises:
            RealWorldError: for any other host.

        """
        if host not in self._services:
            refuse(f"{method} {url}", advice(host, self._services))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer `request`, as patiently as its read timeout allows.

        Raises:
            RealWorldError: no service has that host.
            httpx.TransportError: the service is out of reach, late, or breaks off.
            Exception: whatever a fault injects that has no meaning in HTTP.

        """
        self.check(request.method, request.url, request.url.host)
        await request.aread()
        return await self._through_seam(request)

    def answer_blocking(self, request: httpx.Request) -> httpx.Response:
        """The same for a client that blocks its thread; the body has been read.

        In a thread of the run other work goes on meanwhile; on the event loop itself everything stands still.
        """
        self.check(request.method, request.url, request.url.host)
        request.read()
        call = f"{request.method} {request.url.copy_with(query=None)}"
        response: httpx.Response = run_nested(self._world, partial(self._whole, request), call)
        return response

    async def _whole(self, request: httpx.Request) -> httpx.Response:
        response = await self._through_seam(request)
        await response.aread()
        return response

    async def _through_seam(self, request: httpx.Request) -> httpx.Response:
        service = request.url.host
        call = self._seam.identify(
            service,
            f"{request.method} {request.url.path}",
            value=seen_of(request),
            key=request.headers.get(KEY_HEADER),
            is_effect=request.method in self._effects[service],
        )
        request.extensions = {**request.extensions, _CALL: replace(call, value=body_of(request))}
        arrived: list[httpx.Response] = []

        async def deliver() -> httpx.Response:
            arrived.append(await self._transport.handle_async_request(request))
            return arrived[-1]

        try:
            async with _patience(request):
                response: httpx.Response = await self._seam.around(call, deliver)
        except BaseException as error:
            for lost in arrived:
                await lost.aclose()
            if isinstance(error, Exception):
                return _refusal(error, request, delivered=bool(arrived))
            raise
        return response


def _refusal(error: Exception, request: httpx.Request, *, delivered: bool) -> httpx.Response:
    """How HTTP says what a fault has injected: by a status that the error carries, or by a broken connection.

    Raises:
        Exception: the error itself, where HTTP has no word for it.

    """
    status = getattr(error, "status", None)
    if isinstance(status, int):
        after_s = getattr(error, "retry_after_s", None)
        headers = {} if after_s is None else {"retry-after": f"{after_s:g}"}
        return httpx.Response(status, headers=headers, json={"error": {"message": str(error)}}, request=request)
    if isinstance(error, TimeoutError):
        raise httpx.ReadTimeout(str(error), request=request) from error
    if isinstance(error, ConnectionError):
        kind = httpx.ReadError if delivered else httpx.ConnectError
        raise kind(str(error), request=request) from error
    raise error


@asynccontextmanager
async def _patience(request: httpx.Request) -> AsyncIterator[None]:
    """The client waits so long for the head of an answer; faults and legs included."""
    limit = asyncio.timeout(request.extensions.get("timeout", {}).get("read"))
    try:
        async with limit:
            yield
    except TimeoutError as late:
        if not limit.expired():
            raise
        raise httpx.ReadTimeout("no answer in time", request=request) from late


class _ServiceTransport(AppTransport):
    """Tells the seam what happens at the service's end."""

    def __init__(self, world: World, apps: Mapping[str, App], *, links: Mapping[str, Link], seam: ServiceSeam) -> None:
        super().__init__(world, apps, links=links)
        self._seam = seam

    def app_for(self, request: httpx.Request) -> App | None:
        """The app, with the call that it is going to answer."""
        app = super().app_for(request)
        return None if app is None else partial(self._enter, app, request.extensions[_CALL])

    async def _enter(
        self,
        app: App,
        call: ServiceCall,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        async def send_on(message: Any) -> None:
            if call.is_effect and message["type"] == "http.response.start" and _has_changed(message):
                await self._seam.inside(call, _done)
            await send(message)

        await app(scope, receive, send_on)


def _has_changed(start: Mapping[str, Any]) -> bool:
    """Whether a service that answers so has done what it was asked: it neither refuses nor repeats an answer."""
    replayed = any(
        bytes(name).lower() == REPLAYED_HEADER and bytes(value).lower() == b"true"
        for name, value in start.get("headers", ())
    )
    return start["status"] < _FIRST_REFUSAL and not replayed


async def _done() -> None:
    """What an effect does at the moment when it is told: nothing more."""
