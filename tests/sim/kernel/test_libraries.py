"""Libraries that people write flows with run in a world as they are, and take exactly the virtual time they name."""

import asyncio
import logging
import time

import anyio
import pytest

from sim.kernel import World
from sim.net import Link
from sim.net.messages import linked_streams

aiolimiter = pytest.importorskip("aiolimiter")
httpx = pytest.importorskip("httpx")
mcp = pytest.importorskip("mcp")
stamina = pytest.importorskip("stamina")
tenacity = pytest.importorskip("tenacity")

from mcp import types  # noqa: E402 - only where mcp is
from mcp.server import Server  # noqa: E402 - only where mcp is
from mcp.shared.exceptions import MCPError  # noqa: E402 - only where mcp is

from sim.net.http import AppTransport  # noqa: E402 - only where httpx is


def now():
    return asyncio.get_running_loop().time()


class Flaky:
    """A service that fails a number of times before it answers, and knows when it was called."""

    def __init__(self, failures):
        self.failures = failures
        self.calls = []

    async def call(self):
        self.calls.append(now())
        if len(self.calls) <= self.failures:
            raise ConnectionError(f"attempt {len(self.calls)}")
        return "answer"


def test_tenacity_backs_off_exactly():
    """Exponential waits of tenacity take 1, 2 and 4 virtual seconds."""
    service = Flaky(failures=3)
    retrying = tenacity.retry(wait=tenacity.wait_exponential(multiplier=1), stop=tenacity.stop_after_attempt(5))
    assert World(1).run(retrying(service.call)()) == "answer"
    assert service.calls == [0.0, 1.0, 3.0, 7.0]


def test_tenacity_gives_up_after_its_time():
    """`stop_after_delay` reads the virtual clock, and the last error comes out."""
    service = Flaky(failures=99)
    retrying = tenacity.retry(wait=tenacity.wait_fixed(20), stop=tenacity.stop_after_delay(60), reraise=True)
    with pytest.raises(ConnectionError, match="attempt 4"):
        World(1).run(retrying(service.call)())
    assert service.calls == [0.0, 20.0, 40.0, 60.0]


def test_tenacity_draws_its_jitter_from_the_seed():
    """Random waits of tenacity repeat with the seed, and differ with another."""

    def calls(seed):
        service = Flaky(failures=4)
        World(seed).run(tenacity.retry(wait=tenacity.wait_random_exponential(max=30))(service.call)())
        return service.calls

    assert calls(1) == calls(1) != calls(2)


def test_tenacity_retries_plain_functions_in_threads():
    """A plain function that tenacity retries in a thread sleeps in virtual time, and leaves the loop free."""
    attempts = []

    @tenacity.retry(wait=tenacity.wait_fixed(5), stop=tenacity.stop_after_attempt(3))
    def charge():
        attempts.append(time.monotonic())
        if len(attempts) < 3:
            raise ConnectionError
        return "charged"

    world = World(1)
    assert world.run(asyncio.to_thread(charge)) == "charged"
    assert (attempts, world.blocked) == ([0.0, 5.0, 10.0], ())


@pytest.fixture
def quiet_stamina():
    """What stamina tells about retries goes to the log, once for all tests."""
    logging.getLogger("stamina").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("stamina").setLevel(logging.NOTSET)


@pytest.mark.usefixtures("quiet_stamina")
def test_stamina_backs_off_exactly():
    """Without jitter, stamina waits 0.1, 0.2, 0.4 and 0.8 virtual seconds."""
    service = Flaky(failures=4)
    retrying = stamina.retry(on=ConnectionError, attempts=5, wait_jitter=0)
    assert World(1).run(retrying(service.call)()) == "answer"
    assert service.calls == pytest.approx([0.0, 0.1, 0.3, 0.7, 1.5], abs=1e-9)


@pytest.mark.usefixtures("quiet_stamina")
def test_stamina_draws_its_jitter_from_the_seed():
    """Stamina's jitter repeats with the seed, and differs with another."""

    def calls(seed):
        service = Flaky(failures=4)
        World(seed).run(stamina.retry(on=ConnectionError, attempts=5)(service.call)())
        return service.calls

    assert calls(1) == calls(1) != calls(2)


@pytest.mark.usefixtures("quiet_stamina")
def test_stamina_gives_up_after_its_time():
    """Stamina's timeout reads the virtual clock: nothing is tried again once ten seconds have passed."""
    service = Flaky(failures=99)
    retrying = stamina.retry(on=ConnectionError, attempts=None, timeout=10, wait_initial=3, wait_max=3, wait_jitter=0)
    with pytest.raises(ConnectionError):
        World(1).run(retrying(service.call)())
    assert service.calls == [0.0, 3.0, 6.0, 9.0, 12.0]


def test_aiolimiter_leaks_at_its_rate():
    """A bucket of two calls in 10 s lets two through at once, then one each 5 virtual seconds."""

    async def program():
        limiter, seen = aiolimiter.AsyncLimiter(2, time_period=10), []

        async def call():
            async with limiter:
                seen.append(now())

        await asyncio.gather(*(call() for _ in range(5)))
        return seen

    assert World(1).run(program()) == pytest.approx([0.0, 0.0, 5.0, 10.0, 15.0], abs=1e-6)


async def shop(scope, receive, send):
    """An ASGI app that answers after the seconds in its path."""
    await receive()
    await asyncio.sleep(float(scope["path"].strip("/")))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"paid": true}'})


def test_httpx_calls_an_app_over_a_link():
    """An httpx client and an ASGI app meet over two legs of 0.25 s, and requests at once overlap."""
    world = World(1)
    transport = AppTransport(world, {"shop": shop}, links={"shop": Link(latency_s=0.25)})

    async def program():
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            answers = await asyncio.gather(*(client.get(f"/{delay_s}") for delay_s in (2, 1)))
        return [(answer.json(), answer.elapsed.total_seconds()) for answer in answers]

    assert world.run(program()) == [({"paid": True}, 2.5), ({"paid": True}, 1.5)]
    assert world.now_s == 2.5


def test_httpx_times_out_at_its_time():
    """The read timeout of an httpx client is virtual, and its error is httpx's own."""
    world = World(1)

    async def program():
        async with httpx.AsyncClient(transport=AppTransport(world, {"shop": shop}), timeout=3) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("http://shop/60")
        return now()

    assert world.run(program()) == 3.0


def test_httpx_mock_transport_runs_as_it_is():
    """`httpx.MockTransport` with an async handler answers in virtual time."""

    async def answer(request):
        await asyncio.sleep(4)
        return httpx.Response(201, json={"path": request.url.path})

    async def program():
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            response = await client.post("http://anywhere/orders")
        return response.status_code, response.json(), now()

    assert World(1).run(program()) == (201, {"path": "/orders"}, 4.0)


def test_httpx_and_tenacity_together():
    """A client that is retried over a service which fails twice is answered at the third attempt."""
    answers = iter([503, 503, 200])

    async def program():
        transport = httpx.MockTransport(lambda _request: httpx.Response(next(answers)))
        async with httpx.AsyncClient(transport=transport) as client:

            @tenacity.retry(wait=tenacity.wait_fixed(2), retry=tenacity.retry_if_exception_type(httpx.HTTPStatusError))
            async def pay():
                response = await client.get("http://shop/pay")
                return response.raise_for_status().status_code

            return await pay(), now()

    assert World(1).run(program()) == (200, 4.0)


def card_server(service_s):
    """An MCP server with one tool, which takes `service_s` seconds."""

    async def list_tools(_ctx, _params):
        schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
        return types.ListToolsResult(tools=[types.Tool(name="charge", inputSchema=schema)])

    async def call_tool(_ctx, params):
        await anyio.sleep(service_s)
        text = f"{params.name} {params.arguments['amount']} at {now():g} s"
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return Server("cards", on_list_tools=list_tools, on_call_tool=call_tool)


def in_session(talk, *, link=None, service_s=2.0, **options):
    """What `talk(session)` returns over a link to the card server."""
    world = World(1)

    async def program():
        server = card_server(service_s)
        async with (
            linked_streams(world, "cards", link or Link()) as (client_end, server_end),
            anyio.create_task_group() as group,
        ):
            group.start_soon(server.run, *server_end, server.create_initialization_options())
            async with mcp.ClientSession(*client_end, **options) as session:
                await session.initialize()
                answer = await talk(session)
            group.cancel_scope.cancel()
        return answer

    return world.run(program())


async def charge(session, amount):
    """What the tool answers, and how long it took."""
    began = now()
    answer = await session.call_tool("charge", {"amount": amount})
    return answer.content[0].text, now() - began


def test_mcp_lists_and_calls_a_tool():
    """The official client and server exchange tools and a call, which takes the server's virtual time."""

    async def talk(session):
        listed = await session.list_tools()
        return [tool.name for tool in listed.tools], await charge(session, 7)

    assert in_session(talk) == (["charge"], ("charge 7 at 2 s", 2.0))


def test_mcp_calls_overlap():
    """Three calls of one session that are made together are served together."""

    async def talk(session):
        return await asyncio.gather(*(charge(session, amount) for amount in range(3)))

    assert [took_s for _, took_s in in_session(talk)] == [2.0, 2.0, 2.0]


def test_mcp_call_takes_both_legs():
    """Over a link of half a second a call of two seconds takes three."""

    async def talk(session):
        await session.list_tools()  # otherwise the first call asks for the tool's schema as well
        return await charge(session, 1)

    _text, took_s = in_session(talk, link=Link(latency_s=0.5))
    assert took_s == 3.0


def test_mcp_call_times_out():
    """A session with a read timeout gives a slow tool up at exactly that time, with MCP's own error."""

    async def talk(session):
        with pytest.raises(MCPError, match="imed out"):
            await session.call_tool("charge", {"amount": 1})
        return now()

    assert in_session(talk, service_s=60.0, read_timeout_seconds=5) == 5.0


def test_mcp_run_repeats():
    """Two runs of one MCP conversation over a link that jitters are the same, to the digit."""

    async def talk(session):
        return [await charge(session, amount) for amount in range(5)]

    link = Link(latency_s=0.1, jitter_s=1.0)
    assert in_session(talk, link=link) == in_session(talk, link=link)
