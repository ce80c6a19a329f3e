"""The job: chunks go out through a router, answers come back, each chunk is merged once.

Delivery is at most once, so the asker decides: what failed with its worker is asked for again, and
an answer for a chunk that was merged before is dropped. Together that makes every chunk count
exactly once.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from actors import (
    ActorRef,
    ActorStoppedError,
    AskTimeoutError,
    MemberDown,
    MemberUp,
    Node,
    NodeUnreachableError,
    NoRouteesError,
)
from examples.wordcount.actors import CountChunk, Counted
from examples.wordcount.files import Chunk, Chunks

__all__ = ["Job", "MemberChanges", "Share", "Tally"]

ASK_TIMEOUT: Final = 60.0
PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0)
"""How long to wait for the cluster to change, at most, before each further try."""

TRY_AGAIN: Final = (ActorStoppedError, NodeUnreachableError, NoRouteesError, AskTimeoutError)


@dataclass(slots=True)
class Share:
    """What one node has done."""

    chunks: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Tally:
    """The sum so far."""

    words: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    handed_out: int = 0
    retried: int = 0
    lost: int = 0
    trouble: str = ""
    shares: dict[str, Share] = field(default_factory=dict)
    merged: set[int] = field(default_factory=set)

    def merge(self, chunk: Chunk, answer: Counted) -> None:
        """Add the answer for `chunk`, unless it was added before."""
        if chunk.id in self.merged:
            return
        self.merged.add(chunk.id)
        self.words.update(answer.words)
        self.files += chunk.files
        self.bytes += chunk.size
        share = self.shares.setdefault(answer.node, Share())
        share.chunks += 1
        share.bytes += chunk.size


class MemberChanges:
    """Lets a task wait until a node joins or is lost."""

    def __init__(self, node: Node) -> None:
        self._changed = asyncio.Event()
        self.end = node.events.subscribe(self._on_change, MemberUp, MemberDown)

    def _on_change(self, _event: object) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, at_most: float) -> None:
        """Return at the next change, and after `at_most` seconds in any case."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), at_most)


class Job:
    """Counts all chunks through `pool`, with at most `outstanding` of them under way at a time.

    `wait` lets time pass for the cluster to change; `progress` is called at every step, with the
    sum so far.
    """

    def __init__(
        self,
        pool: ActorRef[Any],
        chunks: Chunks,
        *,
        outstanding: int,
        wait: Callable[[float], Any],
        progress: Callable[[Tally], None],
    ) -> None:
        self.tally = Tally()
        self._pool = pool
        self._chunks: Iterator[Chunk] = iter(chunks)
        self._reading = asyncio.Lock()
        self._outstanding = outstanding
        self._wait = wait
        self._progress = progress
        self._soon = asyncio.get_running_loop().call_soon

    async def run(self) -> Tally:
        """Count until there are no more chunks, or until one had to be given up."""
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(self._outstanding):
                    lanes.create_task(self._lane())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return self.tally

    async def _lane(self) -> None:
        while (chunk := await self._next()) is not None:
            self.tally.handed_out += chunk.size
            self._soon(self._progress, self.tally)  # once the ask is under way
            answer = await self._count(chunk)
            if answer is None:
                self.tally.lost += 1
            else:
                self.tally.merge(chunk, answer)
            self._progress(self.tally)

    async def _next(self) -> Chunk | None:
        if self.tally.lost:
            return None
        async with self._reading:
            return await asyncio.to_thread(next, self._chunks, None)

    async def _count(self, chunk: Chunk) -> Counted | None:
        for pause in PAUSES:
            try:
                return await self._ask(chunk)
            except TRY_AGAIN:
                await self._wait(pause)
                self.tally.retried += 1
        try:
            return await self._ask(chunk)
        except TRY_AGAIN as error:
            self.tally.trouble = f"{type(error).__name__}: {error}"
            return None

    async def _ask(self, chunk: Chunk) -> Counted:
        return await self._pool.ask(CountChunk(chunk.id, chunk.text), timeout=ASK_TIMEOUT)
