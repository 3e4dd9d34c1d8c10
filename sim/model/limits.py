"""How each node of a subject is run: what advice and invariants can point at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """The limits of one node, as its policy has them.

    Args:
        timeout_s: bound on each attempt in seconds; `None` for no bound.
        max_retries: further attempts after the first.
        backoff_base_s: seconds before the first retry.
        backoff_mult: factor from one wait to the next.
        max_backoff_s: no wait is longer than this; `None` for no bound.
        jitter: the share of each wait that is random.
        concurrency: messages handled at a time.
        cancel_grace_s: how long a cancelled attempt may clean up.

    """

    timeout_s: float | None = None
    max_retries: int = 0
    backoff_base_s: float = 0.0
    backoff_mult: float = 1.0
    max_backoff_s: float | None = None
    jitter: float = 0.0
    concurrency: int = 1
    cancel_grace_s: float = 0.0

    def __str__(self) -> str:
        timeout = "no timeout_s" if self.timeout_s is None else f"timeout_s={self.timeout_s:g}"
        parts = [f"max_retries={self.max_retries}", timeout]
        if self.max_retries:
            parts.append(f"backoff_base={self.backoff_base_s:g}")
            parts.append("no max_backoff" if self.max_backoff_s is None else f"max_backoff={self.max_backoff_s:g}")
            parts.append(f"jitter={self.jitter:g}")
        if self.concurrency > 1:
            parts.append(f"concurrency={self.concurrency}")
        return ", ".join(parts)
