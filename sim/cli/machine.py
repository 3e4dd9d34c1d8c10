"""`run.json`: where and when a report came from; the only file of a report that differs from run to run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata

from penguiflow import __version__, ambient

RUN_SCHEMA_ID = "penguiflow.sim.run/1"
_PACKAGES = ("anyio", "freezegun", "matplotlib", "pydantic", "structlog")


def machine_facts(started_unix_s: float) -> bytes:
    """The file.

    Args:
        started_unix_s: when the command began.

    """
    facts = {
        "schema": RUN_SCHEMA_ID,
        "version": __version__,
        "argv": sys.argv,
        "started_at": datetime.fromtimestamp(started_unix_s, UTC).isoformat(timespec="seconds"),
        "wall_s": round(ambient.wall() - started_unix_s, 3),
        "host": platform.node(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "git": _git_revision(),
    }
    return f"{json.dumps(facts, indent=1, sort_keys=True)}\n".encode()


def _git_revision() -> str | None:
    """The commit of the working directory; none outside of a checkout, or without git."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git there is
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() or None
