"""W9: what a message costs its receiver as peers and actors become many."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from actors import Actor, ActorRef, Node, on
from benchmarks.actors_under_test import TEXT, Counter, Expect, Idle, Reading
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload
from benchmarks.processes import second_node

PEERS = (1, 2, 4, 8, 16)
ACTOR_COUNTS = (1_000, 10_000, 100_000, 1_000_000)


class Teller(Actor):
    """Tells a receiver so many readings as it is told."""

    def __init__(self, receiver: ActorRef[Counter]) -> None:
        self.receiver = receiver

    @on(Reading)
    async def tell_all(self, order: Reading) -> None:
        """Tell as many as the number says."""
        for number in range(order.number):
            self.receiver.tell(Reading(number, TEXT))
            if number % 1_000 == 999:
                await asyncio.sleep(0)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextlib.asynccontextmanager
async def peers(scale: float) -> AsyncGenerator[Run, None]:
    """So many other nodes tell this one; what counts is this process's time on the processor."""
    count = int(160_000 * scale)
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(Node("bench", bind="tcp://127.0.0.1:0"))
        counter = node.spawn(Counter)
        tellers = []
        for number in range(max(PEERS)):
            more = ["--import", "benchmarks.growth"]
            name = await stack.enter_async_context(second_node(node, f"peer-{number}", more=more))
            tellers.append(node.spawn(Teller.props(counter), at=name))

        async def run() -> Mapping[str, float]:
            costs = {}
            for width in PEERS:
                already = await counter.ask(Reading(0, ""))
                before = _used()
                for teller in tellers[:width]:
                    teller.tell(Reading(count // width, ""))
                await counter.ask(Expect(already + count // width * width), timeout=120)
                costs[str(width)] = (_used() - before) / count * 1e9
            return {**costs, "growth": max(costs.values()) / costs["1"]}

        yield run


@contextlib.asynccontextmanager
async def population(scale: float) -> AsyncGenerator[Run, None]:
    """One actor is told from another node, while ever more idle ones live beside it."""
    count = int(100_000 * scale)

    async def run() -> Mapping[str, float]:
        costs = {}
        async with Node("bench", bind="tcp://127.0.0.1:0") as node:
            more = ["--import", "benchmarks.growth"]
            async with second_node(node, more=more) as other:
                counter = node.spawn(Counter)
                teller = node.spawn(Teller.props(counter), at=other)
                living = 0
                for number in ACTOR_COUNTS:
                    for _ in range(number - living):
                        node.spawn(Idle)
                    living = number
                    await asyncio.sleep(0)
                    gc.collect()  # what the collector owes the spawns is no cost of messages
                    already = await counter.ask(Reading(0, ""))
                    before = _used()
                    teller.tell(Reading(count, ""))
                    await counter.ask(Expect(already + count), timeout=120)
                    costs[f"{number:,}"] = (_used() - before) / count * 1e9
        return {**costs, "growth": max(costs.values()) / costs[f"{ACTOR_COUNTS[0]:,}"]}

    yield run


def _workload(
    key: str,
    title: str,
    steps: list[str],
    open_: Callable[[float], AbstractAsyncContextManager[Run]],
) -> Workload:
    return Workload(
        key,
        title,
        [*(Measure(step, "ns/message", False) for step in steps), Measure("growth", "x", False)],
        [Contender(ACTORS, open_)],
        [Target("growth", 1.2)],
    )


WORKLOADS = (
    _workload("W9a", "cost of a message by number of peers", [str(n) for n in PEERS], peers),
    _workload(
        "W9b", "cost of a message by number of actors", [f"{n:,}" for n in ACTOR_COUNTS], population
    ),
)
