"""The services of one run: made, reached, and ended with it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

from sim.kernel.isolation import advised, refuse
from sim.kernel.patching import replaced
from sim.model.world import EFFECT_VERBS
from sim.services.acting import TurnWatch
from sim.services.advice import advice
from sim.services.errors import ServiceError
from sim.services.lifespan import Lifespan
from sim.services.seam import ServiceSeam, use_seam
from sim.services.swaps import Swaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penguiflow import Interceptor
    from sim.kernel import World
    from sim.model.world import Service
    from sim.subject import Subject

_RULE = "an app is made anew for each run, so that no run sees what another left behind in it"
_FIX = "make the app inside the factory: def payments(): return Starlette(...)"


class Services:
    """Everything outside that one run reaches.

    Args:
        services: what the scenario says of each.
        made_of: what each is made of: a factory of ASGI apps, or `Swaps`.
        world: the run.

    """

    def __init__(self, services: Mapping[str, Service], made_of: Mapping[str, Any], world: World) -> None:
        self._services, self._world = services, world
        self._swaps = {name: made for name, made in made_of.items() if isinstance(made, Swaps)}
        self._factories = {name: made for name, made in made_of.items() if not isinstance(made, Swaps)}
        self._apps: dict[str, Any] = {}
        self._lifespans: list[Lifespan] = []
        self._seam = ServiceSeam()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Lead clients to the services, for the length of the block."""
        if not self._services:
            yield
            return
        before = use_seam(self._seam)
        try:
            with ExitStack() as stack:
                stack.enter_context(advised(partial(advice, services=tuple(self._services))))
                for swaps in self._swaps.values():
                    stack.enter_context(swaps.installed())
                if self._factories:
                    stack.enter_context(self._reached())
                self._world.loop.network = _NoNetwork(tuple(self._services))
                yield
        finally:
            use_seam(before)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        from sim.services.gate import Gate  # noqa: PLC0415 - needs httpx, which only services of this kind do
        from sim.services.reroute import reroutes  # noqa: PLC0415 - as above

        gate = Gate(
            self._world,
            self._apps,
            names=tuple(self._factories),
            effects={name: self._verbs(name) for name in self._factories},
            latency_s={name: self._services[name].latency for name in self._factories},
            seam=self._seam,
        )
        with replaced(*reroutes(gate)):
            yield

    def _verbs(self, name: str) -> tuple[str, ...]:
        """The verbs that change something; asking a language model changes nothing."""
        service = self._services[name]
        if service.app is None:
            return ()
        return EFFECT_VERBS if service.effects is None else service.effects

    async def start(self) -> None:
        """Make the apps, and wait until each is ready.

        Raises:
            ServiceError: one cannot be made, was made before, or cannot start.

        """
        for name, factory in self._factories.items():
            app = self._apps[name] = _made(name, factory)
            lifespan = Lifespan(name, app)
            self._lifespans.append(lifespan)
            await lifespan.start()

    async def stop(self) -> None:
        """End the apps, the last one first.

        Raises:
            ServiceError: one says that its end failed.

        """
        for lifespan in reversed(self._lifespans):
            await lifespan.stop()

    def watch(self, subject: Subject) -> None:
        """Learn from `subject` on whose behalf calls are made."""
        if self._services:
            subject.install(TurnWatch())

    def install(self, interceptor: Interceptor, *, inside: bool = False) -> None:
        """Stand `interceptor` around each call of a service."""
        self._seam.install(interceptor, inside=inside)


# Every app that a factory has given so far; only ever asked whether it holds one.
_seen: WeakSet[Any] = WeakSet()


def _made(name: str, factory: Callable[[], Any]) -> Any:
    try:
        app = factory()
    except Exception as error:
        text = f"making the app fails: {type(error).__name__}: {error}"
        raise ServiceError(name, text, rule=_RULE, fix="correct that line") from error
    if not callable(app):
        message = f"its factory gives a {type(app).__name__}, which is no ASGI app"
        raise ServiceError(name, message, rule="an app is called with (scope, receive, send)", fix="return the app")
    with suppress(TypeError):  # one that cannot be remembered cannot be known again
        if app in _seen:
            raise ServiceError(name, "its factory gives an app that it has given before", rule=_RULE, fix=_FIX)
        _seen.add(app)
    return app


class _NoNetwork:
    """What a loop answers who asks for a connection by asyncio's streams, in a run that has services."""

    def __init__(self, services: tuple[str, ...]) -> None:
        self._services = services

    async def create_connection(self, *asked: Any, **_options: Any) -> Any:
        """Refused; the protocol's factory comes before host and port."""
        self._refuse("create_connection", *asked[1:])

    async def create_server(self, *asked: Any, **_options: Any) -> Any:
        """Refused, as above."""
        self._refuse("create_server", *asked[1:])

    async def getaddrinfo(self, *asked: Any, **_hints: Any) -> Any:
        """Refused."""
        self._refuse("getaddrinfo", *asked)

    def _refuse(self, call: str, host: object, port: object) -> NoReturn:
        refuse(f"loop.{call}({host!r}, {port!r})", advice(str(host), services=self._services))
        raise AssertionError("a run is sealed")
