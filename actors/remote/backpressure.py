"""Both ends of a `send` between nodes: it waits for room on the link, and in the mailbox."""

from __future__ import annotations

from asyncio import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.asks import Ask
from actors.errors import ActorsError, NodeUnreachableError
from actors.peer import Expected, Peer, Waiting
from actors.remote.answers import RemoteAnswer
from actors.wire import Kind
from serialization import pack
from transport import Parcel

if TYPE_CHECKING:
    from actors.letter import Answer, Letter
    from actors.remote.actor import RemoteActor
    from actors.remote.remote import Remote
    from actors.runtime import Runtime

__all__ = ["Backpressure"]

_LAST_NUMBER = 2**64 - 1
"""No correlation comes after it."""


class Backpressure:
    """Lets senders wait while there is no room: those here, and those of other nodes."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote
        self.rooms: dict[tuple[Peer, int], Future[None]] = {}
        """What sends from other nodes wait for: room in a mailbox here."""

    # --- from here ------------------------------------------------------------------------------

    def offer(self, actor: RemoteActor, letter: Letter) -> Future[None]:
        """Send a message when the link has room, and wait for its arrival in the mailbox."""
        encoded = self._node.codec.encode(letter.message)
        buffers = encoded.buffers
        room: Future[None] = self._node.loop.create_future()
        peer = self._remote.associations.peer(actor.origin)
        if peer is None:
            self._node.ledger.outbound += 1
            reason = f"node {actor.origin.node!r} is not reachable"
            self._remote.undelivered.letter(actor, letter, reason)
            room.set_exception(NodeUnreachableError(actor.ref, "it is gone, or was never seen"))
            return room
        kind, correlation = Kind.SEND, next(self._remote.correlations)
        peer.pending[correlation] = Expected(Ask((actor.ref,), room), actor.ref)
        if letter.answer is not None:  # a router's, which counts
            kind, end = Kind.COUNTED_SEND, next(self._remote.correlations)
            peer.pending[end] = Expected(letter.answer, actor.ref)
            room.add_done_callback(partial(_end_unless_admitted, peer, end))
        room.add_done_callback(lambda _: self._admission_over(peer, actor, correlation))
        sender = self._remote.sign(letter.sender)
        record = pack(kind, actor.key, sender, correlation, encoded.tag, encoded.body, len(buffers))
        self._node.ledger.outbound += 1
        if peer.senders or not peer.push(record, buffers, 1):
            parcel = Parcel(record, buffers, 1)
            peer.senders.append(Waiting(record, buffers, room, parcel))
        return room

    def _admission_over(self, peer: Peer, actor: RemoteActor, correlation: int) -> None:
        """A `send` has ended; where its sender gave up, the other side need not go on."""
        if peer.pending.pop(correlation, None) is None:
            return
        waiting = len(peer.senders)
        for _ in range(waiting):
            entry = peer.senders.popleft()
            if not entry.room.done():
                peer.senders.append(entry)
            else:
                self._node.ledger.undelivered += 1
        if len(peer.senders) == waiting:
            self._remote.signal(peer, Kind.WITHDRAW, actor.key, None, correlation)

    # --- from other nodes -----------------------------------------------------------------------

    def admit(
        self, peer: Peer, target: str, letter: Letter, correlation: int, *, counted: bool
    ) -> None:
        """Let a message in as soon as its mailbox has room; its answer hears of that.

        Of a counted one the end is reported, too. Raises ValueError where that has no number.
        """
        answer, letter.answer = letter.answer, None
        assert answer is not None
        if counted:
            if correlation == _LAST_NUMBER:
                raise ValueError("there is no number for its end")
            letter.answer = RemoteAnswer(self._remote, peer, correlation + 1, False)
        try:
            room = self._node.delivery.local(target)._target.offer(letter)
        except ActorsError as error:
            answer.fail(error)
            return
        if room is None:
            answer.send(None)
            return
        self.rooms[peer, correlation] = room
        room.add_done_callback(partial(self._admitted, peer, correlation, answer))

    def _admitted(self, peer: Peer, correlation: int, answer: Answer, room: Future[None]) -> None:
        self.rooms.pop((peer, correlation), None)
        if room.cancelled():
            return
        error = room.exception()
        if error is None:
            answer.send(None)
        else:
            answer.fail(error)

    def on_withdraw(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A sender there waits no longer."""
        room = self.rooms.get((peer, correlation))
        if room is not None:
            room.cancel()


def _end_unless_admitted(peer: Peer, end: int, room: Future[None]) -> None:
    """Where a counted message never gets into the mailbox, that is its end."""
    if room.cancelled() or room.exception() is not None:
        expected = peer.pending.pop(end, None)
        if expected is not None:
            expected.answer.send(None)
