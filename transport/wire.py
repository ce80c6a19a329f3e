"""The bytes that nodes exchange, as docs/protocol.md describes them. No state, no I/O.

Every message begins with a prefix of eight bytes: magic, version, kind, flags. Hand-shake bodies
are msgpack arrays that msgspec checks against a type while it reads them, so that nested or
oversized garbage is refused before it costs memory.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from transport.endpoint import is_dialable
from transport.handler import Identity

if TYPE_CHECKING:
    from transport.interface import Buffer

__all__ = [
    "ACK",
    "BATCH",
    "BATCH_BODY",
    "BATCH_PREFIX",
    "DETACHED_PREFIX",
    "GOODBYE",
    "HEADER_SIZE",
    "HELLO",
    "MAX_HANDSHAKE",
    "MAX_METADATA",
    "OPEN",
    "OPENED",
    "REFUSED",
    "VERSION",
    "WELCOME",
    "Acknowledgement",
    "Goodbye",
    "Opening",
    "Refusal",
    "Self",
    "WireError",
    "decode_acknowledgement",
    "decode_goodbye",
    "decode_hello",
    "decode_open",
    "decode_opened",
    "decode_refused",
    "decode_welcome",
    "encode_acknowledgement",
    "encode_batch_header",
    "encode_goodbye",
    "encode_hello",
    "encode_open",
    "encode_opened",
    "encode_refused",
    "encode_welcome",
    "read_prefix",
]

_T = TypeVar("_T")

MAGIC: Final = b"ACTS"
VERSION: Final = 1

HELLO: Final = 1
WELCOME: Final = 2
REFUSED: Final = 3
OPEN: Final = 4
OPENED: Final = 5
BATCH: Final = 6
ACK: Final = 7
GOODBYE: Final = 8

_DETACHED: Final = 1
"""A flag of BATCH: the records are a frame of their own, the second."""
_RESEND: Final = 1
"""A flag of ACK: what follows that batch did not come, send it again (HDLC's REJ)."""

_PREFIX = struct.Struct(">4sBBH")
BATCH_BODY = struct.Struct(">QQQQII")
"""From, to, sequence, acknowledged, records, buffers; it follows the prefix."""
_OPEN = struct.Struct(">QQ")
_OPENED = struct.Struct(">QQQ")
_ACKNOWLEDGEMENT = struct.Struct(">QQQ")

HEADER_SIZE: Final = _PREFIX.size + BATCH_BODY.size
BATCH_PREFIX = _PREFIX.pack(MAGIC, VERSION, BATCH, 0)
DETACHED_PREFIX = _PREFIX.pack(MAGIC, VERSION, BATCH, _DETACHED)
_ACK_PREFIX = _PREFIX.pack(MAGIC, VERSION, ACK, 0)
_RESEND_PREFIX = _PREFIX.pack(MAGIC, VERSION, ACK, _RESEND)

MAX_HANDSHAKE: Final = 4 * 1024 * 1024
MAX_METADATA: Final = 128 * 1024
"""Half of what a stranger may send: a HELLO that is said again must not end its connection."""
_MAX_WORDS = 1000


class WireError(Exception):
    """Bytes that make no sense here.

    Attributes:
        code: one word for the statistics.
        detail: in words.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


_Name = Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*\Z")]
_Number = Annotated[int, Meta(ge=0)]
_Text = Annotated[str, Meta(max_length=512)]


class Self(msgspec.Struct, array_like=True, frozen=True):
    """What a node says about itself: its identity, and the largest frame that it takes."""

    name: _Name
    incarnation: _Number
    endpoints: Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=16)]
    metadata: Annotated[bytes, Meta(max_length=MAX_METADATA)]
    max_frame: Annotated[int, Meta(ge=1024)]

    def identity(self) -> Identity:
        """Who it is."""
        return Identity(self.name, self.incarnation, self.endpoints, self.metadata)

    @classmethod
    def of(cls, identity: Identity, max_frame: int) -> Self:
        """What `identity` says about itself."""
        return cls(
            identity.name, identity.incarnation, identity.endpoints, identity.metadata, max_frame
        )


class _Welcome(msgspec.Struct, array_like=True, frozen=True):
    node: Self
    directory: bytes


_PASSING_CODES = frozenset({"closing", "reset", "unreachable", "unsettled"})
_ENDING_CODES = frozenset({"closing", "reset", "unreachable", "protocol"})


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """Why somebody wants nothing to do with us; the form never changes between versions."""

    code: Annotated[str, Meta(max_length=64)]
    reason: str
    node: Self | None = None

    @property
    def is_passing(self) -> bool:
        """Does it say nothing about us, so that another try may do?"""
        return self.code in _PASSING_CODES

    @property
    def ends_session(self) -> bool:
        """May it be said of a session that stood? Every other one answers a hand-shake."""
        return self.code in _ENDING_CODES


class Goodbye(msgspec.Struct, array_like=True, frozen=True):
    """Why somebody goes."""

    code: Annotated[str, Meta(max_length=64)]
    reason: str


class Opening(NamedTuple):
    """One side's view of a session: its own number for it, the other's (0: unknown), progress."""

    own: int
    other: int
    received: int = 0


class Acknowledgement(NamedTuple):
    """Session numbers of sender and receiver, and the last batch that the sender took in.

    `resend`: batches behind that one came, but not the next.
    """

    source: int
    target: int
    received: int
    resend: bool = False


_hello = msgspec.msgpack.Decoder(Self)
_welcome = msgspec.msgpack.Decoder(_Welcome)
_refusal = msgspec.msgpack.Decoder(Refusal)
_goodbye = msgspec.msgpack.Decoder(Goodbye)
_encoder = msgspec.msgpack.Encoder()


def read_prefix(frame: Buffer) -> tuple[int, int]:
    """The version and kind of a message.

    Raises:
        WireError: it is too short, or not of this protocol.
    """
    if len(frame) < _PREFIX.size:
        raise WireError("short", f"{len(frame)} bytes")
    magic, version, kind, _ = _PREFIX.unpack_from(frame)
    if magic != MAGIC:
        raise WireError("magic", f"begins with {bytes(frame[:8])!r}")
    return version, kind


def encode_hello(node: Self) -> bytes:
    """HELLO: who dials."""
    return _message(HELLO, _encoder.encode(node))


def decode_hello(frame: Buffer) -> Self:
    """Who dials."""
    return _reachable(_decode(_hello, frame, _PREFIX.size))


def encode_welcome(node: Self, directory: bytes) -> bytes:
    """WELCOME: who was dialled, and whom it knows."""
    return _message(WELCOME, _encoder.encode(_Welcome(node, directory)))


def decode_welcome(frame: Buffer) -> tuple[Self, bytes]:
    """Who was dialled, and its directory."""
    welcome = _decode(_welcome, frame, _PREFIX.size)
    return _reachable(welcome.node), welcome.directory


def encode_refused(code: str, reason: str, node: Self | None) -> bytes:
    """REFUSED: no, and why; cut to what a peer accepts."""
    refusal = Refusal(code[:64], reason[:_MAX_WORDS], node)
    return _message(REFUSED, _encoder.encode(refusal))


def decode_refused(frame: Buffer) -> Refusal:
    """Why not. A part that only another version understands is left out."""
    refusal = _decode(_refusal, frame, _PREFIX.size)
    return Refusal(refusal.code, refusal.reason[:_MAX_WORDS], refusal.node)


def encode_open(own: int, other: int) -> bytes:
    """OPEN: the session numbers, 0 for an unknown one."""
    return _message(OPEN, _OPEN.pack(own, other))


def decode_open(frame: Buffer) -> Opening:
    """The session numbers of the dialler's side."""
    return Opening(*_unpack(_OPEN, frame))


def encode_opened(own: int, other: int, received: int) -> bytes:
    """OPENED: the session numbers, and the last batch that was taken in."""
    return _message(OPENED, _OPENED.pack(own, other, received))


def decode_opened(frame: Buffer) -> Opening:
    """The session numbers of the listener's side, and how far it got."""
    return Opening(*_unpack(_OPENED, frame))


def encode_batch_header(
    own: int, other: int, sequence: int, received: int, records: int, buffers: int, detached: bool
) -> bytes:
    """What stands before the records of a BATCH."""
    prefix = DETACHED_PREFIX if detached else BATCH_PREFIX
    return prefix + BATCH_BODY.pack(own, other, sequence, received, records, buffers)


def encode_acknowledgement(own: int, other: int, received: int, resend: bool = False) -> bytes:
    """ACK: the last batch that was taken in, and whether what follows it is to be sent again."""
    prefix = _RESEND_PREFIX if resend else _ACK_PREFIX
    return prefix + _ACKNOWLEDGEMENT.pack(own, other, received)


def decode_acknowledgement(frame: Buffer) -> Acknowledgement:
    """The session numbers, and the last batch that the peer took in; of ACK and GOODBYE alike."""
    source, target, received = _unpack(_ACKNOWLEDGEMENT, frame)
    flags: int = _PREFIX.unpack_from(frame)[3]
    return Acknowledgement(source, target, received, bool(flags & _RESEND))


def encode_goodbye(own: int, other: int, received: int, code: str, reason: str) -> bytes:
    """GOODBYE: an acknowledgement, and why the sender goes."""
    words = _encoder.encode(Goodbye(code[:64], reason[:_MAX_WORDS]))
    return _message(GOODBYE, _ACKNOWLEDGEMENT.pack(own, other, received) + words)


def decode_goodbye(frame: Buffer) -> Goodbye:
    """Why the sender goes."""
    goodbye = _decode(_goodbye, frame, _PREFIX.size + _ACKNOWLEDGEMENT.size)
    return Goodbye(goodbye.code, goodbye.reason[:_MAX_WORDS])


def _reachable(node: Self) -> Self:
    """Return the node, which names nothing but endpoints where it could be dialled."""
    for endpoint in node.endpoints:
        if not is_dialable(endpoint):
            raise WireError("malformed", f"nobody can dial {endpoint!r}")
    return node


def _message(kind: int, body: bytes) -> bytes:
    return _PREFIX.pack(MAGIC, VERSION, kind, 0) + body


def _unpack(layout: struct.Struct, frame: Buffer) -> tuple[int, ...]:
    try:
        return layout.unpack_from(frame, _PREFIX.size)
    except struct.error as error:
        raise WireError("short", str(error)) from None


def _decode(decoder: msgspec.msgpack.Decoder[_T], frame: Buffer, start: int) -> _T:
    if len(frame) > MAX_HANDSHAKE:
        raise WireError("oversized", f"{len(frame)} bytes")
    try:
        return decoder.decode(memoryview(frame)[start:])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise WireError("malformed", str(error)) from None
