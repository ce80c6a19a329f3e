"""With which lives of other nodes this one deals: called, connected, lost.

What hangs between two lives of nodes is what Akka calls an association: it begins with the first
message that is meant for the other, or its connection, and once it is over it stays over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.errors import NodeUnreachableError
from actors.peer import Peer
from actors.wire import Kind
from transport.endpoint import is_dialable

if TYPE_CHECKING:
    from actors.address import Origin
    from actors.remote.remote import Remote
    from actors.runtime import Runtime
    from transport import Mesh, Parcel

__all__ = ["CONNECT_TIMEOUT", "Associations"]

CONNECT_TIMEOUT = 3.0
"""Seconds that messages for a node that was never seen wait for it."""


class Associations:
    """Begins and ends what is between this node and each life of another."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote
        self._peers = remote.peers
        self._sent_before = 0
        """How many messages those that are over had acknowledged."""

    def peer(self, origin: Origin) -> Peer | None:
        """Return that life of that node; None where it is over or cannot be reached."""
        peer, mesh = self._peers.get(origin[:2]), self._remote.mesh
        if peer is None and mesh is not None and origin.endpoint is not None:
            over = self._node.membership.is_over(origin.node, origin.incarnation)
            known = self._node.membership.get(origin.node)
            if not over and known is None:
                peer = self._expect(mesh, origin)
        return peer

    def connected(self, name: str, incarnation: int) -> None:
        """A node is up: send what was kept for it."""
        mesh = self._remote.mesh
        assert mesh is not None
        link = mesh.link(name)
        peer = self._peers.get((name, incarnation)) or self._add(name, incarnation)
        for other in [p for p in self._peers.values() if p.name == name and p is not peer]:
            self.lose(other, f"node {name!r} is another incarnation by now", ())
        if link is not None:
            self._remote.undelivered.parcels(peer, peer.connected(link), "the link is full")
        self._node.registry.connected(peer)

    def not_there(self, endpoint: str, reason: str) -> None:
        """An attempt on an endpoint failed: who was expected there is not waited for."""
        for peer in [p for p in self._peers.values() if p.expected_at == endpoint]:
            self._not_come(peer, reason)

    def lose(self, peer: Peer, reason: str, undelivered: Sequence[Parcel]) -> None:
        """A node is gone for good: all that hangs on it ends now."""
        if peer.gone:
            return
        peer.gone = True
        self._peers.pop((peer.name, peer.incarnation), None)
        self._node.registry.disconnected(peer)
        if peer.timer is not None:
            peer.timer.cancel()
        if peer.link is not None:
            self._sent_before += peer.link.sent
        remote = self._remote
        parcels = [*undelivered, *peer.take_back()]
        remote.undelivered.parcels(peer, parcels, f"noconnection: {reason}")
        _fail_answers(peer, reason)
        remote.death_watch.lost(peer, reason)
        remote.outposts.bring_home(peer, reason)
        remote.guests.orphaned(peer, reason)

    @property
    def sent(self) -> int:
        """Count the messages that their nodes have acknowledged."""
        links = sum(p.link.sent for p in self._peers.values() if p.link is not None)
        return self._sent_before + links

    @property
    def waiting(self) -> int:
        """Count the messages that are on their way."""
        return sum(peer.waiting + len(peer.senders) for peer in self._peers.values())

    def _expect(self, mesh: Mesh, origin: Origin) -> Peer | None:
        """A ref came before its node did: call it, and keep for a while what is meant for it."""
        endpoint = f"tcp://{origin.endpoint}"
        if not is_dialable(endpoint):  # the address may come from anywhere
            return None
        peer = self._add(origin.node, origin.incarnation)
        peer.expected_at = endpoint
        peer.called = mesh.dial(endpoint, origin.node)
        reason = f"no answer in {CONNECT_TIMEOUT:g} s"
        peer.timer = self._node.clock.call_later(CONNECT_TIMEOUT, self._not_come, peer, reason)
        return peer

    def _not_come(self, peer: Peer, reason: str) -> None:
        assert self._remote.mesh is not None
        assert peer.expected_at is not None
        if peer.called:
            self._remote.mesh.forget(peer.expected_at)
        self.lose(peer, f"node {peer.name!r} is not at {peer.expected_at}: {reason}", ())

    def _add(self, name: str, incarnation: int) -> Peer:
        soon = self._node.loop.call_soon
        peer = Peer(name, incarnation, soon, self._report_done, self._give_up)
        self._peers[name, incarnation] = peer
        return peer

    def _give_up(self, peer: Peer) -> None:
        """It asks and takes no answers in: what waits for it must not fill the memory."""
        mesh = self._remote.mesh
        if mesh is not None and not peer.gone:
            mesh.drop(peer.name, f"{peer.overflow_bytes} bytes wait that it does not take in")

    def _report_done(self, peer: Peer, report: list[int]) -> None:
        """Say how many counted messages of that node have ended here."""
        self._remote.signal(peer, Kind.DONE, "", None, 0, report)


def _fail_answers(peer: Peer, reason: str) -> None:
    """Whoever waits for an answer from there waits no longer."""
    pending, peer.pending = dict(peer.pending), {}  # a copy: asks that end leave the old one
    for expected in pending.values():
        expected.answer.fail(NodeUnreachableError(expected.ref, reason))
    peer.tallies.fail(NodeUnreachableError(f"node {peer.name!r}", reason))
