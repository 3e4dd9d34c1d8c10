"""What a flow does to its surroundings, as the user of `sim run` sees it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
from command import sim

SCENARIO = """\
schema: penguiflow.sim/1
name: simple
flow: my_flow:build
horizon: 60s
load:
  stages: [{for: 1s, rate: 1/s}]
"""

FLOW = """\
import os
import time
import urllib.request
from penguiflow import Node, create

async def work(message, ctx):
    {work}
    return message

def build():
    return create(Node(work, name="work").to())
"""


@pytest.fixture
def run(tmp_path):
    """Runs a scenario whose handler does what is given."""

    def run(work, *, more="", **environment):
        (tmp_path / "my_flow.py").write_text(FLOW.format(work=work))
        (tmp_path / "a.sim.yaml").write_text(SCENARIO + more)
        return sim("run", "a.sim.yaml", cwd=tmp_path, **environment)

    return run


@pytest.fixture
def listener():
    """A port of this machine, and the connections that it got."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        got = []
        done = threading.Event()

        def accept():
            while not done.is_set():
                try:
                    got.append(server.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], got
        done.set()
        thread.join()


def test_a_handler_that_blocks_the_loop_is_named_with_its_line(run):
    """`time.sleep` in a handler is a warning with file, line and duration, and moves the clock."""
    done = run("time.sleep(3)", more="checks: [{id: slow, metric: trace.latency, stat: max, min: 3s}]\n")
    assert "time.sleep blocks the event loop for 3.00 s at my_flow.py:7, called" in done.stdout
    assert done.returncode == 0


def test_a_variable_is_seen_only_where_it_is_listed(run):
    """The flow gets a variable that `env` lists, and one that it does not list is missing, with a warning."""
    work = "assert os.environ['SHOP_REGION'] == 'north'"
    failing = "checks: [{id: fine, metric: trace.errors, max: 0}]\n"
    listed = run(work, more=failing + "env: [SHOP_REGION]\n", SHOP_REGION="north")
    unlisted = run(work, more=failing, SHOP_REGION="north")
    assert listed.returncode == 0, listed.stdout
    assert unlisted.returncode == 1
    assert "env: [SHOP_REGION]" in unlisted.stdout


def test_no_byte_leaves_while_a_flow_runs(run, listener):
    """A handler that calls a server gets an error, the report says so, and nothing arrives."""
    port, got = listener
    done = run(f"urllib.request.urlopen('http://127.0.0.1:{port}')")
    assert "refused:" in done.stdout
    assert got == []


def test_no_byte_leaves_while_a_flow_is_imported(tmp_path, listener):
    """A module that calls a server on import is a mistake of the file, and nothing arrives."""
    port, got = listener
    (tmp_path / "my_flow.py").write_text(f"import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}')\n")
    (tmp_path / "a.sim.yaml").write_text(SCENARIO)
    done = sim("check", "a.sim.yaml", cwd=tmp_path)
    assert (done.returncode, got) == (2, [])
    assert "my_flow.py:2" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has network namespaces")
def test_a_driver_in_c_finds_no_network(run, listener):
    """The system's own calls, past everything that Python watches, reach nobody either."""
    port, got = listener
    call = (
        "import ctypes; libc = ctypes.CDLL(None); fd = libc.socket(2, 1, 0); "
        f"address = b'\\x02\\x00' + ({port}).to_bytes(2) + bytes([127, 0, 0, 1]) + bytes(8); "
        "assert libc.connect(fd, address, 16) != 0"
    )
    done = run(call, more="checks: [{id: fine, metric: trace.errors, max: 0}]\n")
    if done.returncode != 0 and not can_enter_an_empty_network():
        pytest.skip("this system refuses network namespaces")
    assert (done.returncode, got) == (0, []), done.stdout


def can_enter_an_empty_network():
    code = "from sim.kernel.namespace import enter_empty_network; print(enter_empty_network().active)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    return "True" in done.stdout
