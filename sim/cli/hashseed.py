"""One hash seed for every command that runs code: sets of strings in a flow are ordered by it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def pin_hash_seed() -> None:
    """Start the command anew with a fixed hash seed: sets of strings in a flow are ordered by it."""
    is_program = Path(sys.argv[0]).name in ("penguiflow", "__main__.py")
    if is_program and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command, once more
