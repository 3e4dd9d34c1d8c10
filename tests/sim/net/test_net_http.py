"""HTTP into apps of this process."""

import asyncio

import pytest

from sim.kernel import World
from sim.net import Link, passage

httpx = pytest.importorskip("httpx", reason="HTTP services need the package httpx")
from sim.net.http import AppTransport  # noqa: E402 - only where httpx is


async def echo(scope, receive, send):
    """An app that answers with the request's body, in two chunks."""
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
    await send({"type": "http.response.body", "body": body[:2], "more_body": True})
    await send({"type": "http.response.body", "body": body[2:]})


def exchange(link, *, seed=1, app=echo, timeout_s=5.0, calls=1):
    """Outcomes of some calls, the log, and when it was over."""
    world = World(seed)
    transport = AppTransport(world, {"shop": app}, links={"shop": link})

    async def program():
        seen = []
        async with httpx.AsyncClient(transport=transport, timeout=timeout_s) as client:
            for _ in range(calls):
                try:
                    answer = await client.post("http://shop/pay", content=b"hello", headers={"x-tenant": "acme"})
                    seen.append((answer.status_code, answer.content, world.now_s))
                except httpx.HTTPError as error:
                    seen.append((type(error).__name__, world.now_s))
        return seen

    return world.run(program()), transport.log


def test_both_legs_take_their_time():
    """A request takes the link's latency there and again back, exactly."""
    seen, log = exchange(Link(latency_s=0.25))
    assert seen == [(200, b"hello", 0.5)]
    assert (log[0].outcome, log[0].tenant, log[0].ended_s) == ("answered", "acme", 0.5)


@pytest.mark.parametrize(
    ("link", "seen", "delivered", "outcome"),
    [
        (Link(request_loss=1.0), ("ReadTimeout", 5.0), False, "lost"),
        (Link(response_loss=1.0), ("ReadTimeout", 5.0), True, "lost"),
        (Link(reset=1.0, reset_after_bytes=3), ("ReadError", 0.0), True, "reset"),
        (Link(status_share=1.0, status=503), (503, b"", 0.0), False, "refused"),
        (Link(chunk_gap_s=0.5), (200, b"hello", 1.0), True, "answered"),
        (Link(chunk_gap_s=6.0), ("ReadTimeout", 5.0), True, "disconnected"),
    ],
)
def test_each_fault_shows_to_client_and_log(link, seen, delivered, outcome):
    """Each fault of a link ends the call in its own way, and the log knows whether the service got the request."""
    answers, log = exchange(link)
    assert answers == [seen]
    assert (log[0].delivered, log[0].outcome) == (delivered, outcome)


def test_same_seed_same_exchanges():
    """One seed gives the same answers and the same log twice; another seed gives others."""
    link = Link(latency_s=0.1, jitter_s=1.0, response_loss=0.3)
    assert exchange(link, calls=8) == exchange(link, calls=8)
    assert exchange(link, calls=8) != exchange(link, calls=8, seed=2)


def test_the_app_hears_of_a_client_that_left():
    """An app that still works when its client gives up receives a disconnect."""
    heard = []

    async def slow(_scope, receive, _send):
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])
        heard.append(asyncio.get_running_loop().time())

    seen, _ = exchange(Link(), app=slow, timeout_s=2.0)
    assert seen == [("ReadTimeout", 2.0)]
    assert heard == ["http.request", "http.disconnect", 2.0]


def test_an_app_that_fails_breaks_the_connection():
    """An exception in an app reaches the client as a broken answer."""

    async def broken(_scope, _receive, _send):
        raise ValueError("no stock")

    seen, log = exchange(Link(), app=broken)
    assert (seen[0][0], log[0].outcome) == ("RemoteProtocolError", "failed")


def test_an_app_that_fails_halfway_is_a_failure_in_the_log():
    """An answer that its app breaks off ends as failed, not as a client that left."""

    async def half(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        raise ValueError("no stock")

    seen, log = exchange(Link(), app=half)
    assert (seen[0][0], log[0].outcome) == ("RemoteProtocolError", "failed")


def test_a_request_outside_of_the_run_is_refused():
    """A request after the world has ended names the world and the rule."""
    ended = World(1)
    transport = AppTransport(ended, {"shop": echo})

    async def program():
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get("http://shop/")

    with pytest.raises(RuntimeError, match="outside of world 1"):
        World(2).run(program())


def test_an_unknown_host_is_named():
    """A request to a host without an app says which hosts there are."""
    world = World(1)

    async def program():
        async with httpx.AsyncClient(transport=AppTransport(world, {"shop": echo})) as client:
            await client.get("http://shpo/")

    with pytest.raises(httpx.ConnectError, match="no service at 'shpo'; the run has shop"):
        world.run(program())


@pytest.mark.parametrize("wrong", [{"reset": 1.5}, {"latency_s": -1.0}])
def test_a_link_refuses_nonsense(wrong):
    """A share outside 0 to 1 and a negative time are refused by name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Link(**wrong)


def test_a_call_is_drawn_by_its_address():
    """What a link does to one call does not depend on other calls."""
    draws = World(3).draws
    link = Link(jitter_s=1.0)
    alone = passage(link, draws, "shop", "/pay", 2)
    passage(link, draws, "shop", "/other", 1)
    assert passage(link, draws, "shop", "/pay", 2) == alone
