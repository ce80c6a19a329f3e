"""One incarnation of another node: its link, the connection we dialled, the one it dialled.

A peer begins OPENING, is UP once both directions stand, and ends GONE. Only what was UP is known
to the layer above. While UP its connection may break and come back: that is nobody's business
but the link's, until the grace is over.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.connection import Connection
from transport.errors import EndpointError
from transport.grace import Grace
from transport.handshake import Acceptor, Welcome
from transport.inbound import Inbound
from transport.journal import LOGGER
from transport.link import Link
from transport.session import SessionError
from transport.wire import Goodbye, Opening, Refusal, Self

if TYPE_CHECKING:
    from transport.clock import TimerHandle
    from transport.context import Context
    from transport.interface import Caller

__all__ = ["Peer", "PeerOwner", "PeerState"]


_MOST_PATIENCE = 32.0


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
    """One incarnation of another node.

    Attributes:
        identity: who it is.
        state: where it stands.
        link: the records on their way to it.
        take: takes a message on the connection that it dialled.
        caller: who dialled that, by its key; None where nobody needs one.
    """

    def __init__(self, context: Context, node: Self, owner: PeerOwner) -> None:
        self.identity = node.identity()
        self.state = PeerState.OPENING
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
        self._arq = self.link.arq
        self._inbound = Inbound(context, self.identity, self._arq, self)
        self.take = self._inbound.take
        self.caller: Caller | None = None
        self._connection: Connection | None = None
        self._directory = b""
        self._endpoints = list(node.endpoints)
        self._attempts = 0
        self._fruitless = 0
        """Connections that broke, one after the other, without anything new acknowledged."""
        self._stuck_at = -1
        """What was acknowledged when the last one broke."""
        self._empty_endpoints: set[str] = set()
        self._backoff = context.backoff()
        self._retry: TimerHandle | None = None
        self._silent_since: float | None = None
        self._why = "no connection yet"
        self._keepalive: TimerHandle | None = None
        options = context.options
        self._deadline = Grace(context.clock, options.handshake_timeout, self._on_opening_over)
        self._deadline.begin()

    @property
    def is_reachable(self) -> bool:
        """Is it UP, and its connection not broken?"""
        return self.state is PeerState.UP and self._silent_since is None

    @property
    def is_listed(self) -> bool:
        """Are the keys of both its connections still on the roster, under its name?"""
        lines = (self.caller, None if self.wants_connection else self._connection)
        known = [line.names for line in lines if line is not None]
        return all(names is None or self.identity.name in names for names in known)

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
        self._show_life()
        connection.owner = self
        connection.open(self._arq.own, self._arq.other)

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
        arq = self._arq
        if opened.other != arq.own or arq.other not in {0, opened.own}:
            self.give_up("the peer began another session")
            return
        arq.other = opened.own
        restored = self._silent_since is not None
        if restored:
            self._context.counters.reconnects += 1
            self._silent_since = None
            self._deadline.cancel()
        self._backoff.reset()
        self._empty_endpoints.clear()
        try:
            self.link.attach(connection.send, opened.received)
        except SessionError as error:
            self.violated("session", str(error))
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
        self._arq.detach()
        if self.state is PeerState.UP and self._silent_since is None:
            self._count_break()
            self._break(reason)
            self._attempt()
            self._context.handler.interrupted(self.identity, reason)
        else:
            self._retry_later(connection.endpoint, reason, refused)

    # The connection it dialled.

    @property
    def source(self) -> bytes | None:
        """The connection on which it opened the session."""
        return self._inbound.source

    def accept(self, source: bytes, acceptor: Acceptor, opening: Opening) -> bytes:
        """The peer opened the session from `source`.

        Returns:
            The OPENED to answer; after it call `accepted`.
        """
        self._show_life()
        return self._inbound.accept(source, acceptor, opening)

    def accepted(self) -> None:
        """The OPENED went out."""
        self.dial_back()
        self._come_up()

    def departed(self, goodbye: Goodbye) -> None:
        """The peer took leave."""
        code, reason = goodbye.code, goodbye.reason
        self.give_up("left" if code == "left" else f"{code} by the peer: {reason}")

    def violated(self, code: str, detail: str) -> None:
        """The peer said what cannot be."""
        self._context.journal.reject(code, self.identity.name, detail)
        self._inbound.refuse("protocol", f"{code}: {detail}")
        self.give_up(f"protocol: {code}: {detail}")

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
        if self._keepalive is not None:
            self._keepalive.cancel()
        self._take_leave(goodbye, reason)
        self._inbound.close()
        undelivered = self.link.abandon()
        self._context.counters.batches_sent += self._arq.batches_sent
        self._owner.vanished(self, reason, refused)
        if was_up:
            self._context.handler.disconnected(self.identity, reason, undelivered)

    def _take_leave(self, goodbye: str | None, reason: str) -> None:
        if goodbye is not None and self._say_goodbye(goodbye, reason):
            self._cancel_attempts(self._context.options.linger)
            return
        # It may still believe in the session; where it is dead the answer costs nothing.
        self._inbound.refuse("closing" if goodbye == "left" else "reset", reason)
        self._cancel_attempts()

    def _say_goodbye(self, code: str, reason: str) -> bool:
        connection, arq = self._connection, self._arq
        if connection is None or not connection.is_ready:
            return False
        frame = wire.encode_goodbye(arq.own, arq.other, arq.received, code, reason)
        return connection.send([frame])

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
        self._keep_alive()
        self._owner.came_up(self)
        self._context.handler.connected(self.identity, self._directory)
        self._inbound.release()

    def _keep_alive(self) -> None:
        """Speak now and then: where the other side has forgotten us, it says so."""
        context = self._context
        interval = context.options.keepalive_interval
        self._keepalive = context.clock.call_later(interval, self._on_keepalive_due)

    def _on_keepalive_due(self) -> None:
        self._arq.acknowledge()
        self._keep_alive()

    def _count_break(self) -> None:
        """Connections that break over one and the same batch, one after the other, are too hasty.

        A large one may take longer on a slow network than an answer to what is asked behind it.
        """
        acknowledged = self.link.acknowledged
        self._fruitless = 1 + (self._fruitless if acknowledged == self._stuck_at else 0)
        self._stuck_at = acknowledged

    @property
    def _patience(self) -> float:
        """How many times the usual silence the next connection bears."""
        return min(2.0 ** max(self._fruitless - 1, 0), _MOST_PATIENCE)

    def _attempt(self) -> None:
        self._retry = None
        endpoint = self._endpoints[self._attempts % len(self._endpoints)]
        self._attempts += 1
        try:
            self._connection = Connection(
                self._context, endpoint, self, self._patience, self.identity.name
            )
        except EndpointError as error:
            self._retry_later(endpoint, str(error), True)

    def _retry_later(self, endpoint: str, reason: str, refused: bool) -> None:
        options = self._context.options
        self._why = f"{endpoint}: {reason}"
        pause = self._backoff.next()
        if refused:
            self._empty_endpoints.add(endpoint)
        if self._silent_since is not None and len(self._empty_endpoints) == len(self._endpoints):
            left = self._silent_since + options.refused_grace - self._context.clock.now()
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

    def _break(self, reason: str) -> None:
        """The connection broke: from now on the peer has its grace."""
        context = self._context
        self._silent_since = context.clock.now()
        self._why = reason
        grace = context.options.disconnect_grace
        self._deadline = Grace(context.clock, grace, self._on_grace_over)
        self._deadline.begin()

    def _show_life(self) -> None:
        """The peer answers a dial, or has dialled: it is there, whatever else gets lost."""
        if self._silent_since is not None:
            self._silent_since = self._context.clock.now()
            self._empty_endpoints.clear()
            self._deadline.begin()

    def _on_grace_over(self) -> None:
        waited = f"{self._context.options.disconnect_grace:g} s"
        silence = f", and no answer in {waited}" if self._connection is not None else ""
        self.give_up(f"lost: {self._why}{silence}")

    def _on_opening_over(self) -> None:
        if self.source is not None and not (self._connection and self._connection.is_ready):
            reason = f"cannot reach {self.identity.name} back: {self._why}"
            self._inbound.refuse("unreachable", reason)
            self.give_up(reason)
        else:
            self.give_up("it did not connect back")
