"""The exceptions that injected failures raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ToolUnavailable(ConnectionError):  # noqa: N818 - named after what the caller sees
    """The tool could not be reached, or its answer was lost."""


class ToolRateLimited(RuntimeError):  # noqa: N818 - named after what the caller sees
    """The tool refused the call: too many of them; a service over HTTP says so by its status.

    Args:
        text: what is told.
        retry_after_s: how long the caller is told to wait, in seconds; `None` where it is told nothing.

    """

    status = 429

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class ToolStatusError(RuntimeError):
    """The tool answered with a status of HTTP that tells a failure.

    Args:
        status: 400 to 599.
        text: what is told.

    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


ERRORS: Mapping[str, Callable[[str], Exception]] = {
    "unavailable": ToolUnavailable,
    "timeout": TimeoutError,
    "rate_limited": ToolRateLimited,
}


def maker_of(error: str, classes: Mapping[str, Callable[[str], Exception]]) -> Callable[[str], Exception]:
    """What makes the exception that a fault names.

    Args:
        error: a name, a status, or a class as code.
        classes: the classes that are named as code.

    """
    if error.isdecimal():
        return lambda text: ToolStatusError(int(error), text)
    return classes.get(error) or ERRORS[error]
