"""The actors and messages that the workloads use, also in the second process."""

from __future__ import annotations

from actors import Actor, Message, Reply, on

TEXT = "temperature-sensor-001"


class Reading(Message[int]):
    """A small typed message: an int and a short string."""

    number: int
    text: str


class Expect(Message[int]):
    """Answers when so many readings have been handled in all."""

    total: int


class Counter(Actor):
    """Counts readings."""

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

    @on(Expect)
    def expect(self, message: Expect) -> int | None:
        """Answer now, or with the last reading."""
        if self.count >= message.total:
            return self.count
        self.expected = message.total
        self.waiting = self.defer_reply()
        return None


class Idle(Actor):
    """Does nothing."""
