"""Workloads within one process, on bare `asyncio.Queue`s and tasks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from benchmarks.actors_under_test import TEXT, Reading, Token
from benchmarks.harness import Run

CHUNK = 1_000
"""Messages put in one go, before others get their turn."""


@contextlib.asynccontextmanager
async def tell(scale: float) -> AsyncGenerator[Run, None]:
    """One consumer task handles what it gets."""
    count = int(1_000_000 * scale)

    async def run() -> Mapping[str, float]:
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
            for number in range(start, min(start + CHUNK, count)):
                queue.put_nowait(Reading(number, TEXT))
            await asyncio.sleep(0)
        await consumer
        return {"rate": count / (time.perf_counter() - begin)}

    yield run


@contextlib.asynccontextmanager
async def ask(scale: float) -> AsyncGenerator[Run, None]:
    """One consumer task answers through the future that comes with each message."""
    queue: asyncio.Queue[tuple[Reading, asyncio.Future[int]]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def answer() -> None:
        count = 0
        while True:
            _message, future = await queue.get()
            count += 1
            future.set_result(count)

    async def ask_one(number: int) -> int:
        future: asyncio.Future[int] = loop.create_future()
        queue.put_nowait((Reading(number, TEXT), future))
        return await future

    async def run() -> Mapping[str, float]:
        sequential, wide = int(50_000 * scale), int(100_000 * scale)
        return {
            "sequential": await asks_per_second(ask_one, sequential, 1),
            "100 outstanding": await asks_per_second(ask_one, wide, 100),
        }

    consumer = asyncio.ensure_future(answer())
    yield run
    consumer.cancel()


async def asks_per_second(
    ask_one: Callable[[int], Awaitable[int]], count: int, outstanding: int
) -> float:
    """Ask about so often, with so many asks outstanding, each at least once."""
    each = max(count // outstanding, 1)

    async def asker() -> None:
        for number in range(each):
            await ask_one(number)

    begin = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(outstanding)))
    return each * outstanding / (time.perf_counter() - begin)


@contextlib.asynccontextmanager
async def ring(scale: float) -> AsyncGenerator[Run, None]:
    """A queue and a task for each place; a hundred tokens go round."""
    places, tokens, hops = 1_000, 100, int(10_000 * scale)

    async def run() -> Mapping[str, float]:
        home: asyncio.Queue[int] = asyncio.Queue()
        queues: list[asyncio.Queue[Token]] = [asyncio.Queue() for _ in range(places)]

        async def place(own: asyncio.Queue[Token], following: asyncio.Queue[Token]) -> None:
            while True:
                token = await own.get()
                if token.hops:
                    following.put_nowait(Token(token.hops - 1))
                else:
                    home.put_nowait(0)

        tasks = [
            asyncio.ensure_future(place(queues[i], queues[(i + 1) % places])) for i in range(places)
        ]
        begin = time.perf_counter()
        for index in range(tokens):
            queues[index * places // tokens].put_nowait(Token(hops))
        for _ in range(tokens):
            await home.get()
        seconds = time.perf_counter() - begin
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {"rate": tokens * hops / seconds}

    yield run
