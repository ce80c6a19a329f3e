"""Beginnings and ends: W6 spawn and stop, W10 start, W11 supervision."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path

from actors import (
    ActorRef,
    ActorRestarted,
    Backoff,
    Child,
    Message,
    Node,
    OneForOne,
    Supervisor,
    on,
)
from actors.tuning import tune_collector
from benchmarks.actors_under_test import TEXT, Counter, Fragile, Idle, Reading
from benchmarks.baselines.queues import CHUNK
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload
from benchmarks.processes import python_process, second_node


def resident() -> int:
    """Return the bytes that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


@contextlib.asynccontextmanager
async def spawn(scale: float) -> AsyncGenerator[Run, None]:
    """Spawn idle actors, and shut their node down."""
    count = int(100_000 * scale)

    async def run() -> Mapping[str, float]:
        with tuned():
            async with Node("bench") as node:
                begin = time.perf_counter()
                for start in range(0, count, CHUNK):
                    for _ in range(start, start + CHUNK):
                        node.spawn(Idle)
                    await asyncio.sleep(0)
                spawned = time.perf_counter()
                await node.shutdown(timeout=None)
                stopped = time.perf_counter()
        # In a process of its own: this one has memory left from the round before.
        code = f"from benchmarks import lifecycle; lifecycle.print_memory({count})"
        async with python_process("-c", code) as (memory,):
            pass
        return {
            "spawn": count / (spawned - begin),
            "memory": float(memory),
            "stop": (stopped - spawned) * 100_000 / count,
        }

    yield run


def print_memory(count: int) -> None:
    """Print the bytes by which a process grows for each of so many idle actors."""

    async def grow() -> float:
        async with Node("bench") as node:
            gc.collect()
            before = resident()
            for _ in range(count):
                node.spawn(Idle)
            return (resident() - before) / count

    print(asyncio.run(grow()))


@contextlib.contextmanager
def tuned() -> Generator[None, None, None]:
    """Have the collector as `actors-node` has it."""
    thresholds = gc.get_threshold()
    tune_collector()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


@contextlib.asynccontextmanager
async def start(_scale: float) -> AsyncGenerator[Run, None]:
    """Import, start a node, and ask it something."""

    async def run() -> Mapping[str, float]:
        code = "import time; t = time.perf_counter(); import actors; print(time.perf_counter() - t)"
        async with python_process("-c", code) as (seconds,):
            imported = float(seconds)
        begin = time.perf_counter()
        async with python_process("-m", "actors.cli", "--log-level", "error"):
            ready = time.perf_counter() - begin
        async with Node("bench", bind="tcp://127.0.0.1:0") as node, second_node(node) as other:
            begin = time.perf_counter()
            await node.spawn(Counter, at=other).ask(Reading(0, TEXT))
            asked = time.perf_counter() - begin
        return {"import": imported, "ready": ready, "first ask": asked}

    yield run


class ChildOf(Message[ActorRef[Fragile]]):
    """Ask for a child by its name."""

    name: str


class Family(Supervisor):
    """Keeps one child that fails."""

    supervision = OneForOne(max_restarts=10**9, within=1.0, backoff=Backoff(0, 0))

    def child_specs(self) -> list[Child]:
        """The child."""
        return [Child(Fragile.props(), name="fragile")]

    @on(ChildOf)
    def child_of(self, message: ChildOf) -> ActorRef[Fragile] | None:
        """Answer its ref."""
        return self.child(message.name)


@contextlib.asynccontextmanager
async def restart(scale: float) -> AsyncGenerator[Run, None]:
    """Let a child fail again and again; stop many children in order."""
    failures, children = int(10_000 * scale), 10_000

    async def run() -> Mapping[str, float]:
        logging.getLogger("actors").setLevel(logging.CRITICAL)
        async with Node("bench") as node:
            done = asyncio.Event()
            restarts = 0

            def restarted(_: ActorRestarted) -> None:
                nonlocal restarts
                restarts += 1
                if restarts == failures:
                    done.set()

            node.events.subscribe(restarted, ActorRestarted)
            family = node.spawn(Family, name="family")
            fragile = await family.ask(ChildOf("fragile"))
            begin = time.perf_counter()
            for number in range(failures):
                fragile.tell(Reading(number, TEXT))
            await done.wait()
            rate = failures / (time.perf_counter() - begin)
        async with Node("bench") as node:
            for _ in range(children):
                node.spawn(Idle)
            begin = time.perf_counter()
            await node.shutdown(timeout=None)
            stopped = time.perf_counter() - begin
        logging.getLogger("actors").setLevel(logging.NOTSET)
        return {"restarts": rate, "stop 10,000": stopped}

    yield run


WORKLOADS = (
    Workload(
        "W6",
        "spawn and stop 100,000 actors",
        [
            Measure("spawn", "actors/s"),
            Measure("memory", "bytes", False),
            Measure("stop", "s", False),
        ],
        [Contender(ACTORS, spawn)],
        [Target("spawn", 300_000), Target("memory", 800), Target("stop", 1.0)],
    ),
    Workload(
        "W10",
        "start",
        [
            Measure("import", "s", False),
            Measure("ready", "s", False),
            Measure("first ask", "s", False),
        ],
        [Contender(ACTORS, start)],
        [Target("import", 0.15), Target("ready", 0.5), Target("first ask", 0.05)],
    ),
    Workload(
        "W11",
        "supervision",
        [Measure("restarts", "restarts/s"), Measure("stop 10,000", "s", False)],
        [Contender(ACTORS, restart)],
        [Target("restarts", 20_000), Target("stop 10,000", 1.0)],
    ),
)
