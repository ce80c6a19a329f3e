"""Chameneos: creatures meet in pairs at a mall and change colour (Savina, micro-benchmarks).

Stresses contention for one mailbox: all go through the mall before and after every meeting.
"""

from __future__ import annotations

from typing import Any

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, check

CREATURES = 100
COLOURS = ("blue", "red", "yellow")


def complement(colour: str, other: str) -> str:
    """Return the same colour where both are alike, else the third one."""
    if colour == other:
        return colour
    [third] = set(COLOURS) - {colour, other}
    return third


class Meet(Message[None]):
    """One of that colour wants to meet another."""

    colour: str


class Change(Message[None]):
    """The other's new colour, after a meeting."""

    colour: str


class Leave(Message[None]):
    """There are no meetings any more."""


class Mall(Actor):
    """Brings together every two that come, so many times."""

    def __init__(self, meetings: int) -> None:
        self.meetings = meetings
        self.waiting: ActorRef[Any] | None = None

    @on(Meet)
    def meet(self, message: Meet) -> None:
        assert self.sender is not None
        if self.meetings == 0:
            self.sender.tell(Leave())
        elif self.waiting is None:
            self.waiting = self.sender
        else:
            self.meetings -= 1
            self.forward(self.waiting, message)
            self.waiting = None


class Creature(Actor):
    """Goes to the mall again and again, and counts whom it met."""

    def __init__(self, colour: str, mall: ActorRef[Mall], sink: ActorRef[Sink]) -> None:
        self.colour = colour
        self.mall = mall
        self.sink = sink
        self.meetings = 0

    async def on_start(self) -> None:
        self.mall.tell(Meet(self.colour))

    @on(Meet)
    def meet(self, other: Meet) -> None:
        assert self.sender is not None
        self.sender.tell(Change(complement(self.colour, other.colour)))
        self.change(Change(complement(self.colour, other.colour)))

    @on(Change)
    def change(self, message: Change) -> None:
        self.colour = message.colour
        self.meetings += 1
        self.mall.tell(Meet(self.colour))

    @on(Leave)
    def leave(self, message: Leave) -> None:
        self.sink.tell(Report(self.meetings))


async def run(node: Node, size: int) -> int:
    """Let so many meetings happen."""
    sink = node.spawn(Sink.props(CREATURES))
    mall = node.spawn(Mall.props(size))
    for number in range(CREATURES):
        node.spawn(Creature.props(COLOURS[number % 3], mall, sink))
    met = await sink.ask(Results(), timeout=None)
    check("all creatures' meetings", sum(met), 2 * size)
    return 4 * size + 2 * CREATURES


PROGRAM = Program(
    "chameneos",
    "contention for one mailbox",
    "sum of meetings = 2 x meetings",
    run,
    size=60_000,
    unit="meetings",
)
