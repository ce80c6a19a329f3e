"""The witness on each node: what it sees of the other members, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    Event,
    MemberBusy,
    MemberDown,
    MemberSuspect,
    MemberUp,
    Message,
    Reason,
    Terminated,
    on,
    register,
)
from benchmarks.chaos.garbage import litter, tidy, timed_collection
from benchmarks.chaos.posts import HELD

ENDLESS = 600.0
"""Seconds that a witness waits for an answer that does not come."""


@register
@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of a node, and when by the machine's monotonic clock.

    `what` is the name of an event, or `Terminated`, or `AskFailed`; `detail` its reason.
    """

    what: str
    name: str
    at: float
    detail: str = ""


class Sightings(Message[list[Sighting]]):
    """Answers all of them since then."""

    since: float


class Members(Message[int]):
    """Answers how many members are up."""


class Census(Message[list[int]]):
    """Answers the numbers of the posts that are held on that node."""


class Follow(Message[None]):
    """Has an actor watched, and asked what it does not answer, until its node is lost."""

    name: str
    ref: ActorRef[Any]


class Block(Message[None]):
    """Holds the event loop."""

    seconds: float


class Collect(Message[float]):
    """Has the garbage collector hold the process for at least so long; answers how long."""

    seconds: float


class Sleep(Message[None]):
    """Is never answered."""


class Nudge(Message[None]):
    """Means nothing."""


class Sleeper(Actor):
    """Takes what it is sent, and answers no question."""

    @on(Sleep)
    def sleep(self, message: Sleep) -> None:
        self.defer_reply()

    @on(Nudge)
    def nudge(self, message: Nudge) -> None:
        """Do nothing."""


class Witness(Actor):
    """Writes down what its node says of the others; can be made to misbehave."""

    def __init__(self) -> None:
        self.seen: list[Sighting] = []
        self.followed: dict[ActorRef[Any], str] = {}
        kinds = (MemberUp, MemberSuspect, MemberDown, MemberBusy)
        self.unsubscribe = self.node.events.subscribe(self.see, *kinds)
        for member in self.node.members:
            self.note("MemberUp", member.name, "there before")

    async def on_stop(self, reason: Reason) -> None:
        self.unsubscribe()

    def see(self, event: Event) -> None:
        match event:
            case MemberDown(member, reason):
                self.note("MemberDown", member.name, reason)
            case MemberBusy(member, _, culprit):
                self.note("MemberBusy", member.name, culprit)
            case MemberUp(member) | MemberSuspect(member):
                self.note(type(event).__name__, member.name)
            case _:
                raise TypeError(f"{event!r} was not asked for")

    def note(self, what: str, name: str, detail: str = "") -> None:
        self.seen.append(Sighting(what, name, time.monotonic(), detail))

    @on(Sightings)
    def tell(self, message: Sightings) -> list[Sighting]:
        return [each for each in self.seen if each.at >= message.since]

    @on(Members)
    def count(self, message: Members) -> int:
        return sum(member.status == "up" for member in self.node.members)

    @on(Census)
    def census(self, message: Census) -> list[int]:
        return sorted(HELD)

    @on(Follow)
    def follow(self, message: Follow) -> None:
        self.followed[message.ref] = message.name
        self.watch(message.ref)
        self.create_task(self.wait_in_vain(message.name, message.ref))

    async def wait_in_vain(self, name: str, ref: ActorRef[Any]) -> None:
        try:
            await ref.ask(Sleep(), timeout=ENDLESS)
        except ActorsError as error:
            self.note("AskFailed", name, type(error).__name__)

    @on(Terminated)
    def hear(self, notice: Terminated) -> None:
        self.note("Terminated", self.followed[notice.ref], str(notice.reason))

    @on(Block)
    def block(self, message: Block) -> None:
        time.sleep(message.seconds)

    @on(Collect)
    async def collect(self, message: Collect) -> float:
        heap: list[list[None]] = []
        while True:
            heap += await self.run_blocking(litter)
            took = await self.run_blocking(timed_collection)
            if took >= message.seconds:
                await self.run_blocking(tidy, heap)
                return took
