"""Counted tells between nodes: their ends come back as a number, not one by one.

A router that chooses by load wants to know when what it told has been handled, and nothing else.
All that it tells one routee goes under one number; the other side says from time to time how many
of them are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from actors.letter import Answer, EndOnly


class _Tally:
    """What is on its way under one number, and who is told of the ends."""

    __slots__ = ("answer", "number", "outstanding")

    def __init__(self, number: int, answer: Answer) -> None:
        self.number = number
        self.answer = answer
        self.outstanding = 0


class Tallies:
    """The counted messages that are on their way to one peer."""

    __slots__ = ("_by_answer", "_by_number", "_numbers")

    def __init__(self) -> None:
        self._numbers = 0
        self._by_answer: dict[Answer, _Tally] = {}
        self._by_number: dict[int, _Tally] = {}

    def begin(self, answer: Answer) -> int:
        """Count a message whose end this answer is to hear of; return its number."""
        tally = self._by_answer.get(answer)
        if tally is None:
            self._numbers += 1
            tally = self._by_answer[answer] = _Tally(self._numbers, answer)
            self._by_number[tally.number] = tally
        tally.outstanding += 1
        return tally.number

    def withdraw(self, number: int) -> None:
        """One of that number did not leave: its answer is not to hear of it from here."""
        tally = self._by_number[number]
        tally.outstanding -= 1
        self._forget_if_over(tally)

    def end(self, number: int, count: int) -> None:
        """So many of that number are done. More than there are, or an unknown one, is nonsense."""
        tally = self._by_number.get(number)
        if tally is None or not 0 < count <= tally.outstanding:
            raise ValueError(f"{count} messages of tally {number} are said to be done")
        tally.outstanding -= count
        self._forget_if_over(tally)
        for _ in range(count):
            tally.answer.send(None)

    def fail(self, error: Exception) -> None:
        """None of them will be heard of."""
        tallies = tuple(self._by_number.values())
        self._by_answer.clear()
        self._by_number.clear()
        for tally in tallies:
            for _ in range(tally.outstanding):
                tally.answer.fail(error)

    def _forget_if_over(self, tally: _Tally) -> None:
        if not tally.outstanding:
            del self._by_answer[tally.answer], self._by_number[tally.number]


class Receipts:
    """The counted messages of one peer that were finished here, and are to be reported.

    `soon(report)` calls `report` in the next turn of the loop; `send` takes the report, a list of
    numbers and counts by turns.
    """

    __slots__ = ("_made", "_send", "_soon", "_waiting")

    def __init__(
        self, soon: Callable[[Callable[[], None]], object], send: Callable[[list[int]], None]
    ) -> None:
        self._soon = soon
        self._send = send
        self._made: dict[int, Receipt] = {}
        self._waiting: list[Receipt] = []

    def of(self, number: int) -> Receipt:
        """Return the answer of the messages of that number."""
        receipt = self._made.get(number)
        if receipt is None:
            receipt = self._made[number] = Receipt(self, number)
        return receipt

    def note(self, receipt: Receipt) -> None:
        """Something is to be reported of it."""
        if not self._waiting:
            self._soon(self._report)
        self._waiting.append(receipt)

    def _report(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._made.clear()  # those that are in use go on by themselves
        report = []
        for receipt in waiting:
            report += [receipt.number, receipt.count]
            receipt.count = 0
        self._send(report)


class Receipt(EndOnly):
    """Counts the ends of messages of one number; the `Answer` of each of them."""

    __slots__ = ("_receipts", "count", "number")

    def __init__(self, receipts: Receipts, number: int) -> None:
        self._receipts = receipts
        self.number = number
        self.count = 0

    def send(self, value: object) -> None:
        """One was handled."""
        if not self.count:
            self._receipts.note(self)
        self.count += 1


def pairs(report: object) -> Iterable[tuple[int, int]]:
    """Return the numbers and counts of a report. Raises ValueError where it is none."""
    if not isinstance(report, list) or not all(type(item) is int for item in report):
        raise ValueError(f"no report of finished messages: {report!r}")
    return zip(report[::2], report[1::2], strict=True)
