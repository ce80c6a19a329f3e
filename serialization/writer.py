"""The exact way out: any sendable value to a tree that msgspec writes as it is."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from decimal import Decimal
from types import NoneType
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from serialization import arrays
from serialization import extensions as codes
from serialization.errors import MessageTooLargeError, SerializationError
from serialization.extensions import LEAF_WRITERS, Extension
from serialization.limits import OUT_OF_BAND_BYTES, Limits
from serialization.plans import Plan, plan_of
from serialization.registry import Registration, Registry

__all__ = ["UnsendableError", "WriteTable", "Writer", "encode_tree"]

Write = Callable[["Writer", Any], Any]
encode_tree: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode

_PLAIN = frozenset({NoneType, bool, int, float, str})
# In the second attempt, when the first one met an int or str that msgpack cannot say.
_CERTAIN = frozenset({NoneType, bool, float})
_INT64 = range(-(2**63), 2**64)


class UnsendableError(Exception):
    """Somewhere inside of a value there is one that cannot be sent; the path is found afterwards.

    Attributes:
        value: the one.
        why: the reason, a sentence without a subject.
        too_deep: whether nesting is the reason.
    """

    def __init__(self, value: object, why: str, too_deep: bool = False) -> None:
        super().__init__(why)
        self.value = value
        self.why = why
        self.too_deep = too_deep


class WriteTable:
    """How each type is written, for one codec; types are added as they are first met.

    Args:
        registry: the classes that may be sent.
        extensions: types of the layer above.
    """

    def __init__(self, registry: Registry, extensions: Iterable[Extension[Any]]) -> None:
        self.registry = registry
        self._extensions = {extension.cls: extension for extension in extensions}
        self.by_type: dict[type, Write] = dict(_WRITERS)

    def find(self, value: object) -> Write:
        """How a value is written whose type was not met before.

        Raises:
            UnsendableError: it cannot be sent.
        """
        cls = type(value)
        write = self._made(cls)
        if write is None:
            raise UnsendableError(value, _reason(cls))
        self.by_type[cls] = write
        return write

    def _made(self, cls: type) -> Write | None:
        entry = self.registry.by_class.get(cls)
        if entry is not None:
            return _registered_writer(entry)
        if arrays.is_array(cls):
            return _write_array
        for base in cls.__mro__:
            if base in self._extensions:
                return _extension_writer(self._extensions[base])
        return None


class Writer:
    """Writes one value; used once.

    Args:
        table: how each type is written.
        limits: bounds.
        careful: whether to look at every int and str for what msgpack cannot say.

    Attributes:
        buffers: what has to travel beside the body.
    """

    def __init__(self, table: WriteTable, limits: Limits, careful: bool = False) -> None:
        self.buffers: list[bytes | memoryview] = []
        self.plain = _CERTAIN if careful else _PLAIN
        self._table = table
        self._by_type = table.by_type
        self._limits = limits
        self._depth = 0
        self._room = limits.message_bytes

    def write(self, value: Any, /) -> Any:
        """The tree of a value.

        Raises:
            UnsendableError: it, or a part of it, cannot be sent.
            MessageTooLargeError: a limit is met.
        """
        cls = type(value)
        if cls in self.plain:
            return value
        write = self._by_type.get(cls)
        if write is None:
            write = self._table.find(value)
        return write(self, value)

    def write_all(self, values: Any, /) -> list[Any]:
        """The trees of several values, on the level of the writer."""
        plain, by_type, find = self.plain, self._by_type, self._table.find
        return [
            value
            if (cls := type(value)) in plain
            else (by_type.get(cls) or find(value))(self, value)
            for value in values
        ]

    def write_items(self, container: Any, items: Any) -> list[Any]:
        """The trees of the items of a container, all one level deeper."""
        self.enter(container, len(items))
        trees = self.write_all(items)
        self._depth -= 1
        return trees

    def write_body(self, plan: Plan, value: Any) -> Any:
        """The tree of a registered value's body."""
        self.enter(value, 1)
        tree = plan.write(self, value)
        self._depth -= 1
        return tree

    def fast_body(self, plan: Plan, value: Any) -> bytes | None:
        """The body of a message that goes the fast way; None where it does not."""
        fast = plan.fast
        if fast is None or self._depth + fast.depth >= self._limits.depth:
            return None
        return fast.encode(value)

    def mark_ints(self, tree: Any, /) -> Any:
        """A written tree with every int marked, for a place where a float is expected."""
        if type(tree) is int:
            return Ext(codes.INT, codes.write_int(tree))
        if type(tree) is list:
            return [self.mark_ints(item) for item in tree]
        if type(tree) is dict:
            return {key: self.mark_ints(item) for key, item in tree.items()}
        return tree

    def write_list(self, value: list[Any]) -> list[Any]:
        """The tree of a list."""
        self.enter(value, len(value))
        # What is long is often of one type.
        trees = value if self.plain.issuperset(map(type, value)) else self.write_all(value)
        self._depth -= 1
        return trees

    def write_dict(self, value: dict[Any, Any]) -> dict[Any, Any] | Ext:
        """The tree of a dict."""
        self.enter(value, 2 * len(value))
        tree: dict[Any, Any] | Ext = value
        if not self.plain.issuperset(map(type, value)):
            parts = [part for item in value.items() for part in item]
            tree = Ext(codes.PAIRS, encode_tree(self.write_all(parts)))
        elif not self.plain.issuperset(map(type, value.values())):
            tree = dict(zip(value, self.write_all(value.values()), strict=True))
        self._depth -= 1
        return tree

    def enter(self, value: Any, size: int) -> None:
        """Go one level deeper, into a value with so many parts."""
        self._depth += 1
        if self._depth > self._limits.depth:
            why = f"is nested deeper than {self._limits.depth} levels"
            raise UnsendableError(value, why, too_deep=True)
        # A part takes a byte at least: what is shared many times over must end somewhere.
        self._room -= size
        if self._room < 0:
            raise too_large(None, self._limits)

    def put(self, data: bytes | memoryview) -> int:
        """The index under which binary data travels beside the body."""
        if len(self.buffers) >= self._limits.buffers:
            raise MessageTooLargeError(
                f"more than {self._limits.buffers} parts of {OUT_OF_BAND_BYTES} bytes and more:"
                " join them, or send several messages",
                limit=self._limits.buffers,
                unit="buffers",
            )
        self.buffers.append(data)
        return len(self.buffers) - 1

    def number(self, code: int, data: bytes) -> Ext:
        """The ext of an int or Decimal."""
        limit = self._limits.number_bytes
        if len(data) > limit:
            raise MessageTooLargeError(
                f"a number of {len(data)} bytes, the limit being {limit}", len(data), limit
            )
        return Ext(code, data)


def too_large(size: int | None, limits: Limits) -> MessageTooLargeError:
    """The error for a message of so many bytes; None where counting stopped at the limit."""
    found = "more" if size is None else f"{size} bytes"
    return MessageTooLargeError(
        f"the message has {found}, and the limit is {limits.message_bytes} bytes: send it in parts",
        size,
        limits.message_bytes,
    )


_SENDABLE_WITHOUT_CLASS = (
    "None, bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset, datetime,"
    " date, time, timedelta, UUID, Decimal, Path, NumPy arrays, and registered classes"
)


def _reason(cls: type) -> str:
    """Why a value of this type cannot be sent, and what to do about it."""
    registrable = issubclass(cls, (Exception, enum.Enum)) or is_dataclass(cls)
    if registrable or hasattr(cls, "__attrs_attrs__"):
        return f"cannot be sent before its class is registered: register({cls.__qualname__})"
    for base in (*_WRITERS, bool, float):
        if issubclass(cls, base):
            return f"is not a plain {base.__name__} and would become one: send {base.__name__}(...)"
    return f"cannot be sent; what can is {_SENDABLE_WITHOUT_CLASS}"


def _write_int(writer: Writer, value: int) -> Any:
    return value if value in _INT64 else writer.number(codes.INT, codes.write_int(value))


def _write_str(writer: Writer, value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return Ext(codes.STR, codes.write_str(value))
    return value


def _write_bytes(writer: Writer, value: bytes) -> Any:
    if len(value) < OUT_OF_BAND_BYTES:
        return value
    return Ext(codes.BUFFER, codes.write_place(False, writer.put(value)))


def _write_bytearray(writer: Writer, value: bytearray) -> Any:
    if len(value) < OUT_OF_BAND_BYTES:
        return Ext(codes.BYTEARRAY, bytes(value))
    return Ext(codes.BUFFER, codes.write_place(True, writer.put(memoryview(value))))


def _collection_writer(code: int) -> Write:
    def write(writer: Writer, value: Any) -> Any:
        return Ext(code, encode_tree(writer.write_items(value, value)))

    return write


def _leaf_writer(code: int, encode: Callable[[Any], bytes]) -> Write:
    return lambda writer, value: Ext(code, encode(value))


def _write_decimal(writer: Writer, value: Decimal) -> Any:
    return writer.number(codes.DECIMAL, codes.write_decimal(value))


def _write_array(writer: Writer, value: Any) -> Any:
    def put(data: memoryview) -> bytes | int:
        return bytes(data) if len(data) < OUT_OF_BAND_BYTES else writer.put(data)

    try:
        header = arrays.write_array(value, put)
    except (TypeError, ValueError) as error:
        if isinstance(error, SerializationError):
            raise
        raise UnsendableError(value, f"cannot be sent: {error}") from error
    return Ext(codes.ARRAY, encode_tree(header))


def _registered_writer(entry: Registration) -> Write:
    plan = plan_of(entry)

    def write(writer: Writer, value: Any) -> Any:
        body = writer.fast_body(plan, value)
        tree = writer.write_body(plan, value) if body is None else msgspec.Raw(body)
        return Ext(codes.VALUE, encode_tree((plan.tag, tree)))

    return write


def _extension_writer(extension: Extension[Any]) -> Write:
    return _leaf_writer(extension.code, extension.encode)


_WRITERS: dict[type, Write] = {
    int: _write_int,
    str: _write_str,
    bytes: _write_bytes,
    Decimal: _write_decimal,
    bytearray: _write_bytearray,
    list: Writer.write_list,
    dict: Writer.write_dict,
    tuple: _collection_writer(codes.TUPLE),
    set: _collection_writer(codes.SET),
    frozenset: _collection_writer(codes.FROZENSET),
    **{cls: _leaf_writer(*how) for cls, how in LEAF_WRITERS.items()},
}
