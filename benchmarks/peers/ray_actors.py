"""Ray: an actor is a process, under a scheduler; large payloads go through shared memory."""
# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from types import SimpleNamespace
from typing import Any

from benchmarks.actors_under_test import TEXT
from benchmarks.harness import Run
from benchmarks.peers.calls import Counter, asks, blobs
from benchmarks.remote import ARRAY, MEBIBYTE

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Where it expects no other machines it listens on the loopback interface only, and only there.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

import ray  # reads both as it is imported


@contextlib.contextmanager
def cluster() -> Generator[Any, None, None]:
    """A cluster without a dashboard; gives a class of actors."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=2**30,
        _temp_dir=tempfile.gettempdir(),
    )
    try:
        yield ray.remote(num_cpus=0)(Counter)
    finally:
        ray.shutdown()


@contextlib.asynccontextmanager
async def counter() -> AsyncGenerator[Any, None]:
    """The methods of an actor that is up."""
    with cluster() as actor_class:
        actor = actor_class.remote()
        await actor.count.remote()
        names = ("tell", "count", "ask", "size")
        yield SimpleNamespace(**{name: getattr(actor, name).remote for name in names})


@contextlib.asynccontextmanager
async def w3(scale: float) -> AsyncGenerator[Run, None]:
    """Calls whose answers nobody waits for."""
    count = max(int(5_000 * scale), 1)
    async with counter() as actor:

        async def run() -> Mapping[str, float]:
            wanted = await actor.count() + count
            begin = time.perf_counter()
            for number in range(count):
                actor.tell((number, TEXT))
            if await actor.count() != wanted:
                raise AssertionError("messages are missing")
            return {"rate": count / (time.perf_counter() - begin)}

        yield run


w4 = asks(counter, 0.05)
w5a = blobs(counter, MEBIBYTE, 256)
w5b = blobs(counter, ARRAY, 64)


@contextlib.asynccontextmanager
async def w6(scale: float) -> AsyncGenerator[Run, None]:
    """A few processes, until each has answered; how long they take to end is not known to us."""
    count = max(int(10 * scale), 2)
    with cluster() as actor_class:

        async def run() -> Mapping[str, float]:
            begin = time.perf_counter()
            actors = [actor_class.remote() for _ in range(count)]
            ray.get([actor.count.remote() for actor in actors])
            rate = count / (time.perf_counter() - begin)
            for actor in actors:
                ray.kill(actor)
            return {"spawn": rate}

        yield run
