"""Cycles of asks that lead over several nodes: probes go after the asks (`actors.cycles`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from actors.asks import is_asked_by
from actors.errors import AskCycleError
from actors.peer import Expected, Peer
from actors.wire import Kind, read_probe

if TYPE_CHECKING:
    from actors.asks import Ask
    from actors.cell import Cell
    from actors.ref import ActorRef
    from actors.remote.remote import Remote
    from actors.runtime import Runtime

__all__ = ["MAX_HOPS", "EdgeChasing"]

MAX_HOPS = 64
"""How far a probe for a cycle of asks goes."""


class EdgeChasing:
    """Sends probes, passes them on, and ends an ask whose probe comes home.

    After Chandy, Misra and Haas, *Distributed Deadlock Detection* (1983).
    """

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote
        self.probed: dict[int, Expected] = {}
        """Local asks that a probe is out for."""

    def probe(self, away: Sequence[ActorRef[Any]], asker: ActorRef[Any], ask: Ask) -> None:
        """Follow the asks that leave this node: do they come back to the asker of this one?"""
        if ask.pending is self.probed:  # it was handed on since
            ask.forget()
        token = next(self._remote.correlations)
        self.probed[token] = Expected(ask, ask.recipients[0])
        ask.pending, ask.correlation = self.probed, token
        self._chase(away, asker.address, token, 0)

    def follow(self, cell: Cell, asker: ActorRef[Any] | None, correlation: int) -> None:
        """Who was asked from there is waiting itself: see whether that leads back to the asker."""
        if asker is not None:
            away = self._node.cycles.leads_away(cell.ref)
            self._chase(away, asker.address, correlation, 0)

    def on_probe(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A probe comes by: where it leads to the asker it has found a cycle, else it goes on."""
        asker, hops = read_probe(value)
        ref, home = self._node.delivery.local(target), self._node.delivery.ref(asker)
        if self._node.cycles.leads_back(ref, home):
            self._close(home, correlation)
        elif hops < MAX_HOPS:
            self._chase(self._node.cycles.leads_away(ref), asker, correlation, hops)

    def _chase(self, away: Sequence[ActorRef[Any]], asker: str, token: int, hops: int) -> None:
        """Send probes after these refs."""
        for ref in away:
            peer = self._remote.peers.get(ref._origin[:2])
            if peer is not None:
                self._remote.signal(peer, Kind.PROBE, ref._key, None, token, [asker, hops + 1])

    def _close(self, asker: ActorRef[Any], token: int) -> None:
        tables = [self.probed, *(peer.pending for peer in self._remote.peers.values())]
        for table in tables:
            expected = table.get(token)
            # Whoever makes a token up ends nobody else's ask, and nothing that is none.
            if expected is not None and is_asked_by(expected.answer, asker):
                del table[token]
                expected.answer.fail(AskCycleError(expected.ref, asker))
