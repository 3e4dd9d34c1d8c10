"""What an event loop offers to the real world, refused: a simulation does no real input or output."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORK = "serve the other side in process, through sim.net or an httpx.MockTransport"
"""What to do instead of reaching a network."""
_STREAMS = "serve the other side in process, inside of `with sim.net.Network(world):`"
_PROCESS = "call the tool's work as a plain function, or as an effect that a fault can touch"
_SIGNALS = "stop the program from a task, such as `await flow.stop()` after a sleep"
_PIPES = "hand the bytes over through an asyncio.StreamReader that a task feeds"

_ALTERNATIVES: dict[str, str] = {
    **dict.fromkeys(
        (
            "add_reader", "remove_reader", "add_writer", "remove_writer",
            "create_unix_connection", "create_unix_server",
            "create_datagram_endpoint", "connect_accepted_socket", "start_tls", "sendfile",
            "getnameinfo",
            "sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into",
            "sock_sendall", "sock_sendto", "sock_sendfile",
        ),
        NETWORK,
    ),
    **dict.fromkeys(("create_connection", "create_server", "getaddrinfo"), _STREAMS),
    **dict.fromkeys(("subprocess_exec", "subprocess_shell"), _PROCESS),
    **dict.fromkeys(("add_signal_handler", "remove_signal_handler"), _SIGNALS),
    **dict.fromkeys(("connect_read_pipe", "connect_write_pipe"), _PIPES),
}  # fmt: skip


class RealWorldError(RuntimeError):
    """Simulated code has asked for a socket, a process, a signal, a pipe or another thread.

    Args:
        call: what was called.
        instead: what to do about it.

    """

    def __init__(self, call: str, instead: str) -> None:
        super().__init__(call, instead)
        self.call = call

    def __str__(self) -> str:
        call, instead = self.args
        return f"{call} is refused in a simulation; virtual time has no real input or output; {instead}"


def refuse_method(name: str) -> NoReturn:
    """Refuse the method `name` of an event loop.

    Raises:
        RealWorldError: always.

    """
    raise RealWorldError(f"loop.{name}()", _ALTERNATIVES[name])


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_options: object) -> NoReturn:
        refuse_method(name)

    refuse.__name__ = name
    return refuse


class RefusesRealWorld:
    """Mixin of an event loop: every call that would leave the process is refused."""


for _name in _ALTERNATIVES:
    setattr(RefusesRealWorld, _name, _refusal(_name))
