"""Who watches whom from node to node: both ends of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.reason import Reason, Terminated
from actors.wire import Kind, read_notice

if TYPE_CHECKING:
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.remote.actor import RemoteActor
    from actors.remote.remote import Remote
    from actors.runtime import Runtime

__all__ = ["DeathWatch"]


class DeathWatch:
    """Has watchers hear of an end on another node, or of the loss of that node: once."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote

    def watch(self, actor: RemoteActor, watcher: ActorRef[Any]) -> None:
        """Watch an actor there for one here."""
        peer = self._remote.associations.peer(actor.origin)
        if peer is None:
            detail = f"node {actor.origin.node!r} is not reachable"
            watcher._target.notify(Terminated(actor.ref, Reason.NOCONNECTION, detail))
            return
        watchers = peer.watches.setdefault(actor.ref, {})
        if watcher not in watchers:
            watchers[watcher] = None
            self._remote.signal(peer, Kind.WATCH, actor.key, watcher)

    def unwatch(self, actor: RemoteActor, watcher: ActorRef[Any]) -> None:
        """Watch it no more."""
        peer = self._remote.peers.get(actor.origin[:2])
        if peer is not None and _strike(peer, actor.ref, watcher):
            self._remote.signal(peer, Kind.UNWATCH, actor.key, watcher)

    def notify(self, actor: RemoteActor, notice: Terminated) -> None:
        """Tell a watcher there that one here has ended."""
        peer = self._remote.peers.get(actor.origin[:2])
        if peer is not None:
            value = [str(notice.reason), notice.detail]
            self._remote.signal(peer, Kind.TERMINATED, actor.key, notice.ref, 0, value)

    def lost(self, peer: Peer, reason: str) -> None:
        """That node is lost: whoever watches an actor there hears `noconnection`."""
        watches, peer.watches = peer.watches, {}
        for ref, watchers in watches.items():
            for watcher in watchers:
                watcher._target.notify(Terminated(ref, Reason.NOCONNECTION, reason))

    # --- what other nodes say -------------------------------------------------------------------

    def on_watch(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """An actor there watches one here."""
        if sender is not None:
            self._node.delivery.local(target)._target.watch(self._remote.own_ref_from(peer, sender))

    def on_unwatch(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """It watches no more."""
        if sender is not None:
            watcher = self._remote.own_ref_from(peer, sender)
            self._node.delivery.local(target)._target.unwatch(watcher)

    def on_terminated(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """One there has ended that one here watches."""
        if sender is None:
            return
        ended = self._remote.own_ref_from(peer, sender)
        reason, detail = read_notice(value)
        watcher = self._node.delivery.local(target)
        _strike(peer, ended, watcher)
        watcher._target.notify(Terminated(ended, reason, detail))


def _strike(peer: Peer, watched: ActorRef[Any], watcher: ActorRef[Any]) -> bool:
    """Forget that one watches the other; whether it did."""
    watchers = peer.watches.get(watched)
    if watchers is None or watcher not in watchers:
        return False
    del watchers[watcher]
    if not watchers:
        del peer.watches[watched]
    return True
