"""Calling the user's builder: `build(world, **args)`, or `build(**args)`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penguiflow import ModelRegistry, PenguiFlow
from sim.subject.penguin import PenguinSubject

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from penguiflow import StateStore
    from sim.kernel.draws import Draws


class BuildError(ValueError):
    """The builder cannot be called, or gives no flow."""


@dataclass(frozen=True)
class BuildWorld:
    """What a builder may use of the simulated world.

    Args:
        seed: the run's seed.
        tenants: names of the tenants of the load.
        store: a state store for the flow.
        draws: the source of chance.

    """

    seed: int
    tenants: tuple[str, ...]
    store: StateStore
    draws: Draws

    def random(self, *address: str | int) -> random.Random:
        """A random generator of its own for `address`; its draws shift nobody else's."""
        return self.draws.rng("flow", *address)


def build_subject(builder: Callable[..., Any], world: BuildWorld, args: Mapping[str, Any]) -> PenguinSubject:
    """Make the subject of one run.

    Raises:
        BuildError: the arguments do not fit, or what came back is no flow.

    """
    built = _call(builder, world, args)
    flow, registry = built if isinstance(built, tuple) and len(built) == 2 else (built, None)  # noqa: PLR2004 - a pair
    if not isinstance(flow, PenguiFlow):
        raise BuildError(
            f"{_name(builder)} gives a {type(flow).__name__}; a builder gives a PenguiFlow, or (flow, registry). "
            "Return create(...)"
        )
    if registry is not None and not isinstance(registry, ModelRegistry):
        raise BuildError(f"{_name(builder)} gives a {type(registry).__name__} as its registry; return (flow, registry)")
    return PenguinSubject(flow, registry)


def _call(builder: Callable[..., Any], world: BuildWorld, args: Mapping[str, Any]) -> Any:
    signature = inspect.signature(builder)
    positional = (world,) if _takes_world(signature, args) else ()
    try:
        signature.bind(*positional, **args)
    except TypeError as error:
        given = ", ".join(args) or "none"
        raise BuildError(
            f"{_name(builder)}{signature} cannot be called with these args: {given} ({error}). "
            "A builder takes (world, **args) or (**args); make args and parameters agree"
        ) from error
    return builder(*positional, **args)


def _takes_world(signature: inspect.Signature, args: Mapping[str, Any]) -> bool:
    """Whether the first parameter has to be filled and is not filled by `args`."""
    first = next(iter(signature.parameters.values()), None)
    return (
        first is not None
        and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        and first.default is first.empty
        and first.name not in args
    )


def _name(builder: Callable[..., Any]) -> str:
    return f"{getattr(builder, '__module__', '?')}:{getattr(builder, '__qualname__', builder)}"
