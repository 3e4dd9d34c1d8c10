"""Exceptions that may be logged in the place of others: types, frames and causes are the same, the texts are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNREADABLE = "<cannot be shown>"
_CIRCLE = "<more>"


class StandIns:
    """Stands masked exceptions in for others; one that is met again gets the same.

    Args:
        mask: what to do to each text.

    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._made: dict[int, BaseException] = {}

    def of(self, error: BaseException) -> BaseException:
        """`error` itself if nothing about it is masked, else its stand-in."""
        if id(error) not in self._made:
            self._made[id(error)] = Exception(_CIRCLE)  # whoever names itself as its cause gets no further
            self._made[id(error)] = self._make(error)
        return self._made[id(error)]

    def _make(self, error: BaseException) -> BaseException:
        causes = [error.__cause__, error.__context__]
        group = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
        texts = [_text_of(error), *map(str, getattr(error, "__notes__", ()))]
        shown_causes = [None if other is None else self.of(other) for other in causes]
        shown_group = [self.of(inner) for inner in group]
        shown_texts = [self._mask(text) for text in texts]
        if shown_texts == texts and _same(shown_causes, causes) and _same(shown_group, group):
            return error
        made = _like(error, shown_texts[0], shown_group).with_traceback(error.__traceback__)
        for note in shown_texts[1:]:
            made.add_note(note)
        made.__cause__, made.__context__ = shown_causes
        made.__suppress_context__ = error.__suppress_context__
        return made


def _text_of(error: BaseException) -> str:
    try:
        return error.message if isinstance(error, BaseExceptionGroup) else str(error)
    except Exception:  # noqa: BLE001 - some exceptions cannot even be shown
        return UNREADABLE


def _same(some: Sequence[object], others: Sequence[object]) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))


def _like(error: BaseException, text: str, group: Sequence[BaseException]) -> BaseException:
    """An exception whose type is called like that of `error`."""
    base = BaseExceptionGroup if group else Exception
    kind = type(error)
    stand_in: Any = type(kind.__name__, (base,), {"__module__": kind.__module__, "__qualname__": kind.__qualname__})
    made: BaseException = stand_in(text, group) if group else stand_in(text)
    return made
