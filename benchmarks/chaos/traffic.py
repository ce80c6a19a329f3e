"""Steady reliable traffic: a shop on each node sends to the depot of each other one.

What `send` has accepted is written down beside the journal, and what a depot did is in its table,
by message id, as `docs/reliability.md` has it. Both survive the kill; `accounts` compares them.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from asyncio import Queue, Task
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    MemberUp,
    Message,
    Node,
    Reason,
    Reliable,
    SqliteJournal,
    on,
)

WINDOW = 200
"""Messages that may be under way on one stream."""

BEAT = 0.05
"""Seconds between two bursts of a stream."""

AGAIN = 0.05
"""Seconds until a depot that is not there yet is looked for again."""


class Parcel(Message[None]):
    """The so-manyeth that a stream has sent in this life of its process."""

    life: int
    number: int


class Drain(Message[None]):
    """Has a shop send no more; answers when all is handled."""


class Depot(Actor):
    """Does what each parcel says once; a repetition is known by its id."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")  # a killed process is survived all the same
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS effects (producer TEXT, sequence INTEGER, life INTEGER,"
            " number INTEGER, times INTEGER, unmarked INTEGER, PRIMARY KEY (producer, sequence))"
        )

    async def on_stop(self, reason: Reason) -> None:
        self.db.close()

    @on(Parcel)
    def take(self, parcel: Parcel) -> None:
        known = self.message_id
        assert known is not None
        self.db.execute(
            "INSERT INTO effects VALUES (?, ?, ?, ?, 1, 0) ON CONFLICT DO UPDATE"
            " SET times = times + 1, unmarked = unmarked + ?",
            (known.producer, known.sequence, parcel.life, parcel.number, not self.redelivered),
        )


class Stream:
    """One shop's parcels to one other node's depot, whichever lives there."""

    def __init__(self, node: Node, peer: str, rate: float, record: int) -> None:
        self.node = node
        self.peer = peer
        self.producer = f"{node.name}-{peer}"
        self.burst = round(rate * BEAT)
        self.record = record
        self.life = time.time_ns()
        self.draining = False
        self.back: Queue[MemberUp] = Queue()

    async def run(self, journal: SqliteJournal) -> None:
        """Send until it is to drain, and then until all is handled."""
        unsubscribe = self.node.events.subscribe(self.notice, MemberUp)
        try:
            depot = await self.depot()
            async with self.node.reliable(
                depot, window=WINDOW, journal=journal, producer=self.producer, wait=True
            ) as reliable:
                following = asyncio.create_task(self.follow(reliable))
                try:
                    await self.send(reliable)
                    await reliable.flush()
                finally:
                    following.cancel()
        finally:
            unsubscribe()

    def notice(self, event: MemberUp) -> None:
        """Remember that the peer is there again."""
        if event.member.name == self.peer:
            self.back.put_nowait(event)

    async def depot(self) -> ActorRef[Any]:
        """Return the depot that lives there now, once there is one."""
        while True:
            try:
                return await self.node.resolve("depot", at=self.peer)
            except (ActorsError, TimeoutError):
                await asyncio.sleep(AGAIN)

    async def follow(self, reliable: Reliable) -> None:
        """Each time the peer is there again, go on with the depot that lives there now."""
        while True:
            await self.back.get()
            reliable.redirect(await self.depot())

    async def send(self, reliable: Reliable) -> None:
        """Send a burst in each beat, and write down what was accepted."""
        accepted = 0
        while not self.draining:
            numbers = range(accepted, accepted + self.burst)
            await asyncio.gather(*(reliable.send(Parcel(self.life, each)) for each in numbers))
            accepted += self.burst
            os.write(self.record, f"{self.producer} {self.life} {accepted}\n".encode())
            await asyncio.sleep(BEAT)


class Shop(Actor):
    """Sends to all depots but its own, at so many messages a second each."""

    def __init__(self, peers: Sequence[str], folder: Path, rate: float) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.record = os.open(folder / f"{self.node.name}.accepted", flags, 0o600)
        self.journal = SqliteJournal(folder / f"{self.node.name}.journal", synchronous="NORMAL")
        self.streams = [Stream(self.node, peer, rate, self.record) for peer in peers]
        self.tasks: list[Task[None]] = []

    async def on_start(self) -> None:
        self.tasks = [self.create_task(each.run(self.journal)) for each in self.streams]

    async def on_stop(self, reason: Reason) -> None:
        os.close(self.record)

    @on(Drain)
    async def drain(self, message: Drain) -> None:
        for stream in self.streams:
            stream.draining = True
        await asyncio.gather(*self.tasks)
