"""Messages, actors and small helpers that the tests of reliable delivery share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from actors import (
    Actor,
    ActorRef,
    JournalRecord,
    Mailbox,
    Message,
    Node,
    Refusal,
    Reliable,
    Restored,
    on,
)
from tests.actors.kit import Cluster, Gate, Journal


class Order(Message[None]):
    """A numbered message; the consumer fails on it as many times as it says."""

    number: int
    failures: int = 0


class Refused(Message[None]):
    """One that the consumer refuses."""


class Never(Message[None]):
    """Nobody has a handler for it."""


class No(Refusal):
    """An expected error."""


class Shop(Actor):
    """Notes what it handles, with id and mark; waits at its gate, where it is given one."""

    def __init__(self, journal: Journal, gate: Gate | None = None) -> None:
        self.journal = journal
        self.gate = gate

    @on(Order)
    async def order(self, message: Order) -> None:
        assert self.message_id is not None
        if self.gate is not None:
            await self.gate.pass_through()
        attempts = self.journal.entries.count(("tried", message.number))
        self.journal.add(("tried", message.number))
        if attempts < message.failures:
            raise ValueError(f"attempt {attempts + 1}")
        self.journal.add((message.number, self.message_id.sequence, self.redelivered))

    @on(Refused)
    def refuse(self, message: Refused) -> None:
        raise No


class Narrow(Shop):
    """Has room for one."""

    mailbox = Mailbox(capacity=1)


class Dropping(Shop):
    """Gives up the oldest for a newer one."""

    mailbox = Mailbox(capacity=1, overflow="drop_old")


class Broad(Shop):
    """Takes two at once."""

    concurrency = 2


def stuck(node: Node) -> ActorRef[Shop]:
    """A shop that never comes to the end of its first order."""
    return node.spawn(Shop.props(Journal(), Gate()), shutdown=0)


def handled(journal: Journal) -> list[tuple[int, int, bool]]:
    """What was handled: number, sequence, and whether it was marked as redelivered."""
    return [entry for entry in journal.entries if entry[0] != "tried"]


async def send_all(reliable: Reliable, *numbers: int) -> None:
    """Send an order of each number."""
    for number in numbers:
        await reliable.send(Order(number))


@contextlib.asynccontextmanager
async def remote_shop(
    journal: Journal, gate: Gate | None = None
) -> AsyncGenerator[tuple[Cluster, Node, Node, ActorRef[Any]], None]:
    """Two nodes, and the first one's ref of a shop on the second."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        there.spawn(Shop.props(journal, gate), name="shop")
        yield cluster, here, there, await here.resolve("shop", at="there")


class MemoryJournal:
    """A journal that the test looks into, holds up, and has fail."""

    def __init__(self, *restored: JournalRecord, handled: int = 0) -> None:
        self.restored = Restored("memory", handled, restored)
        self.gate = Gate()
        self.gate.open()
        self.error: Exception | None = None
        self.batches: list[list[int]] = []
        self.handled = handled
        self.closed = False

    async def open(self, producer: str | None) -> Restored:
        await self._step()
        return self.restored._replace(producer=producer or self.restored.producer)

    async def write(self, producer: str, records: Sequence[JournalRecord], handled: int) -> None:
        await self._step()
        self.batches.append([record.sequence for record in records])
        self.handled = handled

    async def close(self, producer: str) -> None:
        self.closed = True

    async def _step(self) -> None:
        await self.gate.pass_through()
        if self.error is not None:
            raise self.error
