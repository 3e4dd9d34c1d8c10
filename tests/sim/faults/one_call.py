"""One fault and one call: what becomes of it, told line by line, on virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from penguiflow import Call
from sim.faults.base import Setting
from sim.faults.registry import call_fault
from sim.kernel import World
from sim.model.recording import FaultCount
from sim.model.scenario import Fault
from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FAULT: TypeAdapter[Any] = TypeAdapter(Fault)


class Subject:
    """As much of a subject as faults look at: the depth of its queues, its events, and cancelling."""

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        self.waiting: dict[str, int] = {}
        self.observers: list[Callable[[Any], None]] = []
        self.tell = tell

    def depths(self) -> Mapping[str, int]:
        return self.waiting

    def listen(self, observer: Callable[[Any], None]) -> None:
        self.observers.append(observer)

    async def cancel(self, trace_id: str) -> bool:
        task = asyncio.current_task()
        self.tell(f"{task.get_name() if task else ''} drops {trace_id}")
        await asyncio.sleep(1)
        return True


def fault_of(kind: str, **fields: Any) -> Any:
    return _FAULT.validate_python({"id": "it", "kind": kind, **fields})


def call(**fields: Any) -> Call:
    """An attempt at `pay`; a call of its tool `charge` with `act="tool"`; a call of a service with `service=...`."""
    known: dict[str, Any] = {
        "act": "attempt", "node": "pay", "name": "charge" if fields.get("act") == "tool" else None,
        "trace_id": "load-1", "tenant": "acme", "attempt": 0, "occurrence": 0,
    }  # fmt: skip
    return (ServiceCall if "service" in fields else Call)(**{**known, **fields})


def setting_in(world: World, **fields: Any) -> Setting:
    return Setting(world, fields.pop("subject", None) or Subject(), **fields)


def made(fault: Any, seed: int = 1, **fields: Any) -> tuple[Any, World]:
    """What carries the fault out, and the world that it does so in."""
    world = World(seed)
    return call_fault(fault, setting_in(world, **fields), FaultCount()), world


def story_of(fault: Any, hit: Call, *, answer: Any = "answer", **fields: Any) -> list[str]:
    """What happens when the call is hit: each line with the time at which it happens."""
    told: list[str] = []

    def tell(what: str) -> None:
        told.append(f"{world.now_s:.9g} s: {what}")

    acting, world = made(fault, subject=Subject(tell), **fields)

    async def proceed() -> Any:
        tell("acts")
        await asyncio.sleep(0.25)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def whole() -> None:
        try:
            async with asyncio.timeout(100):
                result = await acting.apply(hit, proceed)
                if isinstance(result, asyncio.Task):
                    tell("its sender goes on")
                    result = await result
        except TimeoutError as error:
            tell(f"raises TimeoutError: {error}" if str(error) else "given up")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, is told
            tell(f"raises {type(error).__name__}: {error}")
        else:
            tell(f"gives {result!r}")

    world.run(whole())
    return told
