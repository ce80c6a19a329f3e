"""The connection that a peer dialled: what it says on that, once it opened the session."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.handshake import Acceptor, Departure
from transport.session import Arrival, SessionError
from transport.wire import Acknowledgement, Goodbye, Opening, WireError

if TYPE_CHECKING:
    from transport.arq import Arq
    from transport.context import Context
    from transport.handler import Identity
    from transport.interface import Buffer

__all__ = ["Inbound", "InboundOwner"]

_PREFIX_SIZE = len(wire.BATCH_PREFIX)


class InboundOwner(Protocol):
    """Who hears how it ends: the peer."""

    def departed(self, goodbye: Goodbye) -> None:
        """The peer took leave."""

    def violated(self, code: str, detail: str) -> None:
        """The peer said what cannot be."""


class Inbound:
    """Messages from one peer, over one connection after the other.

    Until `release` batches are held back: the peer may be up before us, and `connected` comes
    first.

    Args:
        context: what the parts of a mesh share.
        peer: who sends them.
        arq: what the batches and acknowledgements of the session go to.
        owner: who hears of a goodbye and of violations.

    Attributes:
        source: the connection on which the session was opened last.
    """

    def __init__(self, context: Context, peer: Identity, arq: Arq, owner: InboundOwner) -> None:
        self.source: bytes | None = None
        self._context = context
        self._peer = peer
        self._arq = arq
        self._owner = owner
        self._received = context.handler.received
        self._acceptor = Acceptor()
        self._early: list[list[Buffer]] | None = []
        self._early_size = 0
        self._closed = False

    def accept(self, source: bytes, acceptor: Acceptor, opening: Opening) -> bytes:
        """The peer opened the session from `source`.

        Returns:
            The OPENED to answer.
        """
        self.source = source
        self._acceptor = acceptor
        self._arq.other = opening.own
        self._arq.reopened()
        return self._opened()

    def release(self) -> None:
        """The session stands: hand up what was held back, and all that comes."""
        early, self._early = self._early or [], None
        for frames in early:
            if not self._closed:
                self.take(frames)

    def close(self) -> None:
        """The session is over: what is held back is nobody's."""
        self._closed = True
        self._early = None

    def refuse(self, code: str, reason: str) -> None:
        """Say no to the peer."""
        if self.source is not None:
            frame = wire.encode_refused(code, reason, self._context.myself)
            self._context.transport.answer(self.source, [frame])

    def take(self, frames: list[Buffer]) -> None:
        """A message came."""
        first = frames[0]
        prefix = first[:_PREFIX_SIZE]
        if prefix == wire.BATCH_PREFIX:
            detached = 0
        elif prefix == wire.DETACHED_PREFIX:
            detached = 1
        else:
            self._take_other(frames)
            return
        if self._early is not None:
            self._keep_early(self._early, frames)
            return
        try:
            self._take_batch(frames, detached)
        except (SessionError, struct.error) as error:
            code = "session" if isinstance(error, SessionError) else "short"
            self._owner.violated(code, str(error))

    def _keep_early(self, early: list[list[Buffer]], frames: list[Buffer]) -> None:
        early.append(frames)
        self._early_size += sum(map(len, frames))
        if self._early_size > self._context.options.capacity:
            detail = f"{self._early_size} bytes before the session stands"
            self._owner.violated("early", detail)

    def _take_batch(self, frames: list[Buffer], detached: int) -> None:
        first = frames[0]
        source, target, sequence, acknowledged, count, parts = wire.BATCH_BODY.unpack_from(
            first, _PREFIX_SIZE
        )
        arq = self._arq
        if target != arq.own or source != arq.other:
            self._reject("stale", f"batch {sequence}")
            return
        if len(frames) != 1 + detached + parts:
            detail = f"{len(frames)} frames, where it says {parts} buffers"
            self._owner.violated("truncated", detail)
            return
        size = len(first)
        for frame in frames[1:]:
            size += len(frame)
        arrival = arq.arrive(sequence, acknowledged, size)
        if arrival is Arrival.NEXT:
            counters = self._context.counters
            counters.batches_received += 1
            counters.records_received += count
            records = frames[1] if detached else memoryview(first)[wire.HEADER_SIZE :]
            self._received(self._peer, records, frames[1 + detached :], count)
            arq.settle()
        elif arrival is Arrival.DUPLICATE:
            self._reject("duplicate", f"batch {sequence}")
        else:
            self._reject("gap", f"batch {sequence} after {arq.received}")
            arq.report_gap()

    def _take_other(self, frames: list[Buffer]) -> None:
        try:
            event = self._acceptor.receive(frames)
        except WireError as error:
            self._owner.violated(error.code, error.detail)
            return
        if isinstance(event, Departure):
            if self._acknowledged(event.acknowledgement):
                self._owner.departed(event.goodbye)
        elif isinstance(event, Acknowledgement):
            self._acknowledged(event)
        elif isinstance(event, Opening) and self.source is not None:
            # Our OPENED may have been lost.
            self._context.transport.answer(self.source, [self._opened()])

    def _opened(self) -> bytes:
        arq = self._arq
        return self._acceptor.opened(arq.own, arq.other, arq.received)

    def _acknowledged(self, event: Acknowledgement) -> bool:
        arq = self._arq
        if (event.source, event.target) != (arq.other, arq.own):
            self._reject("stale", "acknowledgement")
            return False
        try:
            if event.resend:
                arq.refused(event.received)
            else:
                arq.acknowledged(event.received)
        except SessionError as error:
            self._owner.violated("session", str(error))
            return False
        return True

    def _reject(self, code: str, detail: str) -> None:
        self._context.journal.reject(code, self._peer.name, detail)
