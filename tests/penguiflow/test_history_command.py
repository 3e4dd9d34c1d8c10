"""RUNTIME 1.24: reading a trace's stored events, by hand and from the command line."""

import json
import sys
from types import MappingProxyType

import pytest
from click.testing import CliRunner
from runtime_samples import failing, message, node

from penguiflow import InMemoryStateStore, StoredEvent, TraceEnded, create
from penguiflow.admin import StateStoreError, describe_events, load_state_store, render_events
from penguiflow.debug import format_flow_event
from penguiflow.history import history
from penguiflow.metrics import format_flow_event as original
from penguiflow.testkit import run_one

MODULE = """
from penguiflow import InMemoryStateStore, StoredEvent

class Broken(InMemoryStateStore):
    async def load_history(self, trace_id):
        raise ConnectionError("no\\nroute")

async def filled():
    store = InMemoryStateStore()
    for seq, kind in enumerate(["node_start", "node_error", "node_failed"], start=1):
        await store.save_event(StoredEvent("t1", 1_700_000_000.0 + seq, kind, "pay", "id", {"attempt": 0}, "acme", seq))
    return store

def empty():
    return InMemoryStateStore()

def storeless():
    return object()

def failing():
    raise OSError("disk \\x1b[31mfull")

def leaving():
    raise SystemExit(3)

number = 5
"""


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """The folder of a project with a module of store factories, as the working directory."""
    (tmp_path / "shop_stores.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shop_stores", raising=False)
    return tmp_path


def printed(*arguments, code=0):
    finished = CliRunner().invoke(history, arguments)
    assert finished.exit_code == code, finished.output
    return finished.stdout if code == 0 else finished.stderr


def event(**facts):
    known = {"trace_id": "t1", "ts": 1_700_000_000.25, "kind": "node_retry", "node_name": "pay", "node_id": "id"}
    return StoredEvent(**{**known, **facts})


# -- the command -----------------------------------------------------------------------------


def test_a_history_is_printed_oldest_first(stores):
    """Each event is one line with its time, its kind, its node and what is particular about it."""
    assert printed("t1", "--state-store", "shop_stores:filled").splitlines() == [
        "2023-11-14T22:13:21.000+00:00 node_start pay attempt=0",
        "2023-11-14T22:13:22.000+00:00 node_error pay attempt=0",
        "2023-11-14T22:13:23.000+00:00 node_failed pay attempt=0",
    ]


def test_a_tail_is_the_newest_events(stores):
    """`--tail 1` prints the last event, and a tail longer than the history all of it."""
    assert "node_failed" in printed("t1", "--state-store", "shop_stores:filled", "--tail", "1").splitlines()[0]
    assert len(printed("t1", "--state-store", "shop_stores:filled", "--tail", "9").splitlines()) == 3
    assert "--tail" in printed("t1", "--state-store", "shop_stores:filled", "--tail", "0", code=2)


def test_a_history_can_be_read_by_machines(stores):
    """`--json` prints one object a line, with everything that is stored."""
    lines = printed("t1", "--state-store", "shop_stores:filled", "--json", "--tail", "2").splitlines()

    assert [json.loads(line)["kind"] for line in lines] == ["node_error", "node_failed"]
    assert json.loads(lines[1]) == {
        "trace_id": "t1", "ts": 1_700_000_003.0, "kind": "node_failed", "node_name": "pay", "node_id": "id",
        "payload": {"attempt": 0}, "tenant": "acme", "seq": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("shop_stores", "'shop_stores' names no state store; a state store is named module:factory, such as "),
        (":empty", "':empty' names no state store"),
        ("shop_stores:", "'shop_stores:' names no state store"),
        ("shop_storse:empty", "there is no module 'shop_storse'; modules are looked for in the working directory"),
        ("shop_stores.inner:empty", "there is no module 'shop_stores.inner'"),
        ("broken_syntax:make", "importing 'broken_syntax' fails: SyntaxError: "),
        ("broken_syntax:make", "broken_syntax.py:2)"),
        ("needs_more:make", "importing 'needs_more' fails: ModuleNotFoundError: No module named 'not_installed' ("),
        ("needs_more:make", "needs_more.py:2)"),
        ("leaves:make", "importing 'leaves' fails: SystemExit: 7 ("),
        ("shop_stores:fild", "module 'shop_stores' has no 'fild'; did you mean 'filled'?"),
        ("shop_stores:xyz", "module 'shop_stores' has no 'xyz'; a state store is named module:factory"),
        ("shop_stores:number", "'shop_stores:number' is of type int, and no function that makes a store"),
        (
            "shop_stores:failing",
            "the factory of state store 'shop_stores:failing' fails: OSError: disk \\x1b[31mfull (",
        ),
        ("shop_stores:failing", "shop_stores.py:21)"),
        ("shop_stores:leaving", "the factory of state store 'shop_stores:leaving' fails: SystemExit: 3 ("),
        ("shop_stores:storeless", "makes no state store: reading a history needs a state store with load_history"),
        ("shop_stores:Broken", "cannot load the history of trace 't1': ConnectionError: no route ("),
        ("shop_stores:empty", "'shop_stores:empty' holds no events of trace 't1'; check the id"),
    ],
)
def test_what_cannot_be_read_is_one_clear_message(stores, spec, text):
    """A bad name, a module or factory that fails, and an unknown trace end with 1 and say what and where."""
    (stores / "broken_syntax.py").write_text("\ndef make(:\n")
    (stores / "needs_more.py").write_text("\nimport not_installed\n")
    (stores / "leaves.py").write_text("\nraise SystemExit(7)\n")
    error = printed("t1", "--state-store", spec, code=1)

    assert error.startswith("Error: ")
    assert text in error
    assert len(error.splitlines()) == 1


def test_a_store_has_to_be_named(stores):
    """Without a store the command says which option is missing."""
    assert "Missing option '--state-store'" in printed("t1", code=2)


# -- the functions ---------------------------------------------------------------------------


def test_a_store_is_made_by_a_plain_or_an_async_factory(run, monkeypatch):
    """`load_state_store` calls what it finds and awaits what has to be awaited."""
    store = InMemoryStateStore()

    async def later():
        return store

    monkeypatch.setattr(sys.modules[__name__], "later", later, raising=False)
    monkeypatch.setattr(sys.modules[__name__], "now", lambda: store, raising=False)

    assert run(load_state_store(f"{__name__}:later")) is store
    assert run(load_state_store(f"{__name__}:now")) is store
    with pytest.raises(StateStoreError, match="names no state store"):
        run(load_state_store("nothing"))


def test_rendered_events_are_json_whatever_they_hold():
    """Numbers that JSON lacks, bytes and objects of any kind become text, and the keys are sorted."""
    odd = {"share": float("nan"), "raw": b"\xff", "what": StateStoreError, "text": "a\nb\u202e\ud800"}
    odd["inner"] = MappingProxyType({(1, 2): [float("-inf"), (1,)]})
    (line,) = render_events([event(payload=odd)])

    assert line.isascii()
    assert json.loads(line)["payload"] == {
        "share": "NaN", "raw": "_w==", "what": str(StateStoreError), "text": "a\nb\u202e\ud800",
        "inner": {"1,2": ["-Infinity", [1]]},
    }  # fmt: skip
    assert list(json.loads(line)) == sorted(json.loads(line))


def test_a_tail_never_gives_more_than_was_asked_for():
    """A tail of none is empty, not everything."""
    events = [event(ts=float(number)) for number in range(3)]

    assert [len(render_events(events, tail=tail)) for tail in (None, 0, 1, 3, 5)] == [3, 0, 1, 3, 3]
    assert len(describe_events(events, tail=2)) == 2


def test_a_described_event_cannot_write_to_the_terminal():
    """Line ends, escape codes and marks of direction in what was stored are shown, not obeyed."""
    hostile = event(node_name="a\x1b[31m", payload={"exception": "b\nc\u202e", "k\x07": 1, "event": "node_retry"})

    assert describe_events([hostile]) == [
        '2023-11-14T22:13:20.250+00:00 node_retry a\\x1b[31m exception="b\\nc\\u202e" k\\x07=1',
    ]


def test_a_described_event_stays_short():
    """Long values are cut, and facts that tell nothing new are left out."""
    (line,) = describe_events([event(node_name=None, payload={"text": "x" * 500, "q_depth_in": 1, "latency_ms": None})])

    assert line.startswith('2023-11-14T22:13:20.250+00:00 node_retry - text="xxx')
    assert line.endswith("xxx...")
    assert len(line) < 200


def test_what_a_flow_stored_can_be_read(run):
    """The events of a real failure are described with their attempt, latency and exception."""
    store = InMemoryStateStore()

    async def main():
        flow = create(node(failing(), "pay").to(), state_store=store)
        with pytest.raises(TraceEnded):
            await run_one(flow, message(trace_id="t1"))
        return await store.load_history("t1")

    lines = describe_events(run(main()))
    assert [line.split()[1] for line in lines] == ["node_start", "node_error", "node_failed"]
    assert "exception=\"ValueError('boom')\"" in lines[1]


def test_debug_offers_what_applications_import_from_it():
    """`penguiflow.debug.format_flow_event` is the one of `penguiflow.metrics`."""
    assert format_flow_event is original
