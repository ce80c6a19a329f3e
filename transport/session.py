"""One session: what is on the way to a peer, and what came from it. No I/O, no clock.

Both directions count batches from 1. A session outlives its connections: when one breaks, the
peer says on the next how far it got, and the rest is sent again. A side that forgot its session
begins another one under another number; what belonged to the old one is never mixed in.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from transport.handler import Parcel
from transport.interface import Buffer

__all__ = ["Arrival", "Batch", "Extras", "Incoming", "Outgoing", "SessionError"]

Extras = Mapping[int, tuple[Sequence[Buffer], int]]
"""Buffers and weight of the records, by index, that have buffers or a weight other than 1."""

_NO_EXTRAS: Extras = MappingProxyType({})


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
    """

    __slots__ = ("_flying", "_last", "_queued", "acknowledged", "held", "sent", "weight")

    def __init__(self) -> None:
        self._queued: deque[Batch] = deque()
        self._flying: deque[Batch] = deque()
        self._last = 0
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
        """The batch to transmit next; None where all are on their way."""
        return self._queued[0] if self._queued else None

    def transmitted(self) -> None:
        """What `next` gave was handed to the connection."""
        self._flying.append(self._queued.popleft())

    @property
    def idle(self) -> bool:
        """Is everything acknowledged?"""
        return not self._queued and not self._flying

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
            raise SessionError(f"batch {sequence} acknowledged, which was never sent")
        while flying and flying[0].sequence <= sequence:
            batch = flying.popleft()
            self.held -= batch.size
            self.weight -= batch.weight
            self.sent += batch.weight
        self.acknowledged = sequence
        return True

    def resume(self, received: int) -> None:
        """A new connection: the peer has everything up to `received`, the rest goes again.

        Raises:
            SessionError: it forgot what it had acknowledged, or knows what was never sent.
        """
        if received < self.acknowledged:
            raise SessionError(f"the peer fell back to {received} from {self.acknowledged}")
        self.acknowledge(received)
        self._queued.extendleft(reversed(self._flying))
        self._flying.clear()

    def abandon(self) -> list[Parcel]:
        """Give up: every record that was not acknowledged, in order. Nothing is held any more."""
        parcels = [p for batch in (*self._flying, *self._queued) for p in batch.parcels()]
        self._flying.clear()
        self._queued.clear()
        self.held = self.weight = 0
        return parcels


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

    __slots__ = ("_bytes", "_urgent", "owed", "received")

    def __init__(self, urgent: int) -> None:
        self._urgent = urgent
        self._bytes = 0
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
            return Arrival.GAP
        self.owed = True
        return Arrival.DUPLICATE

    @property
    def urgent(self) -> bool:
        """Should the peer be told now?"""
        return self._bytes >= self._urgent

    def told(self) -> None:
        """The peer was told, on a batch or by itself."""
        self._bytes = 0
        self.owed = False
