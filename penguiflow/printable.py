"""Text from anywhere, made safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with what cannot be seen (line ends, control and direction marks) written out as in Python source."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
