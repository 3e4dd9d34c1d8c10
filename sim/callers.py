"""Who sends requests: an open load, the users of a closed one, and the callers of a storm, who ask in step."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from sim.asking import Again, Asking
from sim.faults.delays import sample_delay_s
from sim.load import Arrival, choose_tenant, make_payload, planned, stretches
from sim.model.scenario import RetryStormFault
from sim.model.stages import USERS_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.kernel import World
    from sim.load import Stretch
    from sim.model.prepared import Prepared
    from sim.model.recording import Gone, Recording
    from sim.model.scenario import Fault
    from sim.subject import Subject
    from sim.watch import LeakWatch, Recorder

CALLER = "caller:"
_SHORTEST_THINK_S = 1e-6


class Callers:
    """Lets every caller of a run ask at its time.

    Args:
        prepared: the scenario.
        faults: those that are on; storms bring callers of their own.
        world: the run's clock and chance.
        recording: where requests are written down.
        recorder: gets arrivals and answers into the digest.
        leaks: marks what goes in, and looks at what comes out.

    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        faults: Sequence[Fault],
        world: World,
        recording: Recording,
        recorder: Recorder,
        leaks: LeakWatch,
    ) -> None:
        self._prepared = prepared
        self._load = prepared.scenario.load
        self._storms = [fault for fault in faults if isinstance(fault, RetryStormFault)]
        self._world = world
        self._recording = recording
        self._recorder = recorder
        self._asking = Asking(prepared, world=world, recording=recording, recorder=recorder, leaks=leaks)

    async def run(self, subject: Subject) -> None:
        """Let every request arrive at its time, and return when each has ended."""
        self._subject = subject
        prepared = self._prepared
        arrivals = planned(prepared.scenario, self._world.draws, prepared.rows, prepared.shape)
        self._recording.never_arrived = len(arrivals)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._let_arrive(group, arrivals))
                if self._load.model == "closed":
                    self._start_users(group)
                self._start_storms(group, arrivals)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            del self._subject  # or a ring of old objects would hold a flow that is done with

    def gone(self, trace_id: str) -> Gone:
        """Why the caller of this trace no longer waits; empty while it does, or where no caller sent it."""
        return self._asking.gone(trace_id)

    async def _let_arrive(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        """Let every request arrive at its time, whether or not the flow keeps up."""
        for arrival in arrivals:
            await _sleep_until(arrival.at_s)
            self._recorder.sample_depths(self._subject.depths())
            self._recording.never_arrived -= 1
            trace = f"load-{arrival.index}"
            group.create_task(self._ask(arrival, trace), name=f"{CALLER}{trace}")

    async def _ask(self, arrival: Arrival, trace: str) -> None:
        """One order of the load."""
        payload = make_payload(self._prepared.payload, self._world.draws, arrival)
        resubmit = self._load.client.resubmit
        again = Again()
        if resubmit is not None:
            full = resubmit.jitter == "full"
            again = Again(resubmit.times, resubmit.after, resubmit.factor, full, ("resubmit", arrival.index))
        await self._asking.ask(self._subject, arrival, payload, trace=trace, origin="load", again=again)

    def _start_users(self, group: asyncio.TaskGroup) -> None:
        stages = self._load.stages
        for user in range(max(stage.users or 0 for stage in stages)):
            group.create_task(self._user(user, stretches(stages, user)), name=f"{CALLER}user-{user}")

    async def _user(self, user: int, present: Sequence[Stretch]) -> None:
        """One user of a closed load: asks, waits for the answer, thinks, asks again.

        The index of a request depends on its user and turn alone, so what it carries does not depend on the others.
        """
        draws, turns = self._world.draws, count()
        tenant = choose_tenant(self._prepared.scenario.tenants, draws.uniform("user", user))
        for start_s, end_s in present:
            await _sleep_until(start_s)
            while (now_s := round(self._world.now_s, 6)) < end_s:
                turn = next(turns)
                self._recorder.sample_depths(self._subject.depths())
                name = f"{user}-{turn}"
                await self._ask(Arrival(turn * USERS_MAX + user, now_s, tenant, f"order-{name}"), f"load-{name}")
                think_s = sample_delay_s(self._load.think or 0.0, draws.uniform("think", user, turn))
                await asyncio.sleep(max(think_s, _SHORTEST_THINK_S))

    def _start_storms(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        index = len(arrivals)
        for fault in self._storms:
            for client in range(fault.clients):
                row = arrivals[client % len(arrivals)].row if arrivals else None
                caller = self._storming(fault, client, index + client, row)
                group.create_task(caller, name=f"{CALLER}{fault.id}-{client}")
            index += fault.clients

    async def _storming(self, fault: RetryStormFault, client: int, index: int, row: Mapping[str, str] | None) -> None:
        """One caller of a storm: asks when the window opens, and again after every failure."""
        draws, name = self._world.draws, f"{fault.id}-{client}"
        tenant = choose_tenant(self._prepared.scenario.tenants, draws.uniform("storm-tenant", fault.id, client))
        first = Arrival(index, fault.window.from_, tenant, name, row)
        payload = make_payload(self._prepared.payload, draws, first)
        address = ("storm-jitter", fault.id, client)
        again = Again(fault.attempts - 1, fault.backoff, jitter=fault.jitter == "full", address=address)
        await _sleep_until(first.at_s)
        await self._asking.ask(self._subject, first, payload, trace=f"{name}.1", origin=fault.id, again=again)


async def _sleep_until(at_s: float) -> None:
    delay_s = at_s - asyncio.get_running_loop().time()
    if delay_s > 0:
        await asyncio.sleep(delay_s)
