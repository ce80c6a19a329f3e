"""One peer, as the layer above sees it: a queue of records on their way to it.

What is pushed within one turn of the event loop leaves as one batch at its end, or earlier when
`batch_bytes` are reached; nothing waits longer than that for company. While the connection is
blocked or broken the batch goes on growing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.errors import RecordTooLargeError
from transport.interface import size_of
from transport.options import KIB, MIB, TransportOptions
from transport.session import Arrival, Batch, Incoming, Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.clock import Clock, TimerHandle
    from transport.handler import Identity, Parcel
    from transport.interface import Buffer

__all__ = ["Link", "LinkEvents"]

_DETACHED = 128 * KIB
"""A record of this size travels alone, in a frame of its own, and is not copied for it."""


_PROMPT = 2 * KIB
"""With nothing on its way, this much leaves at once: the peer works on it while more is made."""

_ROOMY = KIB
"""In batches that may be smaller than this even a small record may be the first of its own."""

_OVERHEAD = 64
"""What a record takes in memory beside its bytes, which counts against the capacity too."""

_URGENT = MIB
"""So much unacknowledged is worth an acknowledgement at once: the peer's window may be small."""


class LinkEvents(Protocol):
    """What a link tells its peer."""

    def progressed(self) -> None:
        """The other side acknowledged something."""

    def roomy(self) -> None:
        """A `push` was turned away, and there is room again."""


class Link:
    """The records on their way to one incarnation of a peer.

    `push`, `sent`, `waiting` and `peer` are for the layer above; the rest is for the mesh.

    Args:
        peer: who is at the other end.
        own: our number for the session.
        max_frame: the largest frame that both sides take, in bytes.
        options: the tunables.
        clock: what times acknowledgements.
        call_soon: the loop's, which runs a callback in its next turn.
        events: who hears about progress.

    Attributes:
        batches_sent: handed to a connection, those sent again included.
        last: the `mark` of the record that was pushed last, if that is in the open batch; else
            None. So the layer above can tell whether the next one will follow it there.
    """

    __slots__ = (
        "_blocked",
        "_buffers",
        "_call_soon",
        "_capacity",
        "_clock",
        "_due",
        "_events",
        "_extra_weight",
        "_extras",
        "_full",
        "_gone",
        "_incoming",
        "_max_buffers",
        "_max_frame",
        "_options",
        "_outgoing",
        "_prompt",
        "_records",
        "_scheduled",
        "_send",
        "_size",
        "_starved",
        "_timer",
        "batches_sent",
        "last",
        "other",
        "own",
        "peer",
    )

    def __init__(
        self,
        peer: Identity,
        own: int,
        max_frame: int,
        *,
        options: TransportOptions,
        clock: Clock,
        call_soon: Callable[[Callable[[], None]], object],
        events: LinkEvents,
    ) -> None:
        self.peer = peer
        self.own = own
        self.other = 0
        self.batches_sent = 0
        self._options = options
        self._capacity = options.capacity
        self._max_buffers = options.max_buffers
        self._max_frame = max_frame - wire.HEADER_SIZE
        # A batch may exceed `_full` by one record; half a frame each keeps it within the frame.
        self._full = min(options.batch_bytes, self._max_frame // 2)
        self._prompt = min(_PROMPT, self._full)
        self._clock = clock
        self._call_soon = call_soon
        self._events = events
        self._outgoing = Outgoing()
        self._incoming = Incoming(min(options.capacity // 4, _URGENT))
        self._send: Callable[[Sequence[Buffer]], bool] | None = None
        self._blocked = self._scheduled = self._starved = self._gone = False
        self._timer: TimerHandle | None = None
        self._records: list[bytes]
        self._buffers: list[Buffer]
        self._extras: dict[int, tuple[Sequence[Buffer], int]]
        self._extra_weight: int
        self._size: int
        self._due: int
        self.last: object
        self._begin()

    # For the layer above.

    def push(
        self,
        record: bytes,
        buffers: Sequence[Buffer] = (),
        weight: int = 1,
        mark: object = None,
    ) -> bool:
        """Queue one record, to leave at the end of this turn of the loop at the latest.

        Args:
            record: what to send; opaque here.
            buffers: what goes beside it as frames of their own, without a copy where they are
                big; they must not change until the record is acknowledged.
            weight: how much it counts in `sent` and `waiting`.
            mark: anything, for `last`.

        Returns:
            False when the link is full (`writable` follows) or its peer was given up: the record
            was not taken. An empty link takes any record that a frame can hold.

        Raises:
            RecordTooLargeError: the record or a buffer can never be sent.
        """
        size = self._size + len(record)
        # `_due` is 0 for the first record of a batch and where anything is unusual.
        if size >= self._due or buffers:
            return self._push_slowly(record, buffers, weight, mark)
        if weight != 1:
            self._extras[len(self._records)] = ((), weight)
            self._extra_weight += weight - 1
        self._records.append(record)
        self._size = size
        self.last = mark
        return True

    @property
    def capacity(self) -> int:
        """How many bytes may be queued or unacknowledged."""
        return self._capacity

    @property
    def sent(self) -> int:
        """The weight of what the peer acknowledged."""
        return self._outgoing.sent

    @property
    def waiting(self) -> int:
        """The weight of what is queued or unacknowledged; 0 once the peer is given up."""
        return self._outgoing.weight + len(self._records) - 1 + self._extra_weight

    # For the mesh: the connection.

    @property
    def idle(self) -> bool:
        """Was everything acknowledged?"""
        return self._outgoing.idle and len(self._records) == 1

    @property
    def received(self) -> int:
        """The number of the last batch that was taken in."""
        return self._incoming.received

    @property
    def progress(self) -> int:
        """A number that grows whenever the peer's loop has sent or taken in anything."""
        return self._incoming.received + self._outgoing.acknowledged

    def attach(self, send: Callable[[Sequence[Buffer]], bool], received: int) -> None:
        """A connection is ready: send what the peer, which got as far as `received`, lacks.

        Raises:
            SessionError: what it says cannot be.
        """
        self._outgoing.resume(received)
        self._send = send
        self._progress()
        self.writable()

    def detach(self) -> None:
        """The connection broke."""
        self._send = None

    def writable(self) -> None:
        """The connection takes frames (again)."""
        self._blocked = False
        self._flush()
        if self._incoming.owed:
            self._acknowledge()

    def abandon(self) -> list[Parcel]:
        """Give the peer up: all records that it did not acknowledge, in order."""
        self._cut()
        self._gone = True
        self._due = 0
        self._send = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self._outgoing.abandon()

    # For the mesh: what came from the peer.

    def arrive(self, sequence: int, acknowledged: int, size: int) -> Arrival:
        """A batch came: is it the next one? Its acknowledgement is taken in any case.

        Raises:
            SessionError: it acknowledges what was never sent.
        """
        incoming = self._incoming
        arrival = incoming.arrive(sequence, size)
        if acknowledged != self._outgoing.acknowledged:
            self.acknowledge(acknowledged)
        if self._timer is None and incoming.owed:
            self._timer = self._clock.call_later(self._options.ack_delay, self._on_timer)
        return arrival

    def settle(self) -> None:
        """A batch was handed up: acknowledge it now if much is unacknowledged."""
        if self._incoming.urgent:
            self._acknowledge()

    def acknowledge(self, sequence: int) -> None:
        """The peer took in all batches up to `sequence`.

        Raises:
            SessionError: such a batch was never sent.
        """
        if self._outgoing.acknowledge(sequence):
            self._progress()

    # Inside.

    def _begin(self) -> None:
        """An empty batch; its first place is the header's."""
        self._records = [b""]
        self._buffers = []
        self._extras = {}
        self._extra_weight = 0
        self._size = 0
        self._due = 0
        self.last = None

    def _push_slowly(
        self, record: bytes, buffers: Sequence[Buffer], weight: int, mark: object
    ) -> bool:
        size = self._measure(record, buffers)
        if self._gone:
            return False
        held = self._outgoing.held + self._size + _OVERHEAD * (len(self._records) - 1)
        if held and held + size + _OVERHEAD > self._capacity:
            self._starved = True
            self.last = None  # what waits behind this one elsewhere must not be overtaken
            return False
        alone = len(record) >= min(_DETACHED, self._full)
        if alone or len(self._buffers) + len(buffers) > self._max_buffers:
            self._cut()
        self._append(record, buffers, weight, size)
        if alone or self._size >= self._enough():
            self._cut()
            self._pump()
        else:
            if self._full >= _ROOMY:
                self._due = min(self._enough(), self._capacity - self._outgoing.held)
                self.last = mark
            self._schedule()
        return True

    def _enough(self) -> int:
        """How big the open batch may become; less where the peer may be idle, waiting for it."""
        return self._prompt if self._outgoing.idle else self._full

    def _measure(self, record: bytes, buffers: Sequence[Buffer]) -> int:
        size = len(record)
        if size > self._max_frame:
            raise RecordTooLargeError(size, self._max_frame)
        if len(buffers) > self._max_buffers:
            raise RecordTooLargeError(len(buffers), self._max_buffers)
        for buffer in buffers:
            length = size_of(buffer)
            if length > self._max_frame:
                raise RecordTooLargeError(length, self._max_frame)
            size += length
        return size

    def _append(self, record: bytes, buffers: Sequence[Buffer], weight: int, size: int) -> None:
        if buffers or weight != 1:
            self._extras[len(self._records)] = (tuple(buffers), weight)
            self._extra_weight += weight - 1
            self._buffers.extend(buffers)
        self._records.append(record)
        self._size += size

    def _schedule(self) -> None:
        # While blocked or broken, `writable` and `attach` are what flushes.
        if not self._scheduled and self._send is not None and not self._blocked:
            self._scheduled = True
            self._call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._send is not None and not self._blocked:
            self._cut()
            self._pump()

    def _cut(self) -> None:
        """End the open batch and queue it."""
        count = len(self._records) - 1
        if count:
            weight = count + self._extra_weight
            size = self._size + _OVERHEAD * count
            self._outgoing.add(Batch(self._records, size, weight, self._buffers, self._extras))
            self._begin()

    def _pump(self) -> None:
        """Send queued batches until the connection blocks."""
        outgoing, send = self._outgoing, self._send
        while send is not None and not self._blocked:
            batch = outgoing.next()
            if batch is None:
                break
            if not send(self._frames(batch)):
                self._blocked = True
                break
            outgoing.transmitted()
            self._incoming.told()
            self.batches_sent += 1
            send = self._send

    def _frames(self, batch: Batch) -> list[Buffer]:
        """The frames of a batch; the header is made here, for its acknowledgement to be fresh."""
        records = batch.records
        count = len(records) - 1
        detached = count == 1 and len(records[1]) >= _DETACHED
        header = wire.encode_batch_header(
            self.own,
            self.other,
            batch.sequence,
            self._incoming.received,
            count,
            len(batch.buffers),
            detached,
        )
        if detached:
            return [header, records[1], *batch.buffers]
        records[0] = header
        return [b"".join(records), *batch.buffers]

    def _progress(self) -> None:
        self._events.progressed()
        # A quarter of the room at once, for a full link not to be called writable byte by byte.
        if self._starved and self._outgoing.held + self._size <= self._capacity * 3 // 4:
            self._starved = False
            self._events.roomy()

    def _on_timer(self) -> None:
        # It is not cancelled when a batch takes the acknowledgement along: that would cost more
        # than a timer that finds nothing to do.
        self._timer = None
        if self._incoming.owed:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Send an acknowledgement by itself, unless the connection is blocked or broken."""
        if self._send is None or self._blocked:
            return
        if self._send([wire.encode_acknowledgement(self.own, self.other, self.received)]):
            self._incoming.told()
        else:
            self._blocked = True
