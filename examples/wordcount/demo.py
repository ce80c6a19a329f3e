"""One run of the demo: a cluster, a pool of counters over it, a kill, and the comparison."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from actors import ActorRef, Node, Role, Router
from examples.wordcount.actors import DEMO, CountWords
from examples.wordcount.cluster import ROLE, Workers
from examples.wordcount.display import Display, Result
from examples.wordcount.files import Chunks, Found, TextFile, chunk_size, count_files
from examples.wordcount.job import Job, MemberChanges, Tally

__all__ = ["Demo", "Interrupted", "run_until_signal"]

ROUTEES_PER_NODE: Final = 2
ASKS_PER_ROUTEE: Final = 2


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP came."""


class Demo:
    """Counts the words of what was found, on `nodes` worker processes."""

    def __init__(
        self, found: Found, nodes: int, *, kill: bool, display: Display, logs: Path
    ) -> None:
        self._found = found
        self._nodes = nodes
        self._kill = kill
        self._display = display
        self._workers = Workers(logs)
        self._chunks = Chunks(found.files, chunk_size(found.size, nodes))
        self._killed: str | None = None
        self._seconds = 0.0

    async def count(self) -> Tally:
        """Count on a cluster of worker processes, which are ended whatever happens."""
        async with Node(DEMO, bind="tcp://127.0.0.1:0") as node:
            try:
                await self._start_workers(node)
                pool = self._spawn_pool(node)
                tally = await self._count_through(pool, node)
                await pool.stop()
                return tally
            finally:
                self._display.end()
                await self._workers.end()

    async def _start_workers(self, node: Node) -> None:
        self._display.note(f"starting {self._nodes} worker processes")
        await self._workers.start(self._nodes, str(node.address))
        await self._workers.joined(node)
        names = ", ".join(sorted(member.name for member in node.members))
        self._display.note(f"the cluster is up: {names}")

    def _spawn_pool(self, node: Node) -> ActorRef[Any]:
        return node.spawn(
            Router.pool(
                CountWords.props(),
                size=self._nodes * ROUTEES_PER_NODE,
                at=Role(ROLE),
                strategy="least-connections",
            ),
            name="counters",
        )

    async def _count_through(self, pool: ActorRef[Any], node: Node) -> Tally:
        changes = MemberChanges(node)
        job = Job(
            pool,
            self._chunks,
            outstanding=self._nodes * ROUTEES_PER_NODE * ASKS_PER_ROUTEE,
            wait=changes.wait,
            progress=self._on_progress,
        )
        self._display.begin(len(self._found.files), self._found.size, self._workers.names)
        began = time.perf_counter()
        try:
            return await job.run()
        finally:
            self._seconds = time.perf_counter() - began
            changes.end()

    def _on_progress(self, tally: Tally) -> None:
        half_way = 2 * tally.handed_out >= self._found.size
        if self._kill and half_way and self._killed is None:
            self._kill_one()
        self._display.update(tally, self._killed)

    def _kill_one(self) -> None:
        worker = self._workers.kill_one()
        if worker is not None:
            self._killed = worker.name
            self._display.note(f"half-way: {worker.name}, pid {worker.process.pid}, gets SIGKILL")

    def verify(self, tally: Tally) -> bool:
        """Count again in this process, show the table, and return whether both are equal."""
        gone = set(self._chunks.gone)
        files = [file for file in self._found.files if file not in gone]
        self._display.note("counting again in this one process, to compare")
        began = time.perf_counter()
        words = count_files(files)
        self._show(tally, time.perf_counter() - began, len(gone))
        return self._compare(tally, words, files)

    def _show(self, tally: Tally, alone_seconds: float, gone: int) -> None:
        result = Result(
            tally=tally,
            workers=self._workers.names,
            killed=self._killed,
            seconds=self._seconds,
            alone_seconds=alone_seconds,
            not_text=self._found.not_text,
            unreadable=self._found.unreadable + gone,
        )
        self._display.table(result)

    def _compare(self, tally: Tally, words: Counter[str], files: list[TextFile]) -> bool:
        equal = dict(tally.words) == dict(words) and tally.lost == 0
        changed = 0 if equal else sum(file.has_changed() for file in files)
        if tally.lost:
            self._display.note(f"given up: {tally.trouble}")
        if changed:
            self._display.note(f"{changed:,} files were changed while they were counted")
        self._display.note(f"equal to a single-process count: {'yes' if equal else 'no'}")
        return equal


def run_until_signal(count: Coroutine[Any, Any, Tally]) -> Tally:
    """Run `count` to its end; a signal cancels it, and then it still ends the workers in order."""
    return asyncio.run(_until_signal(count))


async def _until_signal(count: Coroutine[Any, Any, Tally]) -> Tally:
    counting = asyncio.ensure_future(count)
    loop = asyncio.get_running_loop()
    signals: list[int] = []

    def interrupt(number: int) -> None:
        signals.append(number)
        if len(signals) == 1:  # those that follow must not disturb the ending of the workers
            counting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await counting
    except asyncio.CancelledError:
        raise Interrupted from None
