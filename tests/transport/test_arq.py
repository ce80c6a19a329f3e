"""Go-back-N over lines that lose, double and reorder: all arrives, once, in order, calmly."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from transport import TransportOptions, wire
from transport.arq import Arq
from transport.session import Arrival, Batch, SessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport import Buffer

ACK_DELAY, RESEND_AFTER = 0.02, 5.0
ROUND = 16
"""So many batches are sent again before the peer has to acknowledge."""


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandClock:
    """A clock without a loop: `turn` runs what is due."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def now(self) -> float:
        return self._now

    precise = wall = now

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> _Timer:
        timer = _Timer(lambda: callback(*args))
        heapq.heappush(self._timers, (self._now + delay, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        raise NotImplementedError

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for _, _, timer in self._timers)

    def turn(self, seconds: float) -> None:
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.callback()
        self._now = end


class End:
    """One side of a session, with a line to the other that the test holds in its hands."""

    def __init__(self, clock: HandClock, own: int, other: int, **options: float) -> None:
        chosen = TransportOptions(ack_delay=ACK_DELAY, resend_after=RESEND_AFTER, **options)  # type: ignore[arg-type]
        self.arq = Arq(own, options=chosen, clock=clock, on_progress=self._progressed)
        self.arq.other = other
        self.line: list[bytes] = []
        self.room = True
        self.pushed: list[bytes] = []
        self.delivered: list[bytes] = []
        self.progress = 0

    def connect(self, peer: End) -> None:
        """A new connection: what was on the line is lost, and the peer says how far it got."""
        self.line.clear()
        self.room = True
        peer.arq.reopened()
        self.arq.attach(self.send, peer.arq.received)
        self.writable()

    def writable(self) -> None:
        self.room = True
        self.arq.unblock()
        self.arq.pump()
        self.arq.tell()

    def send(self, frames: Sequence[Buffer]) -> bool:
        if self.room:
            self.line.append(bytes(frames[0]))
        return self.room

    def push(self, count: int = 1) -> None:
        for _ in range(count):
            record = b"%d" % len(self.pushed)
            self.pushed.append(record)
            self.arq.outgoing.add(Batch([b"", record], len(record), 1))
        self.arq.pump()

    def take(self, frame: bytes) -> None:
        """A frame of the other side arrives."""
        if wire.read_prefix(frame)[1] == wire.ACK:
            said = wire.decode_acknowledgement(frame)
            (self.arq.refused if said.resend else self.arq.acknowledged)(said.received)
            return
        _, _, sequence, received, _, _ = wire.BATCH_BODY.unpack_from(frame, len(wire.BATCH_PREFIX))
        arrival = self.arq.arrive(sequence, received, len(frame))
        if arrival is Arrival.NEXT:
            self.delivered.append(frame[wire.HEADER_SIZE :])
            self.arq.settle()
        elif arrival is Arrival.GAP:
            self.arq.report_gap()

    def _progressed(self) -> None:
        self.progress += 1


def pair(**options: float) -> tuple[HandClock, End, End]:
    clock = HandClock()
    one, other = End(clock, 1, 2, **options), End(clock, 2, 1, **options)
    one.connect(other)
    other.connect(one)
    return clock, one, other


def deliver(source: End, target: End) -> int:
    """All that is on the line arrives; how many frames."""
    count = 0
    while source.line:
        target.take(source.line.pop(0))
        count += 1
    return count


def sequences(end: End) -> list[int]:
    """The numbers of the batches on its line."""
    batches = [f for f in end.line if wire.read_prefix(f)[1] == wire.BATCH]
    return [wire.BATCH_BODY.unpack_from(f, len(wire.BATCH_PREFIX))[2] for f in batches]


def requests(end: End) -> int:
    """How many requests to send again are on its line."""
    acks = [f for f in end.line if wire.read_prefix(f)[1] == wire.ACK]
    return sum(wire.decode_acknowledgement(f).resend for f in acks)


class BadLines(RuleBasedStateMachine):
    """Two ends that push at will, over lines that do what they like and connections that break."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, *self.ends = pair()

    def other(self, end: End) -> End:
        return self.ends[end is self.ends[0]]

    @rule(side=st.integers(0, 1), count=st.integers(1, 40))
    def push(self, side: int, count: int) -> None:
        self.ends[side].push(count)

    @rule(side=st.integers(0, 1), count=st.integers(1, 40))
    def arrive(self, side: int, count: int) -> None:
        source = self.ends[side]
        for frame in source.line[:count]:
            source.line.remove(frame)
            self.other(source).take(frame)

    @rule(side=st.integers(0, 1), where=st.integers(0, 60), count=st.integers(1, 5))
    def lose(self, side: int, where: int, count: int) -> None:
        del self.ends[side].line[where : where + count]

    @rule(side=st.integers(0, 1), where=st.integers(0, 60))
    def double(self, side: int, where: int) -> None:
        self.ends[side].line += self.ends[side].line[where : where + 1]

    @rule(side=st.integers(0, 1), where=st.integers(0, 60), to=st.integers(0, 60))
    def reorder(self, side: int, where: int, to: int) -> None:
        line = self.ends[side].line
        for frame in line[where : where + 1]:
            line.remove(frame)
            line.insert(to, frame)

    @rule(seconds=st.sampled_from([ACK_DELAY / 2, ACK_DELAY, 1.0, RESEND_AFTER, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.turn(seconds)

    @rule(side=st.integers(0, 1))
    def fill_up(self, side: int) -> None:
        self.ends[side].room = False

    @rule(side=st.integers(0, 1))
    def make_room(self, side: int) -> None:
        if not self.ends[side].room:
            self.ends[side].writable()

    @rule(side=st.integers(0, 1))
    def disconnect(self, side: int) -> None:
        self.ends[side].arq.detach()
        self.ends[side].line.clear()

    @rule(side=st.integers(0, 1))
    def reconnect(self, side: int) -> None:
        self.ends[side].arq.detach()
        self.ends[side].connect(self.other(self.ends[side]))

    @invariant()
    def all_arrives_once_and_in_order(self) -> None:
        for end in self.ends:
            delivered = self.other(end).delivered
            assert delivered == end.pushed[: len(delivered)]

    @invariant()
    def the_books_balance(self) -> None:
        for end in self.ends:
            assert end.arq.outgoing.sent + end.arq.outgoing.weight == len(end.pushed)
            assert end.arq.outgoing.sent <= len(self.other(end).delivered)

    def teardown(self) -> None:
        """From now on nothing is lost: the timers see to the rest, and then they stop."""
        for end in self.ends:
            if not (end.arq.open and end.room):
                self.reconnect(self.ends.index(end))
        for _ in range(60):
            while sum(deliver(end, self.other(end)) for end in self.ends):
                self.clock.turn(ACK_DELAY)
            self.clock.turn(RESEND_AFTER)
        for end in self.ends:
            assert self.other(end).delivered == end.pushed
            assert end.arq.outgoing.idle
            assert end.arq.outgoing.held == end.arq.outgoing.weight == 0
        assert self.clock.pending == 0


TestBadLines = BadLines.TestCase
TestBadLines.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_gap_brings_one_request_and_one_round() -> None:
    """However many batches come behind it; a little is sent again, the rest when that arrived."""
    clock, one, other = pair()
    one.push(1000)
    del one.line[0]
    deliver(one, other)
    assert requests(other) == len(other.line) == 1
    deliver(other, one)
    assert sequences(one) == list(range(1, ROUND + 1))
    deliver(one, other)
    clock.turn(ACK_DELAY)
    deliver(other, one)
    assert sequences(one) == list(range(ROUND + 1, 2 * ROUND + 1))
    while deliver(one, other):
        clock.turn(ACK_DELAY)
        deliver(other, one)
    assert other.delivered == one.pushed
    assert one.arq.batches_sent == 2000
    assert clock.now() < RESEND_AFTER


def test_big_batches_are_sent_again_one_by_one() -> None:
    """A round ends at a mebibyte, and is never empty."""
    clock, one, other = pair()
    for _ in range(8):
        one.arq.outgoing.add(Batch([b"", b"x"], 1 << 20, 1))
    one.arq.pump()
    one.line.clear()
    clock.turn(RESEND_AFTER)
    assert sequences(one) == [1]
    deliver(one, other)
    clock.turn(ACK_DELAY)
    deliver(other, one)
    assert sequences(one) == [2]


def test_a_doubled_request_is_one() -> None:
    """The second one finds the batches on their way."""
    _, one, other = pair()
    one.push(10)
    del one.line[0]
    deliver(one, other)
    [request] = other.line
    one.take(request)
    one.take(request)
    assert sequences(one) == list(range(1, 11))


def test_a_late_request_is_none() -> None:
    """What it asks for was acknowledged meanwhile."""
    clock, one, other = pair()
    one.push(2)
    first, second = one.line
    one.line.clear()
    other.take(second)
    request = other.line.pop()
    other.take(first)
    other.take(second)
    clock.turn(ACK_DELAY)
    deliver(other, one)
    one.push()
    one.line.clear()
    one.take(request)
    assert one.line == []


def test_a_request_that_the_connection_did_not_take_is_made_up_for() -> None:
    """It goes out when there is room, unless the gap was filled."""
    _, one, other = pair()
    one.push(2)
    first, second = one.line
    other.room = False
    other.take(second)
    assert other.line == []
    other.writable()
    assert requests(other) == 1
    other.line.clear()
    other.take(first)
    other.writable()
    assert requests(other) == 0


def test_each_new_gap_is_asked_for() -> None:
    """Also one that a repeat tore."""
    _, one, other = pair()
    one.push(3)
    del one.line[0]
    deliver(one, other)
    deliver(other, one)
    assert sequences(one) == [1, 2, 3]
    del one.line[1]
    deliver(one, other)
    assert requests(other) == 1
    deliver(other, one)
    assert sequences(one) == [2, 3]
    deliver(one, other)
    assert other.delivered == one.pushed


def test_a_lost_tail_is_sent_again_in_time() -> None:
    """Nothing comes behind it that would show the gap: the timer sees to it, and backs off."""
    clock, one, _ = pair(resend_maximum=15.0)
    one.push()
    times = []
    for _ in range(60):
        one.line.clear()
        clock.turn(1.0)
        times += [clock.now()] * len(one.line)
    assert times == [5.0, 15.0, 30.0, 45.0, 60.0]


def test_a_lost_acknowledgement_is_said_again() -> None:
    """The batch that comes again is a double, which is acknowledged like the first."""
    clock, one, other = pair()
    one.push()
    deliver(one, other)
    clock.turn(ACK_DELAY)
    other.line.clear()
    clock.turn(RESEND_AFTER)
    assert deliver(one, other) == 1
    clock.turn(ACK_DELAY)
    deliver(other, one)
    assert one.arq.outgoing.idle
    assert other.delivered == one.pushed
    clock.turn(2 * RESEND_AFTER)
    assert one.line == []
    assert clock.pending == 0


def test_progress_is_waited_for_as_long_as_at_first() -> None:
    """A loss after one that took many tries is repaired as soon as the first one."""
    clock, one, other = pair()
    one.push()
    for _ in range(4):
        clock.turn(20.0)
    one.line[:-1] = []
    deliver(one, other)
    clock.turn(ACK_DELAY)
    one.push()
    one.line.clear()
    deliver(other, one)
    clock.turn(2 * RESEND_AFTER)
    assert sequences(one) == [2]


def test_a_busy_peer_brings_on_no_repeats() -> None:
    """Two seconds without an answer, over and over, are nothing unusual."""
    clock, one, other = pair()
    for _ in range(50):
        one.push(10)
        clock.turn(2.0)
        assert len(sequences(one)) == 10
        deliver(one, other)
        clock.turn(ACK_DELAY)
        deliver(other, one)
    assert one.arq.batches_sent == 500


def test_a_peer_that_stands_still_is_not_flooded() -> None:
    """A minute of silence with much on its way costs a few rounds."""
    clock, one, _ = pair()
    one.push(1000)
    clock.turn(60.0)
    assert one.arq.batches_sent <= 1000 + 4 * ROUND


def test_a_full_connection_loses_nothing() -> None:
    """What is on it waits, so nothing is sent again until there is room."""
    clock, one, other = pair()
    one.push(3)
    one.room = False
    one.push()
    clock.turn(60.0)
    assert sequences(one) == [1, 2, 3]
    one.writable()
    assert sequences(one) == [1, 2, 3, 4]
    deliver(one, other)
    assert other.delivered == one.pushed


def test_the_first_time_may_arrive_after_all() -> None:
    """An acknowledgement of what was taken back to be sent again is no violation."""
    clock, one, other = pair()
    one.push(100)
    on_its_way = [*one.line]
    one.line.clear()
    clock.turn(RESEND_AFTER)
    assert sequences(one) == list(range(1, ROUND + 1))
    one.line.clear()
    for frame in on_its_way:
        other.take(frame)
    clock.turn(ACK_DELAY)
    deliver(other, one)
    assert one.arq.outgoing.idle
    assert one.arq.outgoing.held == 0


@pytest.mark.parametrize("said", ["acknowledged", "refused"])
def test_what_was_never_sent_cannot_be_acknowledged(said: str) -> None:
    """Neither before nor while something is sent again: such a session ends."""
    clock, one, _ = pair()
    with pytest.raises(SessionError):
        getattr(one.arq, said)(1)
    one.push(20)
    clock.turn(RESEND_AFTER)
    one.push(5)
    with pytest.raises(SessionError):
        getattr(one.arq, said)(21)


def test_nothing_runs_once_the_session_is_over() -> None:
    """Neither timer survives it, and nothing is sent any more."""
    clock, one, other = pair()
    one.push()
    deliver(one, other)
    other.arq.abandon()
    assert [parcel.record for parcel in one.arq.abandon()] == [b"0"]
    assert clock.pending == 0
    one.arq.pump()
    one.arq.acknowledge()
    assert one.line == []
