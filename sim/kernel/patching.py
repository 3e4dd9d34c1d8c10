"""Attributes replaced for a while, and put back exactly."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replaced(*changes: tuple[Any, str, object]) -> Iterator[None]:
    """Set each (owner, attribute, value); put the attributes back in reverse, however the block ends."""
    # The owner's own dictionary, not getattr: a class method has to come back as the same descriptor.
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
