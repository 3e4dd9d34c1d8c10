"""An agent in memory, and flows with a remote node for it."""

import asyncio

from penguiflow import NodePolicy
from penguiflow.remote import RemoteCallResult, RemoteNode, RemoteStreamEvent, RemoteTransport

URL = "https://agent.example"


class Agent(RemoteTransport):
    """Gives each call the next of its answers, each stream all of its items; an exception is raised, a number waits."""

    def __init__(self, *answers, on_cancel=None):
        self.answers = list(answers)
        self.on_cancel = on_cancel
        self.requests = []
        self.cancelled = []
        self.open_streams = 0

    async def send(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        while isinstance(answer, (int, float)):
            await asyncio.sleep(answer)
            answer = self.answers.pop(0)
        return _given(answer)

    async def stream(self, request):
        self.requests.append(request)
        async for item in self._items():
            yield item

    async def _items(self):
        self.open_streams += 1
        try:
            for item in self.answers:
                if isinstance(item, (int, float)):
                    await asyncio.sleep(item)
                else:
                    yield _given(item)
        finally:
            self.open_streams -= 1

    async def cancel(self, *, agent_url, task_id):
        self.cancelled.append((agent_url, task_id))
        if self.on_cancel is not None:
            await self.on_cancel()


def _given(answer):
    if isinstance(answer, BaseException):
        raise answer
    return answer


def remote(agent, *, streaming=False, record_binding=True, **policy):
    return RemoteNode(
        transport=agent,
        skill="search",
        agent_url=URL,
        name="remote",
        agent_card={"version": "1"},
        policy=NodePolicy(**policy),
        streaming=streaming,
        record_binding=record_binding,
    )


def answer(result="found", **facts):
    return RemoteCallResult(result=result, **facts)


def item(text=None, **facts):
    return RemoteStreamEvent(text=text, **facts)
