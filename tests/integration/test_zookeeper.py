"""The lease with a real ZooKeeper, and nodes that are killed and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors import Node
from tests.integration.kit import vault
from tests.integration.zookeeper import ZooKeeper, missing

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(120),  # processes start slowly on a busy machine
]

Start = Callable[..., Any]
FOLDER = "/actors/singletons/keeper"


@pytest.fixture
def zookeeper(tmp_path: Path) -> Iterator[ZooKeeper]:
    """Give a server that runs, and end it."""
    server = ZooKeeper(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(zookeeper: ZooKeeper) -> Iterator[Any]:
    """Give a plain client that looks at what there is."""
    from kazoo.client import KazooClient

    client = KazooClient(zookeeper.hosts, timeout=2.0)
    client.start(timeout=60)
    yield client
    client.stop()
    client.close()


@pytest.fixture
def first(zookeeper: ZooKeeper, start: Start) -> Any:
    """Start the node that runs the singleton."""
    command = start("vault:keep", "--name", "first", VAULT_ZOOKEEPER=zookeeper.hosts)
    _, command.endpoint = command.ready()
    return command


@pytest.fixture
def second(zookeeper: ZooKeeper, start: Start, first: Any) -> Any:
    """Start the node that would run it next."""
    command = start(
        *("vault:keep", "--name", "second", "--seed", first.endpoint),
        VAULT_ZOOKEEPER=zookeeper.hosts,
    )
    command.ready()
    return command


def token(command: Any, name: str) -> int:
    """Wait until the instance runs there, and has written; return its token."""
    return int(command.out.wait_for(rf"{name} runs with (\d+) taken")[1])


def lease(zookeeper: ZooKeeper) -> Any:
    """Return a lease of this process."""
    from actors.singleton.zookeeper import ZooKeeperLease

    return ZooKeeperLease(zookeeper.hosts, session_timeout=4.0)


@asynccontextmanager
async def lent(lease: Any, lost: Callable[[], None] = lambda: None) -> AsyncIterator[int]:
    """Have the lease for a while."""
    yield await lease.acquire("keeper", lost)
    await lease.release("keeper")


async def test_one_at_a_time_and_each_with_a_larger_token(
    zookeeper: ZooKeeper, client: Any
) -> None:
    """The second waits until the first has released it; then no node is left."""
    one, other = lease(zookeeper), lease(zookeeper)
    tokens = []
    async with lent(one) as number:
        tokens.append(number)
        waiting = asyncio.ensure_future(other.acquire("keeper", lambda: None))
        await in_line(client, 2)
        assert not waiting.done()
    tokens.append(await waiting)
    await other.release("keeper")
    async with lent(one) as number:
        tokens.append(number)
    assert tokens == sorted(set(tokens))
    assert client.get_children(FOLDER) == []


async def test_who_gives_up_waiting_leaves_nothing_behind(
    zookeeper: ZooKeeper, client: Any
) -> None:
    """Cancelled in the line, or at any moment before: no node is left when that is over."""
    one, other = lease(zookeeper), lease(zookeeper)
    async with lent(one):
        waiting = asyncio.ensure_future(other.acquire("keeper", lambda: None))
        await in_line(client, 2)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert len(client.get_children(FOLDER)) == 1
        for turns in range(12):
            waiting = asyncio.ensure_future(other.acquire("keeper", lambda: None))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert waiting.cancelled()
        await other.release("keeper")
    async with lent(other):
        assert len(client.get_children(FOLDER)) == 1


async def test_a_claim_that_somebody_deletes_is_lost(zookeeper: ZooKeeper, client: Any) -> None:
    """Whoever does that in ZooKeeper takes the lease away."""
    lost = asyncio.Event()
    async with lent(lease(zookeeper), lost.set):
        [claim] = client.get_children(FOLDER)
        client.delete(f"{FOLDER}/{claim}")
        await lost.wait()


async def test_without_a_zookeeper_one_waits_for_it(zookeeper: ZooKeeper) -> None:
    """Nothing fails; when it comes the lease is there; when it goes the lease is lost."""
    zookeeper.stop()
    lost = asyncio.Event()
    one = lease(zookeeper)
    waiting = asyncio.ensure_future(one.acquire("keeper", lost.set))
    await asyncio.sleep(0)
    zookeeper.start()
    before = await waiting
    assert not lost.is_set()
    zookeeper.stop()
    await lost.wait()
    await one.release("keeper")
    zookeeper.start()
    async with lent(one) as after:
        assert after > before


async def in_line(client: Any, number: int) -> None:
    """Wait until there are so many claims."""
    there = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look(names: list[str]) -> bool:
        if len(names) == number:
            loop.call_soon_threadsafe(there.set)
        return len(names) != number

    client.ensure_path(FOLDER)
    client.ChildrenWatch(FOLDER, look)
    await there.wait()


def test_it_moves_at_once_when_its_node_leaves(first: Any, second: Any, client: Any) -> None:
    """SIGTERM releases the lease; when both have ended nothing is left in ZooKeeper."""
    before = token(first, "first")
    assert first.terminate() == 0
    assert token(second, "second") > before
    assert second.terminate() == 0
    assert client.get_children(FOLDER) == []


def test_it_moves_when_its_node_is_killed(first: Any, second: Any, client: Any) -> None:
    """The other gets the lease, with a larger token, when the session of the dead one is over."""
    before = token(first, "first")
    [claim] = client.get_children(FOLDER)
    assert not any("runs" in line for line in second.out.seen)
    first.send(signal.SIGKILL)
    first.code()
    after = token(second, "second")
    assert after > before
    assert claim not in client.get_children(FOLDER)


@pytest.mark.loops("asyncio")  # of this process; the command has its own
async def test_a_stopped_process_does_no_harm_when_it_goes_on(
    first: Any, second: Any, tmp_path: Path
) -> None:
    """SIGSTOP in the middle of a write: another runs; the late write is refused, and it ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    before = await asyncio.to_thread(token, first, "first")
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[first.endpoint]) as node:
        keeper = await node.resolve("keeper", at="first", timeout=20.0)
        keeper.tell(vault().WriteLate(str(pipe)))
        await asyncio.to_thread(first.out.wait_for, "first is about to write")
        first.send(signal.SIGSTOP)
        after = await asyncio.to_thread(token, second, "second")
        assert after > before
        first.send(signal.SIGCONT)
        await asyncio.to_thread(pipe.write_bytes, b"now")
        await asyncio.to_thread(first.out.wait_for, f"first wrote with {before} refused")
        await asyncio.to_thread(first.err.wait_for, "the singleton ran here, and has stopped")
    assert vault().written(tmp_path) == ("second", after)
    assert not any("runs" in line for line in first.out.seen[2:])


def test_it_ends_with_zookeeper_and_comes_back_with_it(
    zookeeper: ZooKeeper, first: Any, second: Any
) -> None:
    """Without ZooKeeper nobody may run it; afterwards the same node does, with a larger token."""
    before = token(first, "first")
    zookeeper.stop()
    first.out.wait_for(f"first ended {before}")
    first.err.wait_for("no ZooKeeper at .* has answered for 5 s")
    zookeeper.start()
    assert token(first, "first") > before
    assert second.terminate() == 0
    assert second.out.rest() == second.out.seen
    assert not any("runs" in line for line in second.out.seen)
