"""What links and partitions do to connections."""

import asyncio

import pytest

from sim.kernel import World
from sim.net import Link, Network


def run(program, *, links=None, seed=1):
    """What `program(network)` returns, in a world with a network."""
    world = World(seed)

    async def main():
        with Network(world, links=links) as network:
            return await program(network)

    return world.run(main())


def now_s():
    return asyncio.get_running_loop().time()


async def tick(reader, writer):
    """Says ten lines, one a second, then ends."""
    for number in range(10):
        writer.write(b"tick %d\n" % number)
        await asyncio.sleep(1)
    writer.close()


async def heard(host="clock"):
    """The lines that come, each with its time, and how it ends."""
    reader, writer = await asyncio.open_connection(host, 80)
    lines = []
    try:
        async with asyncio.timeout(60):
            while line := await reader.readline():
                lines.append((line.decode().strip(), round(now_s(), 6)))
    except (OSError, TimeoutError) as error:
        return lines, type(error).__name__
    else:
        return lines, "end"
    finally:
        writer.close()


async def listen(_network):
    await asyncio.start_server(tick, "clock", 80)
    return await heard()


def test_jitter_makes_bytes_late_and_keeps_their_order():
    """Each segment draws its own delay, and none overtakes another."""
    lines, end = run(listen, links={"clock": Link(latency_s=0.1, jitter_s=3)})
    delays = [at_s - number for number, (_, at_s) in enumerate(lines)]
    assert [line for line, _ in lines] == [f"tick {number}" for number in range(10)]
    assert len(set(delays)) > 3
    assert end == "end"


def test_the_same_seed_draws_the_same_delays():
    """Delays follow from the seed."""
    jittery = {"clock": Link(jitter_s=3)}
    assert run(listen, links=jittery) == run(listen, links=jittery)
    assert run(listen, links=jittery) != run(listen, links=jittery, seed=2)


def test_a_run_over_connections_repeats_step_by_step():
    """Two runs of one seed have one digest, which sees every step; another seed has another."""

    def digest(seed):
        world = World(seed)

        async def main():
            with Network(
                world, links={"clock": Link(latency_s=0.1, jitter_s=3, reset=0.5, reset_after_bytes=30)}
            ) as net:
                first = await listen(net)
                return [first, *await asyncio.gather(*(heard() for _ in range(5)))]

        return world.run(main()), str(world.digest)

    assert digest(3) == digest(3)
    assert digest(3)[1] != digest(4)[1]


def test_another_connection_changes_no_draw():
    """What a connection draws depends on its service and its number, and not on other connections."""
    links = {"clock": Link(jitter_s=3), "other": Link(jitter_s=3)}

    async def with_another(network):
        await asyncio.start_server(tick, "other", 80)
        other = asyncio.create_task(heard("other"))
        lines = await listen(network)
        await other
        return lines

    assert run(with_another, links=links) == run(listen, links=links)


def test_connections_of_one_service_differ():
    """The second connection to a service draws anew."""

    async def twice(network):
        first, second = await asyncio.gather(listen(network), heard_later())
        return [[at_s for _, at_s in lines] for lines, _ in (first, second)]

    async def heard_later():
        await asyncio.sleep(0)
        return await heard()

    first, second = run(twice, links={"clock": Link(jitter_s=3)})
    assert first != second


@pytest.mark.parametrize(
    ("link", "count", "end"),
    [
        (Link(response_loss=1.0), 0, "TimeoutError"),
        (Link(reset=1.0, reset_after_bytes=15), 2, "ConnectionResetError"),
        (Link(reset=1.0), 0, "ConnectionResetError"),
        (Link(reset=1.0, reset_after_bytes=1_000), 10, "end"),
        (Link(chunk_gap_s=5), 10, "end"),
    ],
)
def test_each_fault_ends_a_connection_in_its_own_way(link, count, end):
    """A lost direction is silent, a reset comes after its bytes, a slow body comes to its end."""
    lines, how = run(listen, links={"clock": link})
    assert (len(lines), how) == (count, end)


def test_a_gap_lies_between_segments():
    """A slow link spaces out what the server says at a faster pace."""
    lines, _ = run(listen, links={"clock": Link(chunk_gap_s=5)})
    assert [at_s for _, at_s in lines] == [5.0 * number for number in range(10)]


def test_a_reset_reaches_both_ends():
    """The server learns of a broken connection too."""
    ends = []

    async def write(_reader, writer):
        try:
            for _ in range(10):
                writer.write(b"0123456789")
                await writer.drain()
                await asyncio.sleep(1)
        except ConnectionResetError as error:
            ends.append((error.strerror, now_s()))

    async def program(_network):
        await asyncio.start_server(write, "clock", 80)
        reader, writer = await asyncio.open_connection("clock", 80)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(30)
        await asyncio.sleep(5)
        writer.close()

    run(program, links={"clock": Link(reset=1.0, reset_after_bytes=25)})
    assert ends == [("Connection reset by peer", 3.0)]


def test_a_lost_request_leaves_the_connection_open():
    """Where the client's direction stalls the connection opens, the server hears nothing, and `drain` waits."""
    got = []

    async def keep(reader, writer):
        got.append(await reader.read(1))

    async def program(_network):
        await asyncio.start_server(keep, "clock", 80)
        _, writer = await asyncio.open_connection("clock", 80)
        try:
            async with asyncio.timeout(60):
                while True:
                    writer.write(b"x" * 10_000)
                    await writer.drain()
        except TimeoutError:
            return writer.transport.get_write_buffer_size()
        finally:
            writer.close()

    assert run(program, links={"clock": Link(request_loss=1.0)}) > 65_536
    assert got == []


def test_a_partition_holds_everything_until_it_is_healed():
    """During a partition nothing arrives; afterwards all of it does, in order."""

    async def program(network):
        loop = asyncio.get_running_loop()
        loop.call_at(2.5, network.partition, "clock")
        loop.call_at(6.5, network.heal, "clock")
        return await listen(network)

    lines, end = run(program)
    assert [at_s for _, at_s in lines] == [0, 1, 2, 6.5, 6.5, 6.5, 6.5, 7, 8, 9]
    assert end == "end"


def test_a_partition_holds_connecting_too():
    """A connection that is opened during a partition opens when it is healed, and other services go on."""

    async def program(network):
        await asyncio.start_server(tick, None, 80)
        network.partition("clock:80")
        asyncio.get_running_loop().call_at(5, network.heal, "clock:80")
        _, other = await asyncio.open_connection("other", 80)
        opened_s = [now_s()]
        _, writer = await asyncio.open_connection("clock", 80)
        opened_s.append(now_s())
        other.close()
        writer.close()
        return opened_s

    assert run(program) == [0, 5]


def test_a_service_can_be_reset():
    """`reset` breaks the open connections to one service, and new ones can be made."""

    async def program(network):
        asyncio.get_running_loop().call_at(3.5, network.reset, "clock")
        await asyncio.start_server(tick, None, 80)
        return await asyncio.gather(heard(), heard("other"), heard_again())

    async def heard_again():
        await asyncio.sleep(4)
        return await heard()

    (first, broken), (other, whole), (again, whole_again) = run(program)
    assert (len(first), broken) == (4, "ConnectionResetError")
    assert (len(other), whole) == (10, "end")
    assert (len(again), whole_again) == (10, "end")


def test_a_reset_of_a_service_reaches_its_server():
    """The server's end of a connection that is reset is broken too, not merely over."""
    ends = []

    async def wait(reader, writer):
        try:
            ends.append(await reader.read())
        except ConnectionResetError as error:
            ends.append(error.strerror)
        writer.close()

    async def program(network):
        await asyncio.start_server(wait, "clock", 80)
        _, writer = await asyncio.open_connection("clock", 80)
        await asyncio.sleep(1)
        network.reset("clock")
        await asyncio.sleep(1)
        writer.close()

    run(program)
    assert ends == ["Connection reset by peer"]


def test_a_partition_holds_what_the_client_sends():
    """A request that is made during a partition is answered when it is healed."""

    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def program(network):
        await asyncio.start_server(echo, "clock", 80)
        reader, writer = await asyncio.open_connection("clock", 80)
        network.partition("clock")
        asyncio.get_running_loop().call_at(5, network.heal, "clock")
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        return line, now_s()

    assert run(program) == (b"hello\n", 5)


def test_a_client_that_gives_up_connecting_leaves_nothing():
    """A connect that times out on a slow link never reaches the server."""
    met = []

    async def meet(_reader, writer):
        met.append(now_s())
        writer.close()

    async def program(_network):
        await asyncio.start_server(meet, "clock", 80)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.open_connection("clock", 80)
        await asyncio.sleep(60)

    run(program, links={"clock": Link(latency_s=2)})
    assert met == []
