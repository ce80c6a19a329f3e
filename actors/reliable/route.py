"""The way from a producer to its consumer, on this node or on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from actors.errors import NodeUnreachableError
from actors.peer import Expected
from actors.reliable.words import Attach, Detach, Entry, Inquiry, Local, sequenced
from actors.remote import RemoteActor
from actors.wire import Kind

if TYPE_CHECKING:
    from actors.letter import Answer
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.runtime import Runtime


class Route(Protocol):
    """What a producer needs of its consumer."""

    ref: ActorRef[Any]

    def prepare(self, entry: Entry) -> None:
        """See to it that the message can go this way. Raises SerializationError."""

    def attach(self, word: Attach, answer: Answer) -> None:
        """Begin; the answer hears of the consumer's end, or of the loss of its node."""

    def send(self, producer: str, first: int, redelivered: bool, entry: Entry) -> None:
        """Send a message."""

    def inquire(self, word: Inquiry) -> None:
        """Ask what has come."""

    def leave(self, word: Detach) -> None:
        """Go another way, or none."""


def route_to(node: Runtime, ref: ActorRef[Any]) -> Route:
    """Return the way to an actor."""
    target = ref._target
    return RemoteRoute(node, target) if isinstance(target, RemoteActor) else LocalRoute(node, ref)


class LocalRoute:
    """To an actor of this node: messages go by reference."""

    __slots__ = ("_intake", "_key", "_node", "ref")

    def __init__(self, node: Runtime, ref: ActorRef[Any]) -> None:
        self.ref = ref
        self._key = ref._key
        self._node = node
        self._intake = node.reliable.intake

    def prepare(self, entry: Entry) -> None:
        """Nothing to do, unless local messages go through the codec too."""
        if self._node.delivery.serializes:
            entry.encode(self._node.codec)

    def attach(self, word: Attach, answer: Answer) -> None:
        """Begin."""
        self._intake.receive(None, self._key, word, None, answer)

    def send(self, producer: str, first: int, redelivered: bool, entry: Entry) -> None:
        """Hand a message in."""
        word = Local(producer, entry.sequence, first, redelivered, entry)
        self._intake.receive(None, self._key, word, entry.sender)

    def inquire(self, word: Inquiry) -> None:
        """Ask what has come."""
        self._intake.receive(None, self._key, word)

    def leave(self, word: Detach) -> None:
        """Go another way, or none."""
        self._intake.receive(None, self._key, word)


class RemoteRoute:
    """To an actor of another node, as that was when the way was taken."""

    __slots__ = ("_correlation", "_key", "_node", "_peer", "ref")

    def __init__(self, node: Runtime, actor: RemoteActor) -> None:
        self.ref = actor.ref
        self._key = actor.key
        self._node = node
        self._correlation = 0
        self._peer: Peer | None = None

    def prepare(self, entry: Entry) -> None:
        """Encode it, once for all attempts."""
        entry.encode(self._node.codec)

    def attach(self, word: Attach, answer: Answer) -> None:
        """Begin: the word is a question, which is answered at the end."""
        remote = self._node.remote
        peer = self._peer = remote.associations.peer(self.ref._origin)
        if peer is None:
            detail = f"node {self.ref.node_name!r} is not reachable"
            answer.fail(NodeUnreachableError(self.ref, detail))
            return
        self._correlation = next(remote.correlations)
        peer.pending[self._correlation] = Expected(answer, self.ref)
        remote.signal(peer, Kind.RELIABLE, self._key, None, self._correlation, word)

    def send(self, producer: str, first: int, redelivered: bool, entry: Entry) -> None:
        """Send a message. From now on its bytes are all that is kept of it."""
        entry.encode(self._node.codec)
        entry.message = msgspec.UNSET
        self._say(sequenced(producer, first, redelivered, entry), entry.sender)

    def inquire(self, word: Inquiry) -> None:
        """Ask what has come."""
        self._say(word)

    def leave(self, word: Detach) -> None:
        """Go another way, or none."""
        if self._peer is not None:
            self._peer.pending.pop(self._correlation, None)
        self._say(word)

    def _say(self, word: object, sender: ActorRef[Any] | None = None) -> None:
        if self._peer is not None and not self._peer.gone:
            mark = (Kind.RELIABLE, self._key, sender, type(word))
            self._node.remote.signal(self._peer, Kind.RELIABLE, self._key, sender, 0, word, mark)
