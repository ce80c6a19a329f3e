"""The consumer's state machine: order, duplicates, and what is handled."""

from __future__ import annotations

from actors.reliable.consumer import Consumer


def given(*sequences: int, hands: int = 1, first: int = 1) -> Consumer[str]:
    """A consumer to which these have come."""
    consumer: Consumer[str] = Consumer(first, hands)
    for sequence in sequences:
        consumer.take(sequence, f"m{sequence}")
    return consumer


def handed(consumer: Consumer[str]) -> list[int]:
    """All that it hands over now."""
    taken = []
    while (following := consumer.next()) is not None:
        taken.append(following[0])
    return taken


def test_they_are_handed_over_in_order() -> None:
    """However they came, and the next one only when the one before it is handled."""
    consumer = given(3, 1, 2)
    order = []
    while (following := consumer.next()) is not None:
        order.append((following[0], following[1].item))
        assert consumer.next() is None
        assert consumer.handled(following[0])
    assert order == [(1, "m1"), (2, "m2"), (3, "m3")]
    assert consumer.confirmed == 3
    assert consumer.is_idle


def test_a_gap_holds_up_what_is_behind_it() -> None:
    """Nobody is overtaken."""
    consumer = given(1, 3)
    assert handed(consumer) == [1]
    consumer.handled(1)
    assert handed(consumer) == []
    consumer.take(2, "m2")
    assert handed(consumer) == [2]


def test_duplicates_are_known() -> None:
    """Of what waits, is in hand, and is handled."""
    consumer = given(1, 2, 4)
    assert not consumer.take(4, "again")
    assert handed(consumer) == [1]
    assert not consumer.take(1, "again")
    consumer.handled(1)
    assert not consumer.take(1, "again")
    assert not consumer.take(2, "again")


def test_several_hands_take_several() -> None:
    """And what is handled counts once all before it is."""
    consumer = given(1, 2, 3, hands=2)
    assert handed(consumer) == [1, 2]
    assert not consumer.handled(2)
    assert consumer.confirmed == 0
    assert handed(consumer) == [3]
    assert consumer.handled(1)
    assert consumer.confirmed == 2


def test_what_failed_stays_in_hand() -> None:
    """It is neither handled nor overtaken."""
    consumer = given(1, 2)
    assert handed(consumer) == [1]
    held = consumer.failed(1)
    assert held is not None
    assert (held.item, held.attempts) == ("m1", 2)
    assert handed(consumer) == []
    assert consumer.handled(1)
    assert handed(consumer) == [2]


def test_what_was_handled_elsewhere_is_skipped() -> None:
    """The producer says from where on it does not know."""
    consumer = given(1, 2, 5)
    consumer.skip_to(4)
    assert consumer.confirmed == 3
    assert handed(consumer) == []
    consumer.take(4, "m4")
    assert handed(consumer) == [4]
    consumer.handled(4)
    assert handed(consumer) == [5]


def test_what_is_in_hand_is_not_skipped() -> None:
    """It comes to its end, and nothing is handed over beside it."""
    consumer = given(1, 2)
    assert handed(consumer) == [1]
    consumer.skip_to(2)
    assert handed(consumer) == []
    assert not consumer.handled(1)
    assert handed(consumer) == [2]


def test_what_failed_after_it_was_skipped_is_done_with() -> None:
    """Somebody else has handled it."""
    consumer = given(1, 2)
    handed(consumer)
    consumer.skip_to(2)
    assert consumer.failed(1) is None
    assert handed(consumer) == [2]


def test_a_gap_is_asked_for_once() -> None:
    """What is missing is on its way then; later on the producer inquires."""
    consumer = given(1)
    assert not consumer.wants_again()
    consumer.take(3, "m3")
    assert consumer.wants_again()
    consumer.take(4, "m4")
    assert not consumer.wants_again()
    consumer.take(2, "m2")
    consumer.take(6, "m6")
    assert consumer.wants_again()


def test_it_says_what_it_lacks() -> None:
    """When the producer asks."""
    consumer = given(1, 3)
    assert consumer.lacks(3)
    assert not consumer.lacks(1)


def test_what_was_not_handed_over_can_be_taken_back() -> None:
    """And may come again later."""
    consumer = given(1, 2, 3)
    assert handed(consumer) == [1]
    consumer.forget()
    consumer.handled(1)
    assert handed(consumer) == []
    assert consumer.take(2, "m2")
    assert handed(consumer) == [2]
