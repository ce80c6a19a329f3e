"""Pykka: an actor is a thread with a queue, all in one process."""
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pykka

from benchmarks.actors_under_test import TEXT
from benchmarks.baselines.queues import asks_per_second
from benchmarks.harness import Run
from benchmarks.peers.calls import spawns


class Counter(pykka.ThreadingActor):
    """Counts what it gets; answers with the count."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: tuple[int, str] | None) -> int:
        """Count one, or only say how many there were."""
        if message is not None and message[1]:
            self.count += 1
        return self.count


class Link(pykka.ThreadingActor):
    """One place of the ring."""

    def __init__(self, home: queue.SimpleQueue[int]) -> None:
        super().__init__()
        self.home = home
        self.next: Any = None

    def on_receive(self, message: Any) -> None:
        """Learn who comes next, or hand the token on, or say that it is done."""
        if isinstance(message, pykka.ActorRef):
            self.next = message
        elif message:
            self.next.tell(message - 1)
        else:
            self.home.put(0)


@contextlib.asynccontextmanager
async def w1(scale: float) -> AsyncGenerator[Run, None]:
    """One actor, told from the main thread."""
    count = int(200_000 * scale)
    ref = Counter.start()

    async def run() -> Mapping[str, float]:
        already = ref.ask(None)
        begin = time.perf_counter()
        for number in range(count):
            ref.tell((number, TEXT))
        if ref.ask(None) != already + count:
            raise AssertionError("messages are missing")
        return {"rate": count / (time.perf_counter() - begin)}

    yield run
    ref.stop()


@contextlib.asynccontextmanager
async def w2(scale: float) -> AsyncGenerator[Run, None]:
    """One actor, asked from the main thread."""
    ref = Counter.start()

    async def ask_one(number: int) -> Any:
        return ref.ask((number, TEXT))

    async def ask_ahead(number: int) -> Any:
        return await ref.ask((number, TEXT), block=False)

    async def run() -> Mapping[str, float]:
        return {
            "sequential": await asks_per_second(ask_one, int(10_000 * scale), 1),
            "100 outstanding": await asks_per_second(ask_ahead, int(100_000 * scale), 100),
        }

    yield run
    ref.stop()


@contextlib.asynccontextmanager
async def w6(scale: float) -> AsyncGenerator[Run, None]:
    """Threads, a thousand at most."""
    count = min(max(int(1_000 * scale), 1), 1_000)

    async def spawn() -> list[Any]:
        return [Counter.start() for _ in range(count)]

    async def stop(refs: list[Any]) -> None:
        for ref in refs:
            ref.stop(block=False)
        for ref in refs:
            ref.actor_stopped.wait()

    yield await spawns(count, spawn, stop)


@contextlib.asynccontextmanager
async def w7(scale: float) -> AsyncGenerator[Run, None]:
    """A thousand threads in a ring, and a hundred tokens that go round."""
    places, tokens, hops = 1_000, 100, max(int(2_000 * scale), 1)
    home: queue.SimpleQueue[int] = queue.SimpleQueue()
    links = [Link.start(home) for _ in range(places)]
    for index, link in enumerate(links):
        link.tell(links[(index + 1) % places])

    async def run() -> Mapping[str, float]:
        begin = time.perf_counter()
        for index in range(tokens):
            links[index * places // tokens].tell(hops)
        for _ in range(tokens):
            home.get()
        return {"rate": tokens * hops / (time.perf_counter() - begin)}

    yield run
    pykka.ActorRegistry.stop_all()
