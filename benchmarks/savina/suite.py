"""All programs, and how one is run: on a fresh node, or a cluster, for each repetition."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping

from actors import Node
from benchmarks.harness import Contender, Measure, Run, Workload
from benchmarks.processes import READY_WITHIN, second_node
from benchmarks.savina import (
    bank,
    big,
    chameneos,
    counting,
    dictionary,
    fork_join,
    philosophers,
    ping_pong,
    queens,
    sieve,
    thread_ring,
    trapezoidal,
)
from benchmarks.savina.program import WORKER, Program, check

PATIENCE = 120.0
"""Seconds after which a program is taken for stuck."""

PROGRAMS: tuple[Program, ...] = (
    counting.PROGRAM,
    ping_pong.PROGRAM,
    thread_ring.PROGRAM,
    fork_join.THROUGHPUT,
    fork_join.CREATION,
    big.PROGRAM,
    chameneos.PROGRAM,
    dictionary.PROGRAM,
    philosophers.PROGRAM,
    bank.PROGRAM,
    sieve.PROGRAM,
    queens.PROGRAM,
    trapezoidal.PROGRAM,
)


@contextlib.asynccontextmanager
async def cluster(module: str, workers: int) -> AsyncGenerator[Node, None]:
    """A node with so many worker processes, which import the module; itself where there are none.

    The workers are one `actors-node`, which keeps so many nodes.
    """
    if workers == 0:
        async with Node("savina", roles=[WORKER]) as node:
            yield node
        return
    more = ["--workers", str(workers), "--role", WORKER, "--import", module]
    async with (
        Node("savina", bind="tcp://127.0.0.1:0") as node,
        second_node(node, WORKER, more=more),
    ):
        await node.wait_for_members(1 + workers, timeout=READY_WITHIN)
        yield node


async def measured(program: Program, size: int, workers: int = 0) -> Mapping[str, float]:
    """Run a program once; what it takes to set up and clear away does not count.

    Raises WrongAnswerError, also where a message failed or died, and TimeoutError.
    """
    async with cluster(program.run.__module__, workers) as node, asyncio.timeout(PATIENCE):
        begin = time.perf_counter()
        messages = await program.run(node, size)
        seconds = time.perf_counter() - begin
        stats = node.stats()
    check("messages that failed or died", stats.failed + stats.dead, 0)
    return {"seconds": seconds, "rate": messages / seconds}


def contender(program: Program, workers: int) -> Contender:
    """Return the program with so many worker processes; 0: all is done by this one."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        yield lambda: measured(program, program.resize(program.size, scale), workers)

    return Contender(on_workers(workers), open_)


def on_workers(workers: int) -> str:
    """Return the name of the contender with so many workers."""
    return "1 worker" if workers == 1 else f"{workers} workers"


def workload(program: Program, workers: int) -> Workload:
    """Return a program as the harness takes it; a parallel one with one worker and with all."""
    widths = sorted({1, workers}) if program.parallel else [0]
    return Workload(
        program.name,
        program.stresses,
        [Measure("seconds", "s", False), Measure("rate", "messages/s")],
        [contender(program, width) for width in widths],
    )
