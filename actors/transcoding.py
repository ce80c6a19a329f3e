"""Local messages through the codec, for tests: `Node(serialize_local=True)`."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING, Any

from actors.cell import Cell
from actors.errors import AskCycleError, SerializationError
from actors.letter import Answer, Letter

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from serialization import Codec


def transcode(codec: Codec, value: object) -> Any:
    """Return what another node would receive. Raises SerializationError, MessageDecodeError."""
    encoded = codec.encode(value)
    return codec.decode(encoded.tag, encoded.body, encoded.buffers)


class TranscodingCell(Cell):
    """A cell that receives and answers what one on another node would."""

    def deliver(self, letter: Letter) -> None:
        """Deliver an equal message. Raises SerializationError."""
        super().deliver(self._transcoded(letter))

    def deliver_ask(self, letter: Letter) -> None:
        """Deliver an equal message. Raises SerializationError."""
        super().deliver_ask(self._transcoded(letter))

    def offer(self, letter: Letter) -> Future[None] | None:
        """Offer an equal message. Raises SerializationError."""
        return super().offer(self._transcoded(letter))

    def _transcoded(self, letter: Letter) -> Letter:
        codec = self.node.codec
        answer = letter.answer
        if answer is not None and answer.wanted:
            answer = TranscodedAnswer(codec, answer)
        return Letter(transcode(codec, letter.message), letter.sender, answer)


class TranscodedAnswer:
    """Hands on an answer as it would arrive from another node."""

    __slots__ = ("_codec", "_inner", "wanted")

    def __init__(self, codec: Codec, inner: Answer) -> None:
        self._codec = codec
        self._inner = inner
        self.wanted = inner.wanted

    def send(self, value: object) -> None:
        """Send an equal value, or the reason why it cannot be sent."""
        try:
            value = transcode(self._codec, value)
        except SerializationError as error:
            self._inner.fail(error)
        else:
            self._inner.send(value)

    def fail(self, error: BaseException) -> None:
        """Hand on the error."""
        self._inner.fail(error)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> AskCycleError | None:
        """Hand on who is to answer."""
        return self._inner.redirect(*refs, every=every)
