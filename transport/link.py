"""One peer, as the layer above sees it: a queue of records on their way to it.

What is pushed within one turn of the event loop leaves as one batch at its end, or earlier when
`batch_bytes` are reached; nothing waits longer than that for company. While the connection is
blocked or broken the batch goes on growing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.arq import DETACHED, Arq
from transport.errors import RecordTooLargeError
from transport.interface import size_of
from transport.options import KIB, TransportOptions
from transport.session import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.clock import Clock
    from transport.handler import Identity, Parcel
    from transport.interface import Buffer

__all__ = ["Link", "LinkEvents"]

_PROMPT = 2 * KIB
"""With nothing on its way, this much leaves at once: the peer works on it while more is made."""

_ROOMY = KIB
"""In batches that may be smaller than this even a small record may be the first of its own."""

_OVERHEAD = 64
"""What a record takes in memory beside its bytes, which counts against the capacity too."""


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
        clock: what times acknowledgements and repeats.
        call_soon: the loop's, which runs a callback in its next turn.
        events: who hears about progress.

    Attributes:
        arq: what gets the batches across, and takes in what comes.
        last: the `mark` of the record that was pushed last, if that is in the open batch; else
            None. So the layer above can tell whether the next one will follow it there.
    """

    __slots__ = (
        "_buffers",
        "_call_soon",
        "_capacity",
        "_due",
        "_events",
        "_extra_weight",
        "_extras",
        "_full",
        "_gone",
        "_max_buffers",
        "_max_frame",
        "_outgoing",
        "_prompt",
        "_records",
        "_scheduled",
        "_size",
        "_starved",
        "arq",
        "last",
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
        self._capacity = options.capacity
        self._max_buffers = options.max_buffers
        self._max_frame = max_frame - wire.HEADER_SIZE
        # A batch may exceed `_full` by one record; half a frame each keeps it within the frame.
        self._full = min(options.batch_bytes, self._max_frame // 2)
        self._prompt = min(_PROMPT, self._full)
        self._call_soon = call_soon
        self._events = events
        self.arq = Arq(own, options=options, clock=clock, on_progress=self._progress)
        self._outgoing = self.arq.outgoing
        self._scheduled = self._starved = self._gone = False
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
    def acknowledged(self) -> int:
        """The number of the last batch that the peer took in."""
        return self._outgoing.acknowledged

    @property
    def progress(self) -> int:
        """A number that grows whenever the peer's loop has sent or taken in anything."""
        return self.arq.received + self._outgoing.acknowledged

    def attach(self, send: Callable[[Sequence[Buffer]], bool], received: int) -> None:
        """A connection is ready: send what the peer, which got as far as `received`, lacks.

        Raises:
            SessionError: what it says cannot be.
        """
        self.arq.attach(send, received)
        self._progress()
        self.writable()

    def writable(self) -> None:
        """The connection takes frames (again)."""
        self.arq.unblock()
        self._flush()
        self.arq.tell()

    def abandon(self) -> list[Parcel]:
        """Give the peer up: all records that it did not acknowledge, in order."""
        self._cut()
        self._gone = True
        self._due = 0
        return self.arq.abandon()

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
        alone = len(record) >= min(DETACHED, self._full)
        if alone or len(self._buffers) + len(buffers) > self._max_buffers:
            self._cut()
        self._append(record, buffers, weight, size)
        if alone or self._size >= self._enough():
            self._cut()
            self.arq.pump()
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
        if not self._scheduled and self.arq.open:
            self._scheduled = True
            self._call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self.arq.open:
            self._cut()
            self.arq.pump()

    def _cut(self) -> None:
        """End the open batch and queue it."""
        count = len(self._records) - 1
        if count:
            weight = count + self._extra_weight
            size = self._size + _OVERHEAD * count
            self._outgoing.add(Batch(self._records, size, weight, self._buffers, self._extras))
            self._begin()

    def _progress(self) -> None:
        self._events.progressed()
        # A quarter of the room at once, for a full link not to be called writable byte by byte.
        if self._starved and self._outgoing.held + self._size <= self._capacity * 3 // 4:
            self._starved = False
            self._events.roomy()
