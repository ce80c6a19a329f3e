"""Dask: actors are objects on a worker process, and the client calls them directly.

There is no tell: W3 keeps the future of each call, and waits for all of them.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import distributed

from benchmarks.actors_under_test import TEXT
from benchmarks.harness import Run
from benchmarks.lifecycle import resident
from benchmarks.peers.calls import Counter, asks, blobs, spawns
from benchmarks.remote import ARRAY, MEBIBYTE


class Witness(Counter):
    """A counter that knows what its process has in memory."""

    def resident(self) -> int:
        """Answer that."""
        return resident()


@contextlib.asynccontextmanager
async def cluster() -> AsyncGenerator[Any, None]:
    """A scheduler here and one worker process, without a dashboard; gives its client."""
    async with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            asynchronous=True,
            silence_logs=50,
        ) as made,
        distributed.Client(made, asynchronous=True, direct_to_workers=True) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def counter() -> AsyncGenerator[Any, None]:
    """An actor that is up."""
    async with cluster() as client:
        yield await client.submit(Counter, actor=True)


@contextlib.asynccontextmanager
async def w3(scale: float) -> AsyncGenerator[Run, None]:
    """Calls whose answers are awaited at the end."""
    count = max(int(3_000 * scale), 1)
    async with counter() as actor:

        async def run() -> Mapping[str, float]:
            begin = time.perf_counter()
            calls = [actor.tell((number, TEXT)) for number in range(count)]
            for call in calls:
                await call
            return {"rate": count / (time.perf_counter() - begin)}

        yield run


w4 = asks(counter, 0.05)
w5a = blobs(counter, MEBIBYTE, 512)
w5b = blobs(counter, ARRAY, 64)


@contextlib.asynccontextmanager
async def w6(scale: float) -> AsyncGenerator[Run, None]:
    """Actors on the worker; stopped when the scheduler has forgotten them."""
    count = max(int(1_000 * scale), 1)
    async with cluster() as client:
        witness = await client.submit(Witness, actor=True)

        async def spawn() -> list[Any]:
            futures = [client.submit(Counter, actor=True, pure=False) for _ in range(count)]
            await client.gather(futures)
            return futures

        async def stop(futures: list[Any]) -> None:
            futures.clear()
            while sum(map(len, (await client.has_what()).values())) > 1:
                await asyncio.sleep(0)

        yield await spawns(count, spawn, stop, witness.resident)
