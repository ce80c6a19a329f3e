"""Batches across one session, whatever its connections do to them: go-back-N ARQ.

ARQ is automatic repeat request: `session` says what is to be sent again and taken in; here that
is joined with a connection, which sends or says that it is full, and with two timers. Neither is
cancelled when a batch goes out or comes in: that would cost more than a timer that finds nothing
to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport import wire
from transport.interface import Buffer
from transport.options import KIB, MIB, TransportOptions
from transport.resend import ResendTimer
from transport.session import Arrival, Batch, Incoming, Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.clock import Clock, TimerHandle
    from transport.handler import Parcel

__all__ = ["DETACHED", "Arq"]

DETACHED = 128 * KIB
"""A record of this size travels alone, in a frame of its own, and is not copied for it."""

_URGENT = MIB
"""So much unacknowledged is worth an acknowledgement at once: the peer's window may be small."""


class Arq:
    """Both directions of one session, over one connection after the other.

    Args:
        own: our number for the session.
        options: the tunables; of these `ack_delay`, `resend_after`, `resend_maximum`, `capacity`.
        clock: what times acknowledgements and repeats.
        on_progress: called when the other side acknowledged something.

    Attributes:
        own: our number for the session.
        other: the peer's, 0 before it is known.
        outgoing: what is queued and unacknowledged.
        open: does the connection take batches at present?
        batches_sent: handed to a connection, those sent again included.
    """

    __slots__ = (
        "_acknowledging",
        "_clock",
        "_delay",
        "_incoming",
        "_on_progress",
        "_resending",
        "_send",
        "_timer",
        "batches_sent",
        "open",
        "other",
        "outgoing",
        "own",
    )

    def __init__(
        self,
        own: int,
        *,
        options: TransportOptions,
        clock: Clock,
        on_progress: Callable[[], None],
    ) -> None:
        self.own = own
        self.other = 0
        self.outgoing = Outgoing()
        self.open = False
        self.batches_sent = 0
        self._incoming = Incoming(min(options.capacity // 4, _URGENT))
        self._clock = clock
        self._delay = options.ack_delay
        self._on_progress = on_progress
        self._send: Callable[[Sequence[Buffer]], bool] | None = None
        self._timer = ResendTimer(options.resend_after, options.resend_maximum)
        self._acknowledging: TimerHandle | None = None
        self._resending: TimerHandle | None = None

    @property
    def received(self) -> int:
        """The number of the last batch that was taken in."""
        return self._incoming.received

    # The connection.

    def attach(self, send: Callable[[Sequence[Buffer]], bool], received: int) -> None:
        """A connection is ready; the peer got as far as `received`. `unblock` it.

        Raises:
            SessionError: what it says cannot be.
        """
        self.outgoing.resume(received)
        self._send = send

    def detach(self) -> None:
        """The connection broke."""
        self._send = None
        self.open = False

    def unblock(self) -> None:
        """The connection takes frames (again)."""
        self.open = self._send is not None

    def abandon(self) -> list[Parcel]:
        """Give up: every record that was not acknowledged, in order."""
        self.detach()
        for timer in (self._acknowledging, self._resending):
            if timer is not None:
                timer.cancel()
        self._acknowledging = self._resending = None
        return self.outgoing.abandon()

    def reopened(self) -> None:
        """The peer has a new connection to us, on which it goes on behind `received`."""
        self._incoming.reopened()

    # To the peer.

    def pump(self) -> None:
        """Send queued batches until the connection blocks."""
        outgoing = self.outgoing
        while self.open:
            batch = outgoing.next()
            if batch is None:
                break
            send = self._send
            if send is None or not send(self._frames(batch)):
                self.open = False
                break
            outgoing.transmitted()
            self._incoming.told()
            self.batches_sent += 1
        if self._resending is None and outgoing.is_flying:
            self._await_acknowledgement()

    def tell(self) -> None:
        """Acknowledge by itself what was taken in, if that is owed and the connection lets us."""
        if self.open and (self._incoming.owed or self._incoming.lacking):
            self.acknowledge()

    def report_gap(self) -> None:
        """A batch came without the one before it: ask for that, unless it was asked for."""
        if self._incoming.lacking:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Say now how far we got, and ask for what is lacking."""
        incoming, send = self._incoming, self._send
        if send is None or not self.open:
            return
        lacking = incoming.lacking
        frame = wire.encode_acknowledgement(self.own, self.other, incoming.received, lacking)
        if not send([frame]):
            self.open = False
        elif lacking:
            incoming.asked()
        else:
            incoming.told()

    # From the peer.

    def arrive(self, sequence: int, acknowledged: int, size: int) -> Arrival:
        """A batch came: is it the next one? Its acknowledgement is taken in any case.

        Raises:
            SessionError: it acknowledges what was never sent.
        """
        incoming = self._incoming
        arrival = incoming.arrive(sequence, size)
        if acknowledged != self.outgoing.acknowledged:
            self.acknowledged(acknowledged)
        if self._acknowledging is None and incoming.owed:
            self._acknowledging = self._clock.call_later(self._delay, self._on_ack_due)
        return arrival

    def settle(self) -> None:
        """A batch was handed up: acknowledge it now if much is unacknowledged."""
        if self._incoming.urgent:
            self.acknowledge()

    def acknowledged(self, received: int) -> None:
        """The peer took in all batches up to `received`.

        Raises:
            SessionError: such a batch was never sent.
        """
        recovering = self.outgoing.recovering
        if self.outgoing.acknowledge(received):
            self._on_progress()
            if recovering:
                self._recover()

    def refused(self, received: int) -> None:
        """The peer took in all batches up to `received`, and asks for what follows once more.

        Raises:
            SessionError: such a batch was never sent.
        """
        before = self.outgoing.acknowledged
        again = self.outgoing.refuse(received)
        if self.outgoing.acknowledged != before:
            self._on_progress()
        if again:
            self._recover()

    # Inside.

    def _frames(self, batch: Batch) -> list[Buffer]:
        """The frames of a batch; the header is made here, for its acknowledgement to be fresh."""
        records = batch.records
        count = len(records) - 1
        detached = count == 1 and len(records[1]) >= DETACHED
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

    def _on_ack_due(self) -> None:
        self._acknowledging = None
        if self._incoming.owed:
            self.acknowledge()

    def _await_acknowledgement(self) -> None:
        delay = self._timer.start(self._clock.now(), self.outgoing.acknowledged)
        self._resending = self._clock.call_later(delay, self._on_resend_due)

    def _on_resend_due(self) -> None:
        self._resending = None
        # While the connection is full nothing is lost on it; while it is broken, OPENED tells.
        if not self.open:
            return
        if not self.outgoing.is_flying:
            self._timer.reset()
        elif self._timer.expired(self._clock.now(), self.outgoing.acknowledged):
            self.outgoing.go_back()
        self.pump()

    def _recover(self) -> None:
        """The peer is there and listens: send what may go (again), and begin to wait anew."""
        self._timer.reset()
        if self._resending is not None:
            self._resending.cancel()
            self._resending = None
        self.pump()
