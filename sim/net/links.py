"""How a link treats what passes over it: declared once, drawn for each call by its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.kernel.draws import Draws


@dataclass(frozen=True, slots=True)
class Link:
    """A link between a client and a service.

    Args:
        latency_s: seconds that each leg, there and back, takes at least.
        jitter_s: seconds that a leg takes longer, at most.
        request_loss: share of calls that never arrive.
        response_loss: share of calls that are processed and never answered (half-open).
        reset: share of answers that break off.
        reset_after_bytes: bytes of an answer that arrive before it breaks off.
        chunk_gap_s: seconds between two chunks of an answer.
        status_share: share of calls that are refused with `status` before they reach the service.
        status: the HTTP status of such a refusal.

    Raises:
        ValueError: when a share lies outside 0 to 1, or a length is negative.

    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    request_loss: float = 0.0
    response_loss: float = 0.0
    reset: float = 0.0
    reset_after_bytes: int = 0
    chunk_gap_s: float = 0.0
    status_share: float = 0.0
    status: int = 503

    def __post_init__(self) -> None:
        for name in ("request_loss", "response_loss", "reset", "status_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}={getattr(self, name)!r} is no share; a share lies in 0 to 1; write 0.1")
        for name in ("latency_s", "jitter_s", "reset_after_bytes", "chunk_gap_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)!r} is negative; nothing arrives early; write 0")


@dataclass(frozen=True, slots=True)
class Passage:
    """What a link does to one call; `None` where it leaves the call alone."""

    request_delay_s: float
    response_delay_s: float
    request_lost: bool
    response_lost: bool
    reset_after_bytes: int | None
    chunk_gap_s: float
    status: int | None


def leg_delay_s(link: Link, draws: Draws, leg: str, *address: str | int) -> float:
    """Seconds that one leg, `request` or `response`, of what has this address takes."""
    jitter_s = link.jitter_s * draws.uniform("link", leg, *address) if link.jitter_s else 0.0
    return round(link.latency_s + jitter_s, 6)


def passage(link: Link, draws: Draws, *address: str | int) -> Passage:
    """What `link` does to the call at `address`; adding a call elsewhere changes nothing here."""

    def happens(name: str, share: float) -> bool:
        return draws.chance(share, "link", name, *address)

    return Passage(
        request_delay_s=leg_delay_s(link, draws, "request", *address),
        response_delay_s=leg_delay_s(link, draws, "response", *address),
        request_lost=happens("request_loss", link.request_loss),
        response_lost=happens("response_loss", link.response_loss),
        reset_after_bytes=link.reset_after_bytes if happens("reset", link.reset) else None,
        chunk_gap_s=link.chunk_gap_s,
        status=link.status if happens("status", link.status_share) else None,
    )
