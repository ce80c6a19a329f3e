"""To which peer a hand-shake belongs: a known one, a new one, or none that may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.journal import LOGGER
from transport.peer import Peer, PeerState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transport.connection import Connection
    from transport.context import Context
    from transport.handler import Identity
    from transport.handshake import Welcome
    from transport.wire import Opening, Refusal, Self

__all__ = ["Admission"]


class Admission:
    """Decides about whoever dialled this node, or answered where it dialled.

    Args:
        context: what the parts of a mesh share.
        peers: all of them by name, at any time.
        add: makes a new one.
    """

    def __init__(
        self, context: Context, peers: Mapping[str, Peer], add: Callable[[Self], Peer]
    ) -> None:
        self._context = context
        self._peers = peers
        self._add = add
        self._is_closed = False

    def close(self) -> None:
        """From now on nobody comes in."""
        self._is_closed = True

    def judge(self, peer: Identity) -> tuple[str, str] | None:
        """May `peer` come in? Code and words of a refusal, or None."""
        if self._is_closed:
            return "closing", "the node is closing"
        own = self._context.identity
        if peer.name == own.name:
            if peer.incarnation == own.incarnation:
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

    def settle(self, connection: Connection, welcome: Welcome) -> Peer | None:
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


def _elsewhere(known: Peer, other: Identity) -> bool:
    """Is `other` a second node of that name, of which the layer above cannot know yet?

    One that shares an endpoint is a restart; of one that is UP the layer above has heard.
    """
    if known.state is not PeerState.OPENING:
        return False
    return not set(known.identity.endpoints) & set(other.endpoints)
