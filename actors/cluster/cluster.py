"""A node's part in its cluster: whom it lets in, whom it knows, and what follows from that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.cluster.membership import QUARANTINED, Precedence, member_of
from actors.errors import NodeRefusedError
from actors.events import MemberDown, MemberSuspect, MemberUp, NodeRefused
from actors.inbound import Inbound
from actors.wire import Kind
from serialization import EnvelopeError
from transport import Buffer, Identity, Mesh, Parcel

if TYPE_CHECKING:
    from actors.runtime import Runtime

log = logging.getLogger("actors.cluster")

PATIENCE = 5.0
"""Seconds until it is left to chance which of two lives goes on."""

_LOUDNESS = {"left": logging.INFO, "closed": logging.DEBUG}
"""How loud to say that a node is down, by the reason; for all others it is a warning."""


class Cluster:
    """What the mesh calls (`transport.MeshHandler`), in terms of members and peers."""

    def __init__(self, node: Runtime, seeds: Sequence[str]) -> None:
        self._node = node
        self._seeds = tuple(seeds)
        self._untried = set(seeds)
        self._inbound = Inbound(node)
        self._renewing = False
        self._open: dict[int, float] = {}
        """Lives that are over here, since when it is open whether they or this one go on."""
        self.refusal: NodeRefusedError | None = None
        self.first_answers = asyncio.Event()
        """Every seed has answered, refused, or failed to answer once."""

    @property
    def mesh(self) -> Mesh:
        """The connections of this node."""
        mesh = self._node.remote.mesh
        assert mesh is not None
        return mesh

    def join(self) -> None:
        """Call the seeds, now and until they answer."""
        for seed in self._seeds:
            self.mesh.dial(seed)
        if not self._untried:
            self.first_answers.set()

    def _tried(self, endpoints: Sequence[str]) -> None:
        self._untried.difference_update(endpoints)
        if not self._untried:
            self.first_answers.set()

    def leave(self) -> None:
        """Let all others know that this node ends: they place nothing here any more."""
        self._node.membership.leaving(self._node.name)
        for peer in tuple(self._node.remote.peers.values()):
            self._node.remote.signal(peer, Kind.LEAVING, "", None)

    # --- what the mesh reports ------------------------------------------------------------------

    def admit(self, peer: Identity) -> str | None:
        """Say why a node may not come in; None where it may."""
        try:
            member_of(peer)
        except ValueError as error:
            return f"nonsense: {error}"
        if self._renewing or (self._yields_to(peer) and not self._node.closing):
            self._begin_anew(peer)
            return f"unsettled: {self._node.name!r} is about to come back as a new incarnation"
        if peer.incarnation in self._open:
            return f"unsettled: who of {self._node.name!r} and {peer.name!r} was lost will show"
        reachable = self.mesh.is_reachable(peer.name)
        objection = self._node.membership.objection(peer, holder_reachable=reachable)
        if objection is not None and not objection.startswith("unsettled"):
            endpoint = peer.endpoints[0] if peer.endpoints else peer.name
            log.warning("refused node %r at %s: %s", peer.name, endpoint, objection)
            self._node.events.publish(NodeRefused(endpoint, objection, by_us=True))
        return objection

    def directory(self) -> bytes:
        """Return what a newcomer should know of the others."""
        return self._node.membership.directory()

    def connected(self, peer: Identity, directory: bytes) -> None:
        """A node is up, and knows of others."""
        member = self._node.membership.up(peer)
        self.mesh.describe(self._node.membership.metadata)
        self._tried(peer.endpoints)
        self._node.remote.connected(peer.name, peer.incarnation)
        for endpoint in self._node.membership.unknown(directory):
            self.mesh.dial(endpoint)
        log.info("node %r is up at %s", peer.name, member.address)
        self._node.events.publish(MemberUp(member))
        self._node.placement.members_changed()
        if self._untried and self._is_seed_elsewhere():
            self.first_answers.set()

    def _is_seed_elsewhere(self) -> bool:
        """A seed may be known under another address than the one that was given."""
        return len(self._node.membership.members) > len(self._seeds)

    def received(
        self, peer: Identity, records: Buffer, buffers: Sequence[Buffer], count: int
    ) -> None:
        """A batch has come."""
        sender = self._node.remote.peers.get((peer.name, peer.incarnation))
        if sender is None:
            return
        try:
            self._inbound.received(sender, records, buffers, count)
        except EnvelopeError as error:
            log.warning("node %r sent a batch that makes no sense: %s", peer.name, error)
            self.mesh.drop(peer.name, "it sent a batch that makes no sense")

    def interrupted(self, peer: Identity, reason: str) -> None:
        """A link broke: whoever can do without that node does so until it stands again."""
        member = self._node.membership.suspect(peer)
        if member is not None:
            log.info("node %r is suspect: %s", peer.name, reason)
            self._node.remote.pause_children(peer.name, peer.incarnation)
            self._node.events.publish(MemberSuspect(member))

    def restored(self, peer: Identity) -> None:
        """The link stands again."""
        member = self._node.membership.reachable(peer)
        if member is not None:
            log.info("node %r is up again", peer.name)
            self._node.remote.resume_children(peer.name, peer.incarnation)
            self._node.events.publish(MemberUp(member))
            self._node.placement.members_changed()

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        """A node is gone for good, or has come back as another."""
        member = self._node.membership.down(peer)
        self.mesh.describe(self._node.membership.metadata)
        known = self._node.remote.peers.get((peer.name, peer.incarnation))
        if known is not None:
            self._node.remote.lose(known, reason, undelivered)
        if member is not None:
            level = _LOUDNESS.get(reason, logging.WARNING)
            log.log(level, "node %r at %s is down: %s", peer.name, member.address, reason)
            self._node.events.publish(MemberDown(member, reason))
        for seed in self._seeds:
            if seed in peer.endpoints and reason != "closed":
                self.mesh.dial(seed)

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        """Another node does not let this one in."""
        if code == QUARANTINED:
            self._begin_anew(peer)
            return
        self.refusal = NodeRefusedError(endpoint, f"{code}: {reason}")
        self._node.events.publish(NodeRefused(endpoint, f"{code}: {reason}"))
        self._tried((endpoint,))
        self.first_answers.set()

    def unreachable(self, endpoint: str, reason: str) -> None:
        """One attempt has failed; the mesh goes on trying the seeds."""
        self._tried((endpoint,))
        if endpoint not in self._seeds:
            self._node.remote.not_there(endpoint, reason)

    # --- a new life -----------------------------------------------------------------------------

    def _yields_to(self, peer: Identity) -> bool:
        """Whether the other's life goes on, and this one is to begin anew."""
        precedence = self._node.membership.precedence(peer)
        if precedence is not Precedence.OPEN:
            self._open.pop(peer.incarnation, None)
            return precedence is Precedence.THEIRS
        now = self._node.clock.now()
        if now - self._open.setdefault(peer.incarnation, now) < PATIENCE:
            return False
        del self._open[peer.incarnation]
        return self._node.membership.own.incarnation < peer.incarnation

    def _begin_anew(self, peer: Identity | None) -> None:
        """Come back as a new incarnation: the others have declared this one over."""
        if not self._renewing and not self._node.closing:
            self._renewing = True
            self._node.loop.call_soon(self._renew, () if peer is None else peer.endpoints[:1])

    def _renew(self, endpoints: Sequence[str]) -> None:
        """Do so, and call all that are known, and those who said it at `endpoints`.

        This node had stalled, or was cut off. Its actors live on; all that joined them to others
        has ended there, and now ends here.
        """
        self._renewing = False
        node = self._node
        log.warning("the cluster had given this node up; it comes back as a new incarnation")
        known = [m.address for m in node.membership.members if m is not node.membership.own]
        self.mesh.renew(incarnation := node.random.getrandbits(52) | 1)
        node.renew(incarnation)
        self.mesh.describe(node.membership.metadata)
        for endpoint in dict.fromkeys((*self._seeds, *filter(None, known), *endpoints)):
            self.mesh.dial(endpoint)

    def writable(self, peer: Identity) -> None:
        """A full link has room."""
        known = self._node.remote.peers.get((peer.name, peer.incarnation))
        if known is not None:
            known.writable()
