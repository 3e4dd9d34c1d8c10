"""What a request carries: made by the scenario's payload function, or a plain default."""

from __future__ import annotations

from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.kernel.draws import Draws
    from sim.load.arrivals import Arrival


class PayloadError(Exception):
    """The scenario's payload function raised.

    Args:
        function: its name.
        index: the request that it was called for.
        tenant: the tenant of that request.
        error: what it raised.

    """

    def __init__(self, function: str, index: int, tenant: str, error: Exception) -> None:
        super().__init__(
            f"the payload function {function} raised {type(error).__name__} for request {index} of {tenant}"
            f"{_place(error)}: {error}; a payload function returns a payload for every request; "
            f"call it with index {index} to see why"
        )
        self.function = function
        self.index = index
        self.tenant = tenant


def make_payload(function: Callable[[Any, str, int], Any] | None, draws: Draws, arrival: Arrival) -> Any:
    """The payload of one request.

    Args:
        function: takes `(rng, tenant, index)`, or `(row, tenant, index)` for recorded traffic;
            without one the payload is `{"request": index}`.
        draws: the seed's draws; each request gets a generator of its own.
        arrival: the request.

    Raises:
        PayloadError: when `function` raises.

    """
    if function is None:
        return {"request": arrival.index}
    source = draws.rng("payload", arrival.index) if arrival.row is None else arrival.row
    try:
        return function(source, arrival.tenant, arrival.index)
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        module = getattr(function, "__module__", None)
        raise PayloadError(f"{module}:{name}" if module else name, arrival.index, arrival.tenant, error) from error


def _place(error: Exception) -> str:
    """Where in the user's code it was raised; nothing when the call itself did not fit."""
    frames = extract_tb(error.__traceback__)[1:]
    return f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
