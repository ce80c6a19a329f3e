"""Fork-join: work is spread over many actors, and the end of all of it is awaited (Savina, micro).

Throughput has a few actors with many messages each and stresses fair turns; creation has as many
actors as messages, which come, work and go, and stresses spawning and stopping.
"""

from __future__ import annotations

import asyncio

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, batches, check

WORKERS = 60


class Task(Message[None]):
    """One piece of work."""

    number: int


class Worker(Actor):
    """Adds up its tasks; joins after the last of them."""

    def __init__(self, tasks: int, sink: ActorRef[Sink]) -> None:
        self.tasks = tasks
        self.sink = sink
        self.total = 0

    @on(Task)
    def work(self, task: Task) -> None:
        self.total += task.number
        self.tasks -= 1
        if self.tasks == 0:
            self.sink.tell(Report(self.total))
            self.stop()


async def throughput(node: Node, size: int) -> int:
    """Give each of the workers so many tasks, by turns."""
    sink = node.spawn(Sink.props(WORKERS))
    workers = [node.spawn(Worker.props(size, sink)) for _ in range(WORKERS)]
    for number in range(size):
        for worker in workers:
            worker.tell(Task(number))
        if number % 10 == 0:
            await asyncio.sleep(0)
    totals = await sink.ask(Results(), timeout=None)
    check("each worker's total", totals, [size * (size - 1) // 2] * WORKERS)
    return size * WORKERS


async def creation(node: Node, size: int) -> int:
    """Spawn so many workers for one task each."""
    sink = node.spawn(Sink.props(size))
    recipe = Worker.props(1, sink)
    for batch in batches(size):
        for number in batch:
            node.spawn(recipe).tell(Task(number))
        await asyncio.sleep(0)
    totals = await sink.ask(Results(), timeout=None)
    check("the workers' tasks", sorted(totals), list(range(size)))
    return size


THROUGHPUT = Program(
    "fork-join-throughput",
    "fair turns of 60 actors",
    "each actor's sum",
    throughput,
    size=8_000,
    unit="tasks an actor",
)
CREATION = Program(
    "fork-join-creation",
    "spawn and stop",
    "every actor's task, once",
    creation,
    size=30_000,
    unit="actors",
)
