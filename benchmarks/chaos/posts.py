"""Children that are placed by role, and the ledger of who was started where."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from actors import (
    Actor,
    ActorRef,
    Child,
    Message,
    OneForOne,
    Reason,
    Role,
    Supervisor,
    on,
    register,
)

WORKER = "worker"
"""The role of the nodes that posts are placed on."""

HELD: set[int] = set()
"""The numbers of the posts that are held in this process."""


@register
@dataclass(frozen=True, slots=True)
class Start:
    """One start of a post: which, on what node, and when by the machine's monotonic clock."""

    number: int
    node: str
    at: float


class Started(Message[None]):
    """Enters a start into the ledger."""

    start: Start


class Starts(Message[list[Start]]):
    """Answers all starts since then."""

    since: float


class Ledger(Actor):
    """Remembers all starts."""

    def __init__(self) -> None:
        self.starts: list[Start] = []

    @on(Started)
    def enter(self, message: Started) -> None:
        self.starts.append(message.start)

    @on(Starts)
    def tell(self, message: Starts) -> list[Start]:
        return [start for start in self.starts if start.at >= message.since]


class Post(Actor):
    """Is held on one node at a time."""

    def __init__(self, number: int, ledger: ActorRef[Ledger]) -> None:
        self.number = number
        self.ledger = ledger

    async def on_start(self) -> None:
        HELD.add(self.number)
        self.ledger.tell(Started(Start(self.number, self.node.name, time.monotonic())))

    async def on_stop(self, reason: Reason) -> None:
        HELD.discard(self.number)


class Office(Supervisor):
    """Has so many posts, each on some node of the role."""

    # Losing nodes is what happens here all the time: it is no reason to give up.
    supervision = OneForOne(max_restarts=1_000_000, within=1.0)

    def __init__(self, count: int, ledger: ActorRef[Ledger]) -> None:
        self.count = count
        self.ledger = ledger

    def child_specs(self) -> list[Child]:
        return [self.spec(number) for number in range(self.count)]

    def spec(self, number: int) -> Child:
        props: Any = Post.props(number, self.ledger)
        return Child(props, name=f"post-{number}", at=Role(WORKER))
