"""Async tests in a simulated world, whichever other plugin would run them otherwise."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sim import alone
from sim.face.stage import staged
from sim.kernel import SimulationEnd, running_world

if TYPE_CHECKING:
    from collections.abc import Callable


_OPTIONS = {"seed": 0, "horizon_s": alone.HORIZON_S}


def put_into_world(item: pytest.Function) -> None:
    """Let a test that carries the marker `sim` run in a world, if it is async.

    The item's own `runtest` is replaced, which is where anyio's plugin and pytest-asyncio begin.
    """
    if inspect.iscoroutinefunction(item.obj):
        item.runtest = partial(_run, item)  # type: ignore[method-assign]
    elif _marked_options(item):
        item.runtest = partial(_refuse_plain, item)  # type: ignore[method-assign]


def _marked_options(item: pytest.Function) -> dict[str, Any]:
    marker = item.get_closest_marker("sim")
    return dict(marker.kwargs) if marker is not None else {}


def _refuse_plain(item: pytest.Function) -> None:
    given = ", ".join(f"{name}={value!r}" for name, value in _marked_options(item).items())
    pytest.fail(
        f"{item.name} is marked sim({given}), and is no async test; a world runs a coroutine; "
        "write async def, or leave out the arguments",
        pytrace=False,
    )


def _run(item: pytest.Function) -> None:
    options = _OPTIONS | _checked(item)
    _refuse_other_loops(item)
    test: Callable[..., Any] = item.obj
    arguments = {name: item.funcargs[name] for name in inspect.signature(test).parameters if name in item.funcargs}

    async def main() -> None:
        with staged(running_world()):
            await test(**arguments)

    ended: SimulationEnd | None = None
    try:
        alone.run(main, **options)
    except SimulationEnd as end:
        ended = end
    if ended is not None:
        pytest.fail(f"seed {options['seed']}: {ended}", pytrace=False)


def _checked(item: pytest.Function) -> dict[str, Any]:
    """The marker's options.

    Raises:
        Failed: they are none that it knows, or no numbers.

    """
    options = _marked_options(item)
    for name, value in options.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in _OPTIONS:
            problem, rule = f"{name}={value!r} is no option of the marker", f"it has {' and '.join(_OPTIONS)}"
        elif name == "seed" and not (is_number and isinstance(value, int) and value >= 0):
            problem, rule = f"seed={value!r} is no seed", "a seed is a whole number from 0"
        elif name == "horizon_s" and not (is_number and value > 0):
            problem, rule = f"horizon_s={value!r} is no time", "it is a number of seconds, more than 0"
        else:
            continue
        pytest.fail(f"@pytest.mark.sim: {problem}; {rule}; write @pytest.mark.sim(seed=7)", pytrace=False)
    return options


def _refuse_other_loops(item: pytest.Function) -> None:
    """A world has a loop of its own, and what another loop has made waits for that one.

    Raises:
        Failed: with the name of the fixture.

    """
    fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - where pytest keeps what a test asks for
    for name in item.fixturenames:
        function = inspect.unwrap(fixtures[name][-1].func) if name in fixtures else None
        value = item.funcargs.get(name)
        if isinstance(value, asyncio.Runner):  # pytest-asyncio's own, which nobody else uses
            continue
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            problem = f"fixture {name!r} is async, and runs in the loop of another plugin"
        elif any(isinstance(getattr(value, loop, None), asyncio.AbstractEventLoop) for loop in ("_loop", "loop")):
            problem = f"fixture {name!r} gives a {type(value).__name__} that is bound to another event loop"
        else:
            continue
        if inspect.iscoroutine(value):
            value.close()
        pytest.fail(
            f"{problem}; a test marked sim runs in a world with its own loop; make it in the test, or let the fixture "
            "be a plain function that gives what needs no loop yet",
            pytrace=False,
        )
