"""What a record of another node wants, and whether the rules of this one allow that.

A record is judged by its envelope, before anything of its body is read. What members do as members
is never refused: gossip, entries of their own actors, answers, receipts, and what parents and
children on two nodes say to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from actors.address import is_conceived_in, path_of
from actors.authorisation.rules import EVERYTHING, Action
from actors.singleton.manager import Resign, SingletonManager, role_of
from actors.wire import Kind
from serialization import Fields, default_registry

if TYPE_CHECKING:
    from actors.authorisation.policy import Policy
    from actors.peer import Peer
    from actors.runtime import Runtime

__all__ = ["UNJUDGED", "Judge", "Objection", "send_objection"]

UNJUDGED = frozenset(
    {
        *(Kind.REPLY, Kind.ERROR, Kind.WITHDRAW, Kind.DONE, Kind.CONFIRMED),  # of what was asked
        *(Kind.CHILD, Kind.PROBE),  # of what was spawned, or is waited for
        *(Kind.LEAVING, Kind.GOSSIP, Kind.ENTRIES, Kind.WHEREIS),  # of members as such
    }
)
"""Kinds that are never refused, and PUBLISH, which is judged for each subscriber."""

REMEMBERED = 4096
"""So many decisions are remembered for a peer: addresses that it makes up fill no memory."""

MAX_REMEMBERED = 512
"""Characters of an address and a tag that are remembered together."""

SOME = object()
"""In place of a tag: whether there is any that may be sent."""

_RESIGN = default_registry.tag_of(Resign)

Ruling = Callable[["Peer", Fields], "Objection | None"]


class Objection(NamedTuple):
    """What a node wants and may not do."""

    action: Action
    what: str = ""


class Judge:
    """Says what speaks against a record of another node, by a policy."""

    def __init__(self, node: Runtime, policy: Policy) -> None:
        self._node = node
        self._policy = policy
        self.rulings: dict[int, Ruling] = {
            Kind.WATCH: self._watch,
            Kind.UNWATCH: self._speak,
            Kind.TERMINATED: self._speak,
            Kind.SPAWN: self._spawn,
            Kind.COMMAND: self._command,
            Kind.ENDED: self._ended,
            Kind.RESOLVE: self._resolve,
            Kind.ENROL: self._enrol,
            Kind.RELIABLE: self._reliable,
        }

    def objection(self, peer: Peer, envelope: Fields) -> Objection | None:
        """Return what speaks against it, as far as its envelope tells; None where nothing does."""
        kind, target, _, _, tag, _, _ = envelope
        if kind <= Kind.COUNTED_SEND:
            if self.may_send(peer, target, tag) or self._is_resignation(peer, target, tag):
                return None
            return send_objection(tag)
        ruling = self.rulings.get(kind)
        return None if ruling is None else ruling(peer, envelope)

    # --- messages -------------------------------------------------------------------------------

    def may_send(self, peer: Peer, target: str, tag: str | None) -> bool:
        """Whether it may send messages of that tag to the actor of that key."""
        allowed = peer.rights.get((target, tag))
        if allowed is None:
            allowed = self._policy.allows(peer.name, Action.SEND, path_of(target), tag)
            _remember(peer, target, tag, len(tag or ""), is_allowed=allowed)
        return allowed

    def _may_send_some(self, peer: Peer, target: str) -> bool:
        allowed = peer.rights.get((target, SOME))
        if allowed is None:
            allowed = self._policy.allows_some(peer.name, Action.SEND, path_of(target))
            _remember(peer, target, SOME, 0, is_allowed=allowed)
        return allowed

    def _reliable(self, peer: Peer, envelope: Fields) -> Objection | None:
        is_allowed = self._may_send_some(peer, envelope[1])
        return None if is_allowed else Objection(Action.SEND)

    def _is_resignation(self, peer: Peer, target: str, tag: str | None) -> bool:
        """Whether one manager of a singleton has another one make way."""
        return tag == _RESIGN and self._is_fellow_manager(peer, target)

    def _is_fellow_manager(self, peer: Peer, key: str) -> bool:
        """Whether a manager of a singleton lives there, and that node may run one, too."""
        cell = self._node.delivery.cells.get(key)
        if cell is None or cell.props.actor_class is not SingletonManager:
            return False
        role = role_of(cell.props)
        return role is None or role in self._node.trusted_roles(peer.name)

    # --- actors ---------------------------------------------------------------------------------

    def may_spawn(self, peer: Peer, target: str, name: str) -> bool:
        """Whether it may start an actor of that class under that key."""
        return self._policy.allows(peer.name, Action.SPAWN, path_of(target), name)

    def is_own(self, peer: Peer, target: str) -> bool:
        """Whether the actor is a child of one there: its parent keeps it, and hears of its end.

        So is one that was never taken in, of which there is nothing but its end to hear.
        """
        cell = self._node.delivery.cells.get(target)
        if cell is None:
            return is_conceived_in(target, peer.incarnation)
        return cell in peer.guests

    def _spawn(self, peer: Peer, envelope: Fields) -> Objection | None:
        path = path_of(envelope[1])
        is_allowed = self._policy.allows_some(peer.name, Action.SPAWN, path)
        return None if is_allowed else Objection(Action.SPAWN)

    def _command(self, peer: Peer, envelope: Fields) -> Objection | None:
        return None if self.is_own(peer, envelope[1]) else self._rule(Action.STOP, peer, envelope)

    def _ended(self, peer: Peer, envelope: Fields) -> Objection | None:
        return None if self.is_own(peer, envelope[1]) else self._rule(Action.WATCH, peer, envelope)

    def _watch(self, peer: Peer, envelope: Fields) -> Objection | None:
        return self._speak(peer, envelope) or self._ended(peer, envelope)

    def _speak(self, peer: Peer, envelope: Fields) -> Objection | None:
        """A node speaks of the watches and ends of its own actors, and of nobody else's."""
        sender = envelope[2]
        is_elsewhere = sender is not None and sender.startswith("actors://")
        return Objection(Action.WATCH, "for another node's actor") if is_elsewhere else None

    def _enrol(self, peer: Peer, envelope: Fields) -> Objection | None:
        return self._rule(Action.ENROL, peer, envelope)

    def _resolve(self, peer: Peer, envelope: Fields) -> Objection | None:
        path = envelope[1]
        if self._policy.allows(peer.name, Action.RESOLVE, path):
            return None
        ref = self._node.find(path)
        if ref is not None and self._is_fellow_manager(peer, ref._key):
            return None
        return Objection(Action.RESOLVE)

    def _rule(self, action: Action, peer: Peer, envelope: Fields) -> Objection | None:
        is_allowed = self._policy.allows(peer.name, action, path_of(envelope[1]))
        return None if is_allowed else Objection(action)


def send_objection(tag: str | None) -> Objection:
    """Say that a message of that tag may not be sent; without one it needs the rule for all."""
    return Objection(Action.SEND, EVERYTHING if tag is None else tag)


def _remember(peer: Peer, target: str, what: object, size: int, *, is_allowed: bool) -> None:
    if len(target) + size > MAX_REMEMBERED:
        return
    if len(peer.rights) >= REMEMBERED:
        peer.rights.clear()
    peer.rights[target, what] = is_allowed
