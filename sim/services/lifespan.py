"""The lifespan of an ASGI app: its start before the first request, and its end after the last (ASGI spec, Lifespan)."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any

from sim.services.errors import ServiceError

if TYPE_CHECKING:
    from sim.net.http import App

_RULE = "an app is ready when its lifespan says startup.complete, or knows no lifespan"


class Lifespan:
    """One app from start to end.

    Args:
        name: the service's name.
        app: the ASGI app.

    """

    def __init__(self, name: str, app: App) -> None:
        self._name, self._app = name, app
        self._asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._told: asyncio.Queue[dict[str, Any] | BaseException | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._supported = True
        self.state: dict[str, Any] = {}

    async def start(self) -> None:
        """Wait until the app is ready.

        Raises:
            ServiceError: it says that it cannot start.

        """
        # The app is another program: nothing of the caller's context reaches it.
        context, loop = Context(), asyncio.get_running_loop()
        self._task = loop.create_task(self._live(), name=f"service:{self._name}", context=context)
        self._asked.put_nowait({"type": "lifespan.startup"})
        answer = await self._told.get()
        if isinstance(answer, dict) and answer["type"] == "lifespan.startup.failed":
            message = f"its start fails: {answer.get('message') or 'no reason given'}"
            raise ServiceError(self._name, message, rule=_RULE, fix="look at the app's lifespan, or at on_startup")
        self._supported = isinstance(
            answer, dict
        )  # an app that raises or returns has no lifespan, and serves all the same

    async def stop(self) -> None:
        """Let the app end; what it raises then is its own business, as on a server.

        Raises:
            ServiceError: it says that its end failed.

        """
        if self._task is None or not self._supported or self._task.done():
            return
        self._asked.put_nowait({"type": "lifespan.shutdown"})
        answer = await self._told.get()
        if isinstance(answer, dict) and answer["type"] == "lifespan.shutdown.failed":
            message = f"its end fails: {answer.get('message') or 'no reason given'}"
            raise ServiceError(self._name, message, rule="an app ends when it is told to", fix="look at its lifespan")

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._asked.get, self._tell)
        except Exception as error:  # noqa: BLE001 - how an app says that it knows no lifespan
            self._told.put_nowait(error)
        else:
            self._told.put_nowait(None)

    async def _tell(self, message: dict[str, Any]) -> None:
        self._told.put_nowait(message)
