"""The workloads: each returns how many of its units were done per second."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import sys
import time
from collections.abc import AsyncGenerator

from actors import ActorRef, Node
from benchmarks.actors_under_test import TEXT, Counter, Expect, Idle, Reading

CHUNK = 1_000
"""Messages told in one go, before others get their turn."""


async def queue_tell(count: int) -> float:
    """The baseline: a bare asyncio.Queue with one consumer task that handles what it gets."""
    queue: asyncio.Queue[Reading] = asyncio.Queue()
    handled = 0

    async def consume() -> None:
        nonlocal handled
        while handled < count:
            message = await queue.get()
            handled += 1 if message.text else 0

    begin = time.perf_counter()
    consumer = asyncio.ensure_future(consume())
    for start in range(0, count, CHUNK):
        for number in range(start, start + CHUNK):
            queue.put_nowait(Reading(number, TEXT))
        await asyncio.sleep(0)
    await consumer
    return count / (time.perf_counter() - begin)


async def tell(ref: ActorRef[Counter], count: int, already: int) -> float:
    """Tell one actor so many readings; done when it has handled the last."""
    begin = time.perf_counter()
    for start in range(0, count, CHUNK):
        for number in range(start, start + CHUNK):
            ref.tell(Reading(number, TEXT))
        await asyncio.sleep(0)
    handled = await ref.ask(Expect(already + count), timeout=120)
    if handled != already + count:
        raise AssertionError(f"{handled} of {already + count} handled")
    return count / (time.perf_counter() - begin)


async def ask(ref: ActorRef[Counter], count: int, outstanding: int) -> float:
    """Ask so often, with so many asks outstanding."""

    async def asker() -> None:
        for number in range(count // outstanding):
            await ref.ask(Reading(number, TEXT), timeout=60)

    begin = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(outstanding)))
    return count / (time.perf_counter() - begin)


async def spawn(node: Node, count: int) -> tuple[float, float]:
    """Spawn so many idle actors; returns how many per second, and the bytes that each takes."""
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    for start in range(0, count, CHUNK):
        for _ in range(start, start + CHUNK):
            node.spawn(Idle)
        await asyncio.sleep(0)
    rate = count / (time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return rate, (after - before) * 1024 / count


@contextlib.asynccontextmanager
async def second_process(node: Node) -> AsyncGenerator[str, None]:
    """Start a second node in a process of its own; gives its name."""
    command = [sys.executable, "-m", "actors.cli", "--name", "receiver"]
    command += ["--import", "benchmarks.actors_under_test", "--seed", node.address or ""]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await node.wait_for_members(2, timeout=30)
        yield "receiver"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
