"""Races about who owns what, and their twins: locks, leases, queues and tenants."""

import asyncio

from sim import latency


async def crossed_locks():
    """Two tasks take two locks in opposite order."""
    left, right = asyncio.Lock(), asyncio.Lock()

    async def move(first, second, after_s):
        await asyncio.sleep(after_s)
        async with first:
            await latency("store", 0.01)
            async with second:
                await latency("store", 0.01)

    await asyncio.gather(move(left, right, 0), move(right, left, 0.05))


async def crossed_locks_twin():
    """Both tasks take the locks in one order."""
    left, right = asyncio.Lock(), asyncio.Lock()

    async def move(after_s):
        await asyncio.sleep(after_s)
        async with left:
            await latency("store", 0.01)
            async with right:
                await latency("store", 0.01)

    await asyncio.gather(move(0), move(0.05))


async def _through_a_ring(room):
    """Six items go through a worker that asks a helper and gets the item back for a second look."""
    forth, back = asyncio.Queue(room), asyncio.Queue(room)
    done, all_done = [], asyncio.Event()

    async def worker():
        while True:
            item, looks = await forth.get()
            if looks:
                done.append(item)
                if len(done) == 6:
                    all_done.set()
            else:
                await back.put((item, looks + 1))

    async def helper():
        while True:
            item = await back.get()
            await latency("helper", 0.01)
            await forth.put(item)

    workers = [asyncio.create_task(worker()), asyncio.create_task(helper())]
    for item in range(6):
        await forth.put((item, 0))
        await asyncio.sleep(0.05)
    await all_done.wait()
    for task in workers:
        task.cancel()


async def queue_cycle():
    """Two bounded queues feed each other: both full, and each side waits for the other."""
    await _through_a_ring(1)


async def queue_cycle_twin():
    """The way back has room for everything."""
    await _through_a_ring(0)


async def _with_lease(fenced):
    """Two holders of a lease of half a second write one after the other."""
    lease = {"until_s": 0.0, "token": 0}
    store = {"token": 0, "order": []}
    loop = asyncio.get_running_loop()

    async def hold(after_s):
        await asyncio.sleep(after_s)
        while lease["until_s"] > loop.time():  # noqa: ASYNC110 - those who wait for a lease look again and again
            await asyncio.sleep(0.1)
        lease["until_s"] = loop.time() + 0.5
        lease["token"] += 1
        token = lease["token"]
        await latency("work", 0.1)
        if not fenced or token >= store["token"]:
            store["token"] = token
            store["order"].append(token)

    await asyncio.gather(hold(0), hold(0.05))
    assert store["order"] == sorted(store["order"]), f"written by holders {store['order']}"


async def lease_split_brain():
    """A holder whose work took longer than its lease writes over its successor."""
    await _with_lease(fenced=False)


async def lease_split_brain_twin():
    """The store refuses a holder whose token is older than the last one."""
    await _with_lease(fenced=True)


async def tenant_leak():
    """The tenant is kept in one place for all, and read after an await."""
    current, logged = {}, []

    async def serve(tenant, after_s):
        await asyncio.sleep(after_s)
        current["tenant"] = tenant
        await latency("lookup", 0.02, tenant)
        logged.append((tenant, current["tenant"]))

    await asyncio.gather(serve("acme", 0), serve("globex", 0.1))
    assert all(served == said for served, said in logged)


async def tenant_leak_twin():
    """The tenant travels with the request."""
    logged = []

    async def serve(tenant, after_s):
        await asyncio.sleep(after_s)
        await latency("lookup", 0.02, tenant)
        logged.append((tenant, tenant))

    await asyncio.gather(serve("acme", 0), serve("globex", 0.1))
    assert all(served == said for served, said in logged)


async def lost_wakeup():
    """The waiter looks, calls, and only then waits for a notice that has been given meanwhile."""
    ready, changed = [], asyncio.Condition()

    async def waiter():
        if not ready:
            await latency("log", 0.01)
            async with changed:
                await changed.wait()

    async def producer():
        await asyncio.sleep(0.05)
        ready.append(1)
        async with changed:
            changed.notify_all()

    await asyncio.gather(waiter(), producer())


async def lost_wakeup_twin():
    """The waiter looks again under the lock before it waits."""
    ready, changed = [], asyncio.Condition()

    async def waiter():
        if not ready:
            await latency("log", 0.01)
            async with changed:
                await changed.wait_for(lambda: ready)

    async def producer():
        await asyncio.sleep(0.05)
        async with changed:
            ready.append(1)
            changed.notify_all()

    await asyncio.gather(waiter(), producer())
