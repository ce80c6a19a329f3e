"""One life of another node: what is on its way to it, and what hangs on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from actors.letter import Answer
from actors.tally import Receipts, Tallies
from transport import Buffer, Link, Parcel

if TYPE_CHECKING:
    from asyncio import Future

    from actors.cell import Cell
    from actors.family import ChildRecord
    from actors.ref import ActorRef
    from transport import TimerHandle

OUTBOX_BYTES = 64 * 1024 * 1024
"""How much is kept for a node that is not connected yet."""

REMEMBERED_REFS = 10_000

REMEMBERED_CHARACTERS = 512
"""Longer addresses are read anew each time: so many of those would fill the memory."""


# A struct, for its constructor runs in C: there is one for each ask.
class Expected(msgspec.Struct):
    """An answer that is to come from a peer, and from whom."""

    answer: Answer
    ref: ActorRef[Any]


class Waiting(NamedTuple):
    """A `send` that waits for room on the link."""

    record: bytes
    buffers: Sequence[Buffer]
    room: Future[None]
    parcel: Parcel


class Peer:
    """Another node, from the first message meant for it until its end is known."""

    __slots__ = (
        "_drowning",
        "called",
        "children",
        "expected_at",
        "gone",
        "guests",
        "incarnation",
        "link",
        "name",
        "outbox",
        "outbox_bytes",
        "overflow",
        "overflow_bytes",
        "pending",
        "receipts",
        "refs",
        "rights",
        "senders",
        "tallies",
        "timer",
        "watches",
    )

    def __init__(
        self,
        name: str,
        incarnation: int,
        soon: Callable[[Callable[[], None]], object],
        report: Callable[[Peer, list[int]], None],
        drowning: Callable[[Peer], None],
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.link: Link | None = None
        self.gone = False
        self.expected_at: str | None = None
        """Where the node was called, until it is connected."""
        self.called = False
        """Whether the first message for it began that."""
        self.timer: TimerHandle | None = None
        """Runs while the node is not connected yet."""
        self.outbox: deque[Parcel] = deque()
        self.outbox_bytes = 0
        self.overflow: deque[Parcel] = deque()
        """The framework's own records that found the link full: they are never dropped..."""
        self.overflow_bytes = 0
        """... but where they are more than the link holds the node is given up."""
        self._drowning = partial(soon, partial(drowning, self))
        self.senders: deque[Waiting] = deque()
        self.pending: dict[int, Expected] = {}
        self.tallies = Tallies()
        self.receipts = Receipts(soon, partial(report, self))
        self.children: dict[ActorRef[Any], ChildRecord] = {}
        """Children there of actors here."""
        self.guests: dict[Cell, None] = {}
        """Children here of actors there."""
        self.watches: dict[ActorRef[Any], dict[ActorRef[Any], None]] = {}
        """Actors there, and who watches them here."""
        self.refs: dict[str | None, ActorRef[Any]] = {}
        """Refs by the addresses that this peer keeps writing."""
        self.rights: dict[tuple[str, object], bool] = {}
        """What was decided of what it may send: see `actors.authorisation.judge`."""

    def push(
        self,
        record: bytes,
        buffers: Sequence[Buffer] = (),
        weight: int = 0,
        mark: object = None,
    ) -> bool:
        """Queue one record; False where it is a message (weight 1) and there is no room.

        `mark` says what another one must be like to be written as a repeat of this one.
        """
        if self.gone:
            return False
        link = self.link
        if link is None:
            return self._keep(Parcel(record, buffers, weight))
        if not self.overflow and link.push(record, buffers, weight, mark):
            return True
        if weight:
            return False
        self._hold(Parcel(record, buffers, weight), link.capacity)
        return True

    def _hold(self, parcel: Parcel, most: int) -> None:
        before = self.overflow_bytes
        self.overflow.append(parcel)
        self.overflow_bytes += _size(parcel)
        if before <= most < self.overflow_bytes:
            self._drowning()

    @property
    def capacity(self) -> int:
        """How many bytes may wait for it."""
        return OUTBOX_BYTES if self.link is None else self.link.capacity

    def _keep(self, parcel: Parcel) -> bool:
        size = _size(parcel)
        if parcel.weight and self.outbox_bytes + size > OUTBOX_BYTES:
            return False
        self.outbox_bytes += size
        self.outbox.append(parcel)
        return True

    def connected(self, link: Link) -> list[Parcel]:
        """The link is up: send what was kept. Returns the messages that did not fit."""
        self.link = link
        self.expected_at = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        kept, self.outbox = self.outbox, deque()
        self.outbox_bytes = 0
        return [parcel for parcel in kept if not self.push(*parcel)]

    def take_back(self) -> list[Parcel]:
        """Return all that was kept for it or waits for room: that waits no longer."""
        parcels = [*self.outbox, *(waiting.parcel for waiting in self.senders)]
        self.outbox.clear()
        self.senders.clear()
        return parcels

    def writable(self) -> None:
        """The link has room: send what waited for it, first come first served."""
        link = self.link
        if link is None:
            return
        while self.overflow and link.push(*self.overflow[0]):
            self.overflow_bytes -= _size(self.overflow.popleft())
        while self.senders and not self.overflow:
            waiting = self.senders[0]
            if not waiting.room.done() and not link.push(waiting.record, waiting.buffers, 1):
                return
            self.senders.popleft()

    @property
    def waiting(self) -> int:
        """Count the messages that wait here, besides those on the link."""
        held = sum(parcel.weight for parcel in self.outbox)
        return held + (self.link.waiting if self.link is not None else 0)

    def remember_ref(self, text: str, ref: ActorRef[Any]) -> None:
        """Keep the ref of an address that this peer keeps writing."""
        if len(text) > REMEMBERED_CHARACTERS:
            return
        if len(self.refs) >= REMEMBERED_REFS:
            self.refs.clear()
        self.refs[text] = ref


def _size(parcel: Parcel) -> int:
    return len(parcel.record) + sum(memoryview(buffer).nbytes for buffer in parcel.buffers)
