"""Answers between nodes: to their asks, which leave here, and to those of this node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from actors.errors import ActorsError, RemoteError
from actors.peer import Peer

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.remote.remote import Remote
    from serialization import Codec
    from transport import Buffer

__all__ = ["RemoteAnswer", "on_error", "on_reply"]


class RemoteAnswer(msgspec.Struct, eq=False):
    """The answer to an ask of another node."""

    remote: Remote
    peer: Peer
    correlation: int
    wanted: bool = True

    def send(self, value: object) -> None:
        """Send the value there; of a counted one, that it is done."""
        self.remote.reply(self.peer, self.correlation, value if self.wanted else None)

    def fail(self, error: BaseException) -> None:
        """Send the error there; of a counted one, that it is done."""
        if self.wanted:
            self.remote.reply_error(self.peer, self.correlation, error)
        else:
            self.remote.reply(self.peer, self.correlation, None)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> None:
        """The asker's node follows its own asks."""


def on_reply(
    codec: Codec,
    peer: Peer,
    correlation: int,
    tag: str | None,
    body: bytes,
    buffers: Sequence[Buffer],
) -> None:
    """The value has come that an ask of this node waits for. A late one is nobody's."""
    expected = peer.pending.pop(correlation, None)
    if expected is None:
        return  # its asker has gone away
    try:
        value = codec.decode(tag, body, buffers)
    except ActorsError as error:
        expected.answer.fail(error)
    else:
        expected.answer.send(value)


def on_error(peer: Peer, target: str, sender: str | None, correlation: int, value: Any) -> None:
    """An error has come instead."""
    expected = peer.pending.pop(correlation, None)
    if expected is not None:
        error = value if isinstance(value, BaseException) else RemoteError(repr(value), "", "")
        expected.answer.fail(error)
