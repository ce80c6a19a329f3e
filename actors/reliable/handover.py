"""The answer of a reliable message: how its producer hears that it was handled, or was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.letter import EndOnly, current_turn
from actors.reliable.message_id import MessageId

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.reliable.stream import Stream


class Handover(EndOnly):
    """One attempt to have a message handled."""

    __slots__ = ("_sequence", "_stream", "redelivered")

    def __init__(self, stream: Stream, sequence: int, redelivered: bool) -> None:
        self._stream = stream
        self._sequence = sequence
        self.redelivered = redelivered
        """Whether somebody may have handled it before."""

    @property
    def message_id(self) -> MessageId:
        """What the message is known by."""
        return MessageId(self._stream.producer, self._sequence)

    def send(self, value: object) -> None:
        """It was handled."""
        self._stream.handled(self._sequence)

    def fail(self, error: BaseException) -> None:
        """It was refused, which is handled too; or it was not handled."""
        self._stream.failed(self._sequence, error)


def in_hand(cell: Cell) -> Handover | None:
    """Return the handover of the message that the actor has in hand, where it is a reliable one."""
    turn = current_turn.get()
    if turn is None or turn.cell is not cell or turn.letter is None:
        return None
    answer = turn.letter.answer
    return answer if isinstance(answer, Handover) else None
