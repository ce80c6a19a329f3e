"""One value <-> (tag, body, buffers)."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from serialization.errors import MessageDecodeError, SerializationError, UnknownMessageError
from serialization.extensions import Extension
from serialization.limits import Limits
from serialization.paths import find_cycle, is_deeper, locate
from serialization.plans import plan_of
from serialization.reader import Buffer, Reader, ReadTable
from serialization.registry import Registry, default_registry
from serialization.writer import UnsendableError, Writer, WriteTable, encode_tree, too_large

__all__ = ["Buffer", "Codec", "Encoded"]

_DEFAULT_LIMITS = Limits()
# Every level of nesting has a header: of an array, a map or an ext. These bytes are none.
_NO_HEADERS = bytes(
    byte
    for byte in range(256)
    if byte not in (*range(0x80, 0xA0), 0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9), *range(0xDC, 0xE0))
)


_SCALARS = frozenset(
    {
        *range(0x80),  # small ints
        *range(0xA0, 0xC1),  # short strs, nil
        *(0xC2, 0xC3),  # bools
        *range(0xCA, 0xD4),  # floats, ints
        *(0xD9, 0xDA, 0xDB),  # strs
        *range(0xE0, 0x100),  # small negative ints
    }
)
"""What the body of a None, bool, int, float or str begins with."""

_decode_scalar = msgspec.msgpack.Decoder().decode


def _decode_only_scalar(body: bytes) -> Any:
    """The value of a scalar's body; ValueError for another one."""
    if body[0] not in _SCALARS:
        raise ValueError
    return _decode_scalar(body)


def _encode_scalar(value: Any) -> bytes | None:
    """The body of a scalar; None for an int or str that msgpack cannot say."""
    try:
        return encode_tree(value)
    except (OverflowError, UnicodeEncodeError):
        return None


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """A value on its way; ``tag, body, buffers = codec.encode(value)`` works as well.

    A struct and no NamedTuple: it is made for each message, and takes a third of the time.

    Attributes:
        tag: the name of its class on the wire; None for an untyped value.
        body: its msgpack.
        buffers: the large binary data of it, in the order of their indices; not copies, so the
            value must stay as it is until they are sent.
    """

    tag: str | None
    body: bytes
    buffers: tuple[bytes | memoryview, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter((self.tag, self.body, self.buffers))


class Codec:
    """Turns values into bytes and back; may be shared by threads.

    What is decoded is equal to what was encoded and of the same type. Only what is registered is
    ever built, and nothing on the wire is imported, evaluated or unpickled.

    Args:
        registry: the classes that are sent and accepted.
        limits: bounds, in both directions.
        extensions: types of the layer above.

    Raises:
        ValueError: two extensions have one code.
    """

    def __init__(
        self,
        registry: Registry = default_registry,
        limits: Limits = _DEFAULT_LIMITS,
        extensions: Sequence[Extension[Any]] = (),
    ) -> None:
        self.registry = registry
        self.limits = limits
        if len({extension.code for extension in extensions}) < len(extensions):
            raise ValueError("two extensions have one code")
        self._writes = WriteTable(registry, extensions)
        self._reads = ReadTable(registry, limits, extensions)
        self._by_tag = registry.by_tag
        self._most = limits.message_bytes
        # Most answers are a scalar: they need no look at what is in them.
        self._fast: dict[type, tuple[str | None, Callable[[Any], bytes | None]]] = {}
        for scalar in (types.NoneType, bool, int, float, str):
            self._fast[scalar] = (None, _encode_scalar)

    def encode(self, value: object) -> Encoded:
        """The tag, body and buffers of a value.

        Raises:
            SerializationError: it, or a part of it, cannot be sent; `path` says which.
            MessageTooLargeError: it is larger than a limit.
        """
        known = self._fast.get(type(value))
        if known is not None:
            tag, encode = known
            body = encode(value)
            if body is not None and len(body) <= self._most:
                return Encoded(tag, body)
        return self._encode_exact(value)

    def decode(self, tag: str | None, body: Buffer, buffers: Sequence[Buffer] = ()) -> Any:
        """The value of what `encode` gave.

        Arrays over `buffers` are views of them: read-only where the buffer is.

        Args:
            tag: the name of its class on the wire; None for an untyped value.
            body: its msgpack.
            buffers: the out-of-band data, in order.

        Raises:
            UnknownMessageError: a class in it is not registered here.
            MessageDecodeError: it is malformed, does not fit its class or exceeds a limit.
        """
        if not buffers and 0 < len(body) <= self._most:
            entry = self._by_tag.get(tag)  # type: ignore[arg-type]
            decode = None
            if entry is not None:
                decode = entry.fast_decode
            elif tag is None and body[0] in _SCALARS:
                decode = _decode_scalar
            if decode is not None:
                try:
                    return decode(body)
                except Exception:  # noqa: BLE001 - what the fast way refuses, the exact way judges
                    pass
        return self._decode_exact(tag, body, buffers)

    def fast_encoder(self, cls: type) -> Callable[[Any], bytes | None] | None:
        """What encodes values of exactly that class, where it is known and all is plain.

        It returns None for a value that `encode` must judge.
        """
        known = self._fast.get(cls)
        return None if known is None else known[1]

    def fast_decoder(self, tag: str | None) -> Callable[[bytes], Any] | None:
        """What decodes bodies of that class, or refuses them with any exception; None for none.

        It is for small bodies without buffers; what it refuses `decode` may still take.
        """
        if tag is None:
            return _decode_only_scalar
        entry = self._by_tag.get(tag)
        return None if entry is None else entry.fast_decode

    def sendable_error(self, error: BaseException) -> bool:
        """Whether an exception can travel as itself, with all that it holds."""
        if type(error) not in self.registry.by_class:
            return False
        try:
            self.encode(error)
        except SerializationError:
            return False
        return True

    def _encode_exact(self, value: object) -> Encoded:
        try:
            try:
                return self._written(value, Writer(self._writes, self.limits))
            except (OverflowError, UnicodeEncodeError):
                # An int or str that msgpack cannot say: look at each of them.
                return self._written(value, Writer(self._writes, self.limits, careful=True))
        except SerializationError:
            raise
        except UnsendableError as error:
            raise self._refusal(value, error) from error.__cause__
        except Exception as error:  # code of the user's: an extension, a tzinfo, a property
            name = type(value).__qualname__
            raise SerializationError(f"a {name} cannot be sent: {error!r}") from error

    def _written(self, value: object, writer: Writer) -> Encoded:
        entry = self.registry.by_class.get(type(value))
        if entry is None:
            tag, body = None, encode_tree(writer.write(value))
        else:
            tag, plan = entry.tag, plan_of(entry)
            fast = writer.fast_body(plan, value)
            body = encode_tree(writer.write_body(plan, value)) if fast is None else fast
            if plan.fast is not None and plan.fast.depth < self.limits.depth:
                self._fast[type(value)] = (tag, plan.fast.encode)
        size = len(body) + sum(map(len, writer.buffers))
        if size > self._most:
            raise too_large(size, self.limits)
        return Encoded(tag, body, tuple(writer.buffers))

    def _refusal(self, root: object, found: UnsendableError) -> SerializationError:
        depth = self.limits.depth
        path = locate(root, found.value, self.registry, depth)
        what = f"a {type(found.value).__qualname__} {found.why}"
        cycle = find_cycle(root, self.registry, depth) if found.too_deep else None
        if cycle is not None:
            path, repeated = cycle
            what = f"a {repeated} contains itself"
        return SerializationError(f"{path}: {what}" if path else what, path)

    def _decode_exact(self, tag: str | None, body: Buffer, buffers: Sequence[Buffer]) -> Any:
        try:
            self._check_sizes(body, buffers)
            reader = Reader(self._reads, buffers)
            value = reader.read(tag, body)
            headers = len(bytes(body).translate(None, _NO_HEADERS))
            if headers > self.limits.depth and is_deeper(value, self.limits.depth, self.registry):
                raise MessageDecodeError(f"it is nested deeper than {self.limits.depth} levels")
        except (MessageDecodeError, UnknownMessageError):
            raise
        except Exception as error:  # of msgspec, NumPy, or the class that is rebuilt
            what = "an untyped body" if tag is None else f"a body of {tag!r}"
            text = f"{what} cannot be decoded: {type(error).__name__}: {error!s:.500}"
            raise MessageDecodeError(text, tag) from error
        return value

    def _check_sizes(self, body: Buffer, buffers: Sequence[Buffer]) -> None:
        if len(buffers) > self.limits.buffers:
            raise MessageDecodeError(f"{len(buffers)} buffers, more than {self.limits.buffers}")
        size = len(body) + sum(memoryview(buffer).nbytes for buffer in buffers)
        if size > self._most:
            raise MessageDecodeError(f"a message of {size} bytes, more than {self._most}")
