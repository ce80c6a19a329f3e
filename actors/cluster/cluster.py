"""A node's part in its cluster: whom it lets in, whom it knows, and what follows from that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.cluster.membership import member_of
from actors.errors import NodeRefusedError
from actors.events import MemberDown, MemberUp, NodeRefused
from actors.inbound import Inbound
from actors.wire import Kind
from serialization import EnvelopeError
from transport import Buffer, Identity, Mesh, Parcel

if TYPE_CHECKING:
    from actors.runtime import Runtime

log = logging.getLogger("actors.cluster")


class Cluster:
    """What the mesh calls (`transport.MeshHandler`), in terms of members and peers."""

    def __init__(self, node: Runtime, seeds: Sequence[str]) -> None:
        self._node = node
        self._seeds = tuple(seeds)
        self._untried = set(seeds)
        self._inbound = Inbound(node)
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
            self._inbound.received(sender, records, buffers)
        except EnvelopeError as error:
            log.warning("node %r sent a batch that makes no sense: %s", peer.name, error)
            self.mesh.drop(peer.name, "it sent a batch that makes no sense")

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        """A node is gone for good, or has come back as another."""
        member = self._node.membership.down(peer)
        known = self._node.remote.peers.get((peer.name, peer.incarnation))
        if known is not None:
            self._node.remote.lose(known, reason, undelivered)
        if member is not None:
            level = logging.INFO if reason in ("left", "closed") else logging.WARNING
            log.log(level, "node %r at %s is down: %s", peer.name, member.address, reason)
            self._node.events.publish(MemberDown(member, reason))
        for seed in self._seeds:
            if seed in peer.endpoints and reason != "closed":
                self.mesh.dial(seed)

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        """Another node does not let this one in."""
        log.error("refused by the node at %s: %s: %s", endpoint, code, reason)
        self.refusal = NodeRefusedError(endpoint, f"{code}: {reason}")
        self._node.events.publish(NodeRefused(endpoint, f"{code}: {reason}"))
        self._tried((endpoint,))
        self.first_answers.set()

    def unreachable(self, endpoint: str, reason: str) -> None:
        """One attempt has failed; the mesh goes on trying."""
        if endpoint in self._untried:
            log.warning("seed %s does not answer (%s); trying on", endpoint, reason)
        self._tried((endpoint,))

    def writable(self, peer: Identity) -> None:
        """A full link has room."""
        known = self._node.remote.peers.get((peer.name, peer.incarnation))
        if known is not None:
            known.writable()
