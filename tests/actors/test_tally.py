"""What is counted between nodes: numbers that go there, and counts that come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors.balancing import Load
from actors.tally import Receipts, Tallies, pairs


def load_of(count: int) -> Load[str]:
    """A load with so many messages in its hands."""
    load = Load("routee")
    load.count = count
    return load


def test_one_answer_has_one_number() -> None:
    """However many messages it has on their way; another answer has another."""
    tallies, one, other = Tallies(), load_of(0), load_of(0)
    assert [tallies.begin(one), tallies.begin(one), tallies.begin(other)] == [1, 1, 2]


def test_each_end_is_passed_on() -> None:
    """So many ends, so many messages less."""
    tallies, load = Tallies(), load_of(3)
    for _ in range(3):
        tallies.begin(load)
    tallies.end(1, 2)
    assert load.count == 1
    tallies.end(1, 1)
    assert load.count == 0


def test_what_did_not_leave_is_not_waited_for() -> None:
    """Its sender has told the answer already."""
    tallies, load = Tallies(), load_of(1)
    tallies.withdraw(tallies.begin(load))
    tallies.fail(ConnectionError())
    assert load.count == 1


def test_a_lost_peer_ends_all() -> None:
    """What is on its way to it has ended, each message once."""
    tallies, one, other = Tallies(), load_of(2), load_of(1)
    for load in (one, one, other):
        tallies.begin(load)
    tallies.fail(ConnectionError())
    tallies.fail(ConnectionError())
    assert (one.count, other.count) == (0, 0)


@pytest.mark.parametrize(("number", "count"), [(1, 3), (1, 0), (1, -1), (2, 1)])
def test_nonsense_changes_nothing(number: int, count: int) -> None:
    """A peer cannot end what was not sent."""
    tallies, load = Tallies(), load_of(2)
    tallies.begin(load)
    tallies.begin(load)
    with pytest.raises(ValueError, match="said to be done"):
        tallies.end(number, count)
    tallies.end(1, 2)
    assert load.count == 0


@pytest.mark.parametrize("report", [None, {}, [1], [1, "2"], [1, True], [1.0, 2]])
def test_a_report_is_a_list_of_pairs(report: Any) -> None:
    """Everything else is refused."""
    with pytest.raises(ValueError, match=r"report|shorter"):
        list(pairs(report))


def test_ends_are_reported_together() -> None:
    """Once in a turn of the loop, with their numbers."""
    turns: list[Callable[[], None]] = []
    reports: list[list[int]] = []
    receipts = Receipts(turns.append, reports.append)
    first, second = receipts.of(7), receipts.of(8)
    assert receipts.of(7) is first
    first.send("value")
    second.fail(ValueError())
    first.send("value")
    [turn] = turns
    turn()
    assert reports == [[7, 2, 8, 1]]
    first.send("later")
    turns[1]()
    assert reports[1] == [7, 1]
