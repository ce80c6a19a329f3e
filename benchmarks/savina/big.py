"""Big: every actor pings others at random, and waits for each pong (Savina, micro-benchmarks).

Stresses many-to-many traffic: any actor may have many senders at once, while it has its own
ping under way.
"""

from __future__ import annotations

import random

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, check

ACTORS = 120


class Start(Message[None]):
    """Send so many pings to these."""

    pings: int
    others: tuple[ActorRef[Peer], ...]


class Ping(Message[None]):
    """Wants a pong with its number."""

    number: int


class Pong(Message[None]):
    """Answers the ping of that number."""

    number: int


class Pinged(Message[int]):
    """Answers how many pings came in."""


class Peer(Actor):
    """Has one ping under way, and answers all that come."""

    def __init__(self, seed: int, sink: ActorRef[Sink]) -> None:
        self.random = random.Random(seed)
        self.sink = sink
        self.others: tuple[ActorRef[Peer], ...] = ()
        self.left = self.pinged = self.ponged = 0

    @on(Start)
    def start(self, message: Start) -> None:
        self.left = message.pings
        self.others = message.others
        self.ping_somebody()

    @on(Ping)
    def answer(self, ping: Ping) -> None:
        self.pinged += 1
        assert self.sender is not None
        self.sender.tell(Pong(ping.number))

    @on(Pong)
    def go_on(self, pong: Pong) -> None:
        if pong.number == self.left:
            self.ponged += 1
        self.left -= 1
        if self.left > 0:
            self.ping_somebody()
        else:
            self.sink.tell(Report(self.ponged))

    @on(Pinged)
    def tell_pinged(self, message: Pinged) -> int:
        return self.pinged

    def ping_somebody(self) -> None:
        self.random.choice(self.others).tell(Ping(self.left))


async def run(node: Node, size: int) -> int:
    """Let every actor send so many pings."""
    sink = node.spawn(Sink.props(ACTORS))
    peers = tuple(node.spawn(Peer.props(seed, sink)) for seed in range(ACTORS))
    for peer in peers:
        peer.tell(Start(size, peers))
    ponged = await sink.ask(Results(), timeout=None)
    pinged = [await peer.ask(Pinged()) for peer in peers]
    check("each actor's pongs", ponged, [size] * ACTORS)
    check("pings in all", sum(pinged), size * ACTORS)
    return 2 * size * ACTORS


PROGRAM = Program(
    "big", "many-to-many, 120 actors", "all pings and pongs", run, size=1_500, unit="pings an actor"
)
