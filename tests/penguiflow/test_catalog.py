"""RUNTIME 1.24 and TOOLS 5.1: what a catalog says of its tools, and that it fails closed."""

import re

import pytest
from pydantic import BaseModel
from runtime_samples import node

from penguiflow import ModelRegistry
from penguiflow.catalog import (
    NodeSpec,
    ToolInputExample,
    ToolLimits,
    ToolLoadingMode,
    build_catalog,
    tool,
)


class Args(BaseModel):
    account: str
    cents: int = 0


class Done(BaseModel):
    ok: bool


async def plain(args, ctx):
    """Pay somebody.

    More about it.
    """


def declared(**options):
    @tool("Pay somebody", **options)
    async def pay(args, ctx):
        pass

    return pay


def catalog_of(*nodes, args=Args, out=Done):
    registry = ModelRegistry()
    for item in nodes:
        registry.register(item.name, args, out)
    return build_catalog(nodes, registry)


def spec_of(func, **policy):
    (spec,) = catalog_of(node(func, "pay", **policy))
    return spec


def test_an_undeclared_tool_is_taken_for_the_worst():
    """A function that says nothing has side effects `external`, may not be repeated, and is tried once."""
    spec = spec_of(plain)

    assert (spec.side_effects, spec.is_effectful, spec.idempotent, spec.is_idempotent) == (
        "external", True, None, False,
    )  # fmt: skip
    assert (spec.limits, spec.loading_mode) == (ToolLimits(), ToolLoadingMode.ALWAYS)
    assert spec.limits.max_attempts == 1
    assert spec_of(declared()).side_effects == "external"


def test_a_spec_says_what_runs_and_with_which_models():
    """Name, node and models come from the node and the registry."""
    item = node(plain, "pay")
    (spec,) = catalog_of(item)

    assert (spec.node, spec.name, spec.args_model, spec.out_model) == (item, "pay", Args, Done)


def test_everything_that_was_declared_stands_in_the_spec():
    """Each option of the decorator is the field of the same name."""
    options = {
        "side_effects": "write", "tags": ["money"], "auth_scopes": ["pay:write"], "cost_hint": "low",
        "latency_hint_ms": 250, "safety_notes": "asks twice", "extra": {"team": "billing"}, "loading_mode": "deferred",
        "idempotent": True, "requires_approval": True, "limits": ToolLimits(max_attempts=3),
        "examples": [{"args": {"account": "a"}, "description": "least", "tags": ["minimal"]}],
    }  # fmt: skip
    spec = spec_of(declared(**options))

    expected = options | {
        "tags": ("money",), "auth_scopes": ("pay:write",), "loading_mode": ToolLoadingMode.DEFERRED,
        "examples": (ToolInputExample(args={"account": "a"}, description="least", tags=("minimal",)),),
    }  # fmt: skip
    assert {name: getattr(spec, name) for name in options} == expected
    assert spec.desc == "Pay somebody"


def test_a_description_is_found_where_none_was_given():
    """Without one the docstring's first line describes the tool, and without that its name."""

    async def nameless_words(args, ctx):
        pass

    assert spec_of(plain).desc == "Pay somebody."
    assert spec_of(tool()(plain)).desc == "Pay somebody."
    assert spec_of(nameless_words).desc == "nameless_words"


@pytest.mark.parametrize(
    ("side_effects", "effectful"),
    [("pure", False), ("read", False), ("write", True), ("external", True), ("stateful", True)],
)
def test_what_changes_the_world_may_not_be_repeated(side_effects, effectful):
    """Only `pure` and `read` are harmless, and only they are idempotent unless the author says otherwise."""
    spec = spec_of(declared(side_effects=side_effects))

    assert (spec.is_effectful, spec.is_idempotent) == (effectful, not effectful)
    assert spec_of(declared(side_effects=side_effects, idempotent=True)).is_idempotent
    assert not spec_of(declared(side_effects=side_effects, idempotent=False)).is_idempotent


def test_retries_need_a_tool_that_bears_them():
    """More than one attempt is refused unless a second one does no harm."""
    with pytest.raises(ValueError, match=r"tool 'pay' has side effects 'external' and max_attempts=2, but a second"):
        spec_of(declared(limits=ToolLimits(max_attempts=2)))
    with pytest.raises(ValueError, match="Declare idempotent=True"):
        spec_of(declared(side_effects="read", idempotent=False, limits=ToolLimits(max_attempts=2)))

    for harmless in ({"idempotent": True}, {"side_effects": "read"}):
        assert spec_of(declared(limits=ToolLimits(max_attempts=2), **harmless)).limits.max_attempts == 2


def test_the_nodes_timeout_is_an_upper_bound():
    """The shorter of the tool's and the node's timeout holds; the other limits stay."""
    limits = ToolLimits(timeout_s=10, max_result_chars=5)

    assert spec_of(declared(limits=limits), timeout_s=3).limits == ToolLimits(timeout_s=3, max_result_chars=5)
    assert spec_of(declared(limits=limits), timeout_s=60).limits == limits
    assert spec_of(plain, timeout_s=60).limits.timeout_s == 30


def test_a_digest_follows_the_schemas():
    """The digest is the same for equal models, and another one when arguments or result change."""

    class MoreArgs(Args):
        memo: str = ""

    item = node(plain, "pay")
    (spec,), (again,) = catalog_of(item), catalog_of(item)
    (more,), (other,) = catalog_of(item, args=MoreArgs), catalog_of(item, out=Args)

    assert spec.schema_digest == again.schema_digest
    assert re.fullmatch("[0-9a-f]{64}", spec.schema_digest)
    assert len(dict.fromkeys([spec.schema_digest, more.schema_digest, other.schema_digest])) == 3


def test_specs_are_values():
    """Two catalogs of the same tools are equal, hashable and read-only."""
    item = node(declared(extra={"team": "billing"}), "pay")
    (spec,), (again,) = catalog_of(item), catalog_of(item)

    assert spec == again
    assert hash(spec) == hash(again)
    with pytest.raises(AttributeError):
        spec.side_effects = "pure"
    with pytest.raises(TypeError):
        spec.extra["team"] = "other"


def test_a_catalog_keeps_the_order_of_its_nodes():
    """Tools come in the order in which they were given."""
    assert [spec.name for spec in catalog_of(*(node(plain, name) for name in "cab"))] == ["c", "a", "b"]


def test_tools_are_called_by_name():
    """Two of one name, and one without models, are refused."""
    with pytest.raises(ValueError, match="two tools are named 'pay'"):
        build_catalog([node(plain, "pay"), node(plain, "pay")], _registry("pay"))
    with pytest.raises(KeyError, match="Node 'pay' not registered"):
        build_catalog([node(plain, "pay")], ModelRegistry())


def _registry(name):
    registry = ModelRegistry()
    registry.register(name, Args, Done)
    return registry


def test_an_example_has_to_fit_the_arguments():
    """An example that the tool would refuse is an error when the catalog is built."""
    good, bad = {"args": {"account": "a"}}, {"args": {"cents": "many"}}
    with pytest.raises(
        ValueError, match=r"example 2 of tool 'pay' does not fit Args: account: Field required; cents: "
    ):
        spec_of(declared(examples=[good, bad]))
    with pytest.raises(ValueError, match="argz"):
        declared(examples=[{"argz": {}}])


def test_a_declaration_that_makes_no_sense_is_refused():
    """Unknown words, a text where a list belongs, and the decorator without parentheses are errors."""
    with pytest.raises(ValueError, match="side_effects must be one of pure, read, write, external, stateful; got 'n"):
        declared(side_effects="none")
    with pytest.raises(ValueError, match="'sometimes' is not a valid ToolLoadingMode"):
        declared(loading_mode="sometimes")
    with pytest.raises(TypeError, match=re.escape("tags must be a list of texts; got one text 'money'")):
        declared(tags="money")
    with pytest.raises(TypeError, match=r"Write @tool\('what it is for'\) with parentheses"):
        tool(plain)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout_s": -1}, "timeout_s must be finite and not negative; got -1"),
        ({"attempt_timeout_s": float("nan")}, "attempt_timeout_s must be finite and not negative; got nan"),
        ({"max_backoff_s": float("inf")}, "max_backoff_s must be finite and not negative; got inf"),
        ({"max_attempts": 0}, "max_attempts must be at least 1; got 0"),
        ({"max_concurrency": 0}, "max_concurrency must be at least 1; got 0"),
        ({"max_result_chars": -5}, "max_result_chars must be at least 1; got -5"),
    ],
)
def test_limits_that_make_no_sense_are_refused(options, text):
    """A bound below its least value, or none at all, is named with the rule."""
    with pytest.raises(ValueError, match=re.escape(text)):
        ToolLimits(**options)


def test_a_spec_can_be_written_by_hand():
    """Without a decorated function the same rules hold."""
    facts = {"node": node(plain, "pay"), "name": "pay", "desc": "Pay", "args_model": Args, "out_model": Done}

    assert NodeSpec(**facts).side_effects == "external"
    with pytest.raises(ValueError, match="max_attempts=2"):
        NodeSpec(**facts, limits=ToolLimits(max_attempts=2))
