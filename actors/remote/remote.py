"""What this node sends to others, record by record. What comes from there is in `inbound`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from actors.address import Address, Origin, host_port
from actors.asks import Ask
from actors.errors import LinkFullError, SerializationError
from actors.peer import Expected, Peer
from actors.ref import ActorRef
from actors.remote.actor import RemoteActor, Run
from actors.remote.associations import Associations
from actors.remote.backpressure import Backpressure
from actors.remote.death_watch import DeathWatch
from actors.remote.edge_chasing import EdgeChasing
from actors.remote.guests import Guests
from actors.remote.outposts import Outposts
from actors.remote.questions import Questions
from actors.remote.undelivered import Undelivered
from actors.wire import Kind, portable
from serialization import REPEATABLE_BYTES, Encoded, pack, pack_repeat

if TYPE_CHECKING:
    from actors.letter import Letter
    from actors.runtime import Runtime
    from transport import Mesh

__all__ = ["Remote"]

TELL, COUNTED, ASK, ASK_IN_HAND = Kind.TELL, Kind.COUNTED, Kind.ASK, Kind.ASK_IN_HAND
REPLY = Kind.REPLY


class Remote:
    """The other nodes, as this one reaches them.

    It encodes records and queues them; what goes back and forth about one matter is in a part of
    its own, both ends of it.
    """

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self.ledger = node.ledger
        self.mesh: Mesh | None = None
        self.peers: dict[tuple[str, int], Peer] = {}
        """Those that this node deals with, by name and incarnation."""
        self.correlations = itertools.count(1)
        self.associations = Associations(node, self)
        self.undelivered = Undelivered(node, self)
        self.backpressure = Backpressure(node, self)
        self.questions = Questions(node, self)
        self.death_watch = DeathWatch(node, self)
        self.edge_chasing = EdgeChasing(node, self)
        self.guests = Guests(node, self)
        self.outposts = Outposts(node, self)

    # --- refs -----------------------------------------------------------------------------------

    def ref(self, origin: Origin, key: str) -> ActorRef[Any]:
        """Return a ref to an actor of another node."""
        actor = RemoteActor(self, origin, key)
        actor.ref = ActorRef(self._node, origin, key, actor)
        return actor.ref

    def sign(self, ref: ActorRef[Any] | None) -> str | None:
        """Return how this node writes down a ref: its own actors by their key alone."""
        if ref is None:
            return None
        if ref._origin == self._node.origin:
            return ref._key
        return ref.address

    def ref_from(self, peer: Peer, text: str) -> ActorRef[Any]:
        """Return the ref that a peer wrote down, its own actors by their key alone."""
        if text.startswith("actors://"):
            ref = self._node.delivery.ref(text)
        else:
            member = self._node.membership.get(peer.name)
            address = None if member is None else member.address
            origin = Origin(peer.name, peer.incarnation, host_port(address))
            ref = self._node.delivery.ref_of(Address(origin, text))
        peer.remember_ref(text, ref)
        return ref

    def own_ref_from(self, peer: Peer, text: str) -> ActorRef[Any]:
        """Return the ref of an actor there: no node speaks of watches and ends of another's.

        Raises ValueError.
        """
        ref = self.ref_from(peer, text)
        if ref._origin[:2] != (peer.name, peer.incarnation):
            raise ValueError(f"{text} is no actor of node {peer.name!r}")
        return ref

    def sender_from(self, peer: Peer, text: str | None) -> ActorRef[Any] | None:
        """Return the sender that a peer wrote down; None where that is nobody."""
        return None if text is None else self.ref_from(peer, text)

    # --- messages -------------------------------------------------------------------------------

    def deliver(self, actor: RemoteActor, letter: Letter) -> None:
        """Send a message. Raises SerializationError; all else becomes a dead letter."""
        encoded = self._node.codec.encode(letter.message)
        self._node.ledger.outbound += 1
        peer = actor.peer
        if peer is None or peer.gone:
            peer = actor.peer = self.associations.peer(actor.origin)
        if peer is None:
            self.undelivered.letter(actor, letter, f"node {actor.origin.node!r} is not reachable")
            return
        answer, kind = letter.answer, TELL
        if answer is None:
            correlation = 0
        elif answer.wanted:
            correlation = next(self.correlations)
            peer.pending[correlation] = Expected(answer, actor.ref)
            kind = ASK
            if type(answer) is Ask:
                answer.forget()  # a probe may be out for it
                answer.pending, answer.correlation = peer.pending, correlation
                kind = ASK if answer.turn is None else ASK_IN_HAND
        else:
            kind, correlation = COUNTED, peer.tallies.begin(answer)
        mark = self._mark(kind, actor, letter, encoded.tag)
        if not self._push(peer, kind, actor.key, letter.sender, correlation, encoded, 1, mark):
            if kind is COUNTED:
                peer.tallies.withdraw(correlation)
            else:
                peer.pending.pop(correlation, None)
            full = LinkFullError(actor.ref, peer.name, peer.capacity)
            self.undelivered.letter(actor, letter, f"the link to node {peer.name!r} is full", full)

    def _push(
        self,
        peer: Peer,
        kind: Kind,
        target: str,
        sender: ActorRef[Any] | None,
        correlation: int,
        encoded: Encoded,
        weight: int,
        mark: object,
    ) -> bool:
        """Queue a record, as a repeat where `mark` says that it is like the one before it.

        A mark of None is like nothing. False where it is a message and there is no room.
        """
        link, body, buffers = peer.link, encoded.body, encoded.buffers
        if (
            link is not None
            and mark is not None
            and link.last == mark
            and not buffers
            and len(body) <= REPEATABLE_BYTES
            and link.push(pack_repeat(correlation, body), (), weight, mark)
        ):
            return True
        who = self.sign(sender)
        record = pack(kind, target, who, correlation, encoded.tag, body, len(buffers))
        return peer.push(record, buffers, weight, None if buffers else mark)

    def _mark(self, kind: Kind, actor: RemoteActor, letter: Letter, tag: str | None) -> object:
        """Return what a message must be like to be written as a repeat of this one."""
        if kind is TELL:
            message_class = type(letter.message)
            encode = self._node.codec.fast_encoder(message_class)
            if encode is not None:
                return Run(actor, letter.sender, message_class, encode)
        return (kind, actor, letter.sender, tag)

    def publish(
        self,
        peer: Peer,
        target: str,
        sender: ActorRef[Any] | None,
        message: object,
        encoded: Encoded,
    ) -> None:
        """Send a message for all subscribers there, once; what does not leave is a dead letter."""
        self._node.ledger.outbound += 1
        mark = (Kind.PUBLISH, target, sender, encoded.tag)
        if not self._push(peer, Kind.PUBLISH, target, sender, 0, encoded, 1, mark):
            self.undelivered.published(peer, target, sender, message)

    # --- the framework's own --------------------------------------------------------------------

    def signal(
        self,
        peer: Peer,
        kind: Kind,
        target: str,
        sender: ActorRef[Any] | None,
        correlation: int = 0,
        value: object = None,
        mark: object = None,
    ) -> None:
        """Send a record that is no user's message: it takes no part in the ledger.

        `mark`: what the next one must be like to be written as a repeat of this one.
        """
        encoded = self._node.codec.encode(value)
        self._push(peer, kind, target, sender, correlation, encoded, 0, mark)

    def reply(self, peer: Peer, correlation: int, value: object) -> None:
        """Answer an ask of that node; what cannot be sent reaches the asker as that error."""
        if not correlation:  # nobody waits; and a repeat tells 0 from others by what came before
            return
        try:
            encoded = self._node.codec.encode(value)
        except SerializationError as error:
            self.reply_error(peer, correlation, error)
            return
        mark = (REPLY, encoded.tag)
        self._push(peer, REPLY, "", None, correlation, encoded, 0, mark)

    def reply_error(self, peer: Peer, correlation: int, error: BaseException) -> None:
        """Answer an ask of that node with an error."""
        if not correlation:
            return
        sendable = portable(self._node.codec, error, f"node {self._node.name!r}")
        self.signal(peer, Kind.ERROR, "", None, correlation, sendable)
