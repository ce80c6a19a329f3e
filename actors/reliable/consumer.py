"""What a consumer knows of one producer's messages: which came, are in hand, and are handled.

A state machine without I/O, clock or loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Held(Generic[T]):
    """A message in hand, and for the how many-th time."""

    item: T
    attempts: int = 1


class Consumer(Generic[T]):
    """Brings messages into their order, drops those that came before, and counts the handled.

    `first` is the first number that its producer does not know to be handled; `hands` is how many
    messages may be in hand at once.
    """

    __slots__ = ("_asked", "_done", "_hands", "_held", "_items", "_next", "confirmed", "received")

    def __init__(self, first: int, hands: int) -> None:
        self.confirmed = first - 1
        """All up to it are handled."""
        self.received = first - 1
        """All up to it have come."""
        self._next = first
        """The next one to be handed over."""
        self._hands = hands
        self._items: dict[int, T] = {}
        """What came and was not handed over."""
        self._held: dict[int, Held[T]] = {}
        self._done: set[int] = set()
        """What was handled before something that came earlier."""
        self._asked: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is here that is not handled."""
        return not self._items and not self._held

    def take(self, sequence: int, item: T) -> bool:
        """Take a message in; False where it was here before."""
        if sequence <= self.received or sequence in self._items:
            return False
        self._items[sequence] = item
        self._extend()
        return True

    def skip_to(self, first: int) -> None:
        """The producer knows that all before `first` are handled, here or elsewhere."""
        if first - 1 <= self.confirmed:
            return
        self.confirmed = first - 1
        self.received = max(self.received, self.confirmed)
        self._next = max(self._next, first)
        self._items = {each: item for each, item in self._items.items() if each >= first}
        self._done = {each for each in self._done if each >= first}
        self._extend()
        self._settle()

    def wants_again(self) -> bool:
        """Whether to ask for what is missing before something that came: once for each gap."""
        beyond = len(self._items) - (self.received - self._next + 1)
        return beyond > 0 and self._ask()

    def lacks(self, last: int) -> bool:
        """Whether something up to `last`, which was sent, has not come."""
        return self.received < last

    def next(self) -> tuple[int, Held[T]] | None:
        """Take the next message in hand; None where there is none, or no hand is free."""
        if len(self._held) >= self._hands or self._next > self.received:
            return None
        sequence, self._next = self._next, self._next + 1
        held = self._held[sequence] = Held(self._items.pop(sequence))
        return sequence, held

    def handled(self, sequence: int) -> bool:
        """It is handled; return whether that is news for the producer."""
        before = self.confirmed
        if self._held.pop(sequence, None) is not None and sequence > self.confirmed:
            self._done.add(sequence)
            self._settle()
        return self.confirmed > before

    def failed(self, sequence: int) -> Held[T] | None:
        """It was not handled: it stays in hand, to be handed over again.

        None where that is not wanted any more.
        """
        held = self._held.get(sequence)
        if held is None or sequence <= self.confirmed:
            self._held.pop(sequence, None)
            return None
        held.attempts += 1
        return held

    def forget(self) -> None:
        """The producer takes back what was not handed over."""
        self._items.clear()
        self.received = self._next - 1

    def _ask(self) -> bool:
        if self._asked == self.received:
            return False
        self._asked = self.received
        return True

    def _extend(self) -> None:
        while self.received + 1 in self._items:
            self.received += 1

    def _settle(self) -> None:
        while self.confirmed + 1 in self._done:
            self.confirmed += 1
            self._done.remove(self.confirmed)
