"""The framework's own records, from other nodes: each is decoded and goes to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actors.errors import ActorsError
from actors.peer import Peer
from actors.reliable.words import check_confirmed, check_word
from actors.remote.answers import RemoteAnswer, on_error
from actors.tally import pairs
from actors.wire import Kind

if TYPE_CHECKING:
    from actors.cluster.gossip import Gossip
    from actors.remote.rejections import Rejections
    from actors.runtime import Runtime
    from transport import Buffer

__all__ = ["Signal", "Signals"]

Signal = Callable[[Peer, str, str | None, int, Any], None]
"""Handles a record: from which peer, its target, sender and correlation, and its value."""


class Signals:
    """Knows who takes which kind of record."""

    def __init__(self, node: Runtime, gossip: Gossip, rejections: Rejections) -> None:
        self._node = node
        self._remote = node.remote
        self._gossip = gossip
        self._rejections = rejections
        self.plain = self._all()
        """Who takes them where the node has no rules."""
        self.handlers: Mapping[int, Signal] = self.plain

    def _all(self) -> dict[int, Signal]:
        remote, registry = self._remote, self._node.registry
        return {
            Kind.ERROR: on_error,
            Kind.WITHDRAW: remote.backpressure.on_withdraw,
            Kind.WATCH: remote.death_watch.on_watch,
            Kind.UNWATCH: remote.death_watch.on_unwatch,
            Kind.TERMINATED: remote.death_watch.on_terminated,
            Kind.SPAWN: remote.guests.on_spawn,
            Kind.COMMAND: remote.questions.on_command,
            Kind.ENDED: remote.questions.on_ended,
            Kind.CHILD: remote.outposts.on_child,
            Kind.RESOLVE: remote.questions.on_resolve,
            Kind.PROBE: remote.edge_chasing.on_probe,
            Kind.LEAVING: self._on_leaving,
            Kind.DONE: _on_done,
            Kind.GOSSIP: self._on_gossip,
            Kind.ENTRIES: registry.on_entries,
            Kind.ENROL: registry.on_enrol,
            Kind.WHEREIS: registry.on_whereis,
            Kind.PUBLISH: self._on_publish,
            Kind.RELIABLE: self._on_reliable,
            Kind.CONFIRMED: self._on_confirmed,
        }

    def screen(self, handlers: Mapping[int, Signal]) -> None:
        """Have these take their kinds from now on; all others go where they go without rules."""
        self.handlers = self.plain | dict(handlers)

    def handle(
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
        """Decode a record and have it handled. Raises ValueError where it makes no sense."""
        handle = self.handlers.get(kind)
        if handle is None:
            raise ValueError("there is no such kind")
        try:
            value = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            self._unread(peer, kind, target, sender, correlation, tag, body, error)
        else:
            handle(peer, target, sender, correlation, value)

    def _unread(
        self,
        peer: Peer,
        kind: int,
        target: str,
        sender: str | None,
        correlation: int,
        tag: str | None,
        body: bytes,
        error: ActorsError,
    ) -> None:
        """A body cannot be decoded: whoever waits for something hears of it."""
        match kind:
            case Kind.SPAWN:
                parent = self._remote.sender_from(peer, sender)
                self._remote.guests.refuse(peer, target, parent, error)
            case Kind.PUBLISH:
                who = self._remote.sender_from(peer, sender)
                self._rejections.undecodable(target, who, None, tag, body, error)
            case Kind.ERROR:
                self.handlers[kind](peer, target, sender, correlation, error)
            case Kind.CHILD:  # of what a child says only the error of its failure can be unknown
                self.handlers[kind](peer, target, sender, correlation, ["failed", error, True])
            case _:
                self._remote.reply_error(peer, correlation, error)

    # --- for those who know nothing of records --------------------------------------------------

    def _on_leaving(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A node ends. What is there is let finish; children of actors here move at once."""
        self._node.membership.leaving(peer.name)
        self._node.registry.leaving(peer)
        self._remote.outposts.bring_home(peer, "it is leaving")

    def _on_gossip(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        self._gossip.received(peer, value)

    def _on_publish(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        who = None
        if sender is not None:
            who = peer.refs.get(sender) or self._remote.ref_from(peer, sender)
        self._node.registry.topics._published(target, value, who)

    def _on_reliable(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        who = self._remote.sender_from(peer, sender)
        answer = RemoteAnswer(self._remote, peer, correlation) if correlation else None
        self._node.reliable.intake.receive(peer, target, check_word(value), who, answer)

    def _on_confirmed(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        consumer = self._remote.sender_from(peer, sender)
        if consumer is not None and consumer.node_name == peer.name:
            self._node.reliable.confirmed(consumer, check_confirmed(value))


def _on_done(peer: Peer, target: str, sender: str | None, correlation: int, value: Any) -> None:
    """Counted messages of this node have ended there."""
    for number, count in pairs(value):
        peer.tallies.end(number, count)
