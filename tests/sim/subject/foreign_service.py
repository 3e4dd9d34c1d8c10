"""Subjects that know no PenguiFlow: one async function, and one service with a queue of its own."""

import asyncio

from sim.subject import Answer, FunctionSubject, WrappingSeam


def question(rng, tenant, order):
    return {"question": f"{order} of {tenant}"}


async def search(question):
    await asyncio.sleep(0.2)
    return f"about {question['question']}"


async def book(order_id):
    await asyncio.sleep(0.1)
    return f"booked {order_id}"


async def handle(request):
    return await search(request)


def plain():
    """A builder that gives the function itself."""
    return handle


def wrapped():
    """A builder that gives the function with a node and a tool that a scenario can point at."""
    seam = WrappingSeam()
    find = seam.node(search)
    pay = seam.tool(book, key=lambda order_id: order_id)

    async def answer(request):
        found = await find(request)
        return found, await pay(request["order"])

    return FunctionSubject(answer, seam)


class Service:
    """One worker behind a queue of 4."""

    def __init__(self):
        self.queue = asyncio.Queue(4)
        self.answers = {}

    async def look_up(self, payload):
        await asyncio.sleep(0.5)
        return f"about {payload['question']}"


class ServiceSubject:
    """The service as a subject; the seam stands in for the one that it lacks."""

    def __init__(self, service):
        self._service = service
        self._seam = WrappingSeam()
        self._look_up = self._seam.node(service.look_up)
        self.targets, self.install, self.listen = self._seam.targets, self._seam.install, self._seam.listen

    async def start(self):
        self._worker = asyncio.create_task(self._work(), name="worker")

    async def send(self, envelope):
        self._service.answers[envelope.trace_id] = asyncio.get_running_loop().create_future()
        await self._service.queue.put(envelope)

    async def outcome(self, trace_id):
        return await asyncio.shield(self._service.answers[trace_id])

    async def cancel(self, trace_id):
        return self._service.answers[trace_id].cancel()

    def depths(self):
        return {"look_up": self._service.queue.qsize()}

    async def stop(self):
        self._worker.cancel()
        await asyncio.wait([self._worker])

    async def _work(self):
        while True:
            envelope = await self._service.queue.get()
            with self._seam.serving(envelope):
                try:
                    answer = Answer("ok", await self._look_up(envelope.payload))
                except Exception as error:  # noqa: BLE001 - whatever a request dies of is its outcome
                    answer = Answer("error", detail=type(error).__name__)
            answered = self._service.answers[envelope.trace_id]
            if not answered.done():
                answered.set_result(answer)


def service():
    """A builder that gives a subject of its own."""
    return ServiceSubject(Service())
