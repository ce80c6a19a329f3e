"""What is not taken of what other nodes send: it is counted, and whoever waits for it hears why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from actors.errors import (
    ActorsError,
    MessageDecodeError,
    NodeFullError,
    NotAuthorizedError,
)
from actors.events import Undecodable
from actors.letter import Letter
from actors.remote.answers import RemoteAnswer
from actors.wire import Kind

if TYPE_CHECKING:
    from actors.letter import Answer
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.runtime import Runtime
    from serialization import Fields

__all__ = ["Rejections"]

TELL, COUNTED = Kind.TELL, Kind.COUNTED

_TOLD = frozenset({*range(TELL, Kind.COUNTED_SEND + 1), Kind.PUBLISH})
"""What is somebody's message, and never lost without a word."""

_ASKED = frozenset({Kind.COMMAND, Kind.ENDED, Kind.RESOLVE, Kind.ENROL, Kind.WHEREIS})
"""What an answer is waited for, messages aside."""

_WORDS = 300
"""Letters of what is wrong that are logged and sent back: it may quote the whole record."""


class Rejections:
    """Turns away what makes no sense, cannot be read, or is not allowed."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._remote = node.remote

    def nonsense(self, peer: Peer, envelope: Fields, error: ValueError) -> None:
        """A record makes no sense: say so, to whom waits for an answer too, and go on."""
        kind, target, _, correlation, tag, body, _ = envelope
        words = str(error)[:_WORDS]
        assert self._remote.mesh is not None
        self._remote.mesh.reject("record", peer.name, f"kind {kind}: {words}")
        wrong = MessageDecodeError(f"a record of kind {kind} makes no sense: {words}")
        if kind in _TOLD:
            answer = self._answer(peer, kind, correlation)
            self.undecodable(target, None, answer, tag, body, wrong)
        elif kind in _ASKED:
            self._remote.reply_error(peer, correlation, wrong)

    def overflow(self, peer: Peer, envelope: Fields) -> bool:
        """Let a message not in, for this node has as many as it may; whether it was one."""
        kind, target, *rest = envelope
        if kind not in _TOLD:
            return False
        recipient = self._node.delivery.local(target)
        error = NodeFullError(recipient, self._node.name, self._node.max_queued)
        told = TELL if kind == Kind.PUBLISH else kind
        self.unread(peer, cast("Fields", (told, target, *rest)), error)
        return True

    def unread(self, peer: Peer, envelope: Fields, error: ActorsError) -> None:
        """Let a message not in: nothing of its body is read. Who asked gets the error."""
        kind, target, sender, correlation, tag, body, _ = envelope
        answer = self._answer(peer, kind, correlation)
        who = self._remote.sender_from(peer, sender)
        self.undecodable(target, who, answer, tag, body, error)

    def undecodable(
        self,
        target: str,
        sender: ActorRef[Any] | None,
        answer: Answer | None,
        tag: str | None,
        body: bytes,
        error: ActorsError,
    ) -> None:
        """A message whose body was not read is a dead letter here."""
        self._node.ledger.told += 1
        letter = Letter(Undecodable(tag, bytes(body), str(error)), sender, answer)
        self._node.bury(letter, self._node.delivery.local(target), _reason(error), error)

    def _answer(self, peer: Peer, kind: int, correlation: int) -> Answer | None:
        """Return who is to hear of a message; None where it was only told."""
        if kind == TELL:
            return None
        if kind == COUNTED:
            return peer.receipts.of(correlation)
        return RemoteAnswer(self._remote, peer, correlation)


def _reason(error: ActorsError) -> str:
    """Return in a word or two why a message was not read, for its dead letter."""
    if isinstance(error, NotAuthorizedError):
        return "not authorised"
    if isinstance(error, NodeFullError):
        return "node full"
    return "undecodable" if isinstance(error, MessageDecodeError) else "unknown type"
