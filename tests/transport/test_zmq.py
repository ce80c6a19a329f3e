"""What only real sockets and processes show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq

from tests.transport.kit import Member, ZmqFabric, settle
from transport import BindError, EndpointError, TransportOptions, ZmqTransport, wire
from transport.drain import Drain
from transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def victim(fabric: ZmqFabric, **options: float) -> AsyncIterator[tuple[Member, int]]:
    """A member, and the id of a process that is connected to it."""
    one = await fabric.member("one", **options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.transport.victim", "victim", one.endpoint, cwd=ROOT
    )
    try:
        await one.handler.event("connected", timeout=20)
        yield one, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def test_a_killed_process_is_noticed_within_half_a_second() -> None:
    """kill -9: the connection breaks, redialling is refused, the peer is given up."""
    async with ZmqFabric() as fabric, victim(fabric, refused_grace=0.3) as (one, pid):
        began = asyncio.get_running_loop().time()
        os.kill(pid, signal.SIGKILL)
        _, peer, reason, _ = await one.handler.event("disconnected")
        took = asyncio.get_running_loop().time() - began
        assert peer.name == "victim"
        assert "connection refused" in reason
        # 0.3 s by design; the rest is for machines that are busy with other things.
        assert took < 2.0


@pytest.mark.loops("asyncio")
async def test_a_stopped_process_is_noticed_by_heartbeats() -> None:
    """SIGSTOP: the kernel goes on accepting, but nobody answers a ping."""
    beats = {"heartbeat_interval": 0.2, "heartbeat_timeout": 1.0}
    async with ZmqFabric() as fabric, victim(fabric, **beats) as (one, pid):
        one.link("victim").push(b"into the void;")
        os.kill(pid, signal.SIGSTOP)
        _, _, reason, _ = await one.handler.event("disconnected")
        assert reason == "lost: connection lost, and no answer in 0.5 s"


async def test_closing_keeps_its_deadline_when_a_peer_is_stopped() -> None:
    """What it does not acknowledge is handed back; the context ends all the same."""
    async with ZmqFabric() as fabric, victim(fabric) as (one, pid):
        os.kill(pid, signal.SIGSTOP)
        for number in range(200):
            one.link("victim").push(b"%d;" % number * 10_000)
        began = asyncio.get_running_loop().time()
        await one.mesh.close(0.3)
        assert asyncio.get_running_loop().time() - began < 3.0
        _, _, reason, undelivered = await one.handler.event("disconnected")
        assert reason == "closed"
        assert len(undelivered) == 200


async def test_raw_bytes_on_the_port_harm_nobody() -> None:
    """Random bytes, HTTP, ZMTP 1.0 and silence, on plain TCP connections."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one")
        endpoint = parse_endpoint(one.endpoint)
        # A ZMTP 1.0 peer: a length, flags, and the routing id; then messages of one byte.
        old = b"\x01\x00" + b"\x02\x00x" * 100
        garbage = [os.urandom(500), b"GET / HTTP/1.1\r\n\r\n", old, b"", b"\xff" * 10_000]
        writers = []
        for data in garbage * 4:
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            writer.write(data)
            writers.append(writer)
        other = await fabric.member("other")
        await fabric.join(other, one)
        other.link(one).push(b"unharmed;")
        await one.handler.until(lambda: one.handler.count)
        async with asyncio.timeout(10):
            while not one.mesh.stats().rejected.get("short"):
                await asyncio.sleep(0.001)
        for writer in writers:
            writer.transport.abort()


async def test_a_message_of_endless_frames_is_cut_off() -> None:
    """It is counted once, whatever its length, and what follows is read."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", max_buffers=4)
        with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
            raw.linger = 0
            raw.connect(one.endpoint)
            raw.send_multipart([b"part"] * 5000)
            raw.send(b"x")
            async with asyncio.timeout(10):
                while one.mesh.stats().rejected.get("short", 0) < 2:
                    await asyncio.sleep(0.001)
        assert one.mesh.stats().rejected == {"short": 2}


async def test_a_frame_beyond_the_limit_ends_the_connection() -> None:
    """ZeroMQ itself sees to it, before the memory is there."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", max_frame=4096)
        with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
            raw.linger = 0
            raw.connect(one.endpoint)
            raw.send(b"x" * 5000)
        other = await fabric.member("other")
        await fabric.join(other, one)
        assert one.mesh.stats().rejected == {}


async def test_a_name_is_resolved_and_every_address_tried() -> None:
    """`localhost` may mean ::1 and 127.0.0.1; the node listens on one of them."""
    async with ZmqFabric() as fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        one.mesh.dial(f"tcp://localhost:{parse_endpoint(other.endpoint).port}")
        await one.handler.event("connected")


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    """It is not asked of ZeroMQ, whose I/O thread would wait for the answer."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one")
        one.mesh.dial("tcp://no-such-host.invalid:7770")
        _, _, reason = await one.handler.event("unreachable")
        assert "cannot resolve no-such-host.invalid" in reason


async def test_ipv6() -> None:
    """Where the machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", binds=["tcp://[::1]:0"])
        other = await fabric.member("other", binds=["tcp://[::1]:0"])
        assert one.endpoint.startswith("tcp://[::1]:")
        await fabric.join(one, other)


async def test_ipc_and_its_folder(tmp_path: Path) -> None:
    """Nodes meet over a path; its folder is made for them alone, and left clean."""
    async with ZmqFabric() as fabric:
        path = tmp_path / "run" / "one.sock"
        one = await fabric.member("one", binds=[f"ipc://{path}"])
        other = await fabric.member("other", binds=[f"ipc://{tmp_path}/other.sock"])
        assert path.parent.stat().st_mode & 0o777 == 0o700
        await fabric.join(other, one)
        one.link(other).push(b"over ipc;")
        await other.handler.until(lambda: other.handler.count)
        await one.mesh.close(1)
        assert list(path.parent.iterdir()) == []


async def test_ipc_makes_one_folder_and_no_tree(tmp_path: Path) -> None:
    """Where the folder of the folder is not there the path is likely wrong: nothing is made."""
    async with ZmqFabric() as fabric:
        endpoint = f"ipc://{tmp_path}/no/such/one.sock"
        with pytest.raises(BindError, match="No such file or directory") as caught:
            await fabric.member("one", binds=[endpoint])
        assert caught.value.endpoint == endpoint
        assert not (tmp_path / "no").exists()


async def test_a_living_ipc_endpoint_is_not_hijacked(tmp_path: Path) -> None:
    """Neither one of a node, nor a socket of somebody else, nor a file."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", binds=[f"ipc://{tmp_path}/one.sock"])
        with pytest.raises(BindError, match="lock") as caught:
            await fabric.member("two", binds=[one.endpoint])
        assert caught.value.endpoint == one.endpoint
        foreign = tmp_path / "foreign.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(foreign))
            listener.listen()
            with pytest.raises(BindError, match="something listens there"):
                await fabric.member("two", binds=[f"ipc://{foreign}"])
        (tmp_path / "file").write_text("precious")
        with pytest.raises(BindError, match="no socket"):
            await fabric.member("two", binds=[f"ipc://{tmp_path}/file"])
        assert (tmp_path / "file").read_text() == "precious"


async def test_a_stale_ipc_socket_is_cleaned_up(tmp_path: Path) -> None:
    """What a killed process left behind is in nobody's way."""
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    (tmp_path / "stale.sock.lock").touch()
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", binds=[f"ipc://{path}"])
        other = await fabric.member("other")
        await fabric.join(other, one)


async def test_a_dead_ipc_endpoint_is_refused(tmp_path: Path) -> None:
    """No file, or a file without a listener: nobody is there."""
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    async with ZmqFabric() as fabric:
        one = await fabric.member("one")
        for where in (path, tmp_path / "missing.sock"):
            one.mesh.dial(f"ipc://{where}")
        await one.handler.event("unreachable", 2)
        assert {e[2] for e in one.handler.all("unreachable")} == {"connection refused"}


async def test_a_wildcard_is_advertised_as_an_address() -> None:
    """Others could not dial 0.0.0.0."""
    async with ZmqFabric() as fabric:
        one = await fabric.member("one", binds=["tcp://0.0.0.0:0"])
        other = await fabric.member("other", binds=["tcp://*:0"])
        assert not parse_endpoint(one.endpoint).wildcard
        await fabric.join(one, other)


async def test_foreign_schemes_are_refused() -> None:
    """mem:// is the memory transport's; a closed transport dials nobody."""
    transport = ZmqTransport("one", TransportOptions())
    with pytest.raises(EndpointError):
        await transport.bind("mem://here")
    with pytest.raises(EndpointError):
        transport.dial("mem://here", None)  # type: ignore[arg-type]
    assert not transport.answer(b"nobody", [b"x"])
    await transport.close(0)
    await transport.close(0)


async def test_an_answer_to_nobody_is_false() -> None:
    """The ROUTER says so instead of dropping it silently."""
    async with ZmqFabric() as fabric:
        puppet = await fabric.puppet("puppet")
        assert not puppet.transport.answer(b"nobody", [wire.encode_open(1, 2)])


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_refused_hello_leaves_no_sockets() -> None:
    """A dead seed is tried many times; descriptors do not pile up."""
    async with ZmqFabric() as fabric:
        first = await fabric.member("first")
        await fabric.vanish(first)
        one = await fabric.member("one", reconnect_initial=0.001, reconnect_maximum=0.001)
        one.mesh.dial(first.endpoint)
        await one.handler.event("unreachable", 5)
        before = descriptors()
        await one.handler.event("unreachable", 30)
        assert descriptors() <= before + 8


async def test_a_wake_up_that_was_on_its_way_finds_a_closed_socket() -> None:
    """Whoever waits for room and is stopped meanwhile asks nothing of it any more."""
    with zmq.Context() as context:
        dealer = context.socket(zmq.DEALER)
        drain = Drain(dealer, lambda frames: None, max_frames=2, budget=8)
        with pytest.raises(zmq.Again):
            dealer.send(b"nobody is there", zmq.NOBLOCK)
        drain.await_room()
        asyncio.get_running_loop().call_soon(drain._run)
        drain.stop()
        dealer.close(linger=0)
        await settle()
