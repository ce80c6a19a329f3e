"""The actors and messages that the workloads use, also in the second process."""

from __future__ import annotations

from typing import Any

from actors import Actor, ActorRef, Message, Reply, on

TEXT = "temperature-sensor-001"


class Reading(Message[int]):
    """The small message of all workloads: an int and a short string."""

    number: int
    text: str


class Blob(Message[int]):
    """The large one: bytes, or an array."""

    data: Any


class Expect(Message[int]):
    """Answers when so many readings or blobs have been handled in all."""

    total: int


class Counter(Actor):
    """Counts what it gets."""

    def __init__(self) -> None:
        self.count = 0
        self.expected = -1
        self.waiting: Reply[int] | None = None

    @on(Reading)
    def count_one(self, message: Reading) -> int:
        """Count, and wake who waits for the last one."""
        self.count += 1
        if self.count == self.expected and self.waiting is not None:
            self.waiting.send(self.count)
        return self.count

    @on(Blob)
    def count_blob(self, message: Blob) -> int:
        """Count it as well, once it is whole."""
        if len(message.data) == 0:
            raise ValueError("an empty blob")
        return self.count_one(Reading(0, ""))

    @on(Expect)
    def expect(self, message: Expect) -> int | None:
        """Answer now, or with the last reading."""
        if self.count >= message.total:
            return self.count
        self.expected = message.total
        self.waiting = self.defer_reply()
        return None


class Idle(Actor):
    """Does nothing, with the state that a small actor has."""

    def __init__(self) -> None:
        self.count = 0


class Token(Message[None]):
    """Goes round a ring until it has made so many hops."""

    hops: int


class Link(Actor):
    """One place of the ring."""

    def __init__(self, home: ActorRef[Any]) -> None:
        self.home = home
        self.next: ActorRef[Any] = self.ref

    @on(ActorRef)
    def join(self, following: ActorRef[Any]) -> None:
        """Learn who comes next."""
        self.next = following

    @on(Token)
    def pass_on(self, token: Token) -> None:
        """Hand the token on, or say that it is done."""
        if token.hops:
            self.next.tell(Token(token.hops - 1))
        else:
            self.home.tell(Reading(0, ""))


class Fragile(Actor):
    """Fails with each reading."""

    @on(Reading)
    def fail(self, message: Reading) -> None:
        """Fail."""
        raise ValueError(message.number)
