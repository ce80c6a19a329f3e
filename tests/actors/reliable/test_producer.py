"""The producer's state machine: what is accepted, may go, went, and is handled."""

from __future__ import annotations

import pytest

from actors.reliable.producer import Producer


def attached(confirmed: int = 0, accepted: int = 0) -> Producer:
    """A producer that has a consumer."""
    producer = Producer(confirmed, accepted)
    producer.attach()
    return producer


def with_sent(count: int) -> Producer:
    """A producer that has sent so many."""
    producer = attached()
    for _ in range(count):
        producer.release(producer.accept())
    assert producer.due(count) == range(1, count + 1)
    return producer


def test_numbers_begin_at_one_and_have_no_gaps() -> None:
    """Each message has its own."""
    producer = Producer()
    assert [producer.accept() for _ in range(3)] == [1, 2, 3]
    assert producer.pending == 3


def test_nothing_goes_before_it_may() -> None:
    """With a journal a message waits until it is on disk."""
    producer = attached()
    producer.accept()
    producer.accept()
    assert not producer.due(10)
    producer.release(1)
    assert producer.due(10) == range(1, 2)


def test_nothing_goes_without_a_consumer() -> None:
    """And all of it when there is one."""
    producer = Producer()
    producer.release(producer.accept())
    assert not producer.due(10)
    producer.attach()
    assert producer.due(10) == range(1, 2)


def test_each_goes_once_by_itself() -> None:
    """It is sent again only where that is asked for."""
    producer = with_sent(3)
    assert not producer.due(10)
    assert producer.again(1) == range(2, 4)


def test_no_more_than_the_window_is_on_its_way() -> None:
    """Also where a journal gives back more than that."""
    producer = attached(confirmed=5, accepted=20)
    assert producer.due(4) == range(6, 10)
    producer.confirm(7)
    assert producer.due(4) == range(10, 12)


def test_what_is_handled_is_confirmed_once() -> None:
    """Old news are none."""
    producer = with_sent(3)
    assert producer.confirm(2) == range(1, 3)
    assert not producer.confirm(2)
    assert not producer.confirm(1)
    assert (producer.first, producer.pending) == (3, 1)


def test_nobody_can_have_handled_what_was_never_sent() -> None:
    """That is nonsense, or a journal that has lost its end."""
    producer = with_sent(1)
    producer.accept()
    with pytest.raises(ValueError, match="said to be handled"):
        producer.confirm(2)


def test_another_consumer_gets_all_that_is_not_handled() -> None:
    """What was sent before is doubtful, what was not is not."""
    producer = with_sent(3)
    producer.confirm(1)
    producer.detach()
    producer.release(producer.accept())
    assert not producer.due(10)
    producer.attach()
    assert producer.due(10) == range(2, 5)
    assert [producer.is_doubtful(each) for each in (2, 3, 4)] == [True, True, False]


def test_what_a_journal_gave_back_is_doubtful() -> None:
    """Nobody knows what the earlier life had sent."""
    producer = attached(confirmed=1, accepted=3)
    assert producer.is_doubtful(3)
    producer.release(producer.accept())
    assert not producer.is_doubtful(4)


def test_an_earlier_consumer_may_still_confirm() -> None:
    """It is a fact, whoever says so, and is not sent again."""
    producer = with_sent(3)
    producer.attach()
    assert producer.confirm(2) == range(1, 3)
    assert producer.due(10) == range(3, 4)


def test_numbers_that_were_not_written_are_free_again() -> None:
    """What failed to reach the disk never was."""
    producer = attached()
    producer.release(producer.accept())
    producer.accept()
    producer.revoke()
    assert producer.pending == 1
    assert producer.accept() == 2


def test_it_waits_for_its_consumer_only_while_something_is_there() -> None:
    """That is when silence means something."""
    producer = with_sent(1)
    assert producer.is_waiting
    producer.confirm(1)
    assert not producer.is_waiting
