"""All peers of a node, for the layer above: from its first endpoint to the last goodbye."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from transport.addresses import advertised
from transport.admission import Admission
from transport.context import Context, Guard
from transport.dials import Dials
from transport.flush import Flush
from transport.handler import Identity, MeshHandler, MeshStats, Parcel
from transport.journal import Journal
from transport.link import Link
from transport.options import TransportOptions
from transport.peer import Peer, PeerState
from transport.reception import Reception
from transport.revocation import Revocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.clock import Clock
    from transport.connection import Connection
    from transport.handshake import Welcome
    from transport.interface import Transport
    from transport.security.access import Access
    from transport.security.roster import Roster
    from transport.wire import Self

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
        self._peers: dict[str, Peer] = {}
        self._admission = Admission(self._context, self._peers, self._add)
        self._reception = Reception(self._context, self._admission)
        self._dials = Dials(self._context, self._peers, self._admission.settle)
        self._flush = Flush(clock, self._links)
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
        return self._dials.dial(endpoint, name)

    def describe(self, metadata: bytes) -> None:
        """Have others learn this along with the node's name, whoever shakes hands from now on."""
        self._context.identity = replace(self.identity, metadata=metadata)

    def forget(self, endpoint: str) -> None:
        """Stop trying an endpoint; harmless when nobody does. A connected peer stays so.

        Raises:
            EndpointError: it is malformed.
        """
        self._dials.forget(endpoint)

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
        self._dials.stop()
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
            peers=len(self._links()),
            dialling=len(self._dials.endpoints),
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
        self._admission.close()
        self._revocation.close()
        try:
            self._withdraw()
            linger = self._context.options.linger
            await self._flush.wait(lambda link: link.idle, min(timeout, linger))
            await self._flush.wait(lambda link: not link.waiting, timeout - linger)
        finally:
            for peer in list(self._peers.values()):
                peer.give_up("closed", goodbye="left")
            await self._context.transport.close(self._context.options.linger)
            self._closed.set()

    # From peers.

    def came_up(self, peer: Peer) -> None:
        """Both directions stand."""
        self._dials.came_up(peer)

    def vanished(self, peer: Peer, reason: str, refused: bool) -> None:
        """A peer is gone."""
        name = peer.identity.name
        if self._peers.get(name) is peer:
            del self._peers[name]
        self._reception.forget(peer)
        self._dials.vanished(peer, reason, refused=refused)
        self._flush.progressed()

    def replaced(self, peer: Peer, connection: Connection, welcome: Welcome) -> None:
        """Somebody else answered where a peer was; a new incarnation of it takes its place."""
        if welcome.node.name == peer.identity.name:
            self._admission.settle(connection, welcome)
        else:
            connection.close()

    def progressed(self) -> None:
        """Something was acknowledged."""
        if self._closed is not None:
            self._flush.progressed()

    # Inside.

    def _add(self, node: Self) -> Peer:
        peer = self._peers[node.name] = Peer(self._context, node, self)
        return peer

    def _links(self) -> list[Link]:
        return [peer.link for peer in self._peers.values() if peer.state is PeerState.UP]

    def _withdraw(self) -> None:
        """Dial nobody any more, and forget who is not connected yet."""
        self._dials.close()
        for peer in list(self._peers.values()):
            if peer.state is PeerState.OPENING:
                peer.give_up("closed", goodbye="left")
