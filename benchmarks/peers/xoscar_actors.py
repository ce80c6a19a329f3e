"""xoscar: actors in pools, which are event loops; an actor of one's own pool is called directly.

`python -m benchmarks.peers.xoscar_actors` is a second pool: it prints its counter's address.
"""
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import uvloop
import xoscar

from benchmarks.actors_under_test import TEXT
from benchmarks.baselines.queues import asks_per_second
from benchmarks.harness import Run
from benchmarks.peers.calls import Counter, asks, blobs, spawns
from benchmarks.processes import python_process
from benchmarks.remote import ARRAY, MEBIBYTE


class CounterActor(Counter, xoscar.Actor):
    """An actor that counts."""


class Link(xoscar.Actor):
    """One place of the ring."""

    def __init__(self) -> None:
        super().__init__()
        self.home: Any = None
        self.next: Any = None

    async def join(self, following: Any, home: Any) -> None:
        """Learn who comes next, and where the tokens end."""
        self.next, self.home = await xoscar.actor_ref(following), await xoscar.actor_ref(home)

    async def hop(self, left: int) -> None:
        """Hand the token on, or say that it is done."""
        if left:
            await self.next.hop.tell(left - 1)
        else:
            await self.home.tell.tell((0, TEXT))


@contextlib.asynccontextmanager
async def pool() -> AsyncGenerator[str, None]:
    """A pool on this event loop; gives its address."""
    made = await xoscar.create_actor_pool("127.0.0.1:0", n_process=0)
    try:
        yield made.external_address
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def counter_here() -> AsyncGenerator[Any, None]:
    """A counter in this process, called directly."""
    async with pool() as address:
        yield await xoscar.actor_ref(await xoscar.create_actor(CounterActor, address=address))


@contextlib.asynccontextmanager
async def counter_elsewhere() -> AsyncGenerator[Any, None]:
    """A counter in another process, over tcp."""
    async with pool(), python_process("-m", __name__) as (address,):
        yield await xoscar.actor_ref("counter", address=address)


async def serve() -> None:
    """Be the second process."""
    async with pool() as address:
        await xoscar.create_actor(CounterActor, address=address, uid="counter")
        print(address, flush=True)
        await asyncio.Event().wait()


async def tell_all(ref: Any, count: int) -> float:
    """Tell so many, and ask until all are handled; return messages per second."""
    wanted = await ref.count() + count
    begin = time.perf_counter()
    for number in range(count):
        await ref.tell.tell((number, TEXT))
    while await ref.count() < wanted:
        await asyncio.sleep(0)
    return count / (time.perf_counter() - begin)


@contextlib.asynccontextmanager
async def w1(scale: float) -> AsyncGenerator[Run, None]:
    """One actor in this process."""
    async with counter_here() as ref:

        async def run() -> Mapping[str, float]:
            return {"rate": await tell_all(ref, max(int(200_000 * scale), 1))}

        yield run


@contextlib.asynccontextmanager
async def w2(scale: float) -> AsyncGenerator[Run, None]:
    """One actor in this process, asked."""
    count = int(100_000 * scale)
    async with counter_here() as ref:

        async def ask_one(number: int) -> Any:
            return await ref.ask((number, TEXT))

        async def run() -> Mapping[str, float]:
            return {
                "sequential": await asks_per_second(ask_one, count, 1),
                "100 outstanding": await asks_per_second(ask_one, count, 100),
            }

        yield run


@contextlib.asynccontextmanager
async def w3(scale: float) -> AsyncGenerator[Run, None]:
    """One actor in another process."""
    async with counter_elsewhere() as ref:

        async def run() -> Mapping[str, float]:
            return {"rate": await tell_all(ref, max(int(20_000 * scale), 1))}

        yield run


w4 = asks(counter_elsewhere, 0.25)
w5a = blobs(counter_elsewhere, MEBIBYTE, 512)
w5b = blobs(counter_elsewhere, ARRAY, 64)


@contextlib.asynccontextmanager
async def w6(scale: float) -> AsyncGenerator[Run, None]:
    """Actors in this process."""
    count = max(int(10_000 * scale), 1)
    async with pool() as address:

        async def spawn() -> list[Any]:
            return [await xoscar.create_actor(CounterActor, address=address) for _ in range(count)]

        async def stop(refs: list[Any]) -> None:
            for ref in refs:
                await xoscar.destroy_actor(ref)

        yield await spawns(count, spawn, stop)


@contextlib.asynccontextmanager
async def w7(scale: float) -> AsyncGenerator[Run, None]:
    """A thousand actors in a ring, and a hundred tokens that go round."""
    places, tokens, hops = 1_000, 100, max(int(2_000 * scale), 1)
    async with pool() as address:
        home = await xoscar.create_actor(CounterActor, address=address)
        links = [await xoscar.create_actor(Link, address=address) for _ in range(places)]
        for index, link in enumerate(links):
            await link.join(links[(index + 1) % places], home)

        async def run() -> Mapping[str, float]:
            wanted = await home.count() + tokens
            begin = time.perf_counter()
            for index in range(tokens):
                await links[index * places // tokens].hop.tell(hops)
            while await home.count() < wanted:
                await asyncio.sleep(0.001)
            return {"rate": tokens * hops / (time.perf_counter() - begin)}

        yield run


if __name__ == "__main__":
    uvloop.run(serve())
