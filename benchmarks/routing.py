"""W8: routers, against telling their routees directly."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import cycle
from typing import Any

from actors import ActorRef, Node, Router
from benchmarks.actors_under_test import TEXT, Counter, Expect, Reading
from benchmarks.baselines.queues import CHUNK
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload
from benchmarks.processes import second_node

ROUTEES = 8

Tell = Callable[[Reading], None]


async def tell_all(tells: Sequence[Tell], routees: Sequence[ActorRef[Any]], count: int) -> float:
    """Tell by turns, until the routees have handled all of it; return the seconds."""
    already = sum([await routee.ask(Expect(0)) for routee in routees])
    begin = time.perf_counter()
    by_turns = cycle(tells)
    for start in range(0, count, CHUNK):
        for number in range(start, start + CHUNK):
            next(by_turns)(Reading(number, TEXT))
        await asyncio.sleep(0)
    handled = already
    while handled < already + count:  # who gets how many is the strategy's business
        handled = sum([await routee.ask(Expect(0), timeout=60) for routee in routees])
    return time.perf_counter() - begin


def routed(
    strategy: str | None, messages: int, *, remote: bool
) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """Tell eight actors through a router; without a strategy one after the other, directly."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        count = int(messages * scale) // CHUNK * CHUNK
        async with contextlib.AsyncExitStack() as stack:
            bind = "tcp://127.0.0.1:0" if remote else None
            node = await stack.enter_async_context(Node("bench", bind=bind))
            at = await stack.enter_async_context(second_node(node)) if remote else None
            routees = [node.spawn(Counter, at=at) for _ in range(ROUTEES)]
            tells: list[Tell] = [routee.tell for routee in routees]
            if strategy is not None:
                router = node.spawn(Router.group(routees, strategy))
                tells = [router.tell]

            async def run() -> Mapping[str, float]:
                return {"rate": count / await tell_all(tells, routees, count)}

            yield run

    return open_


def _workload(key: str, title: str, strategy: str, messages: int, *, remote: bool) -> Workload:
    return Workload(
        key,
        f"{strategy}, {title}",
        [Measure("rate", "messages/s")],
        [
            Contender(ACTORS, routed(strategy, messages, remote=remote)),
            Contender("routees directly", routed(None, messages, remote=remote)),
        ],
        [Target("rate", 0.7, "routees directly")],
    )


WORKLOADS = (
    _workload("W8a", "8 routees here", "round-robin", 400_000, remote=False),
    _workload("W8b", "8 routees here", "least-connections", 400_000, remote=False),
    _workload("W8c", "8 routees elsewhere", "round-robin", 200_000, remote=True),
    _workload("W8d", "8 routees elsewhere", "least-connections", 200_000, remote=True),
)
