"""What an attack leaves behind in a node process: nothing."""

from __future__ import annotations

import asyncio
import sys

import psutil
import pytest

from actors import ActorNotFoundError, Node
from tests.integration.conftest import Start
from tests.transport.stranger import Stranger, frame

MIB = 2**20
ATTACKERS = 50
CHUNKS = {
    "endless frames": frame(b"x" * 60_000, more=True),
    "endless empty frames": b"\x01\x00" * 30_000,
    "a huge frame": b"\x02" + (80 * MIB).to_bytes(8, "big") + b"x" * 60_000,
}


async def answers(node: Node) -> None:
    """The victim takes a question of its peer."""
    with pytest.raises(ActorNotFoundError):
        await node.resolve("nobody", at="victim", timeout=10.0)


async def attack(endpoint: str, chunk: bytes) -> None:
    """Many strangers at once, each until it is thrown out."""
    strangers = [await Stranger.through(endpoint, b"%d" % n) for n in range(ATTACKERS)]
    await asyncio.gather(*(stranger.flood(chunk) for stranger in strangers))


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say how many bytes came")
@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")
async def test_memory_after_an_attack_is_what_it_was_before(start: Start) -> None:
    """Fifty at once, three times; a peer is answered meanwhile, and has not lost its link."""
    command = start("--name", "victim")
    _, endpoint = command.ready()
    victim = psutil.Process(command.process.pid)
    async with Node("friend", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        await node.wait_for_members(2, timeout=20)
        await answers(node)
        before = victim.memory_info().rss
        for chunk in CHUNKS.values():
            await asyncio.gather(attack(endpoint, chunk), answers(node))
        async with asyncio.timeout(20):
            while victim.memory_info().rss > before + 20 * MIB:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.1)
        await answers(node)
    assert command.terminate() == 0
    assert not any("suspect" in line for line in command.err.rest())
