"""Environment variables in a run: those that are listed, and what is missing is remembered."""

from __future__ import annotations

import functools
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ALWAYS_LISTED = (
    "PATH", "HOME", "USER", "LANG", "LANGUAGE", "SHELL", "TMPDIR", "TEMP", "TMP", "TZ", "SYSTEMROOT", "USERPROFILE",
)  # fmt: skip
"""What every run sees: where programs, files and the user's home are, and the language. No secret belongs here."""
ALWAYS_LISTED_PREFIXES = ("LC_", "PYTHON")
_OF_REAL_NETWORKS = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
"""What HTTP clients ask for whenever one is made; a run has no use for them, and that they are hidden is no news."""

_ZONE, _UTC = os.environ.encodekey("TZ"), os.environ.encodevalue("UTC")


class _Variables(dict[Any, Any]):
    """The variables of a run, in the encoding of `os.environ`; asking for another that is set is remembered."""

    def __init__(self, listed: dict[Any, Any], outside: dict[Any, Any]) -> None:
        super().__init__(listed)
        self._outside = outside
        self.asked_for: dict[str, None] = {}

    def __missing__(self, key: Any) -> Any:
        if key in self._outside and os.fsdecode(key).upper() not in _OF_REAL_NETWORKS:
            self.asked_for[os.fsdecode(key)] = None
        raise KeyError(key)


@contextmanager
def listed_environment(names: Collection[str]) -> Iterator[dict[str, None]]:
    """Show only the variables in `names`, and those that every run sees, in the time zone UTC; put all back afterwards.

    Code in C that asks the system itself still sees them all, but has the time zone of the run.

    Args:
        names: environment variables that may be read.

    Yields:
        The names, in order, that were set outside, not listed, and asked for.

    """
    environ: Any = os.environ
    outside = environ._data  # noqa: SLF001 - a copy put in place variable by variable would call the system for each
    listed = {key: outside[key] for key in _listed(tuple(outside), tuple(names))}
    listed[_ZONE] = _UTC
    inside = _Variables(listed, outside)
    elsewhere = time.tzname != ("UTC", "UTC")
    if elsewhere:
        _set_zone(_UTC)
    environ._data = inside  # noqa: SLF001 - as above
    try:
        yield inside.asked_for
    finally:
        environ._data = outside  # noqa: SLF001 - as above
        if inside != listed:
            _restore(listed, inside, outside)
        if elsewhere:
            _set_zone(outside.get(_ZONE))


def _set_zone(zone: Any) -> None:
    """Tell the system the zone that C code asks for; nothing for its own."""
    if zone is None:
        os.unsetenv(_ZONE)
    else:
        os.putenv(_ZONE, zone)
    if sys.platform != "win32":
        time.tzset()


@functools.lru_cache(maxsize=8)
def _listed(keys: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(key for key in keys if _is_listed(os.fsdecode(key), names))


def _is_listed(name: str, names: tuple[str, ...]) -> bool:
    return name in names or name in ALWAYS_LISTED or name.startswith(ALWAYS_LISTED_PREFIXES)


def _restore(listed: dict[Any, Any], inside: dict[Any, Any], outside: dict[Any, Any]) -> None:
    """Tell the system, too, that what the run has set is no longer so."""
    changed = [key for key in {**listed, **inside} if listed.get(key) != inside.get(key)]
    for key in changed:
        if key in outside:
            os.putenv(key, outside[key])
        else:
            os.unsetenv(key)
