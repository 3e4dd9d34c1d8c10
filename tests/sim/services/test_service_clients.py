"""Unchanged clients reach the services of a run, whoever made them, and when."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3
from served import Bank, answer_of, dropped, run

# Made at import, as applications do.
ASYNC = httpx.AsyncClient(base_url="http://bank")
SYNC = httpx.Client(base_url="http://bank")
NEXT = httpx2.AsyncClient(base_url="http://bank")
SESSION = requests.Session()
POOL = urllib3.PoolManager()


async def by_httpx() -> Any:
    return (await ASYNC.post("/charges?a=1", json={"n": 1})).json()


async def by_httpx2() -> Any:
    return (await NEXT.post("/charges?a=1", json={"n": 1})).json()


async def by_httpx_in_a_thread() -> Any:
    return (await asyncio.to_thread(SYNC.post, "/charges?a=1", json={"n": 1})).json()


async def by_httpx_function() -> Any:
    return (await asyncio.to_thread(httpx.post, "http://bank/charges?a=1", json={"n": 1})).json()


async def by_requests() -> Any:
    return (await asyncio.to_thread(SESSION.post, "http://bank/charges?a=1", json={"n": 1})).json()


async def by_urllib3() -> Any:
    answer = await asyncio.to_thread(POOL.request, "POST", "http://bank/charges?a=1", json={"n": 1})
    return answer.json()


async def by_urllib() -> Any:
    request = urllib.request.Request("http://bank/charges?a=1", data=b'{"n": 1}')
    return json.loads((await asyncio.to_thread(urllib.request.urlopen, request)).read())


async def by_aiohttp() -> Any:
    async with aiohttp.ClientSession() as session, session.post("http://bank/charges?a=1", json={"n": 1}) as answer:
        return await answer.json()


CLIENTS = (
    by_httpx, by_httpx2, by_httpx_in_a_thread, by_httpx_function, by_requests, by_urllib3, by_urllib, by_aiohttp,
)  # fmt: skip


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_client_reaches_its_service(client: Any) -> None:
    """Method, path, query and body arrive as they were sent, and the answer comes back."""
    told = answer_of(client, {"bank": Bank})

    assert (told["method"], told["path"], told["query"], json.loads(told["body"])) == (
        "POST", "/charges", "a=1", {"n": 1},
    )  # fmt: skip


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_call_knows_on_whose_behalf_it_is_made(client: Any) -> None:
    """The effect at the service carries node, trace and tenant of the attempt, across threads too."""

    async def program(request: Any) -> None:
        await client()

    (effect,) = run(program, {"bank": Bank}).effects

    assert (effect.name, effect.node, effect.trace_id, effect.tenant, effect.attempt) == (
        "POST /charges", "program", "load-0", "acme", 1,
    )  # fmt: skip


@pytest.mark.parametrize("url", ["http://bank/x", "https://bank/x", "http://bank:8080/x", "https://bank:8443/x"])
def test_scheme_and_port_do_not_matter(url: str) -> None:
    """A service answers at its name under http and https, at any port, by every kind of client."""

    async def program() -> Any:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            third = (await answer.json())["path"]
        return [(await ASYNC.get(url)).json()["path"], requests.get(url, timeout=5).json()["path"], third]  # noqa: ASYNC210 - it works, and blocks

    assert answer_of(program, {"bank": Bank}) == ["/x", "/x", "/x"]


@pytest.mark.parametrize(
    ("get", "error"),
    [
        (lambda: SYNC.get("/x", timeout=2), httpx.ReadTimeout),
        (lambda: requests.get("http://bank/x", timeout=2), requests.exceptions.ReadTimeout),
        (lambda: urllib.request.urlopen("http://bank/x", timeout=2), TimeoutError),
    ],
    ids=["httpx", "requests", "urllib"],
)
def test_a_blocking_client_gives_up_after_its_own_timeout(get: Any, error: type[Exception]) -> None:
    """Two virtual seconds without an answer are the client's own timeout, in its own words."""

    async def program() -> Any:
        with pytest.raises(error):
            await asyncio.to_thread(get)
        return asyncio.get_running_loop().time()

    services = {"bank": {"app": "served:bank", "latency": "5s"}}
    assert answer_of(program, {"bank": Bank}, services=services) == pytest.approx(2.0)


def test_an_async_client_gives_up_after_its_own_timeout() -> None:
    """Httpx counts from the request, aiohttp over the whole exchange; legs count for both."""

    async def program() -> Any:
        with pytest.raises(httpx.ReadTimeout):
            await ASYNC.get("/x", timeout=2)
        first_s = asyncio.get_running_loop().time()
        timeout = aiohttp.ClientTimeout(total=3)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.get("http://bank/x")
        return first_s, asyncio.get_running_loop().time()

    services = {"bank": {"app": "served:bank", "latency": "5s"}}
    assert answer_of(program, {"bank": Bank}, services=services) == pytest.approx((2.0, 5.0))


def test_a_blocking_call_on_the_event_loop_is_a_finding() -> None:
    """The answer comes all the same, time passes for everything, and the line that blocks is named."""

    async def program(request: Any) -> None:
        SYNC.get("/x")  # noqa: ASYNC212 - this is the mistake

    recording = run(program, {"bank": Bank}, services={"bank": {"app": "served:bank", "latency": "1s"}})

    (blocking,) = recording.blocked
    assert (blocking.call, blocking.duration_s, blocking.at_s) == ("GET http://bank/x", 2.0, 0.0)
    assert [request.latency_s for request in recording.requests] == [2.0]


@pytest.mark.parametrize("client", [by_requests, by_aiohttp, by_urllib3], ids=lambda client: client.__name__)
def test_a_lost_answer_is_a_broken_connection(client: Any) -> None:
    """The effect has happened, and every client sees an error of its own family that is an OSError or derives from
    one of its own.
    """
    seen: list[BaseException] = []

    async def program(request: Any) -> None:
        try:
            await client()
        except Exception as error:  # noqa: BLE001 - looked at below
            seen.append(error)

    recording = run(program, {"bank": Bank}, faults=[dropped()])

    assert len(recording.effects) == 1
    family = (requests.ConnectionError, aiohttp.ClientConnectionError, urllib3.exceptions.HTTPError)
    # urllib3's own retries hide one lost answer of a request that may be repeated; a POST is not one.
    assert isinstance(seen[0], family)


def test_head_and_empty_answers_have_no_body() -> None:
    """A HEAD request and a 204 end where their head ends, in clients that read a wire."""

    async def program() -> Any:
        head = requests.head("http://bank/x", timeout=5)  # noqa: ASYNC210 - as above
        empty = requests.get("http://bank/x", headers={"x-status": "204"}, timeout=5)  # noqa: ASYNC210 - as above
        async with aiohttp.ClientSession() as session, session.head("http://bank/x") as answer:
            return head.status_code, head.content, empty.status_code, empty.content, answer.status

    assert answer_of(program, {"bank": Bank}) == (200, b"", 204, b"", 200)


def test_a_streamed_upload_arrives_whole() -> None:
    """A body that a client sends in chunks is put together."""

    async def pieces() -> Any:
        yield b"one "
        yield b"two"

    async def program() -> Any:
        async with aiohttp.ClientSession() as session, session.post("http://bank/x", data=pieces()) as answer:
            by_aiohttp = (await answer.json())["body"]
        upload = requests.post("http://bank/x", data=iter([b"one ", b"two"]), timeout=5)  # noqa: ASYNC210 - as above
        by_requests = upload.json()["body"]
        return by_aiohttp, by_requests, (await ASYNC.post("/x", content=pieces())).json()["body"]

    assert answer_of(program, {"bank": Bank}) == ("one two",) * 3


def test_the_clients_are_put_back_after_a_run() -> None:
    """Outside of a run every library has its own methods again."""
    before = _methods()
    answer_of(by_httpx, {"bank": Bank})

    assert _methods() == before


def _methods() -> list[Any]:
    return [
        httpx.AsyncHTTPTransport.handle_async_request,
        httpx.HTTPTransport.handle_request,
        httpx2.AsyncHTTPTransport.handle_async_request,
        requests.packages.urllib3.connection.HTTPSConnection.connect,
        urllib.request.http.client.HTTPConnection.connect,
        aiohttp.TCPConnector._create_connection,
        openai.AsyncOpenAI,
    ]
