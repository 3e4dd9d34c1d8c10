"""The exceptions that injected failures raise."""

from __future__ import annotations

import pytest

from sim.faults import ToolRateLimited, ToolStatusError, ToolUnavailable
from sim.faults.errors import maker_of


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("unavailable", ToolUnavailable, "why"),
        ("timeout", TimeoutError, "why"),
        ("rate_limited", ToolRateLimited, "why"),
        ("503", ToolStatusError, "503: why"),
        ("shop:Declined", LookupError, "why"),
    ],
)
def test_a_name_a_status_or_a_class_makes_an_exception(name, kind, text):
    """What a scenario names is what the caller catches, with a text that tells why."""
    error = maker_of(name, {"shop:Declined": LookupError})("why")
    assert (type(error), str(error)) == (kind, text)


def test_an_exception_says_its_status_and_how_long_to_wait():
    """Clients decide by `status` and `retry_after_s`; without an answer to that, there is no time to wait."""
    limited = ToolRateLimited("why", 2.5)
    assert (limited.status, limited.retry_after_s) == (429, 2.5)
    assert ToolRateLimited("why").retry_after_s is None
    assert ToolStatusError(503, "why").status == 503
    assert issubclass(ToolUnavailable, ConnectionError)
