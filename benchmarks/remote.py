"""Between two processes over tcp on the loopback interface: W3 tell, W4 ask, W5 large payloads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import numpy as np

from actors import ActorRef, Node
from benchmarks.actors_under_test import TEXT, Blob, Counter, Expect, Reading
from benchmarks.baselines import sockets
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload
from benchmarks.local import tell_all
from benchmarks.processes import second_node

MEBIBYTE = os.urandom(2**20)
ARRAY = np.random.default_rng(1).random(2**20)
OUTSTANDING = 8


@contextlib.asynccontextmanager
async def counter_elsewhere() -> AsyncGenerator[ActorRef[Counter], None]:
    """A counter on a second node, in a process of its own."""
    async with Node("bench", bind="tcp://127.0.0.1:0") as node, second_node(node) as other:
        yield node.spawn(Counter, at=other)


@contextlib.asynccontextmanager
async def tell(scale: float) -> AsyncGenerator[Run, None]:
    """One actor there, told from here."""
    count = int(500_000 * scale)
    async with counter_elsewhere() as ref:

        async def run() -> Mapping[str, float]:
            return {"rate": count / await tell_all(ref, count)}

        yield run


@contextlib.asynccontextmanager
async def ask(scale: float) -> AsyncGenerator[Run, None]:
    """One actor there, asked from here."""
    async with counter_elsewhere() as ref:

        async def ask_one(number: int) -> int:
            return await ref.ask(Reading(number, TEXT), timeout=60)

        async def run() -> Mapping[str, float]:
            return await sockets.ask_figures(ask_one, scale)

        yield run


def blobs(payload: Any, messages: int) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """Large payloads, sent with backpressure, a few outstanding."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        async with counter_elsewhere() as ref:
            yield blobs_to(ref, payload, int(messages * scale))

    return open_


def blobs_to(ref: ActorRef[Counter], payload: Any, messages: int) -> Run:
    """Large payloads to an actor."""
    count = max(messages, OUTSTANDING) // OUTSTANDING

    async def sender() -> None:
        for _ in range(count):
            await ref.send(Blob(payload), timeout=60)

    async def run() -> Mapping[str, float]:
        already = await ref.ask(Reading(0, ""))
        begin = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(OUTSTANDING)))
        await ref.ask(Expect(already + count * OUTSTANDING), timeout=60)
        seconds = time.perf_counter() - begin
        size = memoryview(payload).nbytes / 2**20
        return {"rate": count * OUTSTANDING * size / seconds}

    return run


_ONE, _MANY = "pyzmq + msgpack, 1 a frame", "pyzmq + msgpack, 256 a frame"
_ECHO = "DEALER/ROUTER echo"
_BARE = "pyzmq, copy=False"
ERLANG = "Erlang"
"""The peer whose rates are to be reached; it takes part with `--peers`."""

WORKLOADS = (
    Workload(
        "W3",
        "tell, two processes",
        [Measure("rate", "messages/s")],
        [
            Contender(ACTORS, tell),
            Contender(_MANY, sockets.tell(256, 1_000_000)),
            Contender(_ONE, sockets.tell(1, 200_000)),
        ],
        [Target("rate", 0.5, _MANY), Target("rate", 1.0, ERLANG)],
    ),
    Workload(
        "W4",
        "ask, two processes",
        [Measure("p50", "us", False), Measure("p99", "us", False), Measure("rate", "asks/s")],
        [Contender(ACTORS, ask), Contender(_ECHO, sockets.ask)],
        [
            Target("p50", 1.25, _ECHO),
            Target("rate", 0.5, _ECHO),
            Target("rate", 1.0, ERLANG),
        ],
    ),
    Workload(
        "W5a",
        "1 MiB of bytes, two processes",
        [Measure("rate", "MiB/s")],
        [
            Contender(ACTORS, blobs(MEBIBYTE, 512)),
            Contender(_BARE, sockets.blobs(MEBIBYTE, 512)),
        ],
        [Target("rate", 0.8, _BARE)],
    ),
    Workload(
        "W5b",
        "arrays of 8 MiB, two processes",
        [Measure("rate", "MiB/s")],
        [Contender(ACTORS, blobs(ARRAY, 64)), Contender(_BARE, sockets.blobs(ARRAY, 64))],
        [Target("rate", 0.8, _BARE)],
    ),
)
