"""What every guard shares: how it refuses an attempt, tells its listener, and checks its limits."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger("penguiflow.core")


class AttemptRefused(Exception):  # noqa: N818 - nothing went wrong in the handler: it was not called
    """An attempt was refused before its handler was called; to try again at once makes no sense."""

    retryable = False


def notify(on_change: Callable[[Any], None] | None, snapshot: Any) -> None:
    """Tell the listener; its failure is not the flow's."""
    try:
        if on_change is not None:
            on_change(snapshot)
    except Exception:
        _logger.exception("resilience_callback_error")


def require_not_negative(**limits: float) -> None:
    """Raise `ValueError` for the first limit that is negative or not finite."""
    for name, value in limits.items():
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and not negative; got {value!r}")


def require_positive(**limits: float) -> None:
    """Raise `ValueError` for the first limit that is not positive or not finite."""
    for name, value in limits.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and positive; got {value!r}")
