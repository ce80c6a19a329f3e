"""What did not leave, or may not have arrived: each message of it is a dead letter here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from actors.address import Address, Origin
from actors.errors import NodeUnreachableError
from actors.events import Undecodable
from serialization import ActorsError, Fields, unpack_all, unpack_repeat

if TYPE_CHECKING:
    from actors.letter import Letter
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.remote.actor import RemoteActor
    from actors.remote.remote import Remote
    from actors.runtime import Runtime
    from transport import Buffer, Parcel

__all__ = ["Undelivered"]


class Undelivered:
    """Makes dead letters of messages that were meant for other nodes, and counts them."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote

    def letter(
        self, actor: RemoteActor, letter: Letter, reason: str, error: ActorsError | None = None
    ) -> None:
        """One could not be sent: whoever waits for its answer gets `error`.

        By default that is NodeUnreachableError, for this reason.
        """
        self._node.ledger.undelivered += 1
        self._node.mourn(letter.message, actor.ref, letter.sender, reason)
        if letter.answer is not None:
            letter.answer.fail(error or NodeUnreachableError(actor.ref, reason))

    def published(
        self, peer: Peer, target: str, sender: ActorRef[Any] | None, message: object
    ) -> None:
        """What was published could not be sent to the subscribers there."""
        self._node.ledger.undelivered += 1
        ref = self._remote.ref(Origin(peer.name, peer.incarnation), target)
        reason = f"node {peer.name!r} is gone, or the link to it is full"
        self._node.mourn(message, ref, sender, reason)

    def parcels(self, peer: Peer, parcels: Sequence[Parcel], reason: str) -> None:
        """That node may not have taken these records: the messages among them are dead letters."""
        # All at once: they wait no longer.
        self._node.ledger.undelivered += sum(1 for parcel in parcels if parcel.weight)
        envelope: Fields | None = None
        for parcel in parcels:
            [record] = unpack_all(parcel.record)
            envelope = unpack_repeat(record, envelope) if isinstance(record, bytes) else record
            if parcel.weight:
                self._mourn(peer, envelope, parcel.buffers, reason)

    def _mourn(self, peer: Peer, envelope: Fields, buffers: Sequence[Buffer], reason: str) -> None:
        _, target, sender, _, tag, body, _ = envelope
        message: object
        try:
            message = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            message = Undecodable(tag, body, str(error))
        ref = self._remote.ref(Origin(peer.name, peer.incarnation), target)
        self._node.mourn(message, ref, self._own(sender), reason)

    def _own(self, sender: str | None) -> ActorRef[Any] | None:
        """Return the ref that this node wrote down, its own actors by their key alone."""
        if sender is None:
            return None
        if sender.startswith("actors://"):
            return self._node.delivery.ref(sender)
        return self._node.delivery.ref_of(Address(self._node.origin, sender))
