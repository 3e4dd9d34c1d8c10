"""Races over shared values, and their twins: something changes between looking and writing."""

import asyncio

from sim import latency


async def lost_update():
    """Two buyers read the stock before either writes it back."""
    stock = {"left": 10}

    async def buy(after_s):
        await asyncio.sleep(after_s)
        left = stock["left"]
        await latency("charge", 0.01)
        stock["left"] = left - 1

    await asyncio.gather(buy(0), buy(0.05))
    assert stock["left"] == 8


async def lost_update_twin():
    """The stock is read after the call, in the step that writes it."""
    stock = {"left": 10}

    async def buy(after_s):
        await asyncio.sleep(after_s)
        await latency("charge", 0.01)
        stock["left"] -= 1

    await asyncio.gather(buy(0), buy(0.05))
    assert stock["left"] == 8


async def stale_cache():
    """A reader fills the cache with what it read before the writer emptied it."""
    table, cache = {"price": 1}, {}

    async def read():
        value = table["price"]
        await latency("read", 0.01)
        cache["price"] = value

    async def write():
        await asyncio.sleep(0.03)
        table["price"] = 2
        cache.pop("price", None)

    await asyncio.gather(read(), write())
    assert cache.get("price", 2) == 2


async def stale_cache_twin():
    """The reader keeps its value only if nobody has written since."""
    table, cache, version = {"price": 1}, {}, [0]

    async def read():
        value, seen = table["price"], version[0]
        await latency("read", 0.01)
        if version[0] == seen:
            cache["price"] = value

    async def write():
        await asyncio.sleep(0.03)
        table["price"] = 2
        version[0] += 1
        cache.pop("price", None)

    await asyncio.gather(read(), write())
    assert cache.get("price", 2) == 2


async def overtaken_answer():
    """The answer to an older search arrives after the newer one and replaces it."""
    shown = []

    async def search(words, after_s):
        await asyncio.sleep(after_s)
        await latency("search", 0.02, words)
        shown[:] = [words]

    await asyncio.gather(search("peng", 0), search("penguin", 0.1))
    assert shown == ["penguin"]


async def overtaken_answer_twin():
    """An answer counts only if its search is still the latest."""
    shown, latest = [], [""]

    async def search(words, after_s):
        await asyncio.sleep(after_s)
        latest[0] = words
        await latency("search", 0.02, words)
        if latest[0] == words:
            shown[:] = [words]

    await asyncio.gather(search("peng", 0), search("penguin", 0.1))
    assert shown == ["penguin"]


async def order_of_three():
    """The third step relies on the first two having ended in their usual order."""
    log = []

    async def step(name, after_s):
        await asyncio.sleep(after_s)
        await latency(name, 0.01)
        log.append(name)

    await asyncio.gather(step("reserve", 0), step("pay", 0.05), step("ship", 0.1))
    assert log != ["ship", "pay", "reserve"]
    assert log.index("pay") < log.index("ship")


async def order_of_three_twin():
    """Each step waits for the one before it."""
    log = []
    for name in ("reserve", "pay", "ship"):
        await latency(name, 0.01)
        log.append(name)
    assert log == ["reserve", "pay", "ship"]


async def overspent_budget():
    """Callers look at the budget, call, and book afterwards."""
    spent = [0]

    async def ask(after_s):
        await asyncio.sleep(after_s)
        if spent[0] + 4 <= 10:
            await latency("model", 0.02)
            spent[0] += 4

    await asyncio.gather(*(ask(index * 0.1) for index in range(4)))
    assert spent[0] <= 10


async def overspent_budget_twin():
    """Callers book before they call."""
    spent = [0]

    async def ask(after_s):
        await asyncio.sleep(after_s)
        if spent[0] + 4 <= 10:
            spent[0] += 4
            await latency("model", 0.02)

    await asyncio.gather(*(ask(index * 0.1) for index in range(4)))
    assert spent[0] <= 10
