"""Finds the asks that would wait for each other for ever.

A message in hand waits for what it asked; an actor whose hands are all full cannot take another
message; where that leads from the recipient of a new ask back to its asker, the asker would wait
for itself. On one node the graph is walked before the ask leaves. Between nodes a probe follows
it (edge chasing: Chandy, Misra and Haas, 1983).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.cell import Cell
from actors.cell.base import CellState
from actors.letter import Turn
from actors.state import State

if TYPE_CHECKING:
    from actors.asks import Ask
    from actors.ref import ActorRef
    from actors.runtime import Runtime


class Cycles:
    """The waits-for graph of one node, as its cells have it."""

    __slots__ = ("_node",)

    def __init__(self, node: Runtime) -> None:
        self._node = node

    def would_close(self, waits: Turn, ask: Ask) -> bool:
        """Whether the ask, made by the message in hand of `waits`, could never be answered."""
        away: list[ActorRef[Any]] = []
        asker = waits.cell
        if self._waits_in_vain(ask, {asker}, away):
            return self._others_are_stuck(asker, waits)
        beyond = [ref for ref in away if ref not in ask.recipients]
        if beyond and asker.props.actor_class.concurrency == 1:
            self._node.remote.edge_chasing.probe(beyond, asker.ref, ask)
        return False

    def _waits_in_vain(self, ask: Ask, seen: set[CellState], away: list[ActorRef[Any]]) -> bool:
        if ask.is_over:
            return False
        stuck = (self._is_stuck(ref, seen, away) for ref in ask.recipients)
        return any(stuck) if ask.every else all(stuck)

    def leads_away(self, ref: ActorRef[Any]) -> list[ActorRef[Any]]:
        """Return whom, on other nodes, the actor behind `ref` waits for in the end."""
        away: list[ActorRef[Any]] = []
        self._is_stuck(ref, set(), away)
        return away

    def leads_back(self, ref: ActorRef[Any], asker: ActorRef[Any]) -> bool:
        """Whether the actor behind `ref` is the asker, or waits on this node for it to go on."""
        if ref == asker:
            return True
        cell = asker._target
        if not isinstance(cell, Cell) or cell.props.actor_class.concurrency > 1:
            return False  # elsewhere, or it may have room for an answer
        return self._is_stuck(ref, {cell}, [])

    def _is_stuck(
        self, ref: ActorRef[Any], seen: set[CellState], away: list[ActorRef[Any]]
    ) -> bool:
        """Whether the actor takes no message before one of `seen` has gone on.

        Refs to other nodes that it waits for are put into `away`: nobody can tell from here.
        """
        cell = ref._target
        if not isinstance(cell, Cell):
            away.append(ref)
            return False
        if cell in seen:
            return True
        hands = _busy_hands(cell)
        # One that failed, or ends, takes nothing before all its hands have come to their end.
        each = all if cell.state in _TAKING else any
        if each is all and len(hands) < cell.props.actor_class.concurrency:
            return False
        seen.add(cell)
        # With several hands one free way is enough, and a remote one cannot be judged from here.
        further = away if len(hands) == 1 else []
        return each(
            any(self._waits_in_vain(ask, seen, further) for ask in hand.asked or ())
            for hand in hands
        )

    def _others_are_stuck(self, asker: CellState, waits: Turn) -> bool:
        hands = _busy_hands(asker)
        if len(hands) < asker.props.actor_class.concurrency:
            return False
        return all(
            any(self._waits_in_vain(ask, {asker}, []) for ask in hand.asked or ())
            for hand in hands
            if hand is not waits
        )


_TAKING = (State.STARTING, State.RUNNING)


def _busy_hands(cell: CellState) -> list[Turn]:
    if cell.is_in_hook:
        return [] if cell.turn is None else [cell.turn]
    return list(cell.turns())
