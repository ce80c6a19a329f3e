"""The proxy does to a connection what tests ask of it."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator

import pytest

from tests.transport.proxy import Proxy

SHORT = 0.05
"""Seconds in which on loopback everything has come that is going to come."""

DELAY = 0.1
TICK = 0.005
"""Seconds that a loop's timer may be early."""


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Say everything again."""
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def connected() -> AsyncGenerator[tuple[Proxy, StreamReader, StreamWriter], None]:
    """A proxy before an echo, and a connection through both."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy()
    proxy.target = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await proxy.start()
    reader, writer = await called(proxy)
    try:
        yield proxy, reader, writer
    finally:
        writer.transport.abort()
        await proxy.close()
        server.close()


async def called(proxy: Proxy) -> tuple[StreamReader, StreamWriter]:
    """Another connection."""
    return await asyncio.open_connection("127.0.0.1", int(proxy.endpoint.rpartition(":")[2]))


async def round_trip(reader: StreamReader, writer: StreamWriter, data: bytes = b"ping") -> float:
    """Seconds until all of it has come back, unharmed."""
    begin = asyncio.get_running_loop().time()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return asyncio.get_running_loop().time() - begin


async def test_what_is_silenced_comes_when_it_is_healed() -> None:
    """On old connections and on new ones; nothing is reset."""
    async with connected() as (proxy, reader, writer):
        await round_trip(reader, writer)
        proxy.silence()
        newer_reader, newer_writer = await called(proxy)
        newer_writer.write(b"new")
        writer.write(b"old")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), SHORT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(newer_reader.read(1), SHORT)
        proxy.heal()
        assert await reader.readexactly(3) == b"old"
        assert await newer_reader.readexactly(3) == b"new"
        newer_writer.transport.abort()


async def test_a_cut_resets_old_and_new_connections_until_it_is_healed() -> None:
    """Then new ones go through again."""
    async with connected() as (proxy, reader, writer):
        await round_trip(reader, writer)
        proxy.cut()
        newer_reader, newer_writer = await called(proxy)
        for each in (reader, newer_reader):
            with contextlib.suppress(ConnectionResetError):
                assert await each.read(1) == b""
        newer_writer.close()
        proxy.heal()
        again = await called(proxy)
        await round_trip(*again)
        again[1].transport.abort()


async def test_a_delay_is_added_in_both_directions() -> None:
    """And nothing waits for what is under way before it."""
    async with connected() as (proxy, reader, writer):
        await round_trip(reader, writer)
        proxy.delay = DELAY
        assert await round_trip(reader, writer) >= 2 * DELAY - TICK
        first = asyncio.create_task(round_trip(reader, writer, b"one"))
        await asyncio.wait({first}, timeout=SHORT)
        writer.write(b"two")
        assert await first >= 2 * DELAY - TICK
        begin = asyncio.get_running_loop().time()
        assert await reader.readexactly(3) == b"two"
        assert asyncio.get_running_loop().time() - begin < 0.15


async def test_a_rate_throttles() -> None:
    """So many bytes a second, one direction after the other or both at once."""
    async with connected() as (proxy, reader, writer):
        await round_trip(reader, writer)
        proxy.rate = 100_000
        assert await round_trip(reader, writer, bytes(20_000)) >= 0.2 - TICK


async def test_one_caller_alone_may_be_held() -> None:
    """What `holds` says of a relay is asked for each of them, by the port that it came from."""
    async with connected() as (proxy, reader, writer):
        await round_trip(reader, writer)
        held = writer.get_extra_info("sockname")[1]
        proxy.holds = lambda relay: relay.caller == held  # type: ignore[method-assign]
        writer.write(b"held")
        newer = await called(proxy)
        await round_trip(*newer)
        newer[1].transport.abort()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), SHORT)
