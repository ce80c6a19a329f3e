"""A node's part in its cluster: whom it lets in, whom it knows, and what follows from that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.authorisation.policy import Policy
from actors.cluster.contacts import RECALL, RECALL_DEAD, Contacts
from actors.cluster.detection import Detection
from actors.cluster.gossip import Gossip
from actors.cluster.member import Life
from actors.cluster.membership import QUARANTINED, Precedence, member_of, role_objection
from actors.errors import NodeRefusedError
from actors.events import MemberDown, MemberLeft, MemberSuspect, MemberUp, NodeRefused
from actors.remote.inbound import Inbound
from actors.wire import Kind
from serialization import EnvelopeError
from transport import Buffer, Identity, Mesh, Parcel
from transport.revocation import UNLISTED
from transport.security.access import NOT_AUTHORISED

if TYPE_CHECKING:
    from actors.authorisation.rules import Allow
    from actors.peer import Peer
    from actors.runtime import Runtime

log = logging.getLogger("actors.cluster")

PATIENCE = 5.0
"""Seconds until it is left to chance which of two lives goes on."""

ROLES_WITHDRAWN = "the roster does not give it its roles any more"

_EXPELLED = frozenset({UNLISTED, ROLES_WITHDRAWN})
"""Why a node is gone that this one does not want back, whatever others make of it."""

_IN_ORDER = frozenset({"left", "restarted"})
"""Nobody is missed who is gone for such a reason."""

_LOUDNESS = {"left": logging.INFO, "closed": logging.DEBUG}
"""How loud to say that a node is down, by the reason; for all others it is a warning."""


class Cluster:
    """What the mesh calls (`transport.MeshHandler`), in terms of members and peers."""

    def __init__(self, node: Runtime, mesh: Mesh, contacts: Contacts, detection: Detection) -> None:
        self._node = node
        self.mesh = mesh
        self._contacts = contacts
        self._readiness = node.readiness
        self._gossip = Gossip(node, self, detection)
        self._inbound = Inbound(node, self._gossip)
        self._renewing = False
        self._open: dict[int, float] = {}
        """Lives that are over here, since when it is open whether they or this one go on."""
        self.refusal: NodeRefusedError | None = None
        self._shut_out = False
        """Whether that is for want of a listed key alone."""

    def authorise(self, rules: Sequence[Allow] | None) -> None:
        """From now on other nodes may do what these rules allow; without any, everything.

        Also to be called when the roles that count (`Runtime.trusted_roles`) have changed.
        """
        trusted = self._node.trusted_roles
        self._inbound.authorise(None if rules is None else Policy(rules, trusted))

    async def join(self) -> None:
        """Call the seeds, and wait until each has answered or failed to."""
        self.mesh.describe(self._node.membership.metadata)
        self._gossip.begin()
        self._contacts.begin()
        await self._contacts.first_answers.wait()

    def leave(self) -> None:
        """Let all others know that this node ends: they place nothing here any more."""
        self._node.membership.leaving(self._node.name)
        for peer in tuple(self._node.remote.peers.values()):
            self._node.remote.signal(peer, Kind.LEAVING, "", None)

    def close(self) -> None:
        """The node has ended."""
        self._gossip.close()
        self._contacts.close()
        self._readiness.close()

    # --- what the mesh reports ------------------------------------------------------------------

    def admit(self, peer: Identity) -> str | None:
        """Say why a node may not come in; None where it may."""
        try:
            member_of(peer)
            objection = role_objection(peer, self._allowed_roles(peer.name))
        except ValueError as error:
            return f"nonsense: {error}"
        if objection is not None:
            return self._object(peer, objection)
        if self._renewing or (self._yields_to(peer) and not self._node.closing):
            self._begin_anew(peer)
            return f"unsettled: {self._node.name!r} is about to come back as a new incarnation"
        if peer.incarnation in self._open:
            return f"unsettled: who of {self._node.name!r} and {peer.name!r} was lost will show"
        reachable = self.mesh.is_reachable(peer.name)
        objection = self._node.membership.objection(peer, holder_reachable=reachable)
        if objection is not None and not objection.startswith("unsettled"):
            self._object(peer, objection)
        return objection

    def _object(self, peer: Identity, objection: str) -> str:
        endpoint = _where(peer)
        log.warning("refused node %r at %s: %s", peer.name, endpoint, objection)
        self._node.events.publish(NodeRefused(endpoint, objection, by_us=True))
        return objection

    def _allowed_roles(self, name: str) -> frozenset[str] | None:
        access = self.mesh.access
        return None if access is None else access.roles_of(name)

    def _may_come(self, name: str) -> bool:
        """Whether anybody of that name could be let in: members may speak of any number."""
        return self.mesh.access is None or bool(self.mesh.access.keys_of(name))

    def check_roles(self) -> None:
        """The roster has changed: give up members whose roles it does not give them any more."""
        for member in self._node.membership.members[1:]:
            allowed = self._allowed_roles(member.name)
            if allowed is not None and not member.roles <= allowed:
                self.mesh.drop(member.name, ROLES_WITHDRAWN)

    def rejected(self, peer: Identity, code: str, reason: str) -> None:
        """The mesh has refused a node whose key is not the one for its name."""
        self._node.events.publish(NodeRefused(_where(peer), f"{code}: {reason}", by_us=True))

    def directory(self) -> bytes:
        """Return what a newcomer should know of the others."""
        return self._node.membership.directory()

    def connected(self, peer: Identity, directory: bytes) -> None:
        """A node is up, and knows of others."""
        member = self._node.membership.up(peer)
        self.mesh.describe(self._node.membership.metadata)
        self._node.remote.associations.connected(peer.name, peer.incarnation)
        self._gossip.joined(life_of(peer), member.address)
        self._readiness.joined(member)
        if self._shut_out:
            self._shut_out, self.refusal = False, None
        for name, endpoint in self._node.membership.unknown(directory).items():
            if self._may_come(name):
                self.mesh.dial(endpoint, name)
        log.info("node %r is up at %s", peer.name, member.address)
        self._node.events.publish(MemberUp(member))
        self._node.placement.members_changed()
        self._contacts.found(peer.endpoints, len(self._node.membership.members) - 1)

    def received(
        self, peer: Identity, records: Buffer, buffers: Sequence[Buffer], count: int
    ) -> None:
        """A batch has come."""
        sender = self._known(peer)
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
            known = self._known(peer)
            if known is not None:
                self._node.remote.outposts.pause(known)
            self._node.events.publish(MemberSuspect(member))
            self._gossip.interrupted(life_of(peer))

    def restored(self, peer: Identity) -> None:
        """The link stands again."""
        member = self._node.membership.reachable(peer)
        if member is not None:
            log.info("node %r is up again", peer.name)
            self._gossip.restored(life_of(peer))
            known = self._known(peer)
            if known is not None:
                self._node.remote.outposts.resume(known)
            self._node.events.publish(MemberUp(member))
            self._node.placement.members_changed()

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        """A node is gone for good, or has come back as another."""
        member = self._node.membership.down(peer)
        self.mesh.describe(self._node.membership.metadata)
        known = self._known(peer)
        if known is not None:
            self._node.remote.associations.lose(known, reason, undelivered)
        if member is not None:
            level = _LOUDNESS.get(reason, logging.WARNING)
            log.log(level, "node %r at %s is down: %s", peer.name, member.address, reason)
            self._readiness.parted(member, lost=reason not in _IN_ORDER)
            kind = MemberLeft if reason == "left" else MemberDown
            self._node.events.publish(kind(member, reason))
        self._gossip.parted(life_of(peer), reason, spread=_is_certain(reason))
        if reason != "closed":
            self._contacts.recall(peer.name, peer.endpoints, _missed_for(reason))

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        """Another node does not let this one in."""
        if code == QUARANTINED:
            self._begin_anew(peer)
            return
        self._node.events.publish(NodeRefused(endpoint, f"{code}: {reason}"))
        self._contacts.tried((endpoint,))
        self._shut_out = code == NOT_AUTHORISED
        if not self._shut_out:
            self._contacts.first_answers.set()
        elif len(self._node.membership.members) > 1:
            # Rosters do not change everywhere at once: it counts where nobody else lets it in.
            return
        self.refusal = NodeRefusedError(endpoint, f"{code}: {reason}")

    def unreachable(self, endpoint: str, reason: str) -> None:
        """One attempt has failed; the mesh goes on trying the seeds."""
        self._contacts.tried((endpoint,))
        if not self._contacts.is_seed(endpoint):
            self._node.remote.associations.not_there(endpoint, reason)

    def _known(self, peer: Identity) -> Peer | None:
        return self._node.remote.peers.get((peer.name, peer.incarnation))

    # --- what the failure detector finds ---

    def declare_down(self, life: Life, reason: str) -> None:
        """That member is down: give its link up, and never take that life in again."""
        known = self.mesh.link(life.name)
        if known is not None and known.peer.incarnation == life.incarnation:
            self.mesh.drop(life.name, reason)
        else:
            self._node.membership.bury(*life)
            self._gossip.parted(life, reason, spread=False)

    def call(self, name: str, address: str) -> None:
        """There is said to be a member of that name at that address: call it, for a while."""
        if self._may_come(name):
            self._contacts.call(address, name=name)

    def given_up(self, by: str) -> None:
        """The others have declared this life down."""
        log.warning("node %r has declared this one down", by)
        self._begin_anew(None)

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
        self._gossip.renew()
        self._readiness.renew()
        self.mesh.describe(node.membership.metadata)
        self._contacts.call_all([*known, *endpoints])

    def writable(self, peer: Identity) -> None:
        """A full link has room."""
        known = self._known(peer)
        if known is not None:
            known.writable()


def life_of(peer: Identity) -> Life:
    """Return which life of which node shook hands."""
    return Life(peer.name, peer.incarnation)


def _where(peer: Identity) -> str:
    return peer.endpoints[0] if peer.endpoints else peer.name


def _missed_for(reason: str) -> float:
    """Return for how many seconds somebody who is gone for such a reason is called again."""
    if reason in _IN_ORDER or reason in _EXPELLED:
        return 0.0
    return RECALL_DEAD if reason.startswith("unreachable") else RECALL


def _is_certain(reason: str) -> bool:
    """Whether others should be told: not where the two only fell out with each other."""
    if reason == "closed" or reason in _EXPELLED:
        return False
    return not reason.startswith(("dropped by", "protocol"))
