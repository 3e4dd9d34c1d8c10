"""HTTP into ASGI apps under virtual time: an httpx transport that needs the package httpx."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

import httpx

from sim.net.links import Link, Passage, passage
from sim.net.log import Exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sim.kernel.world import World

    App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_PLAIN = Link()


class AppTransport(httpx.AsyncBaseTransport):
    """Carries requests to ASGI apps in this process, chosen by the host of the URL.

    Args:
        world: the run that the apps live in.
        apps: ASGI 3 apps by host.
        links: how each host is reached; at once and safely where none is given.
        tenant_header: the header that names a request's tenant.

    """

    def __init__(
        self,
        world: World,
        apps: Mapping[str, App],
        *,
        links: Mapping[str, Link] | None = None,
        tenant_header: str = "x-tenant",
    ) -> None:
        self.log: list[Exchange] = []
        self._world = world
        self._apps = apps
        self._links = dict(links or {})
        self._tenant_header = tenant_header
        self._calls: Counter[tuple[str, str]] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` over its link.

        Raises:
            httpx.ConnectError: when no app has that host.
            httpx.ReadTimeout: when the answer is later than the client waits.
            httpx.ReadError: when the answer breaks off.
            RuntimeError: outside of the world's run.

        """
        self._check_running(request)
        app = self.app_for(request)
        if app is None:
            known = ", ".join(sorted(self._apps)) or "none"
            raise httpx.ConnectError(f"no service at {request.url.host!r}; the run has {known}", request=request)
        body = await request.aread()
        exchange = self._written_down(request, body)
        link = self._links.get(request.url.host, _PLAIN)
        call = passage(link, self._world.draws, exchange.service, request.url.path, exchange.number)
        return await _Call(app, request, body, link=call, exchange=exchange, clock=self._world.loop.time).response()

    def app_for(self, request: httpx.Request) -> App | None:
        """Who answers `request`."""
        return self._apps.get(request.url.host)

    def _check_running(self, request: httpx.Request) -> None:
        if getattr(asyncio.get_running_loop(), "outer", asyncio.get_running_loop()) is not self._world.loop:
            raise RuntimeError(
                f"{request.method} {request.url} comes outside of world {self._world.seed}; its services live as "
                "long as its run; make the request inside World.run"
            )

    def _written_down(self, request: httpx.Request, body: bytes) -> Exchange:
        service, path = request.url.host, request.url.path
        self._calls[service, path] += 1
        exchange = Exchange(
            service=service,
            number=self._calls[service, path],
            method=request.method,
            url=str(request.url),
            headers=tuple(request.headers.multi_items()),
            body_digest=hashlib.sha256(body).hexdigest(),
            tenant=request.headers.get(self._tenant_header),
            started_s=self._world.loop.time(),
        )
        self.log.append(exchange)
        return exchange


class _Call(httpx.AsyncByteStream):
    """One request under way; also the body of its answer."""

    def __init__(
        self,
        app: App,
        request: httpx.Request,
        body: bytes,
        *,
        link: Passage,
        exchange: Exchange,
        clock: Callable[[], float],
    ) -> None:
        self._app, self._request, self._link = app, request, link
        self._exchange, self._clock = exchange, clock
        self._unread: list[bytes] = [body]
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def response(self) -> httpx.Response:
        """The head of the answer; the body follows as its stream."""
        try:
            async with _read_timeout(self._request):
                start = await self._arrive()
        except BaseException as error:
            if self._exchange.outcome == "open" and (self._link.request_lost or self._link.response_lost):
                self._end("lost")
            self._end(
                "disconnected" if isinstance(error, asyncio.CancelledError | httpx.TimeoutException) else "failed"
            )
            raise
        self._exchange.status = start["status"]
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=self, request=self._request)

    async def _arrive(self) -> dict[str, Any]:
        """Both legs, up to the head of the answer."""
        await asyncio.sleep(self._link.request_delay_s)
        if self._link.request_lost:
            await self._silence()
        if self._link.status is not None:
            await asyncio.sleep(self._link.response_delay_s)
            self._sent.put_nowait({"type": "http.response.body"})
            return {"status": self._link.status}
        self._exchange.delivered = True
        # The app is another program: nothing of its client's context reaches it.
        self._task = asyncio.get_running_loop().create_task(self._serve(), context=Context())
        start: dict[str, Any] = self._checked(await self._sent.get())
        if self._link.response_lost:
            await self._silence()
        await asyncio.sleep(self._link.response_delay_s)
        return start

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks of the answer, each with its gap, up to the reset."""
        left = self._link.reset_after_bytes
        while True:
            async with _read_timeout(self._request):
                message = self._checked(await self._sent.get())
                await asyncio.sleep(self._link.chunk_gap_s)
            chunk: bytes = message.get("body", b"")
            if left is not None and len(chunk) >= left:
                if chunk[:left]:
                    yield chunk[:left]
                self._end("reset")
                raise httpx.ReadError("the peer reset the connection", request=self._request)
            left = None if left is None else left - len(chunk)
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                self._end("refused" if self._link.status is not None else "answered")
                return

    async def aclose(self) -> None:
        """The client has its answer, or wants no more of it."""
        self._end("disconnected")

    async def _silence(self) -> None:
        await asyncio.Event().wait()

    def _end(self, outcome: str) -> None:
        self._exchange.end(outcome, self._clock())
        self._gone.set()

    def _checked(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            self._end("failed")
            raise httpx.RemoteProtocolError(f"the service failed: {message!r}", request=self._request)
        return message

    async def _serve(self) -> None:
        try:
            await self._app(_scope(self._request), self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - a service that fails breaks the connection, not the run
            self._sent.put_nowait(error)
        else:
            self._sent.put_nowait(EOFError("the app returned before its answer was complete"))

    async def _receive(self) -> dict[str, Any]:
        if self._unread:
            return {"type": "http.request", "body": self._unread.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if self._gone.is_set():
            raise OSError("the client has disconnected")  # as ASGI 2.4 has it
        self._sent.put_nowait(message)


@asynccontextmanager
async def _read_timeout(request: httpx.Request) -> AsyncIterator[None]:
    """The client's patience, in virtual seconds, as httpx's own error."""
    try:
        async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
            yield
    except TimeoutError as late:
        raise httpx.ReadTimeout("no answer in time", request=request) from late


def _scope(request: httpx.Request) -> dict[str, Any]:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.split(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port or (443 if url.scheme == "https" else 80)),
        "client": ("127.0.0.1", 1),
    }
