"""Connections in memory behave as those on sockets do."""

import asyncio
import contextvars
import sys

import pytest

import sim
from sim.kernel import Stuck, World, running_world
from sim.kernel.refusals import RealWorldError
from sim.net import Link, Network

QUARTER = {"shop": Link(latency_s=0.25)}


def run(program, *, links=None, seed=1, **options):
    """What `program(network)` returns, in a world with a network."""
    world = World(seed, **options)

    async def main():
        with Network(world, links=links) as network:
            return await program(network)

    return world.run(main())


def now_s():
    return asyncio.get_running_loop().time()


async def shout(reader, writer):
    """Answers each line in capitals, until the client ends."""
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def hold(reader, writer):
    """Takes everything in, and says nothing."""
    await reader.read()
    writer.close()


def test_a_line_goes_there_and_back_at_the_pace_of_its_link():
    """Opening takes a way there and back, each line takes one more, exactly."""

    async def program(_network):
        async with await asyncio.start_server(shout, "shop", 80):
            reader, writer = await asyncio.open_connection("shop", 80)
            opened_s = now_s()
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return opened_s, line, now_s()

    assert run(program, links=QUARTER) == (0.5, b"HELLO\n", 1.0)


def test_half_a_connection_ends_on_its_own():
    """After `write_eof` the other end's answer still arrives, whole."""

    async def count(reader, writer):
        writer.write(b"%d" % len(await reader.read()))
        writer.close()

    async def program(_network):
        await asyncio.start_server(count, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"x" * 300_000)
        writer.write_eof()
        with pytest.raises(RuntimeError, match="after write_eof"):
            writer.write(b"more")
        answer = await reader.read()
        writer.close()
        return answer, writer.can_write_eof()

    assert run(program, links=QUARTER) == (b"300000", True)


def test_a_slow_reader_holds_its_writer():
    """`drain` waits until the reader has taken what the buffers cannot hold."""

    async def late(reader, writer):
        await asyncio.sleep(10)
        await hold(reader, writer)

    async def program(_network):
        await asyncio.start_server(late, "shop", 80)
        _, writer = await asyncio.open_connection("shop", 80)
        waits = []
        for _ in range(10):
            writer.write(b"x" * 50_000)
            await writer.drain()
            waits.append(now_s())
        writer.close()
        return waits[0], waits[-1], writer.transport.get_write_buffer_size() <= 65_536

    assert run(program) == (0.0, 10.0, True)


def test_water_marks_are_those_that_the_program_sets():
    """Writing pauses above the high mark and goes on below the low one."""
    events = []

    class Client(asyncio.Protocol):
        def pause_writing(self):
            events.append(("pause", now_s()))

        def resume_writing(self):
            events.append(("resume", now_s()))

    async def program(_network):
        await asyncio.start_server(hold, "shop", 80)
        transport, _ = await asyncio.get_running_loop().create_connection(Client, "shop", 80)
        transport.set_write_buffer_limits(high=1000, low=10)
        transport.write(b"x" * (65_536 + 1000))
        transport.write(b"x")
        await asyncio.sleep(1)
        transport.close()
        return transport.get_write_buffer_limits()

    assert run(program, links=QUARTER) == (10, 1000)
    assert events == [("pause", 0.5), ("resume", 0.75)]


def test_closing_sends_what_is_in_the_buffer():
    """Everything written before `close` arrives, and the connection is closed when all of it is on its way."""

    async def program(_network):
        got = asyncio.get_running_loop().create_future()

        async def keep(reader, writer):
            got.set_result(len(await reader.read()))
            writer.close()

        await asyncio.start_server(keep, "shop", 80)
        _, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"x" * 200_000)
        writer.close()
        await writer.wait_closed()
        return now_s(), await got

    assert run(program, links=QUARTER) == (1.25, 200_000)


def test_aborting_drops_what_is_in_the_buffer():
    """After `abort` only what was under way arrives."""

    async def program(_network):
        got = asyncio.get_running_loop().create_future()

        async def keep(reader, writer):
            got.set_result(len(await reader.read()))
            writer.close()

        await asyncio.start_server(keep, "shop", 80)
        _, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"x" * 200_000)
        writer.transport.abort()
        return await got

    assert run(program, links=QUARTER) == 65_536


def test_writing_to_an_end_that_has_gone_breaks_the_connection():
    """Who writes to a closed connection is answered with a reset, one way there and back later."""

    async def leave(_reader, writer):
        writer.close()

    async def program(_network):
        await asyncio.start_server(leave, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        ended = await reader.read()
        started_s = now_s()
        writer.write(b"too late")
        await writer.drain()
        await asyncio.sleep(1)
        with pytest.raises(ConnectionResetError):
            await writer.drain()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()
        return ended, started_s

    assert run(program, links=QUARTER) == (b"", 0.75)


def test_nobody_listens():
    """A client whose server does not exist is refused after a way there and back, with what the run has."""

    async def program(_network):
        await asyncio.start_server(shout, "shop", 80)
        with pytest.raises(ConnectionRefusedError) as caught:
            await asyncio.open_connection("shop", 81)
        return str(caught.value), now_s()

    message = "[Errno 111] nobody listens at shop:81; the run has shop:80"
    assert run(program, links=QUARTER) == (message, 0.5)


@pytest.mark.parametrize("host", ["shop", "localhost", "127.0.0.1", None])
def test_every_name_leads_to_a_server_on_a_local_address(host):
    """A server without a name of its own answers under whatever name a client dials."""

    async def program(_network):
        async with await asyncio.start_server(shout, "0.0.0.0", 80):  # noqa: S104 - nothing is bound
            _, writer = await asyncio.open_connection(host, "80")
            writer.close()
            return writer.get_extra_info("peername")

    assert run(program) == (host or "127.0.0.1", 80)


def test_a_name_leads_to_its_own_server():
    """Servers with names share a port, and each answers under its own only."""

    async def program(_network):
        def named(name):
            async def handle(_reader, writer):
                writer.write(name)
                writer.close()

            return handle

        await asyncio.start_server(named(b"a"), "a", 80)
        await asyncio.start_server(named(b"b"), "b", 80)
        answers = []
        for host in ("b", "a"):
            reader, writer = await asyncio.open_connection(host, 80)
            answers.append(await reader.read())
            writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("c", 80)
        return answers

    assert run(program) == [b"b", b"a"]


def test_port_0_is_counted():
    """Free ports are the same in every run, and several hosts get one each."""

    async def program(_network):
        first = await asyncio.start_server(shout, None, 0)
        second = await asyncio.start_server(shout, ["a", "b"], 0)
        return [sock.getsockname() for server in (first, second) for sock in server.sockets]

    assert run(program) == [("127.0.0.1", 49152), ("a", 49153), ("b", 49154)]


def test_an_address_is_taken_until_its_server_closes():
    """A second server at one address is refused, leaves nothing behind, and may come after the first."""

    async def program(_network):
        first = await asyncio.start_server(shout, "shop", 80)
        with pytest.raises(OSError, match=r"'shop', 80\) is in use"):
            await asyncio.start_server(shout, ["other", "shop"], 80)
        first.close()
        second = await asyncio.start_server(shout, ["other", "shop"], 80)
        return first.is_serving(), second.is_serving(), first.sockets

    assert run(program) == (False, True, ())


def test_a_server_that_does_not_serve_yet_refuses():
    """With `start_serving=False` nobody is let in before `start_serving`."""

    async def program(_network):
        server = await asyncio.start_server(shout, "shop", 80, start_serving=False)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("shop", 80)
        await server.start_serving()
        _, writer = await asyncio.open_connection("shop", 80)
        writer.close()
        return server.is_serving()

    assert run(program)


def test_serve_forever_ends_with_its_task():
    """Cancelling `serve_forever` closes the server and gives its address back."""

    async def program(_network):
        server = await asyncio.start_server(shout, "shop", 80)
        task = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("shop", 80)
        return task.cancelled(), server.is_serving()

    assert run(program) == (True, False)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 wait_closed does not wait for connections")
def test_a_closed_server_waits_for_its_connections():
    """`wait_closed` returns when the last connection has ended, and those that are open go on."""

    async def program(_network):
        server = await asyncio.start_server(shout, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        await asyncio.sleep(0)
        server.close()
        writer.write(b"still here\n")
        line = await reader.readline()
        asyncio.get_running_loop().call_at(5, writer.close)
        await server.wait_closed()
        return line, now_s()

    assert run(program, links=QUARTER) == (b"STILL HERE\n", 5.25)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Server.close_clients is new in Python 3.13")
def test_a_server_closes_its_clients_in_their_order():
    """`close_clients` ends the open connections in the order in which they came, which no memory address decides."""
    ended = []

    async def program(_network):
        server = await asyncio.start_server(hold, "shop", 80)
        connections = [await asyncio.open_connection("shop", 80) for _ in range(6)]
        server.close_clients()

        async def wait_for_end(number, reader):
            await reader.read()
            ended.append(number)

        await asyncio.gather(*(wait_for_end(number, reader) for number, (reader, _) in enumerate(connections)))
        for _, writer in connections:
            writer.close()

    run(program)
    assert ended == list(range(6))


def test_each_connection_has_names_of_its_own():
    """Clients that connect at one moment are told apart by their ports, and both ends agree on them."""
    met = []

    async def program(_network):
        async def meet(_reader, writer):
            met.append((writer.get_extra_info("peername"), writer.get_extra_info("sockname")))
            writer.close()

        await asyncio.start_server(meet, "shop", 80)
        opened = await asyncio.gather(*(asyncio.open_connection("shop", 80) for _ in range(2)))
        await asyncio.sleep(1)
        for _, writer in opened:
            writer.close()
        sockets = [writer.get_extra_info("socket") for _, writer in opened]
        return [(sock.getsockname(), sock.getpeername()) for sock in sockets]

    shop = ("shop", 80)
    assert run(program) == [(("127.0.0.1", 32769), shop), (("127.0.0.1", 32770), shop)]
    assert met == [(("127.0.0.1", 32769), shop), (("127.0.0.1", 32770), shop)]


def test_the_socket_of_a_server_has_no_peer():
    """What stands for a socket answers for its names, takes options, and belongs to no file."""

    async def program(_network):
        server = await asyncio.start_server(shout, "shop", 80)
        sock = server.sockets[0]
        sock.setsockopt(0, 0, 0)
        with pytest.raises(OSError, match="not connected"):
            sock.getpeername()
        return sock.fileno()

    assert run(program) == -1


def test_data_must_be_bytes():
    """Text is refused where it is written."""

    async def program(_network):
        await asyncio.start_server(hold, "shop", 80)
        _, writer = await asyncio.open_connection("shop", 80)
        with pytest.raises(TypeError, match="bytes-like object, not 'str'"):
            writer.write("text")
        writer.close()

    run(program)


def test_a_handler_runs_in_the_context_of_its_server():
    """What a client keeps in context variables does not cross the network."""
    tenant = contextvars.ContextVar("tenant", default="nobody")

    async def program(_network):
        async def tell(_reader, writer):
            writer.write(tenant.get().encode())
            writer.close()

        tenant.set("server")
        await asyncio.start_server(tell, "shop", 80)
        tenant.set("client")
        reader, writer = await asyncio.open_connection("shop", 80)
        answer = await reader.read()
        writer.close()
        return answer

    assert run(program) == b"server"


def test_a_protocol_hears_of_data_in_its_own_context():
    """Data and the end of a connection reach a server's protocol in the server's context, whoever has sent them."""
    tenant = contextvars.ContextVar("tenant", default="nobody")
    heard = []

    class Server(asyncio.Protocol):
        def data_received(self, data):
            heard.append((data, tenant.get()))

        def connection_lost(self, exc):
            heard.append((exc, tenant.get()))

    async def program(_network):
        tenant.set("server")
        await asyncio.get_running_loop().create_server(Server, "shop", 80)
        tenant.set("client")
        _, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"data")
        writer.close()
        await asyncio.sleep(1)

    run(program)
    assert heard == [(b"data", "server"), (None, "server")]


def test_who_closes_without_reading_does_not_hold_the_other_end():
    """A writer that waits for a reader is reset when the reader closes instead."""

    async def pour(_reader, writer):
        try:
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
        except ConnectionResetError:
            ended_s.append(now_s())

    async def program(_network):
        await asyncio.start_server(pour, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80, limit=1000)
        await asyncio.sleep(10)
        writer.close()
        await asyncio.sleep(10)
        return reader.at_eof()

    ended_s = []
    run(program, links=QUARTER)
    assert ended_s == [10.75]


def test_transports_hash_by_their_order():
    """A set of transports has one order in every run: they hash by their number, not by their place in memory."""

    async def program(_network):
        await asyncio.start_server(hold, "shop", 80)
        opened = [await asyncio.open_connection("shop", 80) for _ in range(3)]
        for _, writer in opened:
            writer.close()
        return [hash(writer.transport) for _, writer in opened]

    assert run(program) == [2, 4, 6]


class Slots(asyncio.BufferedProtocol):
    """A protocol that brings its own small buffer."""

    def __init__(self):
        self.buffer, self.got = bytearray(4), b""

    def get_buffer(self, _sizehint):
        return self.buffer

    def buffer_updated(self, nbytes):
        self.got += self.buffer[:nbytes]


class Broken(asyncio.Protocol):
    """A protocol that cannot stand data."""

    def data_received(self, data):
        raise ValueError(data)

    def connection_lost(self, exc):
        self.lost = exc


@pytest.mark.parametrize("factory", [Slots, Broken])
def test_protocols_are_called_as_by_sockets(factory):
    """A buffered protocol gets its data in its buffer; one that fails loses its connection, and the loop is told."""

    async def program(_network):
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, problem: problems.append(problem["message"]))
        server = await asyncio.get_running_loop().create_server(lambda: protocol, "shop", 80)
        _, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"0123456789")
        await asyncio.sleep(1)
        writer.close()
        server.close()
        return getattr(protocol, "got", None), repr(getattr(protocol, "lost", None)), problems

    protocol = factory()
    expected = {
        Slots: (b"0123456789", "None", []),
        Broken: (None, "ValueError(b'0123456789')", ["Fatal error: protocol.data_received() call failed."]),
    }
    assert run(program) == expected[factory]


def test_a_protocol_that_cannot_be_made_closes_its_connection():
    """A server whose factory fails closes on its client, and the loop is told."""

    async def program(_network):
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, problem: problems.append(problem["exception"]))
        await asyncio.get_running_loop().create_server(lambda: 1 / 0, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        ended = await reader.read()
        writer.close()
        return ended, [type(problem) for problem in problems]

    assert run(program) == (b"", [ZeroDivisionError])


@pytest.mark.parametrize(
    "call", [asyncio.open_connection, lambda *args, **tls: asyncio.start_server(shout, *args, **tls)]
)
@pytest.mark.parametrize("option", ["ssl", "sock"])
def test_tls_and_real_sockets_are_refused(call, option):
    """Asking for TLS or for a real socket ends at one error that names the call and what to do."""

    async def program(_network):
        with pytest.raises(RealWorldError, match=rf"\({option}=\.\.\.\) is refused .* leave it out"):
            await call("shop", 80, **{option: object()})

    run(program)


def test_what_asyncio_does_not_know_is_refused():
    """An unknown option and a port that is no number are errors that name them."""

    async def program(_network):
        with pytest.raises(TypeError, match="'sll'"):
            await asyncio.open_connection("shop", 80, sll=True)
        with pytest.raises(OSError, match="port 'http' is no number"):
            await asyncio.open_connection("shop", "http")

    run(program)


def test_a_network_ends_with_its_block():
    """After the block connections are refused again, and the running world is what `running_world` says."""

    async def program(network):
        return running_world().loop.network is network

    async def after():
        world = running_world()
        with Network(world):
            pass
        await asyncio.open_connection("shop", 80)

    assert run(program)
    with pytest.raises(RealWorldError, match=r"sim\.net\.Network"):
        World(1).run(after())
    with pytest.raises(RuntimeError, match="no world runs"):
        running_world()


def test_a_network_without_a_block_lasts_for_the_run():
    """`install` needs no block, such as in a builder of flows, and `sim.run` is enough of a world."""

    async def main():
        Network(running_world(), links=QUARTER).install()
        await asyncio.start_server(shout, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await asyncio.sleep(1)
        return line

    assert sim.run(main) == b"HELLO\n"


def test_a_killed_program_listens_again():
    """After a planned crash the program's next life takes the same address, and its clients get answers."""
    lives = []

    async def main():
        with Network(running_world(), links=QUARTER):
            lives.append(now_s())
            await asyncio.start_server(shout, "shop", 80)
            reader, writer = await asyncio.open_connection("shop", 80)
            writer.write(b"hello\n")
            await sim.latency("disk", 1.0)
            line = await reader.readline()
            writer.close()
            return line

    assert sim.run(main, plan={"crash": {"disk#1": 1}}) == b"HELLO\n"
    assert lives == [0, 0.5]


def test_an_answer_that_never_comes_is_stuck():
    """A client that waits for a silent server ends the run as stuck, and not in a hang."""

    async def program(_network):
        await asyncio.start_server(hold, "shop", 80)
        reader, writer = await asyncio.open_connection("shop", 80)
        await reader.readline()
        writer.close()

    with pytest.raises(Stuck, match=r"StreamReader\.readline"):
        run(program)


def test_nothing_stays_behind():
    """A network forgets connections that are over at both ends."""

    async def program(network):
        await asyncio.start_server(shout, "shop", 80)
        for _ in range(5):
            _, writer = await asyncio.open_connection("shop", 80)
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(10)
        return len(network._connections)

    assert run(program, links=QUARTER) == 0
