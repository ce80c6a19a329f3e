"""Post: actors that tell, ask and watch each other, and supervisors whose children fail.

Every node has a station, which writes to all others, on and on. A letter says to whom it goes, and
as which of how many, so that whoever receives it can see what should never be. Beside it are
supervisors whose children fail: one keeps its child on the same node, one on any node of a role.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    Child,
    Message,
    Node,
    OneForOne,
    Role,
    Supervisor,
    Terminated,
    on,
)
from actors.testing import InvariantError
from tests.simulation.workload.observer import Observer
from tests.simulation.workload.work import Work

BOUND = 30.0
"""Virtual seconds within which everybody must answer, once the faults are over."""


class Letter(Message[None]):
    """The `number`th that this life of a station has told this recipient."""

    writer: str
    recipient: str
    number: int


class Question(Message[int]):
    """Answers the number."""

    number: int


class Watched(Message[list[str]]):
    """Answers the addresses of those whose end it waits for."""


class Round(Message[None]):
    """Write to everybody."""


class Slip(Message[None]):
    """A mistake that makes the clerk fail."""


class Clerk(Actor):
    """Fails now and then."""

    @on(Slip)
    def slip(self, message: Slip) -> None:
        raise ValueError("a slip of the pen")


class Office(Supervisor):
    """Keeps a clerk, here or on another node."""

    supervision = OneForOne(max_restarts=1000, within=1.0)

    def __init__(self, observer: Observer, at: Role | None) -> None:
        self.observer = observer
        self.at = at

    def child_specs(self) -> list[Child]:
        return [Child(Clerk.props(), name="clerk", at=self.at)]

    @on(Slip)
    def hand_on(self, message: Slip) -> None:
        clerk = self.child("clerk")
        if clerk is not None:
            self.observer.counts["slips"] += 1
            clerk.tell(message)


class Station(Actor):
    """Writes to all others, and watches them."""

    def __init__(self, observer: Observer, offices: Sequence[ActorRef[Any]]) -> None:
        self.observer = observer
        self.offices = offices
        self.mark = f"{self.node.name}-{random.getrandbits(32):x}"
        """What its letters are known by, whatever the incarnation of its node."""
        self.told: Counter[str] = Counter()
        self.known: dict[str, ActorRef[Any]] = {}
        """All others that it ever wrote to, the dead included."""
        self.last: dict[tuple[str, str], int] = {}
        self.watched: dict[str, str] = {}
        """Whom it watches, and since which life of its own."""
        self.ended: set[tuple[str, str]] = set()
        """In which life of its own whose end came."""

    async def on_start(self) -> None:
        self.next_round()

    def next_round(self) -> None:
        self.timers.once(random.uniform(0.2, 3.0), Round())

    @on(Round)
    def write(self, message: Round) -> None:
        self.next_round()
        random.choice(self.offices).tell(Slip())
        for member in self.node.members[1:]:
            self.create_task(self.write_to(member.name))
        if self.known:
            self.tell(random.choice(list(self.known.values())))

    def tell(self, other: ActorRef[Any]) -> int:
        """Write a letter to another, dead or alive; return its number."""
        self.told[other.address] += 1
        other.tell(Letter(self.mark, other.address, self.told[other.address]))
        return self.told[other.address]

    async def write_to(self, name: str) -> None:
        try:
            other = await self.node.resolve("station", at=name, timeout=2.0)
            self.follow(other)
            self.known[other.address] = other
            number = sum(self.tell(other) for _ in range(random.randint(1, 4)))
            answer = await other.ask(Question(number), timeout=2.0)
        except (ActorsError, TimeoutError):
            return
        self.observer.counts["answered"] += 1
        if answer != number:
            self.wrong(f"asked {number} and was answered {answer}", other)

    def follow(self, other: ActorRef[Any]) -> None:
        """Watch it, once in each life of either."""
        own = self.ref.address
        if other.address not in self.watched and (own, other.address) not in self.ended:
            self.watched[other.address] = own
            self.watch(other)

    @on(Letter)
    def receive_letter(self, message: Letter) -> None:
        sender = self.sender
        assert sender is not None
        self.observer.counts["received"] += 1
        if not self.is_mine(message.recipient):
            self.wrong(f"got a letter for another life: {message.recipient}", sender)
        if (self.ref.address, sender.address) in self.ended:
            self.wrong("got a letter from beyond the grave", sender)
        self.follow_numbers(message, sender)

    def follow_numbers(self, letter: Letter, sender: ActorRef[Any]) -> None:
        """Letters come in order and once, and none is lost without a word."""
        last = self.last.get((letter.writer, letter.recipient), 0)
        if letter.number <= last:
            self.wrong(f"got letter {letter.number} after letter {last}", sender)
        for number in range(last + 1, letter.number):
            if Letter(letter.writer, letter.recipient, number) not in self.observer.dead:
                self.wrong(f"got letter {letter.number}, and never letter {number}", sender)
        self.last[letter.writer, letter.recipient] = letter.number

    def is_mine(self, recipient: str) -> bool:
        """Whether that is this actor, in this life of its node.

        Or in the one that was over just now: what had come by then is in the mailbox.
        """
        before = self.observer.lives.get(self.node.name, 0)
        return recipient == self.ref.address or f"#{before:x}." in recipient

    @on(Question)
    async def answer(self, message: Question) -> int:
        return message.number

    @on(Watched)
    def tell_watched(self, message: Watched) -> list[str]:
        return list(self.watched)

    @on(Terminated)
    def end(self, message: Terminated) -> None:
        self.observer.counts["ended"] += 1
        other = message.ref.address
        own = self.watched.pop(other, None)
        if own is None:
            self.wrong("heard of an end that it does not watch for any more", message.ref)
        else:
            self.ended.add((own, other))

    def wrong(self, what: str, other: ActorRef[Any]) -> None:
        self.observer.wrong(
            f"{what}: {self.ref.address}, from {other.address}", self.node.name, other.node_name
        )


class Post(Work):
    """A station on every node, beside an office of each kind."""

    async def setup(self, node: Node) -> None:
        """Open a station and its offices."""
        offices = [
            node.spawn(Office.props(self.observer, at), name=name)
            for name, at in (("near", None), ("far", Role("worker")))
        ]
        node.spawn(Station.props(self.observer, offices), name="station")

    async def finish(self) -> None:
        """See that all work together, and that none waits for an end that has been."""
        for name in self.sim.names:
            await self.sim.run_on(name, self._look_around(self.sim.node(name)))

    async def _look_around(self, node: Node) -> None:
        """See that the station of every member answers this node.

        A link that had lost much may take seconds to send again what it lacks.
        """
        living: dict[str, ActorRef[Any]] = {}
        for member in node.members:
            station = await node.resolve("station", at=member.name, timeout=BOUND)
            assert await station.ask(Question(1), timeout=BOUND) == 1
            living[station.address] = station
        own = next(iter(living.values()))
        ended = [each for each in await own.ask(Watched()) if each not in living]
        if ended:
            raise InvariantError(f"{node.name} has not heard of the end of {ended}", node.name)
