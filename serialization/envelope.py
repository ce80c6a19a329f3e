"""One addressed, encoded message <-> bytes; a batch of them <-> a stream.

The body stays opaque bytes here: an envelope can be routed, forwarded or dead-lettered without
decoding it, and a bad body spoils no neighbour. Most messages of a batch are like the one before
them but for the body: such a one is written as a *repeat*, which is little more than the body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgpack  # type: ignore[import-untyped]
import msgspec

from serialization.errors import EnvelopeError
from serialization.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "REPEATABLE_BYTES",
    "Buffer",
    "Envelope",
    "Fields",
    "pack",
    "pack_repeat",
    "split_repeat",
    "unpack_all",
    "unpack_repeat",
]

Buffer = bytes | bytearray | memoryview
"""Contiguous bytes that need not be copied."""

_FIELDS = 7
_MAX_NAME_BYTES = 64 * 1024
_NIL = b"\xc0"
_LIST_HEADER, _LIST_CODE = struct.Struct(">BI"), 0xDD
"""What makes a msgpack array of a batch: array 32."""
_MOST_AT_ONCE = 2**20
"""Larger batches are taken one by one: small records cost many times their bytes as objects."""
_DEFAULT_LIMITS = Limits()


class Envelope(NamedTuple):
    """An addressed, encoded message; `pack` takes its fields in this order.

    Attributes:
        kind: what it is, a number that the layer above gives a meaning.
        target: the address of the recipient.
        sender: the address of the sender; None from outside of any actor.
        correlation: joins an answer to its question; 0 where there is none.
        tag: the body's class; None for an untyped value.
        body: the encoded value.
        buffers: how many out-of-band buffers belong to it.
    """

    kind: int
    target: str
    sender: str | None
    correlation: int
    tag: str | None
    body: bytes
    buffers: int


_encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


def pack(
    kind: int,
    target: str,
    sender: str | None,
    correlation: int,
    tag: str | None,
    body: bytes,
    buffers: int,
) -> bytes:
    """The bytes of one envelope, a msgpack array; joined together they make a batch.

    The arguments are not checked: whoever calls this made them.
    """
    return _encode((kind, target, sender, correlation, tag, body, buffers))


REPEATABLE_BYTES = 247
"""A repeat with a longer body is not worth its own form: its header would be another one."""

_BIN_HEADERS = tuple(bytes((0xC4, size)) for size in range(REPEATABLE_BYTES + 1))
_CORRELATION = struct.Struct(">Q")
_read_correlation = _CORRELATION.unpack_from
_pack_head = struct.Struct(">BBQ").pack


def pack_repeat(correlation: int, body: bytes) -> bytes:
    """The bytes of an envelope like the one packed before it, without buffers, but for these.

    Either both correlations are 0, or neither is. The body has `REPEATABLE_BYTES` at most.
    """
    if correlation:
        return _pack_head(0xC4, len(body) + 8, correlation) + body
    return _BIN_HEADERS[len(body)] + body


def unpack_repeat(repeat: bytes, before: Fields | None) -> Fields:
    """The envelope that a repeat stands for, where `before` is the one before it.

    Raises:
        EnvelopeError: there is none before it, or none that can be repeated; or it is cut off.
    """
    if before is None or before[6]:
        raise EnvelopeError("a repeat, and no envelope without buffers before it")
    kind, target, sender, correlation, tag, _, _ = before
    if not correlation:
        return kind, target, sender, 0, tag, repeat, 0
    if len(repeat) < _CORRELATION.size:
        raise EnvelopeError(f"a repeat of {len(repeat)} bytes, where it has a correlation")
    own, body = split_repeat(repeat)
    return kind, target, sender, own, tag, body, 0


def split_repeat(repeat: bytes) -> tuple[int, bytes]:
    """Correlation and body of a repeat that has both. Raises struct.error where it has not."""
    return _read_correlation(repeat)[0], repeat[8:]


Fields = tuple[int, str, str | None, int, str | None, bytes, int]
"""An envelope as a plain tuple."""

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Written = tuple[int, str, str | None, _Count, str | None, bytes, _Count]
_decode_list: Callable[[bytes], list[Fields | bytes]] = msgspec.msgpack.Decoder(
    list[_Written | bytes]
).decode


def unpack_all(
    records: Buffer, limits: Limits = _DEFAULT_LIMITS, count: int | None = None
) -> Iterable[Fields | bytes]:
    """The envelopes of a batch, one after the other, as plain tuples in `Envelope`'s order.

    A repeat comes as its bytes, for `unpack_repeat`.

    Args:
        records: envelopes, joined together.
        limits: bounds of each body and of its number of buffers.
        count: how many there should be, where that is known: then all are taken in one go.

    Raises:
        EnvelopeError: at the first one that is malformed or cut off; what came before it is good.
    """
    if count is not None and count <= _MOST_AT_ONCE:
        header = _LIST_HEADER.pack(_LIST_CODE, count)
        try:
            return _decode_list(b"".join((header, records)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # one of them is wrong: the slow way finds out which
    return _unpack_one_by_one(records, limits)


def _unpack_one_by_one(records: Buffer, limits: Limits) -> Iterator[Fields | bytes]:
    unpacker = msgpack.Unpacker(
        use_list=False,
        max_buffer_size=len(records) + 1,
        max_str_len=_MAX_NAME_BYTES,
        max_bin_len=limits.message_bytes,
        max_array_len=_FIELDS,
        max_map_len=0,
        max_ext_len=0,
    )
    unpacker.feed(records)
    most_buffers = limits.buffers
    try:
        for record in unpacker:
            if type(record) is bytes:
                yield record
                continue
            kind, target, sender, correlation, tag, body, buffers = record
            if (
                type(kind) is not int
                or type(target) is not str
                or (sender is not None and type(sender) is not str)
                or type(correlation) is not int
                or correlation < 0
                or (tag is not None and type(tag) is not str)
                or type(body) is not bytes
                or type(buffers) is not int
                or not 0 <= buffers <= most_buffers
            ):
                raise EnvelopeError(_problem(record, unpacker.tell()))
            yield record
        # After a whole envelope a nil is a value of its own; within one it is swallowed.
        unpacker.feed(_NIL)
        is_whole = next(unpacker, ...) is None
    except EnvelopeError:
        raise
    except Exception as error:  # noqa: BLE001 - the unpacker's errors have no common class
        raise EnvelopeError(
            f"malformed envelope near byte {unpacker.tell()} of {len(records)}: {error!r}"
        ) from None
    if not is_whole:
        raise EnvelopeError(f"the batch of {len(records)} bytes is cut off: its last is not whole")


def _problem(record: tuple[object, ...], end: int) -> str:
    types = ", ".join(type(item).__name__ for item in record)
    return f"malformed envelope before byte {end}: its fields are ({types})"
