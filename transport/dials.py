"""All endpoints that a node is trying to reach, and who answered at those it has reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.dial import Dial
from transport.endpoint import parse_endpoint
from transport.errors import TransportError
from transport.journal import LOGGER
from transport.peer import Peer, PeerState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from transport.connection import Connection
    from transport.context import Context
    from transport.handshake import Welcome

__all__ = ["Dials"]


class Dials:
    """Begins and ends dials, and lets them rest while the peer that answered is connecting.

    Args:
        context: what the parts of a mesh share.
        peers: all of them by name, at any time.
        settle: finds out whom a connection belongs to; None where nobody is wanted there.
    """

    def __init__(
        self,
        context: Context,
        peers: Mapping[str, Peer],
        settle: Callable[[Connection, Welcome], Peer | None],
    ) -> None:
        self._context = context
        self._peers = peers
        self._settle = settle
        self._dials: dict[str, Dial] = {}
        self._answered: dict[str, str] = {}
        self._is_closed = False

    @property
    def endpoints(self) -> Collection[str]:
        """Those that are being tried."""
        return self._dials.keys()

    @property
    def answered(self) -> Mapping[str, str]:
        """Those where a peer answered that is not gone, and its name."""
        return self._answered

    def dial(self, endpoint: str, name: str | None) -> bool:
        """Try an endpoint, as `Mesh.dial` says; return whether that began it."""
        endpoint = str(parse_endpoint(endpoint))
        own = self._context.identity.endpoints
        if not own:
            raise TransportError(f"cannot dial {endpoint}: this node is bound to no endpoint")
        if self._is_closed:
            return False
        known = self._dials.get(endpoint)
        if known is not None:
            known.name = name if known.name == name else None
            return False
        if endpoint in own:
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

    def forget(self, endpoint: str) -> None:
        """Stop trying one; harmless when nobody does. Raises EndpointError: it is malformed."""
        dial = self._dials.pop(str(parse_endpoint(endpoint)), None)
        if dial is not None:
            dial.stop()

    def stop(self) -> None:
        """Stop trying all of them."""
        for dial in self._dials.values():
            dial.stop()
        self._dials.clear()

    def close(self) -> None:
        """Stop, and dial nobody any more."""
        self._is_closed = True
        self.stop()

    def came_up(self, peer: Peer) -> None:
        """A peer is connected: what reached it is done."""
        for dial in self._followers(peer):
            self._finish(dial)

    def vanished(self, peer: Peer, reason: str, *, refused: bool) -> None:
        """A peer is gone: what had reached it tries on (`refused`: without a word of failure)."""
        name = peer.identity.name
        self._answered = {e: n for e, n in self._answered.items() if n != name}
        for dial in self._followers(peer):
            if refused:
                dial.retry()
            else:
                dial.fail(f"{name}: {reason}")

    # From dials.

    def greeted(self, dial: Dial, connection: Connection, welcome: Welcome) -> None:
        """Somebody answered."""
        peer = self._settle(connection, welcome)
        if peer is None:
            dial.retry()
            return
        dial.follow(peer.identity.name)
        if peer.state is PeerState.UP:
            self._finish(dial)

    def met_itself(self, dial: Dial) -> None:
        """A dial reached this node itself: nothing to see there."""
        LOGGER.debug("%s is this node itself", dial.endpoint)
        self._dials.pop(dial.endpoint, None)

    # Inside.

    def _peer_at(self, endpoint: str) -> Peer | None:
        name = self._answered.get(endpoint)
        if name is not None:
            return self._peers.get(name)
        found = (peer for peer in self._peers.values() if endpoint in peer.identity.endpoints)
        return next(found, None)

    def _followers(self, peer: Peer) -> list[Dial]:
        name = peer.identity.name
        return [dial for dial in self._dials.values() if dial.following == name]

    def _finish(self, dial: Dial) -> None:
        assert dial.following is not None
        self._answered[dial.endpoint] = dial.following
        self._dials.pop(dial.endpoint, None)
