"""Counting: one actor counts what another tells it (Savina, micro-benchmarks).

Stresses a mailbox that has one producer and one consumer: the plain price of a message.
"""

from __future__ import annotations

import asyncio

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, batches, check


class Increment(Message[None]):
    """One more."""


class Retrieve(Message[int]):
    """Answers the count."""


class Produce(Message[int]):
    """Have so many counted; answers the count that comes of it."""

    increments: int


class Counter(Actor):
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    @on(Increment)
    def increment(self, message: Increment) -> None:
        self.count += 1

    @on(Retrieve)
    def retrieve(self, message: Retrieve) -> int:
        return self.count


class Producer(Actor):
    """Tells the counter as fast as it can, then asks for the count."""

    def __init__(self, counter: ActorRef[Counter]) -> None:
        self.counter = counter

    @on(Produce)
    async def produce(self, message: Produce) -> int:
        for batch in batches(message.increments):
            for _ in batch:
                self.counter.tell(Increment())
            await asyncio.sleep(0)
        return await self.counter.ask(Retrieve())


async def run(node: Node, size: int) -> int:
    """Count so many."""
    producer = node.spawn(Producer.props(node.spawn(Counter)))
    count = await producer.ask(Produce(size), timeout=None)
    check("increments counted", count, size)
    return size


PROGRAM = Program(
    "counting", "a mailbox, one producer", "the count", run, size=500_000, unit="increments"
)
