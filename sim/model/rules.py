"""How a value breaks a rule of the format, in parts that a message can be built from."""

from typing import Any

_SHOWN_CHARACTERS = 80


class BrokenRule(ValueError):  # noqa: N818 - reads as what happened; pydantic carries it as a ValueError
    """A value breaks a rule of the format.

    Args:
        message: what is wrong, with which value.
        rule: what holds for every such value.
        fix: one thing to try.
        at: where the culprit is, from the value that was looked at.

    """

    def __init__(self, message: str, *, rule: str, fix: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{message}; {rule}; {fix}")
        self.message = message
        self.rule = rule
        self.fix = fix
        self.at = at


def shown(value: Any) -> str:
    """`value` as a scenario file would have it, in at most 80 characters."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.15g}"
    return shortened(repr(value))


def shortened(text: str) -> str:
    """`text` in at most 80 characters: the middle gives way, both ends stay."""
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    half = (_SHOWN_CHARACTERS - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
