"""Thread ring: a token goes round a ring of actors until its hops are spent (Savina, micro).

Stresses hand-over: one message in all the ring, and always somebody else's turn.
"""

from __future__ import annotations

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, check

RING = 101
"""A prime: no round number of hops ends where it began."""


class Connect(Message[None]):
    """Learn who comes next."""

    following: ActorRef[Link]


class Token(Message[None]):
    """Has so many hops left."""

    hops: int


class Link(Actor):
    """One place of the ring."""

    def __init__(self, place: int, sink: ActorRef[Sink]) -> None:
        self.place = place
        self.sink = sink
        self.following: ActorRef[Link] = self.ref

    @on(Connect)
    def connect(self, message: Connect) -> None:
        self.following = message.following

    @on(Token)
    def pass_on(self, token: Token) -> None:
        if token.hops > 0:
            self.following.tell(Token(token.hops - 1))
        else:
            self.sink.tell(Report(self.place))


async def run(node: Node, size: int) -> int:
    """Let the token make so many hops from place 0."""
    sink = node.spawn(Sink.props(1))
    ring = [node.spawn(Link.props(place, sink)) for place in range(RING)]
    for link, following in zip(ring, ring[1:] + ring[:1], strict=True):
        link.tell(Connect(following))
    ring[0].tell(Token(size))
    [last] = await sink.ask(Results(), timeout=None)
    check("the place with the spent token", last, size % RING)
    return size


PROGRAM = Program(
    "thread-ring", "hand-over in a ring", "who has the last token", run, size=200_000, unit="hops"
)
