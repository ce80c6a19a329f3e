"""A sender here, a slower receiver in another process: what is under way, and what it weighs."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from actors import ActorRef, DeadLetter, Node
from benchmarks.ledger import adds_up
from benchmarks.load.actors import CAPACITY, Account, Balance, Inbox, Receiver, Slow, Tidy, Work
from benchmarks.load.bounds import Bounds, of_rest, of_send, of_tell
from benchmarks.memory import MIB, give_back, resident, watched
from benchmarks.processes import READY_WITHIN, node_process

SENDERS = 200
"""How many `send` at the same time."""

CHUNK = 256
"""Messages told in one go, before others get their turn."""

LOOK = 0.2
"""Seconds between two looks at the memory."""

PATIENCE = 300.0
"""Seconds that what is under way may take to arrive, once nothing more is sent."""

SMALL, LARGE = 22, 64 * 1024
"""Bytes of data in a message."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One way to outrun a receiver: `run(receiver, size, seconds)` returns how many messages."""

    call: str
    size: int
    bounds: Bounds
    run: Callable[[ActorRef[Slow], int, float], Awaitable[int]]

    @property
    def title(self) -> str:
        """The call and the size, in words."""
        size = f"{self.size} B" if self.size < 1024 else f"{self.size // 1024} KiB"
        return f"{self.call}, {size}"


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes beyond what it had before: the most, and when all was over."""

    most: int
    bound: int
    after: int

    def problems(self, whose: str) -> list[str]:
        """Say what is more than it may be."""
        found = []
        if self.most > self.bound:
            found.append(f"the {whose} grew by {mib(self.most)} MiB, not {mib(self.bound)}")
        if self.after > of_rest(self.most):
            kept = mib(of_rest(self.most))
            found.append(f"the {whose} keeps {mib(self.after)} MiB, not {kept}")
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all messages of a scene, and of the memory of both processes."""

    scene: str
    call: str
    seconds: float
    made: int
    """Messages that were sent or told."""
    handled: int
    sender: Memory
    receiver: Memory
    dead: Mapping[str, int] = field(default_factory=dict)
    """Dead letters at the receiver, by reason."""
    undelivered: Mapping[str, int] = field(default_factory=dict)
    """Dead letters at the sender, by reason."""
    ledgers_add_up: bool = True

    def problems(self) -> list[str]:
        """Say what is not as it must be; nothing where all is well."""
        found = [*self.sender.problems("sender"), *self.receiver.problems("receiver")]
        lost = sum(self.dead.values()) + sum(self.undelivered.values())
        if self.made != self.handled + lost:
            found.append(f"{self.made} messages, {self.handled + lost} accounted for")
        if self.call == "send" and lost:
            found.append(f"{lost} messages that were sent are dead letters")
        if not self.ledgers_add_up:
            found.append("a ledger does not add up")
        return found

    def as_json(self) -> dict[str, Any]:
        """Return all of it, in seconds and bytes."""
        return {**asdict(self), "problems": self.problems()}


def mib(size: int) -> str:
    """Return bytes as MiB."""
    return f"{size / MIB:,.0f}"


def work(number: int, filling: bytes) -> Work:
    """Return a message whose data is its own, not shared with any other."""
    return Work(number.to_bytes(8, "big") + filling)


async def send(receiver: ActorRef[Slow], size: int, seconds: float) -> int:
    """Send from many tasks at once, with backpressure."""
    filling, end = bytes(size - 8), time.monotonic() + seconds
    sent = 0

    async def sender() -> None:
        nonlocal sent
        while time.monotonic() < end:
            await receiver.send(work(sent, filling))
            sent += 1

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return sent


async def tell(receiver: ActorRef[Slow], size: int, seconds: float) -> int:
    """Tell as fast as can be, and in any case more than the mailbox holds."""
    filling, end = bytes(size - 8), time.monotonic() + seconds
    told = 0
    while time.monotonic() < end or told <= 2 * CAPACITY:
        for number in range(CHUNK):
            receiver.tell(work(number, filling))
        told += CHUNK
        await asyncio.sleep(0)
    return told


SCENES: tuple[Scene, ...] = (
    *(Scene("send", size, of_send(size, SENDERS, CAPACITY), send) for size in (SMALL, LARGE)),
    *(Scene("tell", size, of_tell(size, CAPACITY), tell) for size in (SMALL, LARGE)),
)


async def play(scene: Scene, seconds: float) -> Outcome:
    """Play a scene with a fresh node and a fresh process."""
    more = ["--import", "benchmarks.load.actors"]
    async with (
        Node("sender", bind="tcp://127.0.0.1:0") as node,
        node_process(node, "receiver", more=more) as process,
    ):
        await node.wait_for_members(2, timeout=READY_WITHIN)
        keeper = node.spawn(Receiver, at="receiver")
        slow = await keeper.ask(Inbox())
        undelivered: Counter[str] = Counter()
        node.events.subscribe(lambda letter: undelivered.update([letter.reason]), DeadLetter)
        give_back()
        pids = {"sender": os.getpid(), "receiver": process.pid}
        before = {name: resident(pid) for name, pid in pids.items()}
        async with watched(pids, LOOK) as most, asyncio.timeout(seconds + PATIENCE):
            made = await scene.run(slow, scene.size, seconds)
            account = await settled(node, keeper)
        give_back()
        await keeper.ask(Tidy())
        after = {name: resident(pid) for name, pid in pids.items()}

        def memory(name: str, bound: int) -> Memory:
            return Memory(most[name] - before[name], bound, after[name] - before[name])

        return Outcome(
            scene.title,
            scene.call,
            seconds,
            made,
            account.handled,
            memory("sender", scene.bounds.sender),
            memory("receiver", scene.bounds.receiver),
            account.dead,
            dict(undelivered),
            adds_up(node.stats()) and account.adds_up,
        )


async def settled(node: Node, keeper: ActorRef[Receiver]) -> Account:
    """Wait until nothing is under way any more, and return what became of all of it."""
    while True:
        if not node.stats().waiting:
            account = await keeper.ask(Balance(), timeout=PATIENCE)
            if account.queued == 1:  # the question itself
                return account
        await asyncio.sleep(LOOK)
