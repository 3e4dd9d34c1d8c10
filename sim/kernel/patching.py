"""Attributes replaced for a while, and put back exactly."""

from __future__ import annotations

from typing import Any

_Change = tuple[Any, str, object]


class replaced:  # noqa: N801 - used like a function; a class, because `contextmanager` is twice as dear, and runs are many
    """Set each (owner, attribute, value); put the attributes back in reverse, however the block ends."""

    __slots__ = ("_before", "_changes")

    def __init__(self, *changes: _Change) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        # The owner's own dictionary, not getattr: a class method has to come back as the same descriptor.
        self._before = [(owner, name, vars(owner)[name]) for owner, name, _ in self._changes]
        try:
            for change in self._changes:
                setattr(*change)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)
