"""Within one node: W1 tell, W2 ask, W7 a ring."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from actors import ActorRef, Node
from benchmarks.actors_under_test import TEXT, Counter, Expect, Link, Reading, Token
from benchmarks.baselines import queues
from benchmarks.baselines.queues import CHUNK
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload


async def tell_all(ref: ActorRef[Any], count: int) -> float:
    """Tell so many readings, and wait until all are handled; return the seconds it took."""
    already = await ref.ask(Reading(0, ""))
    begin = time.perf_counter()
    for start in range(0, count, CHUNK):
        for number in range(start, min(start + CHUNK, count)):
            ref.tell(Reading(number, TEXT))
        await asyncio.sleep(0)
    handled = await ref.ask(Expect(already + count), timeout=300)
    seconds = time.perf_counter() - begin
    if handled != already + count:
        raise AssertionError(f"{handled} handled, {already + count} told")
    return seconds


@contextlib.asynccontextmanager
async def tell(scale: float) -> AsyncGenerator[Run, None]:
    """One actor, told from outside."""
    count = int(1_000_000 * scale)
    async with Node("bench") as node:
        ref = node.spawn(Counter)

        async def run() -> Mapping[str, float]:
            return {"rate": count / await tell_all(ref, count)}

        yield run


@contextlib.asynccontextmanager
async def ask(scale: float) -> AsyncGenerator[Run, None]:
    """One actor, asked from outside."""
    async with Node("bench") as node:
        ref = node.spawn(Counter)

        async def ask_one(number: int) -> int:
            return await ref.ask(Reading(number, TEXT), timeout=60)

        async def run() -> Mapping[str, float]:
            sequential, wide = int(50_000 * scale), int(100_000 * scale)
            return {
                "sequential": await queues.asks_per_second(ask_one, sequential, 1),
                "100 outstanding": await queues.asks_per_second(ask_one, wide, 100),
            }

        yield run


@contextlib.asynccontextmanager
async def ring(scale: float) -> AsyncGenerator[Run, None]:
    """A thousand actors in a ring, and a hundred tokens that go round."""
    places, tokens, hops = 1_000, 100, int(10_000 * scale)
    async with Node("bench") as node:
        home = node.spawn(Counter)
        links = [node.spawn(Link.props(home)) for _ in range(places)]
        for index, link in enumerate(links):
            await link.ask(links[(index + 1) % places])

        async def run() -> Mapping[str, float]:
            already = await home.ask(Reading(0, ""))
            begin = time.perf_counter()
            for index in range(tokens):
                links[index * places // tokens].tell(Token(hops))
            await home.ask(Expect(already + tokens), timeout=300)
            return {"rate": tokens * hops / (time.perf_counter() - begin)}

        yield run


WORKLOADS = (
    Workload(
        "W1",
        "tell, same node, one actor",
        [Measure("rate", "messages/s")],
        [Contender(ACTORS, tell), Contender("asyncio.Queue", queues.tell)],
        [Target("rate", 1.0, "asyncio.Queue")],
    ),
    Workload(
        "W2",
        "ask, same node",
        [Measure("sequential", "asks/s"), Measure("100 outstanding", "asks/s")],
        [Contender(ACTORS, ask), Contender("asyncio.Queue", queues.ask)],
        [
            Target("sequential", 0.8, "asyncio.Queue"),
            Target("100 outstanding", 0.8, "asyncio.Queue"),
        ],
    ),
    Workload(
        "W7",
        "ring of 1,000 actors, 1M hops",
        [Measure("rate", "hops/s")],
        [Contender(ACTORS, ring), Contender("asyncio.Queue", queues.ring)],
        [Target("rate", 0.5, "asyncio.Queue")],
    ),
)
