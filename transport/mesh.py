"""All peers of a node: who is connected, who is being dialled, and how it all ends."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from transport.addresses import advertised
from transport.context import Context, Guard
from transport.dial import Dial
from transport.endpoint import parse_endpoint
from transport.errors import TransportError
from transport.handler import Identity, MeshHandler, MeshStats, Parcel
from transport.journal import LOGGER, Journal
from transport.link import Link
from transport.options import TransportOptions
from transport.peer import Peer, PeerState
from transport.reception import Reception
from transport.revocation import Revocation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.clock import Clock
    from transport.connection import Connection
    from transport.handshake import Welcome
    from transport.interface import Transport
    from transport.security.access import Access
    from transport.security.roster import Roster
    from transport.wire import Opening, Refusal, Self

__all__ = ["Identity", "Link", "Mesh", "MeshHandler", "MeshStats", "Parcel"]


class Mesh:
    """A node's connections to all others.

    Args:
        name: the node's name, unique among living nodes.
        incarnation: which life of that name this is, 0 to 2**64 - 1; another after each restart.
        transport: what carries frames; the mesh closes it.
        clock: what all timers use.
        handler: who is told what happens.
        options: the tunables.
        metadata: what others learn about this node along with its name; opaque here.
        rng: what jitter and session numbers are drawn from; the system's where none is given, for
            a peer sees some of the numbers and must not work out the others.
    """

    def __init__(
        self,
        name: str,
        incarnation: int,
        *,
        transport: Transport,
        clock: Clock,
        handler: MeshHandler,
        options: TransportOptions | None = None,
        metadata: bytes = b"",
        rng: random.Random | None = None,
    ) -> None:
        options = TransportOptions() if options is None else options
        self._context = Context(
            identity=Identity(name, incarnation, (), metadata),
            transport=transport,
            clock=clock,
            options=options,
            handler=Guard(handler),
            rng=random.SystemRandom() if rng is None else rng,
            journal=Journal(clock, options.complaint_interval),
        )
        self._reception = Reception(self._context, self)
        self._peers: dict[str, Peer] = {}
        self._dials: dict[str, Dial] = {}
        self._answered: dict[str, str] = {}
        self._progress = asyncio.Event()
        self._closed: asyncio.Event | None = None
        self._revocation = Revocation(self._context, self._peers.values())

    @property
    def access(self) -> Access | None:
        """Whose keys are accepted; None where nobody needs a key."""
        return self._context.transport.access

    @property
    def identity(self) -> Identity:
        """Who this node is; its endpoints are known once it started."""
        return self._context.identity

    async def start(self, binds: Sequence[str], advertise: Sequence[str] = ()) -> tuple[str, ...]:
        """Listen, and take part. Once; where it fails the transport is closed.

        Args:
            binds: endpoints to listen on.
            advertise: what others are told instead; a port 0 in it becomes the bound one.

        Returns:
            The advertised endpoints.

        Raises:
            EndpointError: one is malformed.
            BindError: one could not be had; none is then.
            SecurityError: one would let in who must not come in; none is bound then.
        """
        transport = self._context.transport
        transport.serve(self._reception.on_frames, self._context.journal.ended)
        try:
            bound = [await transport.bind(endpoint) for endpoint in binds]
            endpoints = advertised(bound, advertise)
        except BaseException:
            await transport.close(0)
            raise
        self._context.identity = replace(self._context.identity, endpoints=endpoints)
        self._revocation.begin()
        return endpoints

    def go_by(self, roster: Roster) -> None:
        """Go by another roster from now on; peers that it does not list are given up.

        Nothing happens where nobody needs a key.
        """
        self._revocation.go_by(roster)

    def dial(self, endpoint: str, name: str | None = None) -> bool:
        """Try to connect to whoever is there, in the background, until connected or forgotten.

        Dialling what is being tried, whose peer is connected, or this node's own endpoint changes
        nothing. After a `disconnected` it must be dialled anew.

        Args:
            endpoint: where.
            name: who is expected there, where that is known: where nodes have keys its alone are
                tried. Who does not know must try them all.

        Returns:
            Whether that began it: who began it may `forget` it, and ends nothing of others.

        Raises:
            EndpointError: it is malformed.
            TransportError: this node has no endpoint that the other side could connect back to.
        """
        endpoint = str(parse_endpoint(endpoint))
        if not self.identity.endpoints:
            raise TransportError(f"cannot dial {endpoint}: this node is bound to no endpoint")
        if self._closed is not None:
            return False
        known = self._dials.get(endpoint)
        if known is not None:
            known.name = name if known.name == name else None
            return False
        if endpoint in self.identity.endpoints:
            return False
        peer = self._peer_at(endpoint)
        if peer is not None and name not in {None, peer.identity.name}:
            peer = None  # it says that it is there, too; whoever is meant may be in fact
        if peer is not None and peer.state is PeerState.UP:
            return False
        dial = Dial(self._context, endpoint, self, name)
        if peer is not None:
            dial.follow(peer.identity.name)
        else:
            dial.start()
        self._dials[endpoint] = dial
        return True

    def describe(self, metadata: bytes) -> None:
        """Have others learn this along with the node's name, whoever shakes hands from now on."""
        self._context.identity = replace(self.identity, metadata=metadata)

    def forget(self, endpoint: str) -> None:
        """Stop trying an endpoint; harmless when nobody does. A connected peer stays so.

        Raises:
            EndpointError: it is malformed.
        """
        dial = self._dials.pop(str(parse_endpoint(endpoint)), None)
        if dial is not None:
            dial.stop()

    def link(self, name: str) -> Link | None:
        """The link to a connected peer (one that is being reconnected included)."""
        peer = self._peers.get(name)
        return None if peer is None or peer.state is not PeerState.UP else peer.link

    def is_reachable(self, name: str) -> bool:
        """Whether the peer is connected and its link not broken at present."""
        peer = self._peers.get(name)
        return peer is not None and peer.is_reachable

    def drop(self, name: str, reason: str) -> None:
        """Give a peer up now, and tell it; its `disconnected` comes within this call."""
        peer = self._peers.get(name)
        if peer is not None:
            peer.give_up(reason, goodbye="dropped")

    def renew(self, incarnation: int) -> None:
        """Go on as another incarnation: all peers are given up, and learn who is there now.

        Each connected peer gets its `disconnected`; whom to dial is the caller's to say.
        """
        for dial in self._dials.values():
            dial.stop()
        self._dials.clear()
        for peer in list(self._peers.values()):
            peer.give_up("this node begins a new life", goodbye="left")
        self._reception.close()
        self._context.identity = replace(self.identity, incarnation=incarnation)

    def reject(self, code: str, name: str, detail: str) -> None:
        """Count a record of that peer as dropped, and complain of it sparingly."""
        self._context.journal.reject(code, name, detail)

    @property
    def rejected(self) -> int:
        """How many messages were dropped so far, for whatever reason."""
        return self._context.journal.rejected.total()

    def stats(self) -> MeshStats:
        """What was counted so far."""
        counters = self._context.counters
        return MeshStats(
            peers=len(self._connected()),
            dialling=len(self._dials),
            batches_sent=counters.batches_sent
            + sum(peer.link.arq.batches_sent for peer in self._peers.values()),
            batches_received=counters.batches_received,
            records_received=counters.records_received,
            reconnects=counters.reconnects,
            rejected=dict(self._context.journal.rejected),
        )

    async def close(self, timeout: float) -> None:
        """Flush all links, say goodbye, close everything. A second call waits for the first.

        Each connected peer gets its `disconnected` with the reason `closed`.

        Args:
            timeout: seconds to wait until records that weigh something are acknowledged; after it
                they are handed back. For others `linger` is enough.
        """
        if self._closed is not None:
            await self._closed.wait()
            return
        self._closed = asyncio.Event()
        self._revocation.close()
        try:
            self._withdraw()
            linger = self._context.options.linger
            await self._acknowledged(min(timeout, linger), lambda link: link.idle)
            await self._acknowledged(timeout - linger, lambda link: not link.waiting)
        finally:
            for peer in list(self._peers.values()):
                peer.give_up("closed", goodbye="left")
            await self._context.transport.close(self._context.options.linger)
            self._closed.set()

    # From dials.

    def greeted(self, dial: Dial, connection: Connection, welcome: Welcome) -> None:
        """Somebody answered a dial."""
        peer = self._settle(connection, welcome)
        if peer is None:
            dial.retry()
            return
        dial.follow(peer.identity.name)
        if peer.state is PeerState.UP:
            self._dial_is_done(dial)

    def met_itself(self, dial: Dial) -> None:
        """A dial reached this node itself: nothing to see there."""
        LOGGER.debug("%s is this node itself", dial.endpoint)
        self._dials.pop(dial.endpoint, None)

    # From peers.

    def came_up(self, peer: Peer) -> None:
        """Both directions stand."""
        for dial in self._followers(peer):
            self._dial_is_done(dial)

    def vanished(self, peer: Peer, reason: str, refused: bool) -> None:
        """A peer is gone."""
        name = peer.identity.name
        if self._peers.get(name) is peer:
            del self._peers[name]
        self._reception.forget(peer)
        self._answered = {e: n for e, n in self._answered.items() if n != name}
        for dial in self._followers(peer):
            if refused:
                dial.retry()
            else:
                dial.fail(f"{name}: {reason}")
        self._progress.set()

    def replaced(self, peer: Peer, connection: Connection, welcome: Welcome) -> None:
        """Somebody else answered where a peer was; a new incarnation of it takes its place."""
        if welcome.node.name == peer.identity.name:
            self._settle(connection, welcome)
        else:
            connection.close()

    def progressed(self) -> None:
        """Something was acknowledged."""
        if self._closed is not None:
            self._progress.set()

    # From the reception.

    def judge(self, peer: Identity) -> tuple[str, str] | None:
        """May `peer` come in? Code and words of a refusal, or None."""
        if self._closed is not None:
            return "closing", "the node is closing"
        if peer.name == self.identity.name:
            if peer.incarnation == self.identity.incarnation:
                return "self", "this is you"
            return "name-taken", f"this node is called {peer.name}"
        known = self._peers.get(peer.name)
        if known is not None and known.identity.incarnation == peer.incarnation:
            return None
        if known is not None and _elsewhere(known, peer):
            return "unsettled", f"another {peer.name} is just connecting"
        return self._context.handler.admit(peer)

    def session(self, node: Self, opening: Opening) -> Peer | tuple[str, str]:
        """The peer that an OPEN belongs to, a new one where that is right; or a refusal."""
        peer = self._peers.get(node.name)
        if peer is None or peer.identity.incarnation != node.incarnation:
            refusal = self.judge(node.identity())
            if refusal is not None:
                return refusal
            if peer is not None:
                peer.give_up("restarted")
        elif peer.link.arq.other not in {0, opening.own}:
            peer.give_up("the peer began another session")
        # Giving one up tells the layer above, which may have called back.
        peer = self._peers.get(node.name)
        if opening.other != 0 and (peer is None or peer.link.arq.own != opening.other):
            return "reset", "there is no such session here"
        return self._add(node) if peer is None else peer

    def declined(self, peer: Identity, refusal: Refusal) -> None:
        """A node that dialled us does not want us after all."""
        if refusal.is_passing:
            return
        LOGGER.warning("refused by %s: %s: %s", peer.name, refusal.code, refusal.reason)
        self._context.handler.refused(peer.endpoints[0], peer, refusal.code, refusal.reason)

    # Inside.

    def _settle(self, connection: Connection, welcome: Welcome) -> Peer | None:
        """Find out whom a connection belongs to; None where nobody is wanted there."""
        node = welcome.node
        peer = self._peers.get(node.name)
        if peer is not None and peer.identity.incarnation == node.incarnation:
            if peer.wants_connection:
                peer.adopt(connection, welcome)
            else:
                connection.close()
            return peer
        refusal = self.judge(node.identity())
        if refusal is not None:
            LOGGER.warning("not joining %s at %s: %s: %s", node.name, connection.endpoint, *refusal)
            connection.refuse(*refusal)
            return None
        if peer is not None:
            peer.give_up("restarted")
        peer = self._peers.get(node.name) or self._add(node)
        peer.adopt(connection, welcome)
        return peer

    def _add(self, node: Self) -> Peer:
        peer = self._peers[node.name] = Peer(self._context, node, self)
        return peer

    def _connected(self) -> list[Peer]:
        return [peer for peer in self._peers.values() if peer.state is PeerState.UP]

    def _peer_at(self, endpoint: str) -> Peer | None:
        name = self._answered.get(endpoint)
        if name is not None:
            return self._peers.get(name)
        found = (peer for peer in self._peers.values() if endpoint in peer.identity.endpoints)
        return next(found, None)

    def _followers(self, peer: Peer) -> list[Dial]:
        name = peer.identity.name
        return [dial for dial in self._dials.values() if dial.following == name]

    def _dial_is_done(self, dial: Dial) -> None:
        assert dial.following is not None
        self._answered[dial.endpoint] = dial.following
        self._dials.pop(dial.endpoint, None)

    def _withdraw(self) -> None:
        """Dial nobody any more, and forget who is not connected yet."""
        for dial in self._dials.values():
            dial.stop()
        self._dials.clear()
        for peer in list(self._peers.values()):
            if peer.state is PeerState.OPENING:
                peer.give_up("closed", goodbye="left")

    async def _acknowledged(self, timeout: float, done: Callable[[Link], bool]) -> None:
        """Wait until all links are `done`, at most `timeout` seconds."""
        over = asyncio.Event()
        timer = self._context.clock.call_later(max(timeout, 0.0), self._give_up_waiting, over)
        try:
            while not over.is_set() and not all(done(p.link) for p in self._connected()):
                self._progress.clear()
                await self._progress.wait()
        finally:
            timer.cancel()

    def _give_up_waiting(self, over: asyncio.Event) -> None:
        over.set()
        self._progress.set()


def _elsewhere(known: Peer, other: Identity) -> bool:
    """Is `other` a second node of that name, of which the layer above cannot know yet?

    One that shares an endpoint is a restart; of one that is UP the layer above has heard.
    """
    if known.state is not PeerState.OPENING:
        return False
    return not set(known.identity.endpoints) & set(other.endpoints)
