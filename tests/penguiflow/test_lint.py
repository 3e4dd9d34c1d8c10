"""What `lint` says about a flow."""

import pytest
from runtime_samples import echo, node

from penguiflow import create
from penguiflow.catalog import tool
from penguiflow.lint import lint, no_io


def declared(side_effects, **facts):
    @tool("does something", side_effects=side_effects, **facts)
    async def act(msg, ctx):
        return msg

    return act


def rules(*adjacencies, **options):
    return [(finding.rule, finding.severity, finding.node) for finding in lint(create(*adjacencies, **options))]


def timed(func=echo, name="a", **policy):
    return node(func, name, timeout_s=1, **policy)


def test_a_sound_flow_has_no_findings():
    """One way out, bounded edges and a timeout everywhere leave nothing to say."""
    assert rules(timed().to(timed(name="b"))) == []


def test_a_flow_without_egress_is_an_error():
    """A pure cycle lets no result out."""
    a, b = timed(), timed(name="b")

    assert rules(a.to(b), b.to(a), allow_cycles=True) == [("no-egress", "error", None)]


def test_several_egresses_are_a_warning():
    """A scoped fetch takes one result of several, so the flow is told which nodes give one."""
    flow = create(timed().to(timed(name="b"), timed(name="c")))
    (finding,) = lint(flow)

    assert (finding.rule, finding.severity) == ("several-egresses", "warning")
    assert "(b, c)" in finding.text


@pytest.mark.parametrize("queue_maxsize", [0, -1])
def test_an_unbounded_queue_is_a_warning(queue_maxsize):
    """Edges without a bound are told once for the flow."""
    assert rules(timed().to(), queue_maxsize=queue_maxsize) == [("unbounded-queue", "warning", None)]


def test_a_node_without_timeout_is_a_warning():
    """Every node is taken to wait for the outside, each is told by name, in order."""
    assert rules(node(echo, "a").to(node(echo, "b"))) == [
        ("no-timeout", "warning", "a"),
        ("no-timeout", "warning", "b"),
    ]


def test_a_node_that_only_computes_needs_no_timeout():
    """A handler marked `no_io` or declared pure may do without a timeout."""

    @no_io
    async def add(msg, ctx):
        return msg

    assert rules(node(add, "a").to(node(declared("pure"), "b"))) == []


@pytest.mark.parametrize("side_effects", ["write", "external", "stateful"])
def test_a_retried_write_without_a_key_is_an_error(side_effects):
    """A second attempt may do an effect twice, unless the tool says that it does not."""
    retried = timed(declared(side_effects), max_retries=1)
    safe = timed(declared(side_effects, idempotent=True), max_retries=1)

    assert rules(retried.to()) == [("retried-write", "error", "a")]
    assert rules(safe.to()) == []
    assert rules(timed(declared(side_effects)).to()) == []


def test_retries_of_reads_and_of_the_undeclared_are_fine():
    """Only a declared effect makes a retry a finding."""
    assert rules(timed(declared("read"), max_retries=1).to()) == []
    assert rules(timed(max_retries=1).to()) == []


def test_a_finding_reads_as_one_line():
    """A finding says how bad it is, where, what is wrong, what to try, and its rule."""
    (finding,) = lint(create(node(echo, "a").to()))

    assert str(finding) == (
        "warning: node 'a': it has no timeout_s, so one call that hangs holds the node for good. "
        "Give NodePolicy(timeout_s=...), or mark a handler that only computes with @no_io [no-timeout]"
    )
