"""Golden files of what the command line prints."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def hold_against(name: str, text: str) -> None:
    """Compare with the tracked text; UPDATE_GOLDEN=1 accepts a change."""
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
