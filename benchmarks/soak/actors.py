"""The cast: small actors that do one thing each, wherever they are spawned."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from typing import Any

from actors import (
    Actor,
    ActorRef,
    Backoff,
    Mailbox,
    Message,
    Node,
    OneForOne,
    Reason,
    ReceiveTimeout,
    Refusal,
    Reply,
    Terminated,
    on,
    register,
)
from benchmarks.soak.probe import Probe

OFTEN = OneForOne(max_restarts=1_000_000, within=1.0, backoff=Backoff(0.001, 0.01))
"""Children may fail as often as they like."""


async def populate(node: Node) -> None:
    """Give a node its residents; every long-lived node has them under these names."""
    node.spawn(Probe, name="probe")
    node.spawn(Calculator, name="calculator")


class NotToday(Refusal):
    """An expected error."""


@register
class CrashError(Exception):
    """A failure."""


class Square(Message[int]):
    """Answers the square."""

    number: int


class Refuse(Message[int]):
    """Answers a refusal."""


class Crash(Message[int]):
    """Makes the actor fail."""


class Nap(Message[float]):
    """Answers after so many seconds."""

    seconds: float


class Block(Message[float]):
    """Answers after so many seconds in the thread pool."""

    seconds: float


class Digest(Message[str]):
    """Answers the SHA-1 of bytes."""

    data: Any


class Echo(Message[Any]):
    """Answers the same."""

    data: Any


class AskBack(Message[int]):
    """Goes from one to the other until somebody would wait for itself."""

    ring: list[ActorRef[Any]]


class Calculator(Actor):
    """Answers, refuses, takes its time."""

    concurrency = 64

    @on(Square)
    def square(self, message: Square) -> int:
        return message.number**2

    @on(Refuse)
    def refuse(self, message: Refuse) -> int:
        raise NotToday("not today")

    @on(Nap)
    async def nap(self, message: Nap) -> float:
        await asyncio.sleep(message.seconds)
        return message.seconds

    @on(Block)
    async def block(self, message: Block) -> float:
        await self.run_blocking(time.sleep, message.seconds)
        return message.seconds

    @on(Digest)
    def digest(self, message: Digest) -> str:
        return sha(message.data)

    @on(Echo)
    def echo(self, message: Echo) -> Any:
        return message.data


def sha(data: Any) -> str:
    """Return the SHA-1 of bytes."""
    return hashlib.sha1(data).hexdigest()


class Fragile(Actor):
    """Answers squares, fails where it is told to, and asks others in a ring."""

    @on(Square)
    def square(self, message: Square) -> int:
        return message.number**2

    @on(Crash)
    def crash(self, message: Crash) -> int:
        raise CrashError("as it was told")

    @on(AskBack)
    async def ask_back(self, message: AskBack) -> int:
        first, *rest = message.ring
        return await first.ask(AskBack([*rest, first]))


class Family(Message[list[ActorRef[Fragile]]]):
    """Answers the children, once all of them live."""


class Parent(Actor):
    """Has a child here and one elsewhere, which it restarts."""

    supervision = OFTEN

    def __init__(self, elsewhere: str) -> None:
        self.elsewhere = elsewhere

    async def on_start(self) -> None:
        self.spawn(Fragile, name="near")
        self.spawn(Fragile, name="far", at=self.elsewhere)

    @on(Family)
    async def family(self, message: Family) -> list[ActorRef[Fragile]]:
        await asyncio.gather(*(child.ask(Square(1), timeout=10) for child in self.children))
        return list(self.children)


class Add(Message[None]):
    """Counts up."""

    number: int


class Total(Message[int]):
    """Answers the sum."""


class Tally(Actor):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = 0

    @on(Add)
    def add(self, message: Add) -> None:
        self.total += message.number

    @on(Total)
    def tell_total(self, message: Total) -> int:
        return self.total


class Gate(Actor):
    """Has room for a few, and takes its time with each; tells somebody what it let through."""

    mailbox = Mailbox(capacity=8)

    def __init__(self, tally: ActorRef[Tally]) -> None:
        self.tally = tally

    @on(Add)
    async def let_through(self, message: Add) -> None:
        await asyncio.sleep(0.0005)
        self.tally.tell(message)


class Watch(Message[None]):
    """Answers when all of them are watched."""

    refs: list[ActorRef[Any]]


class Heard(Message[dict[str, int]]):
    """Answers how often each reason was heard, once all that is watched has ended."""


class Witness(Actor):
    """Watches, and says what it has heard."""

    def __init__(self) -> None:
        self.open: set[ActorRef[Any]] = set()
        self.reasons: Counter[str] = Counter()
        self.reply: Reply[dict[str, int]] | None = None

    @on(Watch)
    def begin(self, message: Watch) -> None:
        for ref in message.refs:
            self.watch(ref)
        self.open.update(message.refs)

    @on(Terminated)
    def hear(self, notice: Terminated) -> None:
        self.reasons[str(notice.reason)] += 1
        self.open.remove(notice.ref)
        self.answer()

    @on(Heard)
    def tell(self, message: Heard) -> None:
        self.reply = self.defer_reply()
        self.answer()

    def answer(self) -> None:
        if not self.open and self.reply is not None:
            self.reply.send(dict(self.reasons))


class Beat(Message[None]):
    """What a timer delivers."""


class Beats(Message[int]):
    """Answers when so many beats have come, and it was quiet once."""

    count: int


class Clockwork(Actor):
    """Has timers of all kinds."""

    def __init__(self) -> None:
        self.beats = 0
        self.wanted = 0
        self.reply: Reply[int] | None = None
        self.timers.every(0.005, Beat(), key="beat")
        self.timers.once(30.0, Beat(), key="never")
        self.timers.once(0.001, Beat())

    @on(Beats)
    def count(self, message: Beats) -> None:
        self.wanted, self.reply = message.count, self.defer_reply()

    @on(Beat)
    def beat(self, message: Beat) -> None:
        self.beats += 1
        if self.reply is not None and self.beats >= self.wanted:
            self.timers.cancel("beat")
            self.receive_timeout = 0.005

    @on(ReceiveTimeout)
    def quiet(self, message: ReceiveTimeout) -> None:
        self.receive_timeout = None
        assert self.reply is not None
        self.reply.send(self.beats)


class Open(Message[None]):
    """Opens a door."""


class Seen(Message[list[int]]):
    """Answers the numbers that came in, in order."""


class Door(Actor):
    """Stashes what comes while it is closed."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.become(self.closed)

    def closed(self, message: object) -> None:
        if isinstance(message, Open):
            self.unbecome()
            self.unstash_all()
        else:
            self.stash()

    @on(Add)
    def enter(self, message: Add) -> None:
        self.seen.append(message.number)

    @on(Seen)
    def tell_seen(self, message: Seen) -> list[int]:
        return self.seen


class Worker(Actor):
    """Has a task of its own beside its messages, which ends with it."""

    async def on_start(self) -> None:
        self.create_task(asyncio.sleep(3600))

    async def on_stop(self, reason: Reason) -> None:
        await asyncio.sleep(0)

    @on(Square)
    async def square(self, message: Square) -> int:
        await asyncio.sleep(0)
        return message.number**2
