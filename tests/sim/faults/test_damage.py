"""What damage does to values of every kind."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from one_call import call, fault_of, made
from pydantic import BaseModel

from penguiflow import Headers, Message
from sim.faults.damage import damaged


class Line(BaseModel):
    sku: str
    count: int = 1


class Order(BaseModel):
    id: str
    lines: list[Line] = []
    total: float = 0.0


ORDER = {"id": "abcd", "total": 7.5, "lines": [{"sku": "wxyz", "count": 2}, {"sku": "uv"}]}


@pytest.mark.parametrize(
    ("value", "how", "left"),
    [
        ("abcde", "truncate", "ab"),
        (b"abcd", "truncate", b"ab"),
        ([1, 2, 3], "truncate", [1]),
        ((1, 2, 3, 4), "truncate", (1, 2)),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "truncate", {"a": 1, "b": 2}),
        (42, "truncate", 42),
        (None, "truncate", None),
        ("abcde", "retype", 0),
        (42, "retype", "42"),
        (1.5, "retype", "1.5"),
        (True, "retype", "True"),
        ({"a": 1}, "retype", 0),
        (None, "retype", 0),
    ],
)
def test_a_whole_value_is_cut_or_becomes_another_type(value, how, left):
    """Half of a text, a row or a mapping is left; a number becomes a text, and anything else a number."""
    got = damaged(value, how, ())
    assert (got, type(got)) == (left, type(left))


@pytest.mark.parametrize(
    ("how", "fields", "changed"),
    [
        ("remove", ["id"], {"total": 7.5, "lines": ORDER["lines"]}),
        ("remove", ["id", "total"], {"lines": ORDER["lines"]}),
        ("remove", ["lines.0"], {**ORDER, "lines": [{"sku": "uv"}]}),
        ("remove", ["lines.1"], {**ORDER, "lines": [{"sku": "wxyz", "count": 2}]}),
        ("remove", ["lines.0.sku"], {**ORDER, "lines": [{"count": 2}, {"sku": "uv"}]}),
        ("truncate", ["lines.0.sku"], {**ORDER, "lines": [{"sku": "wx", "count": 2}, {"sku": "uv"}]}),
        ("truncate", ["lines.1.sku"], {**ORDER, "lines": [{"sku": "wxyz", "count": 2}, {"sku": "u"}]}),
        ("truncate", ["lines"], {**ORDER, "lines": [{"sku": "wxyz", "count": 2}]}),
        ("retype", ["total", "lines.0.count"], {
            "id": "abcd", "total": "7.5", "lines": [{"sku": "wxyz", "count": "2"}, {"sku": "uv"}],
        }),
        ("remove", ["lines.2"], ORDER),
        ("remove", ["lines.x"], ORDER),
        ("remove", ["id.0"], ORDER),
        ("remove", ["nothing.there"], ORDER),
        ("truncate", ["total"], ORDER),
    ],
)  # fmt: skip
def test_what_lies_at_a_path_is_damaged(how, fields, changed):
    """Dotted paths lead through mappings and lists; where one leads nowhere, nothing changes; the original is whole."""
    before = json.dumps(ORDER)
    assert damaged(ORDER, how, fields) == changed
    assert list(damaged(ORDER, how, fields)) == list(changed)
    assert json.dumps(ORDER) == before


def test_a_model_is_damaged_as_no_validation_would_let_it():
    """A field of a model is of another type, or not there at all; the model's type stays."""
    order = Order(id="abcd", lines=[Line(sku="wxyz")], total=7.5)
    assert damaged(order, "retype", ["total"]) == order.model_copy(update={"total": "7.5"})
    assert damaged(order, "truncate", ["lines.0.sku"]).lines == [Line(sku="wx")]
    gone = damaged(order, "remove", ["id"])
    assert type(gone) is Order
    assert dict(gone) == {"lines": order.lines, "total": 7.5}
    cut = damaged(order, "truncate", ())
    assert type(cut) is Order
    assert cut.model_fields_set == {"id"}
    assert damaged(order, "remove", ["color"]) is order
    assert order == Order(id="abcd", lines=[Line(sku="wxyz")], total=7.5)


def test_of_an_envelope_the_payload_is_damaged():
    """Its headers and its trace stay as they are."""
    message = Message(payload={"price": 7}, headers=Headers(tenant="acme"), trace_id="t")
    assert damaged(message, "retype", ["price"]) == message.model_copy(update={"payload": {"price": "7"}})
    assert damaged(message, "truncate", ()) == message.model_copy(update={"payload": {}})
    assert message.payload == {"price": 7}


@pytest.mark.parametrize(
    ("how", "fields", "body", "left"),
    [
        ("truncate", [], '{"price": 7}', '{"pric'),
        ("truncate", [], "plain text", "plain"),
        ("truncate", ["names"], '{"names": ["ann", "bob"]}', '{"names": ["ann"]}'),
        ("retype", ["price"], '{"price": 7}', '{"price": "7"}'),
        ("remove", ["price"], '{"price": 7, "n": 1}', '{"n": 1}'),
        ("truncate", ["price"], "not JSON", "not "),
        ("retype", [], "not JSON", "0"),
        ("remove", ["price"], "not JSON", "not "),
        ("truncate", [], "gr\u00fcn\ufffd!", "gr\u00fc"),
    ],
)
def test_a_body_of_http_is_damaged(run, how, fields, body, left):
    """JSON by its fields, anything else as a text; status, other headers and the request stay, the length is right."""
    acting, _ = made(fault_of("corrupt", where={"tool": "charge"}, how=how, fields=fields))
    request = httpx.Request("GET", "http://shop/price")
    raw = body.encode().replace("\ufffd".encode(), b"\xff")
    headers = {"X-Of": "shop", "Content-Length": str(len(raw)), "Content-Type": "text/plain; charset=utf-8"}

    async def proceed() -> Any:
        return httpx.Response(203, headers=headers, content=raw, request=request)

    answer = run(acting.apply(call(act="tool"), proceed))
    assert (answer.status_code, answer.text, answer.headers["X-Of"]) == (203, left, "shop")
    assert answer.headers["Content-Length"] == str(len(left.encode()))
    assert answer.request is request


def test_an_answer_with_a_status_is_no_answer_of_http():
    """Only what has a status and a body to read is damaged as HTTP; a value of the user's own is damaged as it is."""

    class Receipt(BaseModel):
        status_code: int = 7

    acting, world = made(fault_of("corrupt", where={"tool": "charge"}, how="retype", fields=["status_code"]))

    async def proceed() -> Any:
        return Receipt()

    assert world.run(acting.apply(call(act="tool"), proceed)).status_code == "7"
