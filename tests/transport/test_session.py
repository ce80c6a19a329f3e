"""One session over connections that break anywhere: nothing lost, nothing twice, order kept."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from transport import Parcel
from transport.session import Arrival, Batch, Incoming, Outgoing, SessionError


def batch(*records: bytes) -> Batch:
    return Batch([b"", *records], sum(map(len, records)), len(records))


class Resumption(RuleBasedStateMachine):
    """A sender and a receiver; frames and acknowledgements travel, and are lost with the line."""

    def __init__(self) -> None:
        super().__init__()
        self.outgoing, self.incoming = Outgoing(), Incoming(urgent=10)
        self.line: deque[Batch] = deque()
        self.acks: deque[int] = deque()
        self.pushed: list[bytes] = []
        self.delivered: list[bytes] = []

    @rule(count=st.integers(1, 3))
    def push(self, count: int) -> None:
        records = [b"%d" % (len(self.pushed) + n) for n in range(count)]
        self.pushed += records
        self.outgoing.add(batch(*records))

    @rule()
    def transmit(self) -> None:
        found = self.outgoing.next()
        if found is not None:
            self.line.append(found)
            self.outgoing.transmitted()

    @rule()
    def arrive(self) -> None:
        if self.line:
            found = self.line.popleft()
            if self.incoming.arrive(found.sequence, found.size) is Arrival.NEXT:
                self.delivered += found.records[1:]

    @rule()
    def replay(self) -> None:
        if self.incoming.received:
            assert self.incoming.arrive(self.incoming.received, 1) is Arrival.DUPLICATE

    @rule()
    def acknowledge(self) -> None:
        self.acks.append(self.incoming.received)
        self.incoming.told()

    @rule()
    def hear(self) -> None:
        if self.acks:
            self.outgoing.acknowledge(self.acks.popleft())

    @rule(survivors=st.integers(0, 5))
    def reconnect(self, survivors: int) -> None:
        """The line breaks: some of what was on it arrives, the rest is lost."""
        for _ in range(min(survivors, len(self.line))):
            self.arrive()
        self.line.clear()
        self.outgoing.resume(self.incoming.received)

    @invariant()
    def order_is_kept(self) -> None:
        assert self.delivered == self.pushed[: len(self.delivered)]

    @invariant()
    def the_books_balance(self) -> None:
        assert self.outgoing.sent + self.outgoing.weight == len(self.pushed)
        assert self.outgoing.sent <= len(self.delivered)

    def teardown(self) -> None:
        """On a line that holds everything arrives; on one that does not, all is accounted for."""
        if len(self.pushed) % 2:
            undelivered = [parcel.record for parcel in self.outgoing.abandon()]
            assert undelivered == self.pushed[len(self.pushed) - len(undelivered) :]
            assert set(self.pushed) == set(self.delivered) | set(undelivered)
            assert (self.outgoing.held, self.outgoing.weight) == (0, 0)
            return
        self.reconnect(0)
        while self.outgoing.next() is not None:
            self.transmit()
            self.arrive()
        assert self.delivered == self.pushed
        self.outgoing.acknowledge(self.incoming.received)
        assert self.outgoing.idle
        assert (self.outgoing.held, self.outgoing.weight) == (0, 0)


TestResumption = Resumption.TestCase
TestResumption.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@given(st.integers(-5, 20), st.integers(0, 10))
def test_acknowledgements_of_the_unsent_end_the_session(sequence: int, transmitted: int) -> None:
    """A number beyond what was transmitted raises; an old one changes nothing."""
    outgoing = Outgoing()
    for _ in range(10):
        outgoing.add(batch(b"x"))
    for _ in range(transmitted):
        outgoing.transmitted()
    if sequence > transmitted:
        with pytest.raises(SessionError):
            outgoing.acknowledge(sequence)
    else:
        assert outgoing.acknowledge(sequence) == (sequence > 0)
        assert outgoing.sent == max(sequence, 0)


def test_a_peer_that_forgets_what_it_acknowledged_ends_the_session() -> None:
    """It would mean that records are lost, or delivered twice."""
    outgoing = Outgoing()
    outgoing.add(batch(b"x"))
    outgoing.transmitted()
    outgoing.acknowledge(1)
    with pytest.raises(SessionError):
        outgoing.resume(0)


def test_gaps_are_told_apart() -> None:
    """A gap is not taken in."""
    incoming = Incoming(urgent=100)
    assert incoming.arrive(2, 1) is Arrival.GAP
    assert not incoming.owed
    assert incoming.arrive(1, 1) is Arrival.NEXT
    assert incoming.arrive(0, 1) is Arrival.DUPLICATE


def test_a_gap_is_lacking_until_it_is_asked_for_or_filled() -> None:
    """An acknowledgement that rides on a batch asks for nothing; a new connection begins anew."""
    incoming = Incoming(urgent=100)
    incoming.arrive(2, 1)
    incoming.told()
    assert incoming.lacking
    incoming.asked()
    incoming.arrive(3, 1)
    assert not incoming.lacking
    incoming.reopened()
    incoming.arrive(2, 1)
    assert incoming.lacking
    for sequence in (1, 2):
        incoming.arrive(sequence, 1)
    assert not incoming.lacking
    incoming.arrive(4, 1)
    assert incoming.lacking


def test_going_back_lets_a_little_go_and_then_more() -> None:
    """Sixteen batches wait for an acknowledgement, until all is acknowledged that had been sent."""
    outgoing = Outgoing()

    def transmit() -> list[int]:
        sent = []
        while (found := outgoing.next()) is not None:
            sent.append(found.sequence)
            outgoing.transmitted()
        return sent

    for _ in range(40):
        outgoing.add(batch(b"x"))
    assert len(transmit()) == 40
    assert outgoing.refuse(2)
    assert transmit() == list(range(3, 19))
    outgoing.acknowledge(10)
    assert transmit() == list(range(19, 27))
    outgoing.acknowledge(39)
    assert outgoing.recovering
    for _ in range(40):
        outgoing.add(batch(b"x"))
    outgoing.acknowledge(40)
    assert not outgoing.recovering
    assert transmit() == list(range(41, 81))


def test_a_new_connection_is_sent_all_that_is_lacking() -> None:
    """Going back belongs to the connection on which something was lost."""
    outgoing = Outgoing()
    for _ in range(40):
        outgoing.add(batch(b"x"))
        outgoing.transmitted()
    outgoing.go_back()
    outgoing.resume(5)
    for sequence in range(6, 41):
        found = outgoing.next()
        assert found is not None
        assert found.sequence == sequence
        outgoing.transmitted()
    assert outgoing.refuse(5)


def test_much_unacknowledged_is_urgent() -> None:
    """From the given size on, until the peer was told."""
    incoming = Incoming(urgent=100)
    incoming.arrive(1, 99)
    assert incoming.owed
    assert not incoming.urgent
    incoming.arrive(2, 1)
    assert incoming.urgent
    incoming.told()
    assert not incoming.urgent
    assert not incoming.owed


def test_parcels_remember_buffers_and_weights() -> None:
    """Also those of records without any."""
    outgoing = Outgoing()
    extras = {2: ((b"buffer",), 5)}
    outgoing.add(Batch([b"", b"a", b"b"], 8, 6, [b"buffer"], extras))
    assert outgoing.abandon() == [Parcel(b"a", (), 1), Parcel(b"b", (b"buffer",), 5)]
