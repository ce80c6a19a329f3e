"""Concurrent dictionary: many workers read and write one dictionary (Savina, concurrency).

Stresses reads and writes of shared state, nine to one, where every worker waits for each answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, check

WORKERS = 20
KEYS = 500
"""Keys of each worker: it alone writes them, all read them."""
WRITES = 0.1


class Read(Message[int | None]):
    """Answers the value of a key."""

    key: int


class Write(Message[None]):
    """Sets it."""

    key: int
    value: int


class Contents(Message[dict[int, int]]):
    """Answers all there is."""


class Work(Message[int]):
    """Do so many operations; answers how many reads missed the reader's own last write."""

    operations: int


def operations(worker: int, count: int) -> Iterator[Read | Write]:
    """Return what a worker does, always the same."""
    chance = random.Random(worker)
    for number in range(count):
        if chance.random() < WRITES:
            yield Write(chance.randrange(KEYS) * WORKERS + worker, number)
        else:
            yield Read(chance.randrange(KEYS * WORKERS))


class Dictionary(Actor):
    """Keeps the dictionary."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}

    @on(Read)
    def read(self, message: Read) -> int | None:
        return self.values.get(message.key)

    @on(Write)
    def write(self, message: Write) -> None:
        self.values[message.key] = message.value

    @on(Contents)
    def contents(self, message: Contents) -> dict[int, int]:
        return dict(self.values)


class Worker(Actor):
    """Reads and writes, one after the other."""

    def __init__(self, number: int, dictionary: ActorRef[Dictionary]) -> None:
        self.number = number
        self.dictionary = dictionary

    @on(Work)
    async def work(self, message: Work) -> int:
        written: dict[int, int] = {}
        missed = 0
        for operation in operations(self.number, message.operations):
            value = await self.dictionary.ask(operation)
            if isinstance(operation, Write):
                written[operation.key] = operation.value
            elif operation.key % WORKERS == self.number:
                missed += value != written.get(operation.key)
        return missed


async def run(node: Node, size: int) -> int:
    """Let every worker do so many operations."""
    dictionary = node.spawn(Dictionary)
    workers = [node.spawn(Worker.props(number, dictionary)) for number in range(WORKERS)]
    missed = await asyncio.gather(*(worker.ask(Work(size), timeout=None) for worker in workers))
    model = {
        operation.key: operation.value
        for number in range(WORKERS)
        for operation in operations(number, size)
        if isinstance(operation, Write)
    }
    check("reads that missed a write", sum(missed), 0)
    check("the contents", await dictionary.ask(Contents()), model)
    return 2 * size * WORKERS


PROGRAM = Program(
    "dictionary",
    "reads and writes of one state",
    "contents equal to a model",
    run,
    size=5_000,
    unit="operations a worker",
)
