"""What other nodes send here: batches are taken apart, and messages handed to mailboxes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from actors.authorisation.screen import Screen
from actors.errors import ActorsError
from actors.letter import Answer, Letter
from actors.remote.answers import RemoteAnswer, on_reply
from actors.remote.rejections import Rejections
from actors.remote.repeats import Again, Repeats
from actors.remote.signals import Signals
from actors.wire import Kind
from serialization import Fields, unpack_all, unpack_repeat

if TYPE_CHECKING:
    from actors.authorisation.policy import Policy
    from actors.cluster.gossip import Gossip
    from actors.peer import Peer
    from actors.runtime import Runtime
    from transport import Buffer

__all__ = ["Inbound"]

log = logging.getLogger("actors.inbound")

TELL, COUNTED, ASK_IN_HAND = Kind.TELL, Kind.COUNTED, Kind.ASK_IN_HAND
SEND, COUNTED_SEND, REPLY = Kind.SEND, Kind.COUNTED_SEND, Kind.REPLY


class Inbound:
    """Takes the batches of other nodes apart."""

    def __init__(self, node: Runtime, gossip: Gossip) -> None:
        self._node = node
        self._remote = node.remote
        self.rejections: Rejections = Rejections(node)
        self.repeats: Repeats = Repeats(node)
        self.signals: Signals = Signals(node, gossip, self.rejections)
        self._take = self.handle
        """Handles a record, once it is known that its sender may have that."""
        self._shortcut = self.repeats.shortcut

    def authorise(self, policy: Policy | None) -> None:
        """Handle only what the policy allows; without one, everything, at no cost."""
        for peer in self._remote.peers.values():
            peer.rights.clear()
        screen = None if policy is None else Screen(self._node, self, policy)
        self._take = self.handle if screen is None else screen.take
        self._shortcut = self.repeats.shortcut if screen is None else screen.shortcut
        self.signals.screen({} if screen is None else screen.signals)

    def received(self, peer: Peer, records: Buffer, buffers: Sequence[Buffer], count: int) -> None:
        """Handle a batch, record by record: a bad one spoils none of its neighbours.

        Raises EnvelopeError where the batch itself makes no sense.
        """
        taken = 0
        envelope: Fields | None = None
        again: Again | None = None
        take, shortcut = self._take, self._shortcut
        if self._is_full():
            take, shortcut = self._take_no_message, _no_shortcut
        for record in unpack_all(records, count=count):
            own: Sequence[Buffer] = ()
            if type(record) is bytes:
                if again is not None:
                    try:
                        again(record)
                        continue
                    except Exception:  # noqa: BLE001 - what the quick way refuses is judged below
                        pass
                envelope = unpack_repeat(record, envelope)
            else:
                envelope = cast("Fields", record)
                again = shortcut(peer, envelope)
                extra = envelope[6]
                if extra:
                    own = buffers[taken : taken + extra]
                    taken += extra
            take(peer, envelope, own)

    def _is_full(self) -> bool:
        """Whether as many messages are queued, or wait for room, as the node may have."""
        node = self._node
        return node.ledger.waiting + len(self._remote.backpressure.rooms) >= node.max_queued

    def _take_no_message(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> None:
        if not self.rejections.overflow(peer, envelope):
            self._take(peer, envelope, own)

    def handle(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> None:
        """Handle a record, whatever it is: it may do that, and no failure goes beyond it."""
        kind, target, sender, correlation, tag, body, _ = envelope
        try:
            if kind <= COUNTED_SEND:
                self._message(peer, kind, target, sender, correlation, tag, body, own)
            elif kind == REPLY:
                on_reply(self._node.codec, peer, correlation, tag, body, own)
            else:
                self.signals.handle(peer, kind, target, sender, correlation, tag, body, own)
        except ValueError as error:
            self.rejections.nonsense(peer, envelope, error)
        except Exception:
            log.exception("a record of kind %s from node %r failed", kind, peer.name)

    def _message(
        self,
        peer: Peer,
        kind: int,
        target: str,
        sender: str | None,
        correlation: int,
        tag: str | None,
        body: bytes,
        buffers: Sequence[Buffer],
    ) -> None:
        """Put a message into the mailbox it is meant for. This is the hot path of remote tells."""
        node = self._node
        who = None
        if sender is not None:
            who = peer.refs.get(sender) or self._remote.ref_from(peer, sender)
        answer: Answer | None = None
        if kind == COUNTED:
            answer = peer.receipts.of(correlation)
        elif kind != TELL:
            if kind < TELL:
                raise ValueError("there is no such kind")
            answer = RemoteAnswer(self._remote, peer, correlation)
        try:
            message = node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            self.rejections.undecodable(target, who, answer, tag, body, error)
            return
        letter = Letter(message, who, answer)
        cell = node.delivery.cells.get(target)
        if kind >= SEND:
            counted = kind == COUNTED_SEND
            self._remote.backpressure.admit(peer, target, letter, correlation, counted=counted)
        elif cell is None:
            node.delivery.local(target)._target.deliver(letter)
        elif kind <= COUNTED:
            cell.deliver(letter)
        else:
            cell.deliver_ask(letter)
            if kind == ASK_IN_HAND and cell.turn is not None and cell.turn.asked:
                self._remote.edge_chasing.follow(cell, who, correlation)


def _no_shortcut(peer: Peer, envelope: Fields) -> Again | None:
    """While a node is full every message is looked at by itself."""
    return None
