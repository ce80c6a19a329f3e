"""One incarnation of another node: its link, the connection we dialled, the one it dialled.

A peer begins OPENING, is UP once both directions stand, and ends GONE. Only what was UP is known
to the layer above. While UP its connection may break and come back: that is nobody's business
but the link's, until the grace is over.
"""

from __future__ import annotations

import asyncio
import enum
import struct
from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.connection import Connection
from transport.errors import EndpointError
from transport.handshake import Acceptor, Departure, Welcome
from transport.journal import LOGGER
from transport.link import Link
from transport.session import Arrival, SessionError
from transport.wire import Acknowledgement, Opening, Refusal, Self, WireError

if TYPE_CHECKING:
    from transport.clock import TimerHandle
    from transport.context import Context
    from transport.interface import Buffer

__all__ = ["Peer", "PeerOwner", "PeerState"]

_PREFIX_SIZE = len(wire.BATCH_PREFIX)


class PeerState(enum.Enum):
    """Where a peer stands."""

    OPENING = "opening"
    UP = "up"
    GONE = "gone"


class PeerOwner(Protocol):
    """What a peer tells its mesh."""

    def came_up(self, peer: Peer) -> None:
        """Both directions stand; `connected` follows."""

    def vanished(self, peer: Peer, reason: str, refused: bool) -> None:
        """It is gone (`refused`: it does not want us, and the handler knows)."""

    def replaced(self, peer: Peer, connection: Connection, welcome: Welcome) -> None:
        """Another incarnation, or another node, answers where it was."""

    def progressed(self) -> None:
        """Something was acknowledged."""


class Peer:
    """One incarnation of another node."""

    def __init__(self, context: Context, node: Self, owner: PeerOwner) -> None:
        self.identity = node.identity()
        self.state = PeerState.OPENING
        self.source: bytes | None = None
        self._context = context
        self._owner = owner
        self.link = Link(
            self.identity,
            context.session_number(),
            min(node.max_frame, context.options.max_frame),
            options=context.options,
            clock=context.clock,
            call_soon=asyncio.get_running_loop().call_soon,
            events=self,
        )
        self._received = context.handler.received
        self._acceptor: Acceptor | None = None
        self._connection: Connection | None = None
        self._directory = b""
        self._early: list[list[Buffer]] = []
        self._early_size = 0
        self._endpoints = list(node.endpoints)
        self._attempts = 0
        self._empty_endpoints: set[str] = set()
        self._backoff = context.backoff()
        self._retry: TimerHandle | None = None
        self._broken_at: float | None = None
        self._why = "no connection yet"
        self._deadline = self._opening_deadline()

    @property
    def is_reachable(self) -> bool:
        """Is it UP, and its connection not broken?"""
        return self.state is PeerState.UP and self._broken_at is None

    # The connection we dial.

    @property
    def wants_connection(self) -> bool:
        """Is there none on which the other side welcomed us?"""
        return self._connection is None or not self._connection.greeted

    def adopt(self, connection: Connection, welcome: Welcome) -> None:
        """Take over a connection on which this peer welcomed us."""
        if connection is not self._connection:
            self._cancel_attempts()
        self._connection = connection
        self._directory = welcome.directory
        if connection.endpoint in self._endpoints:
            self._endpoints.remove(connection.endpoint)
        self._endpoints.insert(0, connection.endpoint)
        self._attempts = 0
        connection.owner = self
        connection.open(self.link.own, self.link.other)

    def dial_back(self) -> None:
        """See to a connection of our own, where there is none in the making."""
        if self._connection is None and self._retry is None:
            self._attempt()

    def welcomed(self, connection: Connection, welcome: Welcome) -> None:
        """Somebody answers where we dialled: this peer, or whoever took its place."""
        node = welcome.node
        if (node.name, node.incarnation) == (self.identity.name, self.identity.incarnation):
            self.adopt(connection, welcome)
        else:
            self._connection = None
            self._owner.replaced(self, connection, welcome)
            # Another node at that address: it is as if nobody were there.
            if self.state is not PeerState.GONE:
                self._retry_later(connection.endpoint, f"{node.name} answers there", True)

    def ready(self, connection: Connection, opened: Opening) -> None:
        """The peer agreed to the session: send what it lacks."""
        link = self.link
        if opened.other != link.own or link.other not in {0, opened.own}:
            self.give_up("the peer began another session")
            return
        link.other = opened.own
        restored = self._broken_at is not None
        if restored:
            self._context.counters.reconnects += 1
            self._broken_at = None
            self._deadline.cancel()
        self._backoff.reset()
        self._empty_endpoints.clear()
        try:
            link.attach(connection.send, opened.received)
        except SessionError as error:
            self._violated("session", str(error))
            return
        self._come_up()
        if restored:
            self._context.handler.restored(self.identity)

    def writable(self, connection: Connection) -> None:
        """There is room again."""
        if connection is self._connection:
            self.link.writable()

    def refused(self, connection: Connection, refusal: Refusal) -> None:
        """The peer does not want us any more, or does not know the session."""
        code, reason = refusal.code, refusal.reason
        self._connection = None
        if code == "closing":
            self.give_up("left")
        elif refusal.is_passing or code == "protocol":
            self.give_up(f"{code}: {reason}")
        else:
            LOGGER.warning(
                "refused by %s (%s): %s: %s", self.identity.name, connection.endpoint, code, reason
            )
            self.give_up(f"refused: {code}: {reason}", refused=True)
            self._context.handler.refused(connection.endpoint, self.identity, code, reason)

    def lost(self, connection: Connection, reason: str, refused: bool) -> None:
        """The connection broke, or an attempt failed: try again for a while."""
        self._connection = None
        self.link.detach()
        if self.state is PeerState.UP and self._broken_at is None:
            self._broken_at = self._context.clock.now()
            self._why = reason
            self._arm_grace()
            self._attempt()
            self._context.handler.interrupted(self.identity, reason)
        else:
            self._retry_later(connection.endpoint, reason, refused)

    # The connection it dialled.

    def accept(self, source: bytes, acceptor: Acceptor, opening: Opening) -> bytes:
        """The peer opened the session from `source`.

        Returns:
            The OPENED to answer; after it call `dial_back`.
        """
        self.source = source
        self._acceptor = acceptor
        self.link.other = opening.own
        return acceptor.opened(self.link.own, opening.own, self.link.received)

    def accepted(self) -> None:
        """The OPENED went out."""
        self.dial_back()
        self._come_up()

    def take(self, frames: list[Buffer]) -> None:
        """A message on the connection that the peer opened."""
        first = frames[0]
        prefix = first[:_PREFIX_SIZE]
        if prefix == wire.BATCH_PREFIX:
            detached = 0
        elif prefix == wire.DETACHED_PREFIX:
            detached = 1
        else:
            self._take_other(frames)
            return
        if self.state is PeerState.OPENING:
            self._keep_early(frames)
            return
        try:
            self._take_batch(frames, detached)
        except (SessionError, struct.error) as error:
            self._violated("session" if isinstance(error, SessionError) else "short", str(error))

    def _keep_early(self, frames: list[Buffer]) -> None:
        """Hold a batch back: the peer may be up before us, and `connected` comes first."""
        self._early.append(frames)
        self._early_size += sum(map(len, frames))
        if self._early_size > self._context.options.capacity:
            self._violated("early", f"{self._early_size} bytes before the session stands")

    def _take_batch(self, frames: list[Buffer], detached: int) -> None:
        first = frames[0]
        source, target, sequence, acknowledged, count, parts = wire.BATCH_BODY.unpack_from(
            first, _PREFIX_SIZE
        )
        link = self.link
        if target != link.own or source != link.other:
            self._context.journal.reject("stale", self.identity.name, f"batch {sequence}")
            return
        if len(frames) != 1 + detached + parts:
            self._violated("truncated", f"{len(frames)} frames, where it says {parts} buffers")
            return
        size = len(first)
        for frame in frames[1:]:
            size += len(frame)
        arrival = link.arrive(sequence, acknowledged, size)
        if arrival is Arrival.NEXT:
            counters = self._context.counters
            counters.batches_received += 1
            counters.records_received += count
            records = frames[1] if detached else memoryview(first)[wire.HEADER_SIZE :]
            self._received(self.identity, records, frames[1 + detached :], count)
            link.settle()
        elif arrival is Arrival.DUPLICATE:
            self._context.journal.reject("duplicate", self.identity.name, f"batch {sequence}")
        else:
            self._violated("gap", f"batch {sequence} after {link.received}")

    def _take_other(self, frames: list[Buffer]) -> None:
        assert self._acceptor is not None
        try:
            event = self._acceptor.receive(frames)
        except WireError as error:
            self._violated(error.code, error.detail)
            return
        if isinstance(event, Departure):
            if self._acknowledged(event.acknowledgement):
                code, reason = event.goodbye.code, event.goodbye.reason
                self.give_up("left" if code == "left" else f"{code} by the peer: {reason}")
        elif isinstance(event, Acknowledgement):
            self._acknowledged(event)

    def _acknowledged(self, event: Acknowledgement) -> bool:
        if (event.source, event.target) != (self.link.other, self.link.own):
            self._context.journal.reject("stale", self.identity.name, "acknowledgement")
            return False
        try:
            self.link.acknowledge(event.received)
        except SessionError as error:
            self._violated("session", str(error))
            return False
        return True

    # The end.

    def give_up(self, reason: str, *, goodbye: str | None = None, refused: bool = False) -> None:
        """End it for good.

        Args:
            reason: what the handler is told.
            goodbye: the code to take leave with; None where the other side knows, or is dead.
            refused: see `PeerOwner.vanished`.
        """
        if self.state is PeerState.GONE:
            return
        was_up, self.state = self.state is PeerState.UP, PeerState.GONE
        self._deadline.cancel()
        self._take_leave(goodbye, reason)
        self._early.clear()
        undelivered = self.link.abandon()
        self._context.counters.batches_sent += self.link.batches_sent
        self._owner.vanished(self, reason, refused)
        if was_up:
            self._context.handler.disconnected(self.identity, reason, undelivered)

    def _take_leave(self, goodbye: str | None, reason: str) -> None:
        if goodbye is not None and self._say_goodbye(goodbye, reason):
            self._cancel_attempts(self._context.options.linger)
            return
        # It may still believe in the session; where it is dead the answer costs nothing.
        self.answer_refused("closing" if goodbye == "left" else "reset", reason)
        self._cancel_attempts()

    def _say_goodbye(self, code: str, reason: str) -> bool:
        connection, link = self._connection, self.link
        if connection is None or not connection.is_ready:
            return False
        frame = wire.encode_goodbye(link.own, link.other, link.received, code, reason)
        return connection.send([frame])

    def answer_refused(self, code: str, reason: str) -> None:
        """Say no on the connection that the peer dialled."""
        if self.source is not None:
            frame = wire.encode_refused(code, reason, self._context.myself)
            self._context.transport.answer(self.source, [frame])

    def _violated(self, code: str, detail: str) -> None:
        self._context.journal.reject(code, self.identity.name, detail)
        self.answer_refused("protocol", f"{code}: {detail}")
        self.give_up(f"protocol: {code}: {detail}")

    # From the link.

    def progressed(self) -> None:
        """Something was acknowledged."""
        self._owner.progressed()

    def roomy(self) -> None:
        """The link has room again."""
        if self.state is PeerState.UP:
            self._context.handler.writable(self.identity)

    # Inside.

    def _come_up(self) -> None:
        connection = self._connection
        if self.state is not PeerState.OPENING or self.source is None:
            return
        if connection is None or not connection.is_ready:
            return
        self.state = PeerState.UP
        self._deadline.cancel()
        self._owner.came_up(self)
        self._context.handler.connected(self.identity, self._directory)
        early, self._early = self._early, []
        for frames in early:
            if self.state is PeerState.UP:
                self.take(frames)

    def _attempt(self) -> None:
        self._retry = None
        endpoint = self._endpoints[self._attempts % len(self._endpoints)]
        self._attempts += 1
        try:
            self._connection = Connection(self._context, endpoint, self)
        except EndpointError as error:
            self._retry_later(endpoint, str(error), True)

    def _retry_later(self, endpoint: str, reason: str, refused: bool) -> None:
        options = self._context.options
        self._why = f"{endpoint}: {reason}"
        pause = self._backoff.next()
        if refused:
            self._empty_endpoints.add(endpoint)
        if self._broken_at is not None and len(self._empty_endpoints) == len(self._endpoints):
            left = self._broken_at + options.refused_grace - self._context.clock.now()
            if left <= 0.001:
                self.give_up(f"unreachable: {self._why}")
                return
            pause = min(pause, left)
        self._retry = self._context.clock.call_later(pause, self._attempt)

    def _cancel_attempts(self, linger: float = 0.0) -> None:
        if self._connection is not None:
            self._connection.close(linger)
            self._connection = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _arm_grace(self) -> None:
        clock, grace = self._context.clock, self._context.options.disconnect_grace
        self._deadline = clock.call_later(grace, self._on_grace_over, clock.now() + grace)

    def _on_grace_over(self, due: float) -> None:
        if self._stood_still(due, self._context.options.disconnect_grace):
            self._arm_grace()
        else:
            waited = f"{self._context.options.disconnect_grace:g} s"
            silence = f", and no answer in {waited}" if self._connection is not None else ""
            self.give_up(f"lost: {self._why}{silence}")

    def _stood_still(self, due: float, period: float) -> bool:
        """Did our own loop stand still? Its verdict on others is worth nothing then."""
        return self._context.clock.now() - due > period / 2

    def _opening_deadline(self) -> TimerHandle:
        clock, timeout = self._context.clock, self._context.options.handshake_timeout
        return clock.call_later(timeout, self._on_opening_timeout, clock.now() + timeout)

    def _on_opening_timeout(self, due: float) -> None:
        if self._stood_still(due, self._context.options.handshake_timeout):
            self._deadline = self._opening_deadline()
        elif self.source is not None and not (self._connection and self._connection.is_ready):
            reason = f"cannot reach {self.identity.name} back: {self._why}"
            self.answer_refused("unreachable", reason)
            self.give_up(reason)
        else:
            self.give_up("it did not connect back")
