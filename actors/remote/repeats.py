"""The quick way for repeats of an envelope: what is the same for all is looked up once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.letter import Answer, Letter
from actors.remote.answers import RemoteAnswer
from actors.wire import Kind
from serialization import Fields, split_repeat

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.peer import Expected, Peer
    from actors.ref import ActorRef
    from actors.runtime import Runtime

__all__ = ["Again", "Repeats"]

TELL, ASK, REPLY = Kind.TELL, Kind.ASK, Kind.REPLY

Again = Callable[[bytes], None]
"""Handles a repeat of an envelope."""

Decode = Callable[[bytes], Any]


class Repeats:
    """Finds the quick way for what repeats an envelope."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._remote = node.remote

    def shortcut(self, peer: Peer, envelope: Fields) -> Again | None:
        """Return the quick way for repeats of an envelope; None where there is none.

        It raises, whatever it is, before it has done anything.
        """
        kind, target, sender, _, tag, _, extra = envelope
        decode = self._node.codec.fast_decoder(tag)
        if decode is None or extra:
            return None
        if kind == REPLY:
            return partial(_reply_again, peer.pending, decode)
        cell = self._node.delivery.cells.get(target)
        if cell is None or not (sender is None or sender in peer.refs):
            return None
        if kind == TELL:
            return partial(_tell_again, cell, peer.refs.get(sender), decode)
        if kind == ASK:
            ask = partial(RemoteAnswer, self._remote, peer)
            return partial(_ask_again, cell, peer.refs.get(sender), decode, ask)
        return None


def _tell_again(cell: Cell, who: ActorRef[Any] | None, decode: Decode, repeat: bytes) -> None:
    cell.deliver(Letter(decode(repeat), who))


def _ask_again(
    cell: Cell,
    who: ActorRef[Any] | None,
    decode: Decode,
    answer: Callable[[int], Answer],
    repeat: bytes,
) -> None:
    correlation, body = split_repeat(repeat)
    cell.deliver_ask(Letter(decode(body), who, answer(correlation)))


def _reply_again(pending: dict[int, Expected], decode: Decode, repeat: bytes) -> None:
    correlation, body = split_repeat(repeat)
    value = decode(body)
    expected = pending.pop(correlation, None)
    if expected is not None:  # else its asker has gone away
        expected.answer.send(value)
