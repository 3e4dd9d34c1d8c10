"""Looking into a state store from outside: which one, and what it holds of a trace (RUNTIME contract 1.24)."""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import traceback
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from penguiflow.printable import printable
from penguiflow.state import StoredEvent, require_capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from penguiflow.state import StateStore

_RULE = "a state store is named module:factory, such as my_app.stores:make_store"
_TEXT_MAX = 100
# Facts of every event that tell a reader of one trace nothing new; the JSON rendering has them all.
_LEFT_OUT = (
    *("event", "ts", "trace_id", "node_name", "node_id", "tenant"),
    *("q_depth_in", "q_depth_out", "q_depth_total", "outgoing", "queue_maxsize"),
    *("trace_pending", "trace_inflight", "trace_cancelled"),
)


class StateStoreError(ValueError):
    """The state store that was named cannot be used; the text says why, and what to do."""


async def load_state_store(spec: str) -> StateStore:
    """Make the state store that `spec` names.

    Args:
        spec: `module:factory`; the factory takes no arguments, and may be async.

    Raises:
        StateStoreError: the name is malformed, nothing is found under it, the factory fails, or what it makes has no
            history to load.

    """
    store = _factory(spec)
    try:
        store = store()
        if inspect.isawaitable(store):
            store = await store
    except (Exception, SystemExit) as error:
        raise StateStoreError(f"the factory of state store {spec!r} fails: {_reason(error)}") from error
    try:
        require_capabilities(store, feature="reading a history", methods=["load_history"])
    except TypeError as error:
        raise StateStoreError(f"{spec!r} makes no state store: {error}") from error
    made: StateStore = store
    return made


async def stored_history(spec: str, trace_id: str) -> Sequence[StoredEvent]:
    """What the state store that `spec` names holds of a trace, oldest first; empty if it knows nothing.

    Args:
        spec: `module:factory`, as for `load_state_store`.
        trace_id: the trace.

    Raises:
        StateStoreError: the store cannot be made, or cannot load the history.

    """
    store = await load_state_store(spec)
    try:
        return await store.load_history(trace_id)
    except Exception as error:
        raise StateStoreError(f"{spec!r} cannot load the history of trace {trace_id!r}: {_reason(error)}") from error


def render_events(events: Sequence[StoredEvent], *, tail: int | None = None) -> list[str]:
    """Each event as one line of JSON with sorted keys.

    Args:
        events: the events, oldest first.
        tail: only this many of the newest.

    """
    names = [item.name for item in fields(StoredEvent)]
    return [
        json.dumps(_jsonable({name: getattr(event, name) for name in names}), sort_keys=True)
        for event in _newest(events, tail)
    ]


def describe_events(events: Sequence[StoredEvent], *, tail: int | None = None) -> list[str]:
    """Each event as one line for people: when, what, where, and what is particular about it.

    Args:
        events: the events, oldest first.
        tail: only this many of the newest.

    """
    return [_described(event) for event in _newest(events, tail)]


def _newest(events: Sequence[StoredEvent], tail: int | None) -> Sequence[StoredEvent]:
    return events if tail is None else events[max(len(events) - tail, 0) :]


def _described(event: StoredEvent) -> str:
    when = datetime.fromtimestamp(event.ts, UTC).isoformat(timespec="milliseconds")
    telling = {key: value for key, value in event.payload.items() if key not in _LEFT_OUT and value is not None}
    facts = [f"{key}={_short(value)}" for key, value in telling.items()]
    return printable(" ".join([when, event.kind, event.node_name or "-", *facts]))


def _short(value: Any) -> str:
    text = json.dumps(_jsonable(value), ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."


def _jsonable(value: Any) -> Any:
    """`value` with everything that JSON does not know, NaN included, as text."""
    plain = to_jsonable_python(value, bytes_mode="base64", fallback=_plain)
    return json.loads(json.dumps(plain), parse_constant=str)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _factory(spec: str) -> Callable[[], Any]:
    module_name, _, name = spec.partition(":")
    if not (module_name and name):
        raise StateStoreError(f"{spec!r} names no state store; {_RULE}")
    module = _imported(module_name)
    factory = getattr(module, name, None)
    if factory is None:
        close = difflib.get_close_matches(name, [known for known in dir(module) if not known.startswith("_")], n=1)
        hint = f"did you mean {close[0]!r}?" if close else _RULE
        raise StateStoreError(f"module {module_name!r} has no {name!r}; {hint}")
    if not callable(factory):
        raise StateStoreError(
            f"{spec!r} is of type {type(factory).__name__}, and no function that makes a store; {_RULE}"
        )
    made: Callable[[], Any] = factory
    return made


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise StateStoreError(
                f"there is no module {error.name!r}; modules are looked for in the working directory, "
                "then among what is installed. Create it, or correct the name"
            ) from error
        raise StateStoreError(f"importing {name!r} fails: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """What went wrong and where, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
        place = f"{frames[-1].filename}:{frames[-1].lineno}"
    return f"{type(error).__name__}: {text} ({place})" if text else f"{type(error).__name__} ({place})"
