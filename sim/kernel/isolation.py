"""No byte leaves the process: what would open a connection, start a process or send a signal is refused.

Python tells an audit hook (PEP 578) of each such call, whatever name it was
bound to. Drivers in C do not ask Python; `sim.kernel.drivers` refuses those
that are known, and `sim.kernel.namespace` takes the network away from the rest.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from sim.kernel.drivers import refused_drivers
from sim.kernel.locks import schedule_here
from sim.kernel.patching import replaced
from sim.kernel.refusals import NETWORK, RealWorldError
from sim.kernel.standins import stands_in_for
from sim.kernel.whereabouts import actor, line_of_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.kernel.standins import Surroundings

_PROCESS = "call the work as a plain function in a thread, which is simulated"
_SIGNAL = "stop the program from a task, such as `await flow.stop()` after a sleep"

# The event, how many of its arguments say what was asked for, from which on, and what to do instead.
_REFUSED: dict[str, tuple[int, int, str]] = {
    "socket.connect": (1, 2, NETWORK),
    "socket.bind": (1, 2, NETWORK),
    "socket.sendto": (1, 2, NETWORK),
    "socket.sendmsg": (1, 2, NETWORK),
    "socket.getaddrinfo": (0, 2, NETWORK),
    "socket.getnameinfo": (0, 1, NETWORK),
    "socket.gethostbyname": (0, 1, NETWORK),
    "socket.gethostbyaddr": (0, 1, NETWORK),
    "subprocess.Popen": (0, 1, _PROCESS),
    "os.system": (0, 0, _PROCESS),  # a command line may hold a password
    "os.exec": (0, 1, _PROCESS),
    "os.posix_spawn": (0, 1, _PROCESS),
    "os.spawn": (1, 2, _PROCESS),
    "os.startfile": (0, 1, _PROCESS),
    "os.fork": (0, 0, _PROCESS),
    "os.forkpty": (0, 0, _PROCESS),
    "os.kill": (0, 2, _SIGNAL),
    "os.killpg": (0, 2, _SIGNAL),
    "signal.pthread_kill": (0, 2, _SIGNAL),
}


class _Seal:
    """Who may not reach out, and who has tried."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.refused: list[str] = []

    def holds(self) -> bool:
        """Whether this thread belongs to what is sealed; other threads of the process go on with their work."""
        return threading.get_ident() == self.thread or schedule_here() is not None


_seal: _Seal | None = None
_advice: Callable[[str], str] | None = None


@contextmanager
def advised(advice: Callable[[str], str]) -> Iterator[None]:
    """Let refusals of a network say what `advice` says of the host that was asked for."""
    global _advice
    before, _advice = _advice, advice
    try:
        yield
    finally:
        _advice = before


@contextmanager
def sealed() -> Iterator[list[str]]:
    """Let nothing leave the process: for a run, and for the import of a flow.

    Sockets that were connected before, and Unix sockets in the hands of
    drivers in C, are out of reach.

    Yields:
        What was refused, one line each, also where the code has swallowed the error.

    Raises:
        RealWorldError: out of the call that tries.

    """
    global _seal
    _install_hook()
    before, _seal = _seal, _Seal()
    try:
        with refused_drivers(refuse), _fork_exec_refused():
            yield _seal.refused
    finally:
        _seal = before


def refuse(call: str, instead: str = NETWORK) -> None:
    """Refuse `call`, if it comes from a run or from the import of a flow.

    Raises:
        RealWorldError: naming the call, who makes it and where, and what to do instead.

    """
    if _seal is None or not _seal.holds():
        return
    error = RealWorldError(f"{call} by {actor()} at {line_of_user()}", instead)
    _seal.refused.append(str(error))
    raise error


@functools.cache
def _install_hook() -> None:
    # It cannot be taken out again; outside of a seal it looks at one variable.
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _seal is not None and event in _REFUSED:
        first, end, instead = _REFUSED[event]
        if instead is NETWORK and _advice is not None:
            instead = _advice(_host_in(args[first:end]))
        refuse(f"{event}({', '.join(map(repr, args[first:end]))})", instead)


def _host_in(asked: tuple[Any, ...]) -> str:
    """The host that a call of the socket module asks for: its first argument, or the first part of an address."""
    first = asked[0] if asked else ""
    host = first[0] if isinstance(first, tuple) and first else first
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host)


def _fork_exec_refused() -> replaced:
    """Refuse what `multiprocessing` starts its processes with, which tells no audit hook."""
    module = sys.modules.get("_posixsubprocess")
    if module is None:
        return replaced()
    plain = module.fork_exec

    def fork_exec(*args: Any) -> Any:
        refuse("the start of a process", _PROCESS)
        return plain(*args)

    return replaced((module, "fork_exec", fork_exec))


_plain_new_event_loop = asyncio.new_event_loop


@stands_in_for(asyncio.new_event_loop)
def _new_event_loop(world: Surroundings) -> asyncio.AbstractEventLoop:
    """A loop in a thread would wait in the operating system, and time would stand still meanwhile."""
    if world.loop.threads.has_baton:
        call = f"a second event loop, made by {actor()} at {line_of_user()},"
        raise RealWorldError(call, "use the first one, such as by anyio.from_thread.run(...)")
    return _plain_new_event_loop()


def _refused_signal(real: Callable[..., Any]) -> None:
    @stands_in_for(real)
    def refusal(_world: object, *_args: object) -> NoReturn:
        raise RealWorldError(f"signal.{real.__name__}() by {actor()} at {line_of_user()}", _SIGNAL)


for _name in ("signal", "alarm", "setitimer"):
    if hasattr(signal, _name):  # some are missing on Windows
        _refused_signal(getattr(signal, _name))
if hasattr(os, "fork"):
    import _posixsubprocess  # noqa: F401 - `_fork_exec_refused` wants it there before the first seal
