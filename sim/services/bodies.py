"""What a request says, as data that a digest and a watcher can read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_OF_THE_CLIENT = ("accept", "accept-encoding", "connection", "content-length", "host", "user-agent")
"""Headers that say nothing about what is asked."""


def body_of(request: httpx.Request) -> Any:
    """The body: JSON where it is said to be, else text; in hex where it is neither. It has been read."""
    kind, content = request.headers.get("content-type", ""), request.content
    boundary = _BOUNDARY.search(kind) if kind.startswith("multipart/") else None
    if boundary is not None:  # chance, anew for each request: the same form has the same digest
        content = content.replace(boundary[1].encode(), b"boundary")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content.hex()
    if "json" in kind:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def seen_of(request: httpx.Request) -> dict[str, Any]:
    """Everything of a request that somebody at the service can read."""
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_CLIENT}
    return {"url": str(request.url), "headers": headers, "body": body_of(request)}
