"""Dining philosophers: an arbiter hands out the forks, or denies them (Savina, concurrency).

Stresses one actor that all others ask at once, and again whenever they were denied.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, check

SEATS = 20


class Hungry(Message[None]):
    """The one at this seat wants both forks."""

    seat: int


class Eat(Message[None]):
    """Here they are."""


class Denied(Message[None]):
    """A neighbour has one of them."""


class Sated(Message[None]):
    """The one at this seat is done with its meal."""

    seat: int


class Dined(NamedTuple):
    """How it was for one philosopher."""

    eaten: int
    denied: int
    clashes: int


class Arbiter(Actor):
    """Has the forks: number n lies left of seat n, right of it the next."""

    def __init__(self) -> None:
        self.taken = [False] * SEATS

    @on(Hungry)
    def decide(self, message: Hungry) -> None:
        assert self.sender is not None
        left, right = message.seat, (message.seat + 1) % SEATS
        if self.taken[left] or self.taken[right]:
            self.sender.tell(Denied())
        else:
            self.taken[left] = self.taken[right] = True
            self.sender.tell(Eat())

    @on(Sated)
    def take_back(self, message: Sated) -> None:
        self.taken[message.seat] = self.taken[(message.seat + 1) % SEATS] = False


class Philosopher(Actor):
    """Eats so many meals, each of which lasts until the others have had their turn.

    `eating` is the witness: all know who eats, whatever the arbiter thinks.
    """

    def __init__(
        self,
        seat: int,
        meals: int,
        arbiter: ActorRef[Arbiter],
        sink: ActorRef[Sink],
        eating: set[int],
    ) -> None:
        self.seat, self.meals, self.arbiter, self.sink = seat, meals, arbiter, sink
        self.eating = eating
        self.eaten = self.denied = self.clashes = 0

    async def on_start(self) -> None:
        self.arbiter.tell(Hungry(self.seat))

    @on(Denied)
    def ask_again(self, message: Denied) -> None:
        self.denied += 1
        self.arbiter.tell(Hungry(self.seat))

    @on(Eat)
    async def eat(self, message: Eat) -> None:
        self.clashes += len(self.eating & {(self.seat - 1) % SEATS, (self.seat + 1) % SEATS})
        self.eating.add(self.seat)
        await asyncio.sleep(0)
        self.eating.remove(self.seat)
        self.eaten += 1
        self.arbiter.tell(Sated(self.seat))
        if self.eaten < self.meals:
            self.arbiter.tell(Hungry(self.seat))
        else:
            self.sink.tell(Report(Dined(self.eaten, self.denied, self.clashes)))


async def run(node: Node, size: int) -> int:
    """Let every philosopher eat so many meals."""
    sink = node.spawn(Sink.props(SEATS))
    arbiter = node.spawn(Arbiter)
    eating: set[int] = set()
    for seat in range(SEATS):
        node.spawn(Philosopher.props(seat, size, arbiter, sink, eating))
    results: list[Dined] = await sink.ask(Results(), timeout=None)
    check("each one's meals", [each.eaten for each in results], [size] * SEATS)
    check("meals beside an eating neighbour", sum(each.clashes for each in results), 0)
    return sum(3 * each.eaten + 2 * each.denied for each in results)


PROGRAM = Program(
    "philosophers",
    "an arbiter with 20 clients",
    "all meals, no neighbours at once",
    run,
    size=3_000,
    unit="meals each",
)
