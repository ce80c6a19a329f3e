"""What the framework promises its users, put to the test: actors that tell, ask and watch.

Every node has a station, which writes to all others, on and on. A letter says to whom it goes, and
as which of how many, so that whoever receives it can see what should never be. Beside it are
supervisors whose children fail: one keeps its child on the same node, one on any node of a role.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
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
from actors.testing import Invariant, InvariantError, MembershipConverges, Simulation, chaos
from tests.simulation.complaints import complaints

NAMES = "abcd"

CHAOS = 15.0
"""Virtual seconds for which faults happen."""

BOUND = 30.0
"""Virtual seconds after which the members must agree on each other."""


class Letter(Message[None]):
    """The `number`th that the sender has told this recipient."""

    recipient: str
    number: int


class Question(Message[int]):
    """Answers the number."""

    number: int


class Round(Message[None]):
    """Write to everybody."""


class Slip(Message[None]):
    """A mistake that makes the clerk fail."""


class Observer(Invariant):
    """Keeps what stations see, and speaks up where one sees what should never be."""

    def __init__(self) -> None:
        self.received = 0
        self.answered = 0
        self.ended = 0
        self.slips = 0
        self.lives: dict[str, int] = {}
        """The incarnations of the nodes, as they were before this step."""
        self._wrong: InvariantError | None = None

    def wrong(self, what: str, *hosts: str) -> None:
        """Something is as it must not be; the first such thing ends the simulation."""
        self._wrong = self._wrong or InvariantError(what, *hosts)

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """Say what is wrong: what an actor raises would be its own failure, and no more."""
        if self._wrong is not None:
            raise self._wrong
        for node in nodes:
            self.lives[node.name] = node._known().origin.incarnation


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
            self.observer.slips += 1
            clerk.tell(message)


class Station(Actor):
    """Writes to all others, and watches them."""

    def __init__(self, observer: Observer, offices: Sequence[ActorRef[Any]]) -> None:
        self.observer = observer
        self.offices = offices
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
        other.tell(Letter(other.address, self.told[other.address]))
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
        self.observer.answered += 1
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
        self.observer.received += 1
        if not self.is_mine(message.recipient):
            self.wrong(f"got a letter for another life: {message.recipient}", sender)
        if (self.ref.address, sender.address) in self.ended:
            self.wrong("got a letter from beyond the grave", sender)
        last = self.last.get((sender.address, message.recipient), 0)
        if message.number <= last:
            self.wrong(f"got letter {message.number} after letter {last}", sender)
        self.last[sender.address, message.recipient] = message.number

    def is_mine(self, recipient: str) -> bool:
        """Whether that is this actor, in this life of its node.

        Or in the one that was over just now: what had come by then is in the mailbox.
        """
        before = self.observer.lives.get(self.node.name, 0)
        return recipient == self.ref.address or f"#{before:x}." in recipient

    @on(Question)
    async def answer(self, message: Question) -> int:
        return message.number

    @on(Terminated)
    def end(self, message: Terminated) -> None:
        self.observer.ended += 1
        other = message.ref.address
        own = self.watched.pop(other, None)
        if own is None:
            self.wrong("heard of an end that it does not watch for any more", message.ref)
        else:
            self.ended.add((own, other))

    def wrong(self, what: str, other: ActorRef[Any]) -> None:
        here = self.ref.address
        self.observer.wrong(
            f"{here} {what}; the other is {other.address}", self.node.name, other.node_name
        )


async def scenario(sim: Simulation, observer: Observer) -> None:
    """Start a few nodes, let them work under faults, and see that they work together after."""

    async def setup(node: Node) -> None:
        offices = [
            node.spawn(Office.props(observer, at), name=name)
            for name, at in (("near", None), ("far", Role("worker")))
        ]
        node.spawn(Station.props(observer, offices), name="station")

    for name in NAMES[: sim.random.randint(2, len(NAMES))]:
        await sim.start(name, roles=["worker"], setup=setup)
    await chaos(sim, CHAOS)
    await sim.until(lambda: sim.converged, within=BOUND)
    for name in sim.names:
        await sim.run_on(name, all_answer(sim.node(name)))


async def all_answer(node: Node) -> None:
    """See that the station of every member answers this node.

    A link that had lost much may take seconds to send again what it lacks.
    """
    for member in node.members:
        station = await node.resolve("station", at=member.name, timeout=BOUND)
        assert await station.ask(Question(1), timeout=BOUND) == 1


def play(seed: int) -> tuple[Simulation, Observer]:
    """Run one seed, and look at all that is promised. Raises SimulationError."""
    sim, observer = Simulation(seed), Observer()
    sim.check(observer)
    sim.check(MembershipConverges(BOUND))
    with complaints(observer.wrong):
        sim.run(partial(scenario, observer=observer))
    return sim, observer


def check(seed: int) -> str:
    """Run one seed; return the digest of its trace. Raises SimulationError."""
    return play(seed)[0].digest
