"""What a producer and its consumer say to each other: `docs/protocol.md` has it byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from serialization import Codec, Encoded, Message, MessageTooLargeError

if TYPE_CHECKING:
    from asyncio import Future

    from actors.ref import ActorRef

ENVELOPE_BYTES = 1024
"""What a message may take more on its way than its own body: ids, numbers and the tag."""


class Attach(Message[None], tag="actors.Attach"):
    """Take messages of this producer, which knows that all before `first` are handled.

    It is answered when the consumer has ended: with a reason and a detail.
    """

    producer: str
    first: int


class SequencedMessage(Message[None], tag="actors.SequencedMessage"):
    """One message of a producer, with its number. (The name is Akka's.)"""

    producer: str
    sequence: int
    first: int
    redelivered: bool
    """Whether another consumer may have handled it."""
    tag: str | None
    body: bytes

    def content(self, codec: Codec) -> Any:
        """Return the message. Raises MessageDecodeError or UnknownMessageError."""
        return codec.decode(self.tag, self.body)


class LargeSequencedMessage(SequencedMessage, tag="actors.LargeSequencedMessage"):
    """One that has buffers beside its body.

    A class of its own, for all fields of the other are plain: msgspec writes it in one go.
    """

    buffers: tuple[bytes, ...]

    def content(self, codec: Codec) -> Any:
        """Return the message. Raises MessageDecodeError or UnknownMessageError."""
        return codec.decode(self.tag, self.body, self.buffers)


class Inquiry(Message[None], tag="actors.Inquiry"):
    """Nothing was heard for a while: what has come of the numbers up to `last`?"""

    producer: str
    first: int
    last: int


class Detach(Message[None], tag="actors.Detach"):
    """No more is to be handed over; with `forget`, the producer does not come back either."""

    producer: str
    forget: bool


class Confirmed(Message[None], tag="actors.Confirmed"):
    """Of a consumer: all up to `handled` are handled, all up to `received` have come."""

    producer: str
    handled: int
    received: int
    again: bool
    """Whether what was sent behind `received` is to be sent again."""


class Entry(msgspec.Struct, eq=False):
    """A message that a producer keeps until it is handled."""

    message: Any = msgspec.UNSET
    """Unset where it is kept as bytes alone."""
    sender: ActorRef[Any] | None = None
    encoded: Encoded | None = None
    sequence: int = 0
    written: Future[None] | None = None
    """Done when it is in the journal, where there is one."""

    def encode(self, codec: Codec) -> Encoded:
        """Return it as bytes of its own. Raises SerializationError."""
        if self.encoded is None:
            self.encoded = own_bytes(codec, codec.encode(self.message))
        return self.encoded

    def content(self, codec: Codec) -> Any:
        """Return the message. Raises MessageDecodeError or UnknownMessageError."""
        if self.message is not msgspec.UNSET:
            return self.message
        assert self.encoded is not None
        return codec.decode(*self.encoded)


class Local(msgspec.Struct):
    """A `SequencedMessage` that does not leave its node."""

    producer: str
    sequence: int
    first: int
    redelivered: bool
    entry: Entry

    def content(self, codec: Codec) -> Any:
        """Return the message. Raises MessageDecodeError or UnknownMessageError."""
        return self.entry.content(codec)


ToConsumer = Attach | SequencedMessage | Local | Inquiry | Detach


def check_word(word: object) -> ToConsumer:
    """Return what another node says to a consumer. Raises ValueError where it is no such word."""
    if isinstance(word, Attach | SequencedMessage | Inquiry | Detach):
        return word
    raise ValueError(f"no word of a reliable producer: {word!r}")


def check_confirmed(word: object) -> Confirmed:
    """Return what another node says to a producer. Raises ValueError where it is no such word."""
    if isinstance(word, Confirmed):
        return word
    raise ValueError(f"no word of a consumer: {word!r}")


def sequenced(producer: str, first: int, redelivered: bool, entry: Entry) -> SequencedMessage:
    """Return an encoded message as it travels."""
    assert entry.encoded is not None
    tag, body, buffers = entry.encoded
    sequence = entry.sequence
    if buffers:
        return LargeSequencedMessage(
            producer, sequence, first, redelivered, tag, body, tuple(map(bytes, buffers))
        )
    return SequencedMessage(producer, sequence, first, redelivered, tag, body)


def own_bytes(codec: Codec, encoded: Encoded) -> Encoded:
    """Return it without views of what its sender may change before it is handled.

    Raises MessageTooLargeError where it does not fit between two nodes with its number.
    """
    tag, body, buffers = encoded
    size = len(body) + sum(memoryview(buffer).nbytes for buffer in buffers) + ENVELOPE_BYTES
    limit = codec.limits.message_bytes
    if size > limit:
        text = f"with its number it has up to {size} bytes, and {limit} are the limit; send less"
        raise MessageTooLargeError(text, size, limit)
    return Encoded(tag, body, tuple(map(bytes, buffers))) if buffers else encoded
