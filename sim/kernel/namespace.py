"""A process without a network: not even a driver in C reaches anything from it."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

_NEW_USER = 0x10000000  # linux/sched.h: CLONE_NEWUSER
_NEW_NETWORK = 0x40000000  # linux/sched.h: CLONE_NEWNET


@dataclass(frozen=True, slots=True)
class NetworkIsolation:
    """Whether the system has taken the network away.

    Args:
        active: it has.
        reason: why it has not; empty where it has.

    """

    active: bool
    reason: str = ""


def enter_empty_network() -> NetworkIsolation:
    """Move the calling thread, and all it starts from now on, into a network in which there is nothing.

    There is no way back, so this belongs into a process that only runs
    scenarios, before it starts a thread. Files stay as they are. Unix sockets
    with a path stay reachable: they are files. See unshare(2), network_namespaces(7).
    """
    if sys.platform != "linux":
        return NetworkIsolation(active=False, reason=f"{sys.platform} has no network namespaces")
    user, group = os.getuid(), os.getgid()
    if _unshare(_NEW_NETWORK) is None:
        return NetworkIsolation(active=True)
    refusal = _unshare(_NEW_USER | _NEW_NETWORK)
    if refusal is not None:
        return NetworkIsolation(active=False, reason=f"the system refuses a network namespace: {refusal}")
    _keep_identity(user, group)
    return NetworkIsolation(active=True)


def _unshare(flags: int) -> str | None:
    """Leave what `flags` name; gives why the system refuses, nothing when it does not."""
    libc = ctypes.CDLL(None, use_errno=True)
    return None if libc.unshare(flags) == 0 else os.strerror(ctypes.get_errno())


def _keep_identity(user: int, group: int) -> None:
    """Be the same user in the new namespace; the system wants `setgroups` given up first (user_namespaces(7))."""
    for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", file).write_text(text, encoding="ascii")
