"""Ping-pong: two actors and one ball (Savina, micro-benchmarks).

Stresses the way of a single message from one idle actor to another: nothing is ever queued.
"""

from __future__ import annotations

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, check


class Start(Message[None]):
    """Play so many rounds."""

    rounds: int


class Ping(Message[None]):
    """The ball on its way there."""

    number: int


class Pong(Message[None]):
    """The ball on its way back."""

    number: int


class Ponger(Actor):
    """Plays each ball back to where it came from."""

    @on(Ping)
    def pong(self, message: Ping) -> None:
        assert self.sender is not None
        self.sender.tell(Pong(message.number))


class Pinger(Actor):
    """Plays on with the ball that it gets back, and keeps the numbers it saw."""

    def __init__(self, ponger: ActorRef[Ponger], sink: ActorRef[Sink]) -> None:
        self.ponger = ponger
        self.sink = sink
        self.rounds = 0
        self.seen: list[int] = []

    @on(Start)
    def start(self, message: Start) -> None:
        self.rounds = message.rounds
        self.ponger.tell(Ping(1))

    @on(Pong)
    def ping(self, message: Pong) -> None:
        self.seen.append(message.number)
        if message.number < self.rounds:
            self.ponger.tell(Ping(message.number + 1))
        else:
            self.sink.tell(Report(self.seen))


async def run(node: Node, size: int) -> int:
    """Play so many rounds."""
    sink = node.spawn(Sink.props(1))
    node.spawn(Pinger.props(node.spawn(Ponger), sink)).tell(Start(size))
    [seen] = await sink.ask(Results(), timeout=None)
    check("balls that came back", seen, list(range(1, size + 1)))
    return 2 * size


PROGRAM = Program(
    "ping-pong", "waking an idle actor", "every ball, in order", run, size=100_000, unit="rounds"
)
