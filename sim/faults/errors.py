"""The exceptions that injected failures raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ToolUnavailable(ConnectionError):  # noqa: N818 - named after what the caller sees
    """The tool could not be reached, or its answer was lost."""


class ToolRateLimited(RuntimeError):  # noqa: N818 - named after what the caller sees
    """The tool refused the call: too many of them."""


ERRORS: Mapping[str, Callable[[str], Exception]] = {
    "unavailable": ToolUnavailable,
    "timeout": TimeoutError,
    "rate_limited": ToolRateLimited,
}
