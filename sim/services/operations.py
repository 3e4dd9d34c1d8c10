"""Operations of a stand-in: where a fake of anything is seen, and can be broken, like a service over HTTP."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sim.services.seam import running_seam

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
R = TypeVar("R")


def operation(
    service: str,
    *,
    name: str | None = None,
    effect: bool = False,
    key: Callable[P, str | None] | None = None,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Let each call of an async function or method be a call of `service`: `where: {service: db}` matches it.

    Outside of a run the function is what it was.

    Args:
        service: the service's name in the scenario file.
        name: what the operation is called; the function's name without one.
        effect: whether it changes the outside world.
        key: gives the idempotency key, from the arguments of a call.

    """

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        async def seen(*args: P.args, **kwargs: P.kwargs) -> R:
            seam = running_seam()
            if seam is None:
                return await function(*args, **kwargs)
            chosen = None if key is None else key(*args, **kwargs)
            value = _arguments(signature, args, kwargs)
            called = name or function.__name__
            call = seam.identify(service, called, value=value, key=chosen, is_effect=effect)

            async def act() -> R:
                return await function(*args, **kwargs)

            async def reach() -> Any:
                return await (seam.inside(call, act) if effect else act())

            result: R = await seam.around(call, reach)
            return result

        return seen

    return decorate


def _arguments(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by name, without the object that a method belongs to."""
    try:
        bound = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return {}
    return {name: value for name, value in bound.items() if name not in ("self", "cls")}
