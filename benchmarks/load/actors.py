"""The receiver: slower than its sender, with a bounded mailbox, and who keeps its accounts."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from actors import Actor, ActorRef, DeadLetter, Mailbox, Message, Reason, on, register
from benchmarks.ledger import adds_up
from benchmarks.memory import give_back

CAPACITY = 1_000
"""Messages in the mailbox of the receiver."""

HANDLING = 0.001
"""Seconds that the receiver takes over a message, at least."""


class Work(Message[None]):
    """What is sent and told."""

    data: bytes


class Inbox(Message[ActorRef["Slow"]]):
    """Answers the receiver."""


class Balance(Message["Account"]):
    """Answers what became of all messages so far."""


class Tidy(Message[None]):
    """Answers when the process has given back what memory it does not need."""


@register
@dataclass(frozen=True, slots=True)
class Account:
    """What became of the messages that reached the receiver's node."""

    handled: int
    dead: dict[str, int]
    """Dead letters by reason."""
    queued: int
    """Messages at that node's actors, the question for the account among them."""
    adds_up: bool
    """Whether that node's ledger does."""


class Slow(Actor):
    """Waits for something else with each message."""

    mailbox = Mailbox(capacity=CAPACITY)

    def __init__(self, handled: Counter[str]) -> None:
        self.handled = handled

    @on(Work)
    async def work(self, message: Work) -> None:
        await asyncio.sleep(HANDLING)
        self.handled["work"] += 1


class Receiver(Actor):
    """Keeps the accounts of a slow actor, beside it: its own mailbox is never full."""

    def __init__(self) -> None:
        self.handled: Counter[str] = Counter()
        self.dead: Counter[str] = Counter()
        self.slow = self.spawn(Slow.props(self.handled))
        self.unsubscribe = self.node.events.subscribe(self.mourn, DeadLetter)

    async def on_stop(self, reason: Reason) -> None:
        self.unsubscribe()

    def mourn(self, letter: DeadLetter) -> None:
        self.dead[letter.reason] += 1

    @on(Inbox)
    def show_inbox(self, message: Inbox) -> ActorRef[Slow]:
        return self.slow

    @on(Balance)
    def balance(self, message: Balance) -> Account:
        stats = self.node.stats()
        return Account(self.handled["work"], dict(self.dead), stats.queued, adds_up(stats))

    @on(Tidy)
    def tidy(self, message: Tidy) -> None:
        give_back()
