"""No byte leaves the process, whoever tries and by what means; a listener outside hears nothing."""
# ruff: noqa: S605, S607 - programs that reach out are what is tested

import asyncio
import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

from sim.kernel import World
from sim.kernel import isolation as kernel_isolation
from sim.kernel.drivers import KNOWN_DRIVERS
from sim.kernel.isolation import sealed
from sim.kernel.refusals import RealWorldError

ISOLATED = """
import socket, sys
from sim.kernel.namespace import enter_empty_network
isolation = enter_empty_network()
print(isolation.active, isolation.reason)
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
except OSError as error:
    print(type(error).__name__)
open(sys.argv[2], "w").write("report")
"""


@pytest.fixture
def listener():
    """A real server of this process, which hears whoever connects; the kernel takes the call, nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def assert_nobody_came(listener):
    with pytest.raises(BlockingIOError):
        listener.accept()


def run(function, *args):
    async def program():
        return function(*args)

    return World(1).run(program())


def by_urllib(port):
    urllib.request.urlopen(f"http://127.0.0.1:{port}/")


def by_socket(port):
    with socket.socket() as plain:
        plain.connect(("127.0.0.1", port))


def by_connect_ex(port):
    with socket.socket() as plain:
        plain.connect_ex(("127.0.0.1", port))


def by_create_connection(port):
    socket.create_connection(("localhost", port))


def by_datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.sendto(b"byte", ("127.0.0.1", port))


def by_psycopg(port):
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: nothing to refuse")
    psycopg.connect(f"host=127.0.0.1 port={port} dbname=postgres connect_timeout=2")


def by_grpc(port):
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed: nothing to refuse")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=2)


WAYS_OUT = [by_urllib, by_socket, by_connect_ex, by_create_connection, by_datagram, by_psycopg, by_grpc]


@pytest.mark.parametrize("reach_out", WAYS_OUT)
def test_no_connection_from_a_run(reach_out, listener):
    """A program that connects gets an error, and no connection arrives."""
    with pytest.raises(RealWorldError, match=r"by task task-1 at .* is refused in a simulation; .*; serve the other"):
        run(reach_out, listener.getsockname()[1])
    assert_nobody_came(listener)


@pytest.mark.parametrize("reach_out", WAYS_OUT)
def test_no_connection_from_a_thread_of_a_run(reach_out, listener):
    """The same holds in a simulated thread."""

    async def program():
        await asyncio.to_thread(reach_out, listener.getsockname()[1])

    with pytest.raises(RealWorldError, match="by thread asyncio_0 at"):
        World(1).run(program())
    assert_nobody_came(listener)


@pytest.mark.parametrize("reach_out", WAYS_OUT)
def test_no_connection_from_an_import(reach_out, listener):
    """The same holds while a flow is imported."""
    with sealed() as refused, pytest.raises(RealWorldError):
        reach_out(listener.getsockname()[1])
    assert_nobody_came(listener)
    assert len(refused) == 1


def test_refusal_names_call_actor_and_line():
    """The error says what was called with what, by whom and where, and what to do instead."""

    async def program():
        with socket.socket() as plain:
            plain.connect(("192.0.2.1", 443))

    line = program.__code__.co_firstlineno + 2
    world = World(1)
    expected = (
        f"socket.connect(('192.0.2.1', 443)) by task task-1 at test_isolation.py:{line} is refused in a simulation; "
        "virtual time has no real input or output; serve the other side in process, through sim.net or an "
        "httpx.MockTransport"
    )
    with pytest.raises(RealWorldError) as caught:
        world.run(program())
    assert str(caught.value) == expected
    assert world.refused == (expected,)


def test_swallowed_refusal_is_remembered():
    """A program that swallows the error cannot hide that it tried."""

    async def program():
        with contextlib.suppress(Exception):
            socket.getaddrinfo("example.org", 80)

    world = World(1)
    world.run(program())
    (line,) = world.refused
    assert line.startswith("socket.getaddrinfo('example.org', 80) by task task-1 at test_isolation.py:")


PROCESSES = {
    "subprocess": lambda: subprocess.run(["true"], check=True),
    "os.system": lambda: os.system("true"),
    "os.fork": os.fork,
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.execv": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - refused
    "spawn": lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
    "fork": lambda: multiprocessing.get_context("fork").Process(target=print).start(),
    "os.kill": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "signal.signal": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "signal.alarm": lambda: signal.alarm(1),
}


@pytest.mark.skipif(sys.platform == "win32", reason="these calls are those of POSIX")
@pytest.mark.parametrize("start", PROCESSES.values(), ids=PROCESSES)
def test_no_process_and_no_signal(start):
    """Processes and signals are refused, however they are asked for."""
    with pytest.raises(RealWorldError, match=r"by task task-1 at .* is refused in a simulation"):
        run(start)


def test_other_threads_of_the_process_go_on(listener):
    """A thread that is none of the run's, such as a cluster's heartbeat, may talk to the network meanwhile."""
    turn, done, errors = threading.Lock(), threading.Lock(), []

    def heartbeat():
        with turn:
            try:
                by_socket(listener.getsockname()[1])
            except RealWorldError as error:
                errors.append(error)
        done.release()

    async def program():
        turn.release()
        done.acquire()

    turn.acquire()
    done.acquire()
    thread = threading.Thread(target=heartbeat)
    thread.start()
    World(1).run(program())
    thread.join()
    assert errors == []
    listener.accept()[0].close()


def test_after_a_run_the_network_is_back(listener):
    """What a run may not do, the process may do before and after it."""
    with pytest.raises(RealWorldError):
        run(by_socket, listener.getsockname()[1])
    by_socket(listener.getsockname()[1])
    listener.accept()[0].close()
    assert kernel_isolation._seal is None


def test_driver_imported_during_a_run_is_guarded(tmp_path, monkeypatch):
    """A known driver is refused also where the run itself imports it, and is its own again afterwards."""
    (tmp_path / "pyodbc.py").write_text("def connect(text):\n    return text\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyodbc", raising=False)

    async def program():
        importlib.import_module("pyodbc").connect("dsn")

    with pytest.raises(RealWorldError, match=r"pyodbc.connect\(\) by task task-1"):
        World(1).run(program())
    assert sys.modules.pop("pyodbc").connect("dsn") == "dsn"
    assert "pyodbc" in KNOWN_DRIVERS


def test_seal_inside_a_seal():
    """A run inside a sealed import leaves the outer seal as it was."""
    with sealed() as outer:
        World(1).run(asyncio.sleep(1))
        with pytest.raises(RealWorldError):
            socket.gethostbyname("localhost")
        assert len(outer) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_empty_network(listener, tmp_path):
    """A process in an empty network reaches not even this machine, and still writes its report."""
    report = tmp_path / "report"
    command = [sys.executable, "-c", ISOLATED, str(listener.getsockname()[1]), str(report)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - our own program
    if lines[0].startswith("False"):
        pytest.skip(lines[0].removeprefix("False "))
    assert lines == ["True ", "OSError"]
    assert report.read_text() == "report"
    assert_nobody_came(listener)
