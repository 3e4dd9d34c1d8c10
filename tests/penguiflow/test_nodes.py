"""RUNTIME 1.2 to 1.5: messages, nodes, policies, models and what validation does."""

import functools

import pytest
from pydantic import BaseModel, ValidationError
from runtime_samples import echo, message, node, residue, roundtrip, running

from penguiflow import WM, Headers, Message, ModelRegistry, Node, NodePolicy, PlanStep, StreamChunk, TraceEnded


class A(BaseModel):
    x: int


class B(BaseModel):
    y: int


# -- messages --------------------------------------------------------------------------------


def test_a_message_has_an_id_a_time_and_empty_meta_of_its_own(run):
    """Defaults are fresh for each message, and come from the world that it is made in."""

    async def main():
        return message(), message()

    first, second = run(main())
    assert len(first.trace_id) == 32
    assert first.trace_id != second.trace_id
    assert first.ts == 1_700_000_000.0
    assert first.meta == {}
    assert first.meta is not second.meta


def test_a_tenant_is_required_and_text():
    """Headers without a tenant, or with one that is no text, are refused; unknown keys are ignored."""
    for headers in ({}, {"tenant": 5}):
        with pytest.raises(ValidationError):
            Message(payload=1, headers=headers)
    assert Headers(tenant="", surprise=1).model_dump() == {"tenant": "", "topic": None, "priority": 0}


def test_within_sets_a_deadline_from_now(run):
    """`Message.within` takes seconds from now, where `deadline_s` is a Unix time."""

    async def main():
        return Message.within(30, payload=1, headers=Headers(tenant="acme"))

    assert run(main()).deadline_s == 1_700_000_030.0


def test_the_other_models_have_the_defaults_that_applications_know():
    """Chunks, plan steps and working memory start as they always did."""
    assert StreamChunk(stream_id="s", seq=0, text="t").model_dump(exclude={"stream_id", "seq", "text"}) == {
        "done": False,
        "meta": {},
    }
    assert PlanStep(kind="sql").max_concurrency == 1
    assert WM(query="q").model_dump(exclude={"query"}) == {
        "facts": [],
        "hops": 0,
        "budget_hops": 8,
        "tokens_used": 0,
        "budget_tokens": None,
        "confidence": 0.0,
    }


# -- policies --------------------------------------------------------------------------------


def test_a_policy_has_the_defaults_that_applications_know():
    """Without arguments a policy validates both sides, and neither times out nor retries."""
    policy = NodePolicy()

    assert (policy.validate, policy.timeout_s, policy.max_retries) == ("both", None, 0)
    assert (policy.backoff_base, policy.backoff_mult, policy.max_backoff) == (0.5, 2.0, None)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"validate": "maybe"}, "validate must be one of both, in, out, none; got 'maybe'"),
        ({"timeout_s": -5}, "timeout_s must be finite and not negative; got -5"),
        ({"timeout_s": float("nan")}, "timeout_s must be finite"),
        ({"max_retries": True}, "max_retries must be a whole number of at least 0; got True"),
        ({"max_retries": -1}, "max_retries must be a whole number of at least 0; got -1"),
        ({"backoff_base": -1}, "backoff_base must be"),
        ({"backoff_mult": 0}, "backoff_mult must be positive; got 0"),
        ({"max_backoff": -1}, "max_backoff must be"),
        ({"cancel_grace_s": float("inf")}, "cancel_grace_s must be"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(fields, text):
    """Each value of a policy is checked, and the error names value and rule."""
    with pytest.raises(ValueError, match=text):
        NodePolicy(**fields)


def test_backoff_beyond_what_a_float_holds_is_still_bounded():
    """The two-thousandth wait is no longer than the longest allowed one."""
    assert NodePolicy(max_backoff=30.0).backoff_s(2000) == 30.0


# -- nodes -----------------------------------------------------------------------------------


def test_a_node_takes_its_name_from_its_function():
    """Without a name a node is called like its function, or like the class of its instance."""

    class Greeter:
        async def __call__(self, msg, _ctx):
            return msg

    assert [Node(echo).name, Node(Greeter()).name, Node(echo, name="other").name] == ["echo", "Greeter", "other"]


def test_async_methods_and_instances_are_handlers(run):
    """A bound async method and an instance with an async `__call__` are called like functions."""

    class Greeter:
        async def __call__(self, msg, _ctx):
            return msg.model_copy(update={"payload": "called"})

        async def greet(self, msg, _ctx):
            return msg.model_copy(update={"payload": "greeted"})

    async def main():
        results = []
        for handler in (Greeter(), Greeter().greet):
            async with running(Node(handler).to()) as flow:
                results.append((await roundtrip(flow, message())).payload)
        return results

    assert run(main()) == ["called", "greeted"]


def _plain(msg, ctx):
    return msg


async def _three(msg, ctx, more=None):
    return msg


async def _by_keyword(msg, *, ctx):
    return msg


@pytest.mark.parametrize(
    ("func", "kind", "text"),
    [
        (_plain, TypeError, r"must be declared with async def; '_plain' is not.*Node\(blocking\(_plain\)\)"),
        (A, TypeError, "must be declared with async def"),
        (_three, ValueError, r"Node '_three' must accept exactly two parameters \(message, ctx\); got 3"),
        (_by_keyword, ValueError, "Context parameter must be positional"),
    ],
)
def test_a_function_that_is_no_handler_is_refused(func, kind, text):
    """What is not async, or does not take (message, ctx), is refused with the remedy."""
    with pytest.raises(kind, match=text):
        Node(func)


def test_a_partial_with_a_bound_keyword_has_too_many_parameters():
    """`functools.partial` with a keyword still shows three parameters."""
    with pytest.raises(ValueError, match="got 3"):
        Node(functools.partial(_three, more=1), name="partial")


def test_nodes_are_told_apart_by_their_id():
    """Two nodes of one function are not equal, and a node hashes by its id."""
    first, second = Node(echo), Node(echo)

    assert first != second
    assert hash(first) == hash(first.node_id)
    assert first.to(second) == (first, (second,))


# -- models ----------------------------------------------------------------------------------


def _models(name="n"):
    registry = ModelRegistry()
    registry.register(name, A, B)
    return registry


def test_a_registry_knows_what_was_registered():
    """Models and adapters are found by node name."""
    registry = _models()

    assert registry.has("n")
    assert not registry.has("m")
    assert registry.models("n") == (A, B)
    assert registry.adapters("n")[0].validate_python({"x": "3"}) == A(x=3)


def test_a_registry_refuses_what_it_cannot_use():
    """A second registration, a class that is no model and an unknown name are errors."""
    registry = _models()
    with pytest.raises(ValueError, match="Node 'n' already registered"):
        registry.register("n", A, B)
    with pytest.raises(TypeError, match=r"Models must inherit from pydantic\.BaseModel"):
        registry.register("m", dict, B)
    for look_up in (registry.models, registry.adapters):
        with pytest.raises(KeyError, match="Node 'm' not registered"):
            look_up("m")


@pytest.mark.parametrize(
    ("mode", "received", "fetched"),
    [
        ("both", A(x=3), B(y=7)),
        ("in", A(x=3), {"y": "7"}),
        ("out", {"x": "3"}, B(y=7)),
        ("none", {"x": "3"}, {"y": "7"}),
    ],
)
def test_validation_looks_at_the_sides_that_the_policy_names(run, mode, received, fetched):
    """The mode of a policy decides what the handler receives and what is fetched."""
    seen = []

    async def handler(msg, ctx):
        seen.append(msg)
        return {"y": "7"}

    async def main():
        async with running(node(handler, "n", validate=mode).to(), registry=_models()) as flow:
            await flow.emit({"x": "3"})
            return await flow.fetch()

    assert run(main()) == fetched
    assert seen == [received]


def test_a_message_that_does_not_validate_is_a_failure_of_the_node(run):
    """A validation error is retried and reported like any exception."""

    async def main():
        async with running(
            node(echo, "n", max_retries=1, backoff_base=0).to(), registry=_models(), emit_errors_to_rookery=True
        ) as flow:
            await flow.emit({"x": "no number"})
            return await flow.fetch()

    error = run(main())
    assert (error.exception_type, error.metadata["attempt"]) == ("ValidationError", 1)


def test_without_a_registry_nothing_is_validated(run):
    """The default mode checks nothing where no models were given."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit({"any": "thing"})
            return await flow.fetch()

    assert run(main()) == {"any": "thing"}


def test_a_lost_envelope_is_warned_of(run):
    """A node that is registered for messages and returns something else is told so."""
    registry = ModelRegistry()
    registry.register("n", Message, Message)

    async def unwrap(msg, ctx):
        return msg.payload

    async def main():
        async with running(node(unwrap, "n", validate="in").to(), registry=registry) as flow:
            return await roundtrip(flow, message())

    with pytest.warns(RuntimeWarning, match="registered for Message -> Message outputs"):
        assert run(main()) == "ping"


def test_none_is_no_result_and_is_not_validated(run):
    """A handler that returns nothing sends nothing."""

    async def nothing(msg, ctx):
        return None

    async def main():
        async with running(node(nothing, "n", validate="out").to(), registry=_models()) as flow:
            with pytest.raises(TraceEnded, match="no_result"):
                await roundtrip(flow, message())
            assert residue(flow) == {}

    run(main())
