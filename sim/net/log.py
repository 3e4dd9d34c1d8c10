"""What a service's surroundings see of each request and its answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Exchange:
    """One request and what became of it, as the client's side of the link sees it.

    Attributes:
        started_s, ended_s: virtual time; `ended_s` stays `None` for one that never ended.
        delivered: whether the service got the request.
        outcome: `open`, `answered`, `refused`, `lost`, `reset`, `disconnected` or `failed`.

    """

    service: str
    number: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body_digest: str
    tenant: str | None
    started_s: float
    ended_s: float | None = None
    status: int | None = None
    delivered: bool = False
    outcome: str = "open"

    def end(self, outcome: str, at_s: float) -> None:
        """Write down how it ended, unless it has ended before."""
        if self.ended_s is None:
            self.outcome, self.ended_s = outcome, at_s
