"""What peers share whose actors are objects: one to call, and the workloads that call it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from benchmarks.actors_under_test import TEXT
from benchmarks.baselines.queues import asks_per_second
from benchmarks.baselines.sockets import ask_figures
from benchmarks.harness import Open, Run
from benchmarks.lifecycle import resident
from benchmarks.remote import OUTSTANDING

Called = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens something whose methods `ask` and `size` are those of a counter, and awaited."""


class Counter:
    """Counts what it gets."""

    def __init__(self) -> None:
        self.handled = 0

    def tell(self, message: tuple[int, str]) -> None:
        """Count one."""
        self.handled += 1 if message[1] else 0

    def count(self) -> int:
        """Answer how many there were."""
        return self.handled

    def ask(self, message: tuple[int, str]) -> int:
        """Answer the number."""
        return message[0]

    def size(self, payload: Any) -> int:
        """Answer how large that is."""
        return len(payload)


def asks(called: Called, part: float) -> Open:
    """W4, with that part of the messages."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        async with called() as counter:

            async def ask_one(number: int) -> Any:
                return await counter.ask((number, TEXT))

            async def run() -> Mapping[str, float]:
                return await ask_figures(ask_one, scale * part)

            yield run

    return open_


def blobs(called: Called, payload: Any, messages: int) -> Open:
    """W5: large payloads, a few outstanding, each answered when it is there."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        size = memoryview(payload).nbytes / 2**20
        async with called() as counter:

            async def send_one(_: int) -> Any:
                return await counter.size(payload)

            async def run() -> Mapping[str, float]:
                rate = await asks_per_second(send_one, int(messages * scale), OUTSTANDING)
                return {"rate": rate * size}

            yield run

    return open_


async def resident_here() -> int:
    """Return the bytes that this process has in memory."""
    return resident()


async def spawns(
    count: int,
    spawn: Callable[[], Awaitable[list[Any]]],
    stop: Callable[[list[Any]], Awaitable[None]],
    used: Callable[[], Awaitable[int]] = resident_here,
) -> Run:
    """Return a run of W6. What an actor takes is measured now, as memory is reused later."""

    async def run() -> Mapping[str, float]:
        before = await used()
        begin = time.perf_counter()
        actors = await spawn()
        spawned = time.perf_counter()
        memory = (await used() - before) / count
        stopping = time.perf_counter()
        await stop(actors)
        return {
            "spawn": count / (spawned - begin),
            "memory": memory,
            "stop": (time.perf_counter() - stopping) * 100_000 / count,
        }

    memory = (await run())["memory"]

    async def again() -> Mapping[str, float]:
        return {**await run(), "memory": memory}

    return again
