"""What becomes of what a node may not do: an answer, a dead letter, an event, a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.address import Address
from actors.errors import ActorNotFoundError, NotAuthorizedError
from actors.events import NotAuthorized
from actors.reason import Reason
from actors.wire import Kind
from serialization import Fields
from transport.journal import Journal

if TYPE_CHECKING:
    from actors.authorisation.judge import Objection
    from actors.peer import Peer
    from actors.remote.rejections import Rejections
    from actors.runtime import Runtime

__all__ = ["Refusals"]

log = logging.getLogger("actors.authorisation")

QUIET = 60.0
"""Seconds between two lines of the log about one node and one action."""

_Answer = Callable[["Peer", Fields, NotAuthorizedError], None]


class Refusals:
    """Refuses records of other nodes; whoever waits there for something hears of it."""

    def __init__(self, node: Runtime, rejections: Rejections) -> None:
        self._node = node
        self._rejections = rejections
        self._journal = Journal(node.clock, QUIET, log)
        self._answers: dict[int, _Answer] = {
            Kind.WATCH: self._not_watched,
            Kind.SPAWN: self._not_spawned,
            Kind.RESOLVE: self._not_found,
            Kind.RELIABLE: self._not_taken,
        }

    def refuse(self, peer: Peer, envelope: Fields, objection: Objection) -> None:
        """Let nothing of it in."""
        kind, target, _, correlation, _, _, _ = envelope
        error = self._note(peer, target, objection)
        answer = self._answers.get(kind)
        if kind <= Kind.COUNTED_SEND:
            self._rejections.unread(peer, envelope, error)
        elif answer is not None:
            answer(peer, envelope, error)
        elif correlation:
            self._node.remote.reply_error(peer, correlation, error)

    def refuse_producer(self, peer: Peer, target: str, objection: Objection, producer: str) -> None:
        """Take no more of a reliable producer, which keeps what is not handled."""
        error = self._note(peer, target, objection)
        self._node.reliable.intake.refuse(peer, target, error, producer)

    def _note(self, peer: Peer, target: str, objection: Objection) -> NotAuthorizedError:
        """Let the world know, and return the error for whoever wanted it."""
        address = str(Address(self._node.origin, target))
        error = NotAuthorizedError(address, peer.name, objection.action.value, objection.what)
        if self._node.events.wants(NotAuthorized):
            event = NotAuthorized(peer.name, error.recipient, error.action, error.what)
            self._node.events.publish(event)
        self._journal.complain(error.action, peer.name, "refused: %s", error)
        return error

    def _not_watched(self, peer: Peer, envelope: Fields, error: NotAuthorizedError) -> None:
        """The watcher is not to wait for ever: for it, nobody is there."""
        _, target, sender, _, _, _, _ = envelope
        if sender is not None and not sender.startswith("actors://"):
            node = self._node
            watched, value = node.delivery.local(target), [str(Reason.NOPROC), _detail(error)]
            node.remote.signal(peer, Kind.TERMINATED, sender, watched, 0, value)

    def _not_spawned(self, peer: Peer, envelope: Fields, error: NotAuthorizedError) -> None:
        _, target, sender, _, _, _, _ = envelope
        remote = self._node.remote
        remote.guests.refuse(peer, target, remote.sender_from(peer, sender), error)

    def _not_found(self, peer: Peer, envelope: Fields, error: NotAuthorizedError) -> None:
        """Whoever may do nothing there does not learn either whether somebody is there."""
        _, path, _, correlation, _, _, _ = envelope
        not_found = ActorNotFoundError(path, self._node.name)
        self._node.remote.reply_error(peer, correlation, not_found)

    def _not_taken(self, peer: Peer, envelope: Fields, error: NotAuthorizedError) -> None:
        """The producer hears that it need not try again: in answer to its first word."""
        _, target, _, correlation, _, _, _ = envelope
        if correlation:
            self._node.remote.reply_error(peer, correlation, error)
        self._node.reliable.intake.refuse(peer, target, error)


def _detail(error: NotAuthorizedError) -> str:
    return f"{type(error).__name__}: {error}"
