"""What to do instead of reaching a host, in a run that has services."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.kernel.refusals import NETWORK

if TYPE_CHECKING:
    from collections.abc import Sequence


def advice(host: str, services: Sequence[str]) -> str:
    """What to do instead of reaching `host`, in a run that has services."""
    if host in services:
        return (
            f"{host!r} is a service of this run, and this client is none of those that are led to it (httpx, requests, "
            "urllib3, urllib, aiohttp, openai); swap what makes it, by world.services: "
            f"{{{host}: {{replace: {{module:callable: module:stand_in}}}}}}"
        )
    close = get_close_matches(host, services, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"{NETWORK}; services known: {', '.join(services) or 'none'}{meant}"
