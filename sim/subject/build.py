"""Calling the user's builder: `build(world, **args)`, or `build(**args)`."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from penguiflow import ModelRegistry, PenguiFlow
from sim.subject.function import FunctionSubject
from sim.subject.penguin import PenguinSubject
from sim.subject.protocol import Subject, SubjectError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from penguiflow import StateStore
    from sim.kernel.draws import Draws


class BuildError(SubjectError):
    """The builder cannot be called, fails, or gives no flow that can be tested."""


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


# Every flow and subject that a builder has given so far; only ever asked whether it holds one.
_seen: WeakSet[Any] = WeakSet()


def build_subject(builder: Callable[..., Any], world: BuildWorld, args: Mapping[str, Any]) -> Subject:
    """Make the subject of one run.

    A builder gives a flow, a pair of a flow and its models, an async function, or a subject of its own.

    Raises:
        BuildError: the arguments do not fit, the builder raises (its error is the cause), what came back cannot be
            tested, has no node that takes messages, or was given before.

    """
    name = _name(builder)
    built = _call(builder, world, args)
    flow, registry = built if isinstance(built, tuple) and len(built) == 2 else (built, None)  # noqa: PLR2004 - a pair
    if isinstance(flow, PenguiFlow):
        return _penguin(name, flow, registry)
    if inspect.iscoroutinefunction(built):
        return FunctionSubject(built)
    if isinstance(built, Subject) and not isinstance(built, type):
        _check_new(name, built)
        return built
    raise _not_testable(name, flow)


def _penguin(name: str, flow: PenguiFlow, registry: object) -> PenguinSubject:
    if registry is not None and not isinstance(registry, ModelRegistry):
        message = f"{name} gives a {type(registry).__name__} as its registry"
        raise BuildError(message, rule="the second of the pair is a ModelRegistry", fix="return (flow, registry)")
    _check_entrance(name, flow)
    _check_new(name, flow)
    return PenguinSubject(flow, registry)


def _not_testable(name: str, built: object) -> BuildError:
    if inspect.iscoroutine(built):
        built.close()  # nobody is going to await it
    rule = "a builder gives a PenguiFlow, (flow, registry), an async function, or a subject"
    return BuildError(f"{name} gives a {type(built).__name__}{_lacks(built)}", rule=rule, fix="return create(...)")


def _lacks(built: object) -> str:
    """What is missing in something that was meant as a subject, if it has at least one method of one."""
    methods = [method for method in vars(Subject) if not method.startswith("_")]
    missing = [method for method in methods if not callable(getattr(built, method, None))]
    return f", a subject without {', '.join(missing)}" if 0 < len(missing) < len(methods) else ""


def _check_entrance(name: str, flow: PenguiFlow) -> None:
    if flow.graph.ingress:
        return
    found = "in which every node is another's successor" if flow.graph.nodes else "without nodes"
    rule, fix = "requests enter at a node that no other sends to", "add one: create(first.to(second), ...)"
    raise BuildError(f"{name} gives a flow {found}", rule=rule, fix=fix)


def _check_new(name: str, built: PenguiFlow | Subject) -> None:
    kind = "flow" if isinstance(built, PenguiFlow) else "subject"
    with suppress(TypeError):  # one that cannot be remembered cannot be known again
        if built in _seen:
            rule, fix = f"no run sees what another left behind in its {kind}", "make a new one inside the builder"
            raise BuildError(f"{name} gives a {kind} that it has given before", rule=rule, fix=fix)
        _seen.add(built)


def _call(builder: Callable[..., Any], world: BuildWorld, args: Mapping[str, Any]) -> Any:
    signature = inspect.signature(builder)
    positional = (world,) if _takes_world(signature, args) else ()
    try:
        signature.bind(*positional, **args)
    except TypeError as error:
        given = ", ".join(args) or "none"
        message = f"{_name(builder)}{signature} cannot be called with these args: {given} ({error})"
        rule, fix = "a builder takes (world, **args) or (**args)", "make args and parameters agree"
        raise BuildError(message, rule=rule, fix=fix) from None
    try:
        return builder(*positional, **args)
    except (Exception, SystemExit) as error:
        rule, fix = "a builder gives a flow in a world where nothing has happened yet", "correct that line"
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise BuildError(f"building the flow fails: {text}", rule=rule, fix=fix) from error


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
