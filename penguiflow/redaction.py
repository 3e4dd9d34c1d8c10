"""Secrets are masked wherever they turn up; what people need to find a fault stays (RUNTIME contract, row W22).

Masked are registered values, pydantic's `SecretStr`, texts of well-known form
(`WELL_KNOWN`) and values under telling names such as `password`. Types of
exceptions, frames of tracebacks and other words stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretBytes, SecretStr

from penguiflow.standin import UNREADABLE, StandIns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

MASK = "***"
SECRET_CHARS_MIN = 4
PAYLOAD_CHARS_MIN = 6
DEPTH_MAX = 32
PARTS_MAX = 10_000

_CUT = "<more>"
_SCALARS = (int, float, bool, complex, type(None))

_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|credentials?|authorization|cookie"
    r"|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key)"
)
_VALUE = (
    r"\\{1,4}[\"'][^\"'\\]*"  # a quoted text inside a quoted text
    r"|[bru]{0,2}\"(?s:[^\"\\]|\\.)*\"?"
    r"|[bru]{0,2}'(?s:[^'\\]|\\.)*'?"
    r"|(?:bearer|basic)\s[^\s,;\"']*"
    r"|[^\s,;&\"'(){}\[\]\\]+"
)

# Each pattern takes time linear in the text: a start is never inside the run of another start, or what it looks at
# is bounded. The group `keep` stands before the secret and stays.
WELL_KNOWN: tuple[str, ...] = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",  # JSON web token
    r"(?<![\w-])(?:sk|pk|rk)[-_](?=[A-Za-z_-]{0,64}\d)[\w-]{16,}",  # OpenAI, Anthropic, Stripe
    r"(?<!\w)(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}(?!\w)",  # AWS
    r"(?<!\w)(?:gh[pousr]_|github_pat_)\w{20,}",
    r"(?<![\w-])xox[abeoprs]-[\w-]{10,}",  # Slack
    r"(?<![\w-])AIza[\w-]{30,}",  # Google
    r"(?P<keep>(?<!\w)(?i:bearer|basic)\s{1,8})(?=[\w.~+/=-]{0,64}\d|[\w.~+/=-]{20})[\w.~+/=-]{8,}",
    r"(?P<keep>://[^\s/@:\"']*:)[^\s/\"']+(?=@)",  # a URL with a password
    rf"(?P<keep>(?i:{_NAMES})\\{{0,4}}[\"']?\s{{0,8}}[=:]\s{{0,8}})(?i:{_VALUE})",
    r"(?P<keep>input_value=)(?s:.*?)(?=, input_type=|\Z)",  # what pydantic quotes of an input
)

_TELLING = re.compile(rf"{_NAMES}\Z", re.IGNORECASE)


class Redactor:
    """Masks secrets in texts and values. Masking never raises, and takes time linear in what it is given.

    Args:
        patterns: regular expressions of secrets; what a group `keep` matches stays.

    """

    def __init__(self, patterns: Sequence[str] = WELL_KNOWN) -> None:
        self._patterns = tuple(re.compile(pattern) for pattern in patterns)
        self._secrets: dict[str, None] = {}
        self._registered: re.Pattern[str] | None = None

    def register_secret(self, value: str | SecretStr) -> None:
        """Mask `value` from now on, also as Python, JSON and URLs spell it.

        Raises:
            ValueError: it has fewer than 4 characters, and would mask harmless words.

        """
        secret = value.get_secret_value() if isinstance(value, SecretStr) else value
        if len(secret) < SECRET_CHARS_MIN:
            raise ValueError(
                f"a secret to register has at least {SECRET_CHARS_MIN} characters; this one has {len(secret)}, "
                "and would mask harmless words. Register longer secrets only"
            )
        self._secrets.update(dict.fromkeys(_spellings(secret)))
        self._registered = _any_of(self._secrets)

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        return _guarded(self._text, text, UNREADABLE)

    def value(self, value: Any) -> Any:
        """`value` with every secret in it masked, at any depth.

        Mappings, models and dataclasses become plain dictionaries, sequences
        and sets lists; exceptions and other objects become their masked text.
        More than 10,000 parts, or 32 levels, are cut.
        """
        return _guarded(lambda given: _Walk(self).masked(given, 0), value, UNREADABLE)

    def without_values(self, text: str, payload: Any) -> str:
        """`text` with every secret masked, and every text of at least 6 characters that `payload` holds.

        Only whole texts are recognised, as Python, JSON and URLs spell them.
        """
        return _guarded(lambda given: self._text(_without(given, payload)), text, UNREADABLE)

    def exception(self, error: BaseException, payload: Any = None) -> BaseException:
        """An exception to log in the place of `error`.

        If nothing about it has to be masked, it is `error` itself. Otherwise it
        is a stand-in: type name, frames, causes, notes and group are the same,
        the texts are masked, those of `payload` included.
        """
        stand_ins = StandIns(partial(self.without_values, payload=payload))
        otherwise: BaseException = Exception(UNREADABLE)
        return _guarded(stand_ins.of, error, otherwise)

    def _text(self, text: str) -> str:
        if self._registered is not None:
            text = self._registered.sub(MASK, text)
        for pattern in self._patterns:
            text = pattern.sub(_mask, text)
        return text


_default = Redactor()


def default_redactor() -> Redactor:
    """The redactor of this process: what is registered here is masked in logs, events and stores."""
    return _default


class _Walk:
    """One way through a nested value."""

    def __init__(self, redactor: Redactor) -> None:
        self._text = redactor.text
        self._parts = 0

    def masked(self, value: Any, depth: int) -> Any:
        self._parts += 1
        if isinstance(value, _SCALARS):
            return value
        if isinstance(value, (SecretStr, SecretBytes)):
            return MASK
        if isinstance(value, str):
            return self._text(value)
        if depth >= DEPTH_MAX or self._parts >= PARTS_MAX:
            return _CUT
        return self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> Any:
        pairs = _pairs_of(value)
        if pairs is not None:
            return {self._key(key): self._under(key, item, depth) for key, item in self._some(pairs)}
        items = _items_of(value)
        if items is not None:
            return [self.masked(item, depth + 1) for item in self._some(items)]
        return self._text(repr(value) if isinstance(value, BaseException) else str(value))

    def _some(self, parts: Iterable[Any]) -> Iterator[Any]:
        for part in parts:
            if self._parts >= PARTS_MAX:
                return
            yield part

    def _key(self, key: Any) -> Any:
        return key if isinstance(key, _SCALARS) else self._text(str(key))

    def _under(self, key: Any, item: Any, depth: int) -> Any:
        """What stands under a telling name is a secret, whatever it looks like."""
        if item is not None and not isinstance(item, bool) and isinstance(key, str) and _TELLING.search(key):
            return MASK
        return self.masked(item, depth + 1)


def _pairs_of(value: Any) -> Iterable[tuple[Any, Any]] | None:
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, BaseModel):
        return {**vars(value), **(value.model_extra or {})}.items()
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name, None)) for field in fields(value)]
    return None


def _items_of(value: Any) -> Sequence[Any] | None:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return value if isinstance(value, (list, tuple)) else None


def _mask(match: re.Match[str]) -> str:
    return (match.groupdict().get("keep") or "") + MASK


def _guarded(mask: Callable[[Any], T], given: Any, otherwise: T) -> T:
    """Masking stands in the way of every error report, so it fails closed and never raises."""
    try:
        return mask(given)
    except Exception:  # noqa: BLE001 - some value's own code fails while it is looked at
        return otherwise


def _spellings(text: str) -> list[str]:
    """How `text` appears in other texts: as it is, in Python, in JSON, twice quoted, and in URLs."""
    if text.isascii() and text.isalnum():
        return [text]
    spellings = [text]
    for _ in range(2):
        for spelling in list(spellings):
            spellings += _quoted(spelling)
        spellings = list(dict.fromkeys(spellings))
    return list(dict.fromkeys([*spellings, quote(text, safe=""), quote(text), quote_plus(text)]))


def _quoted(text: str) -> list[str]:
    python, plain = repr(text)[1:-1], ascii(text)[1:-1]
    single, double = repr(text + '"')[1:-2], repr(text + "'")[1:-2]
    both = repr(text + "'\"")[1:-4]
    return [python, plain, single, double, both, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]]


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Longer texts come first, so that none is masked in part only."""
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text))))


def _without(text: str, payload: Any) -> str:
    spellings = dict.fromkeys(spelling for word in _words_of(payload, len(text)) for spelling in _spellings(word))
    present = [spelling for spelling in spellings if spelling in text]
    return _any_of(present).sub(MASK, text) if present else text


def _words_of(payload: Any, chars_max: int) -> list[str]:
    """The texts in `payload` that are long enough to be recognised, and no longer than `chars_max`."""
    words: dict[str, None] = {}
    waiting = [payload]
    for _ in range(PARTS_MAX):
        if not waiting:
            break
        value = waiting.pop()
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, str):
            words[value] = None
        elif (pairs := _pairs_of(value)) is not None:
            waiting += [item for _, item in pairs]
        else:
            waiting += _items_of(value) or ()
    return [word for word in words if PAYLOAD_CHARS_MIN <= len(word) <= chars_max]
