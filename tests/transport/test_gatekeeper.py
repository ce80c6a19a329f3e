"""Connections that are turned away, and those that are not, over real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.transport.kit import Member, ZmqFabric
from tests.transport.stranger import GREETING, Stranger, frame
from transport import ZmqTransport, wire
from transport.gate import Ending, Grounds
from transport.gatekeeper import Gatekeeper

if TYPE_CHECKING:
    from collections.abc import Callable

counts_bytes = pytest.mark.skipif(
    sys.platform != "linux", reason="the system does not say how many bytes have come"
)


def keeper(member: Member) -> Gatekeeper:
    assert isinstance(member.transport, ZmqTransport)
    found = member.transport._gatekeeper
    assert found is not None
    return found


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def inside(member: Member, number: int) -> None:
    """Wait until so many connections are there."""
    await until(lambda: len(keeper(member)._gate) == number)


async def still_talks(one: Member, other: Member) -> None:
    """A record gets through, on the connection that was there before."""
    before = other.handler.count
    one.link(other).push(b"still here;")
    await other.handler.until(lambda: other.handler.count > before)
    assert other.mesh.stats().reconnects == one.mesh.stats().reconnects == 0


@pytest.mark.parametrize("option", ["max_connections", "max_connections_per_address"])
async def test_one_connection_too_many_is_ended(
    option: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In total or from one address: at once, counted, one line; who is there stays."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", **{option: 3})
        other = await fabric.member("other")
        await fabric.join(other, one)
        welcome = [await Stranger.at(one.endpoint) for _ in range(2)]
        await inside(one, 3)
        for _ in range(5):
            await (await Stranger.at(one.endpoint)).ended()
        assert one.mesh.stats().rejected == {"connections": 5}
        assert sum("ended a connection" in r.getMessage() for r in caplog.records) == 1
        await still_talks(other, one)
        welcome.pop().leave()
        await inside(one, 2)
        welcome.append(await Stranger.at(one.endpoint))
        await inside(one, 3)
        assert one.mesh.stats().rejected == {"connections": 5}
        for stranger in welcome:
            stranger.leave()


async def test_connections_to_a_path_count_in_total(tmp_path: Path) -> None:
    """They have no address; those to an abstract path neither."""
    paths = [f"ipc://{tmp_path}/a.sock"]
    if sys.platform == "linux":
        paths.append(f"ipc://@actors-gate-{os.getpid()}")
    async with ZmqFabric() as fabric:
        for path in paths:
            one = await fabric.member("one", binds=[path], max_connections=2)
            here = [await Stranger.at(one.endpoint) for _ in range(2)]
            await inside(one, 2)
            await (await Stranger.at(one.endpoint)).ended()
            assert one.mesh.stats().rejected == {"connections": 1}
            for stranger in here:
                stranger.leave()
            await inside(one, 0)


async def test_half_a_greeting_is_not_held_open() -> None:
    """Fifty of them: ZeroMQ ends them, or the gate does; a peer talks meanwhile."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", handshake_timeout=0.3)
        other = await fabric.member("other")
        await fabric.join(other, one)
        held = [await Stranger.at(one.endpoint) for _ in range(50)]
        for stranger in held:
            await stranger.say(GREETING[:32])
        await still_talks(other, one)
        await asyncio.gather(*(stranger.ended() for stranger in held))
        await inside(one, 1)
        await still_talks(other, one)


async def test_who_never_opens_a_session_is_ended() -> None:
    """ZMTP's handshake is through, and then there is silence, or a HELLO and no more."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", handshake_timeout=0.2)
        puppet = await fabric.puppet("puppet")
        mute = await Stranger.through(one.endpoint, b"mute")
        greeter = await Stranger.through(one.endpoint, b"greeter")
        await greeter.say(frame(wire.encode_hello(puppet.node)))
        await greeter.until(wire.WELCOME)
        await mute.ended()
        await greeter.ended()
        assert one.mesh.stats().rejected == {"handshake": 2}


async def test_who_says_hello_for_ever_is_ended() -> None:
    """Each is answered, and none is a session."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", handshake_timeout=0.2)
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        async with asyncio.timeout(10):
            await call.up.wait()
            while not call.ended:
                call.outbound.send([wire.encode_hello(puppet.node)])
                await asyncio.sleep(0.01)
        assert one.mesh.stats().rejected == {"handshake": 1}


async def test_the_connection_of_a_session_that_is_over_is_ended() -> None:
    """Its peer was given up: whoever holds it on has no business here."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", handshake_timeout=0.2)
        puppet = await fabric.puppet("puppet")
        peer = await Stranger.as_peer(one, puppet)
        assert keeper(one)._gate.strangers == 0
        await peer.until(wire.REFUSED)
        await peer.ended()
        assert one.mesh.stats().rejected == {"handshake": 1}


async def test_a_peer_stays_however_long() -> None:
    """Many times the limit of strangers, and without a word of the application's."""
    async with ZmqFabric() as fabric:
        one, other = await fabric.pair(handshake_timeout=0.1)
        stranger = await Stranger.through(one.endpoint)
        await stranger.ended()
        stranger = await Stranger.through(one.endpoint)
        await stranger.ended()
        await still_talks(one, other)
        await still_talks(other, one)


@counts_bytes
@pytest.mark.parametrize(
    "chunk",
    [frame(b"x" * 1000, more=True), b"\x01\x00" * 1000],
    ids=["endless frames", "endless empty frames"],
)
async def test_endless_frames_of_a_stranger_end_its_connection(chunk: bytes) -> None:
    """None of it is ever a message, so nobody but the gate would notice."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", unauthenticated_bytes=20_000)
        other = await fabric.member("other")
        await fabric.join(other, one)
        endless = await Stranger.through(one.endpoint)
        assert await endless.flood(chunk) > 20_000
        assert one.mesh.stats().rejected == {"unauthenticated": 1}
        await still_talks(other, one)


@counts_bytes
async def test_a_huge_frame_of_a_stranger_is_not_gathered() -> None:
    """It is as large as a frame may be; the bytes that come of it are few."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one")
        huge = await Stranger.through(one.endpoint)
        await huge.say(b"\x02" + (80 * 2**20).to_bytes(8, "big"))
        assert await huge.flood(b"x" * 1000) < 80 * 2**20
        assert one.mesh.stats().rejected == {"unauthenticated": 1}


@counts_bytes
async def test_nonsense_of_a_stranger_counts_too() -> None:
    """Whole messages that say nothing do not make it more welcome."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", unauthenticated_bytes=20_000)
        talker = await Stranger.through(one.endpoint)
        await talker.flood(b"\x00\x01x" * 100)
        assert one.mesh.stats().rejected["unauthenticated"] == 1
        assert one.mesh.stats().rejected["short"] > 0


@counts_bytes
async def test_endless_frames_of_a_peer_end_its_connection() -> None:
    """A session gives no right to a message without an end."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", capacity=100_000, max_frame=50_000)
        puppet = await fabric.puppet("puppet")
        peer = await Stranger.as_peer(one, puppet)
        assert await peer.flood(frame(b"x" * 1000, more=True)) > 150_000
        assert one.mesh.stats().rejected["unfinished"] == 1


@counts_bytes
async def test_a_peer_may_send_any_number_of_messages() -> None:
    """Many times what one message may have: nothing is counted that was taken."""
    async with ZmqFabric() as fabric:
        options = {"capacity": 100_000, "max_frame": 50_000}
        one = await fabric.member("one", **options)
        other = await fabric.member("other", **options)
        await fabric.join(one, other)
        loop = asyncio.get_running_loop()
        end, pushed = loop.time() + 2.5, 0  # two sweeps
        while loop.time() < end:
            if one.link(other).push(b"x" * 40_000 + b";"):
                pushed += 1
            await asyncio.sleep(0)
        await other.handler.until(lambda: other.handler.count == pushed)
        assert pushed > 10
        assert other.mesh.stats().rejected == {}
        assert one.mesh.stats().reconnects == 0


async def test_descriptors_of_others_are_left_alone() -> None:
    """ZeroMQ has closed the connection, and its number belongs to something else by now."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", max_connections=1)
        first = await Stranger.at(one.endpoint)
        await inside(one, 1)
        left, right = socket.socketpair()
        with left, right, socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client:
                keeper(one)._on_accepted(left.fileno())
                keeper(one)._on_accepted(client.fileno())
                keeper(one)._on_accepted(server.fileno())
                keeper(one)._on_accepted(10**6)
                client.send(b"x")
            left.send(b"x")
            assert right.recv(1) == b"x"
        assert one.mesh.stats().rejected == {}
        assert len(keeper(one)._gate) == 1
        first.leave()


async def test_a_connection_that_took_a_number_over_is_left_alone() -> None:
    """Also where it is one of ours: what was decided was about another one."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", handshake_timeout=30.0)
        stranger = await Stranger.at(one.endpoint)
        await inside(one, 1)
        [number] = keeper(one)._names
        ending = Ending(number, Grounds.HANDSHAKE, "for a test")
        names = keeper(one)._names[number]
        keeper(one)._names[number] = "those of the one before it"
        keeper(one)._end(ending)
        assert one.mesh.stats().rejected == {}
        keeper(one)._names[number] = names
        keeper(one)._end(ending)
        await stranger.ended()
        assert one.mesh.stats().rejected == {"handshake": 1}


async def test_few_descriptors_are_enough() -> None:
    """`ulimit -n 64`, and 200 that connect: some are turned away, the node and its peer go on."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one")
        victim = f"{sys.executable} -m tests.transport.victim victim {one.endpoint}"
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", f"ulimit -n 64; exec {victim}", cwd=Path(__file__).parents[2]
        )
        try:
            await one.handler.event("connected", timeout=20)
            endpoint = one.handler.all("connected")[0][1].endpoints[0]
            crowd = [await Stranger.at(endpoint) for _ in range(200)]
            ends = [asyncio.create_task(stranger.ended()) for stranger in crowd]
            async with asyncio.timeout(10):
                while sum(end.done() for end in ends) < 184:
                    await asyncio.sleep(0.01)
            one.link("victim").push(b"still here;")
            async with asyncio.timeout(10):
                while one.link("victim").waiting:
                    await asyncio.sleep(0.001)
            assert one.mesh.stats().reconnects == 0
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            for stranger in crowd:
                stranger.leave()
        finally:
            process.kill()
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]
