"""RUNTIME 1.16 and 1.25: routing policies."""

import asyncio
import json

import pytest
from runtime_samples import echo, node

from penguiflow import Context
from penguiflow.core import Endpoint
from penguiflow.policies import DictRoutingPolicy, RoutingPolicy, RoutingRequest, evaluate_policy

ROUTER, A, B = node(echo, "router"), node(echo, "a"), node(echo, "b")


def request(trace_id="t1", msg="x"):
    return RoutingRequest(msg, Context(Endpoint("test")), ROUTER, (A, B), trace_id)


def test_a_request_names_its_nodes():
    """A request gives the names of the router and of what it proposes."""
    assert (request().node_name, request().proposed_names) == ("router", ("a", "b"))


class Base(RoutingPolicy):
    pass


class Sync(RoutingPolicy):
    def select(self, request):
        return request.proposed_names


class Async(RoutingPolicy):
    async def select(self, request):
        await asyncio.sleep(1)
        return request.proposed[0]


class Unrelated:
    select = staticmethod(lambda request: request.proposed_names[1])


async def function(request):
    return request.trace_id


@pytest.mark.parametrize(
    ("policy", "decision"),
    [
        (Base(), None),
        (Sync(), ("a", "b")),
        (Async(), A),
        (Unrelated(), "b"),
        (function, "t1"),
        (lambda request: request.message, "x"),
        (DictRoutingPolicy({"t1": "a"}), "a"),
    ],
)
def test_every_shape_of_policy_is_understood(run, policy, decision):
    """A policy is a subclass or anything with `select`, or a function, and each of them may be async."""
    assert run(evaluate_policy(policy, request())) == decision


def test_a_mapping_routes_by_trace_id_or_by_a_key_of_its_own():
    """A dict policy looks up the trace id, or what its key getter finds, and has a default for the rest."""
    policy = DictRoutingPolicy({"t1": ["a", "b"], "t2": None}, default="b")
    assert [policy.select(request(trace_id)) for trace_id in ("t1", "t2", "t3", None)] == [["a", "b"], None, "b", "b"]
    policy = DictRoutingPolicy({"x": A}, key_getter=lambda request: request.message)
    assert [policy.select(request(msg=msg)) for msg in ("x", "y")] == [A, None]


def test_a_mapping_can_be_changed_while_it_is_in_use():
    """`update_mapping` adds and replaces routes, `set_default` replaces the default, and neither touches its source."""
    source = {"t1": "a"}
    policy = DictRoutingPolicy(source)
    policy.update_mapping({"t1": "b", "t2": "a"})
    policy.set_default("b")
    assert [policy.select(request(trace_id)) for trace_id in ("t1", "t2", "t3")] == ["b", "a", "b"]
    policy.set_default(None)
    assert policy.select(request("t3")) is None
    assert source == {"t1": "a"}


def test_a_policy_comes_from_json():
    """JSON gives names, lists of names and drops, and what is no object is refused."""
    policy = DictRoutingPolicy.from_json(
        '{"x": ["a"], "y": null}', default="b", key_getter=lambda request: request.message
    )
    assert policy.select(request()) == ["a"]
    assert DictRoutingPolicy.from_json("{}", default="b").select(request()) == "b"
    with pytest.raises(TypeError, match="JSON payload must decode to a mapping; got list"):
        DictRoutingPolicy.from_json('["a"]')


def test_a_policy_comes_from_a_file_whose_path_stands_in_errors(tmp_path):
    """A file is read as UTF-8 JSON, and what is wrong with it is told with its path."""
    path = tmp_path / "routes.json"
    path.write_text('{"t1": "café"}', encoding="utf-8")
    assert DictRoutingPolicy.from_json_file(path, default="b").select(request()) == "café"
    assert DictRoutingPolicy.from_json_file(str(path), default="b").select(request("t2")) == "b"
    for text, kind in (("7", TypeError), ("{", json.JSONDecodeError)):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(kind) as raised:
            DictRoutingPolicy.from_json_file(path)
        assert raised.value.__notes__ == [f"in the routing policy {path}"]


def test_a_policy_comes_from_the_environment(monkeypatch):
    """A variable holds JSON, or what a loader understands, and must be set."""
    monkeypatch.setenv("ROUTES", '{"t1": "a"}')
    assert DictRoutingPolicy.from_env("ROUTES").select(request()) == "a"
    monkeypatch.setenv("ROUTES", "t1=b,t2=a")
    pairs = DictRoutingPolicy.from_env(
        "ROUTES",
        loader=lambda text: dict(pair.split("=") for pair in text.split(",")),
        default="c",
        key_getter=lambda request: request.message,
    )
    assert [pairs.select(request(msg=key)) for key in ("t1", "t2", "t3")] == ["b", "a", "c"]
    with pytest.raises(TypeError, match="Policy loader must return a mapping; got list for ROUTES"):
        DictRoutingPolicy.from_env("ROUTES", loader=str.split)
    monkeypatch.delenv("ROUTES")
    with pytest.raises(KeyError, match="Environment variable 'ROUTES' not set"):
        DictRoutingPolicy.from_env("ROUTES")
