"""The exact way in: a body to a value, whatever the bytes are.

msgspec's decoder grows its collections with the elements that it finds, so that the memory it takes
stays in proportion to the body, whatever lengths the headers declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from serialization import arrays
from serialization import extensions as codes
from serialization.errors import MessageDecodeError, UnknownMessageError
from serialization.extensions import LEAF_READERS, Extension
from serialization.limits import Limits
from serialization.plans import plan_of
from serialization.registry import Registry

__all__ = ["Buffer", "ReadTable", "Reader"]

Buffer = bytes | bytearray | memoryview
"""Contiguous bytes."""

_decode = msgspec.msgpack.decode
_decode_value = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw]).decode
_NUMBERS = frozenset({codes.INT, codes.DECIMAL})
_CHOSEN_HASHES = _NUMBERS | {codes.UUID}
"""What is written as an ext and has a hash that its writer can choose."""


class ReadTable:
    """How each ext type is read, for one codec.

    Args:
        registry: the classes that may be built.
        limits: bounds.
        extensions: types of the layer above.
    """

    def __init__(
        self, registry: Registry, limits: Limits, extensions: Iterable[Extension[Any]]
    ) -> None:
        self.registry = registry
        self.limits = limits
        self.by_code: dict[int, Read] = dict(_READERS)
        for extension in extensions:
            self.by_code[extension.code] = _extension_reader(extension)


class Reader:
    """Reads one body; used once.

    Args:
        table: how each ext type is read.
        buffers: what travelled beside the body.
    """

    def __init__(self, table: ReadTable, buffers: Sequence[Buffer]) -> None:
        self.limits = table.limits
        self._by_tag = table.registry.by_tag
        self._by_code = table.by_code
        self._buffers: list[Buffer | None] = list(buffers)
        # One more than collections may nest: the innermost may hold a leaf that is an ext.
        self._levels = table.limits.depth + 1
        self._by_hash: dict[int, Any] = {}
        self._equal_hashes = 0

    def read(self, tag: str | None, body: Buffer | msgspec.Raw) -> Any:
        """The value of a body.

        Raises:
            UnknownMessageError: there is no class of this tag here.
            Exception: the body is malformed or does not fit; of any class.
        """
        if tag is None:
            return self.untyped(body)
        entry = self._by_tag.get(tag)
        if entry is None:
            raise UnknownMessageError(tag)
        plan = plan_of(entry)
        if entry.fast_decode is not None:
            try:
                return entry.fast_decode(body)
            except Exception:  # noqa: BLE001 - what the fast way refuses, the exact way judges
                pass
        return plan.read(self.untyped(body))

    def untyped(self, data: Buffer | msgspec.Raw) -> Any:
        """The value of plain msgpack with our ext types."""
        return _decode(data, ext_hook=self._ext)

    def items(self, data: memoryview) -> list[Any]:
        """The items of a collection."""
        items = _decode(data, ext_hook=self._ext)
        if type(items) is not list:
            raise MessageDecodeError(f"a collection that is no array but {type(items).__name__}")
        return items

    def keys(self, items: list[Any]) -> list[Any]:
        """What a set or a map is to be made of, unless that would take quadratic time."""
        most = self.limits.equal_hashes
        if len(items) > most and len(items) - len(set(map(hash, items))) > most:
            raise self._too_equal()
        return items

    def note(self, value: Any) -> None:
        """A value came that may be a key: see that few others have its hash."""
        try:
            other = self._by_hash.setdefault(hash(value), value)
        except TypeError:  # a signalling NaN has none, and is no key
            return
        if other is value or (type(other) is type(value) and other == value):
            return
        self._equal_hashes += 1
        if self._equal_hashes > self.limits.equal_hashes:
            raise self._too_equal()

    def _too_equal(self) -> MessageDecodeError:
        most = self.limits.equal_hashes
        return MessageDecodeError(f"more than {most} values have the hash of another one")

    def take(self, place: object) -> bytearray | memoryview:
        """The memory of an array: a copy of what lies in the body, else the buffer itself."""
        return bytearray(place) if type(place) is bytes else self.buffer(place)

    def buffer(self, index: object) -> memoryview:
        """An out-of-band buffer, once: a body of a few bytes must not multiply it."""
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise MessageDecodeError(f"buffer {index!r:.40} of {len(self._buffers)}")
        buffer, self._buffers[index] = self._buffers[index], None
        if buffer is None:
            raise MessageDecodeError(f"buffer {index} is used twice")
        return memoryview(buffer).cast("B")

    def _ext(self, code: int, data: memoryview) -> Any:
        read = self._by_code.get(code)
        if read is None:
            raise MessageDecodeError(f"unknown ext type {code}")
        self._levels -= 1
        if self._levels < 0:
            raise MessageDecodeError(f"it is nested deeper than {self.limits.depth} levels")
        value = read(self, data)
        self._levels += 1
        return value


Read = Callable[[Reader, memoryview], Any]


def _leaf_reader(code: int, decode: Callable[[memoryview], Any]) -> Read:
    if code not in _CHOSEN_HASHES:
        return lambda reader, data: decode(data)

    def read(reader: Reader, data: memoryview) -> Any:
        if len(data) > reader.limits.number_bytes:
            raise MessageDecodeError(f"a number of {len(data)} bytes")
        value = decode(data)
        reader.note(value)
        return value

    return read


def _extension_reader(extension: Extension[Any]) -> Read:
    return lambda reader, data: extension.decode(bytes(data))


def _read_pairs(reader: Reader, data: memoryview) -> dict[Any, Any]:
    items = reader.items(data)
    return dict(zip(reader.keys(items[::2]), items[1::2], strict=True))


def _read_array(reader: Reader, data: memoryview) -> Any:
    return arrays.read_array(reader.items(data), reader.take)


def _read_value(reader: Reader, data: memoryview) -> Any:
    tag, body = _decode_value(data)
    return reader.read(tag, body)


def _read_buffer(reader: Reader, data: memoryview) -> bytes | bytearray:
    is_bytearray, index = codes.read_place(data)
    view = reader.buffer(index)
    if is_bytearray:
        return bytearray(view)
    return view.obj if type(view.obj) is bytes and len(view.obj) == len(view) else bytes(view)


_READERS: dict[int, Read] = {
    codes.TUPLE: lambda reader, data: tuple(reader.items(data)),
    codes.SET: lambda reader, data: set(reader.keys(reader.items(data))),
    codes.FROZENSET: lambda reader, data: frozenset(reader.keys(reader.items(data))),
    codes.PAIRS: _read_pairs,
    codes.ARRAY: _read_array,
    codes.VALUE: _read_value,
    codes.BUFFER: _read_buffer,
    **{code: _leaf_reader(code, decode) for code, decode in LEAF_READERS.items()},
}
