"""One session: what is on the way to a peer, and what came from it. No I/O, no clock.

Both directions count batches from 1. A session outlives its connections: when one breaks, the
peer says on the next how far it got, and the rest is sent again. A side that forgot its session
begins another one under another number; what belonged to the old one is never mixed in.

Within a connection batches may be lost, doubled and overtaken: the receiver takes the next one
and no other, and the sender goes back to it (go-back-N, as HDLC does; Tanenbaum, *Computer
Networks*). After that it sends a little and waits for an acknowledgement, until all that was
sent before is acknowledged (fast recovery up to a recovery point, RFC 6582).
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from transport.handler import Parcel
from transport.interface import Buffer
from transport.options import MIB

__all__ = ["Arrival", "Batch", "Extras", "Incoming", "Outgoing", "SessionError"]

Extras = Mapping[int, tuple[Sequence[Buffer], int]]
"""Buffers and weight of the records, by index, that have buffers or a weight other than 1."""

_NO_EXTRAS: Extras = MappingProxyType({})

_REPEATED_BATCHES = 16
_REPEATED_BYTES = MIB
"""So much is sent again before the peer has to show that it takes it in."""


class SessionError(Exception):
    """The peer speaks of batches that it cannot have seen: the session cannot go on."""


class Batch:
    """Records that travel together.

    Attributes:
        sequence: its number in the session, 0 before it has one.
        records: as they were pushed, behind an empty place for the header.
        buffers: the out-of-band buffers of all records, in order.
        extras: which records have buffers or an unusual weight; indices count the place, too.
        size: bytes of memory that records and buffers take.
        weight: of all records.
    """

    __slots__ = ("buffers", "extras", "records", "sequence", "size", "weight")

    def __init__(
        self,
        records: list[bytes],
        size: int,
        weight: int,
        buffers: Sequence[Buffer] = (),
        extras: Extras = _NO_EXTRAS,
    ) -> None:
        self.sequence = 0
        self.records = records
        self.buffers = buffers
        self.extras = extras
        self.size = size
        self.weight = weight

    def parcels(self) -> Iterator[Parcel]:
        """The records one by one, as they were pushed."""
        for index in range(1, len(self.records)):
            buffers, weight = self.extras.get(index, ((), 1))
            yield Parcel(self.records[index], buffers, weight)


class Outgoing:
    """The way to the peer: batches that wait, and batches that nobody acknowledged yet.

    Attributes:
        held: bytes of all of them.
        weight: of all of them.
        acknowledged: the number of the last batch that the peer took in.
        sent: the weight of all that the peer took in.
        recovering: was something sent again, and is not all acknowledged that was sent till then?
    """

    __slots__ = (
        "_flying",
        "_last",
        "_queued",
        "_refused",
        "_transmitted",
        "acknowledged",
        "held",
        "recovering",
        "sent",
        "weight",
    )

    def __init__(self) -> None:
        self._queued: deque[Batch] = deque()
        self._flying: deque[Batch] = deque()
        self._last = 0
        # The last batch that was ever on its way, as it was when some of them were taken back.
        self._transmitted = 0
        self._refused = -1
        self.recovering = False
        self.held = 0
        self.weight = 0
        self.acknowledged = 0
        self.sent = 0

    def add(self, batch: Batch) -> None:
        """Queue a batch; it gets the next number."""
        self._last = batch.sequence = self._last + 1
        self._queued.append(batch)
        self.held += batch.size
        self.weight += batch.weight

    def next(self) -> Batch | None:
        """The batch to transmit next; None where all are on their way, or enough for now."""
        if not self._queued or (self.recovering and not self._may_repeat()):
            return None
        return self._queued[0]

    def transmitted(self) -> None:
        """What `next` gave was handed to the connection."""
        self._flying.append(self._queued.popleft())

    @property
    def idle(self) -> bool:
        """Is everything acknowledged?"""
        return not self._queued and not self._flying

    @property
    def is_flying(self) -> bool:
        """Is anything on its way?"""
        return bool(self._flying)

    def acknowledge(self, sequence: int) -> bool:
        """The peer took in all batches up to `sequence`; an old acknowledgement changes nothing.

        Returns:
            Whether that was news.

        Raises:
            SessionError: such a batch was never sent.
        """
        if sequence <= self.acknowledged:
            return False
        flying = self._flying
        if not flying or sequence > flying[-1].sequence:
            self._overtake(sequence)
        while flying and flying[0].sequence <= sequence:
            batch = flying.popleft()
            self.held -= batch.size
            self.weight -= batch.weight
            self.sent += batch.weight
        self.acknowledged = sequence
        if self.recovering and sequence >= self._transmitted:
            self.recovering = False
        return True

    def refuse(self, received: int) -> bool:
        """The peer has everything up to `received`, lacks the next batch, and dropped later ones.

        Only the first such word about a batch counts: what else says the same is a double, or
        was overtaken by what was sent again. When that is lost as well, time tells (`go_back`).

        Returns:
            Whether batches are to be sent again.

        Raises:
            SessionError: such a batch was never sent.
        """
        self.acknowledge(received)
        if received != self.acknowledged or received == self._refused:
            return False
        self._refused = received
        self.go_back()
        return True

    def go_back(self) -> None:
        """Send again what is on its way, from the oldest on; a little at a time."""
        self._take_back()
        self.recovering = self._transmitted > self.acknowledged

    def resume(self, received: int) -> None:
        """A new connection: the peer has everything up to `received`, the rest goes again.

        Raises:
            SessionError: it forgot what it had acknowledged, or knows what was never sent.
        """
        if received < self.acknowledged:
            raise SessionError(f"the peer fell back to {received} from {self.acknowledged}")
        self.acknowledge(received)
        self._take_back()
        self._refused = -1
        self.recovering = False

    def abandon(self) -> list[Parcel]:
        """Give up: every record that was not acknowledged, in order. Nothing is held any more."""
        parcels = [p for batch in (*self._flying, *self._queued) for p in batch.parcels()]
        self._flying.clear()
        self._queued.clear()
        self.held = self.weight = 0
        self.recovering = False
        return parcels

    def _take_back(self) -> None:
        if self._flying:
            self._transmitted = max(self._transmitted, self._flying[-1].sequence)
            self._queued.extendleft(reversed(self._flying))
            self._flying.clear()

    def _may_repeat(self) -> bool:
        # Few are on their way while recovering, so counting them again is cheap.
        flying = self._flying
        return len(flying) < _REPEATED_BATCHES and sum(b.size for b in flying) < _REPEATED_BYTES

    def _overtake(self, sequence: int) -> None:
        """What was taken back to be sent again had arrived the first time."""
        if sequence > self._transmitted:
            raise SessionError(f"batch {sequence} acknowledged, which was never sent")
        while self._queued and self._queued[0].sequence <= sequence:
            self._flying.append(self._queued.popleft())


class Arrival(enum.Enum):
    """What a batch is, judged by its number."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"


class Incoming:
    """The way from the peer: how far it got, and whether it was told.

    Args:
        urgent: so many bytes unacknowledged are worth an acknowledgement of their own, at once.

    Attributes:
        received: the number of the last batch taken in.
        owed: whether the peer should be told of it.
    """

    __slots__ = ("_asked", "_bytes", "_dropped", "_urgent", "owed", "received")

    def __init__(self, urgent: int) -> None:
        self._urgent = urgent
        self._bytes = 0
        # What had been received when the peer was asked last; a batch that no request covers.
        self._asked = -1
        self._dropped = 0
        self.received = 0
        self.owed = False

    def arrive(self, sequence: int, size: int) -> Arrival:
        """A batch of `size` bytes came; only a NEXT one is to be handed up.

        A duplicate is acknowledged again: its sender may have missed the first time.
        """
        if sequence == self.received + 1:
            self.received = sequence
            self._bytes += size
            self.owed = True
            return Arrival.NEXT
        if sequence > self.received:
            if self._asked != self.received:
                self._dropped = sequence
            return Arrival.GAP
        self.owed = True
        return Arrival.DUPLICATE

    @property
    def urgent(self) -> bool:
        """Should the peer be told now?"""
        return self._bytes >= self._urgent

    @property
    def lacking(self) -> bool:
        """Did a batch come without the one before it, and was the peer not yet asked for that?

        Once for each gap, and not for each batch behind it: what answers to one request is
        everything, and a request for each would have everything sent as often.
        """
        return self._dropped > self.received

    def told(self) -> None:
        """The peer was told, on a batch or by itself."""
        self._bytes = 0
        self.owed = False

    def asked(self) -> None:
        """The peer was told, and asked to send again what follows."""
        self._asked = self.received
        self._dropped = 0
        self.told()

    def reopened(self) -> None:
        """A new connection, on which the peer begins with what is lacking: it may get lost anew."""
        self._asked = -1
        self._dropped = 0
