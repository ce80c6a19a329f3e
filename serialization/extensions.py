"""The msgpack ext types: what msgpack itself cannot say.

| code | value | payload |
|---|---|---|
| 1 | tuple | msgpack array |
| 2 | set | msgpack array |
| 3 | frozenset | msgpack array |
| 4 | dict with a key that is no None, bool, int, float or str | msgpack array k, v, k, v, ... |
| 5 | bytearray | the bytes |
| 6 | int beyond 64 bit, or where a float is expected | big-endian two's complement |
| 7 | str with lone surrogates | UTF-8 with surrogates ("surrogatepass") |
| 8 | datetime | flags, offset, year, month, day, time of day, key of its ZoneInfo |
| 9 | date | ISO 8601 text |
| 10 | time | flags, offset, time of day, key of its ZoneInfo |
| 11 | timedelta | days, seconds, microseconds: three 32-bit integers |
| 12 | UUID | its 16 bytes |
| 13 | Decimal | its text |
| 14 | Path | flavour (one byte), text as UTF-8 with surrogates |
| 15 | NumPy array or scalar | msgpack array, see `arrays` |
| 16 | value of a registered class | msgpack array: tag, body |
| 17 | out-of-band buffer | 0 bytes or 1 bytearray (one byte), its index (32-bit) |
| 32-127 | what the layer above adds | its own |

Numbers of fixed size are big-endian. The flags of a datetime or time are 1 for a fold and 2 for an
offset, in one byte; the offset has 64 bit, in microseconds.
"""

from __future__ import annotations

import decimal
import os
import pathlib
import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

__all__ = ["LEAF_READERS", "LEAF_WRITERS", "Extension"]

T = TypeVar("T")

TUPLE: Final = 1
SET: Final = 2
FROZENSET: Final = 3
PAIRS: Final = 4
BYTEARRAY: Final = 5
INT: Final = 6
STR: Final = 7
DATETIME: Final = 8
DATE: Final = 9
TIME: Final = 10
TIMEDELTA: Final = 11
UUID: Final = 12
DECIMAL: Final = 13
PATH: Final = 14
ARRAY: Final = 15
VALUE: Final = 16
BUFFER: Final = 17

FIRST_FREE: Final = 32
LAST: Final = 127

_TIMEDELTA = struct.Struct(">iii")
_PLACE = struct.Struct(">?I")
_DATETIME = struct.Struct(">BqHBBBBBI")
_TIME = struct.Struct(">BqBBBI")
_FOLD = 1
_HAS_OFFSET = 2
_MICROSECOND = timedelta(microseconds=1)
_FLAVOURS: tuple[type[pathlib.PurePath], ...] = (
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
    pathlib.PosixPath,
    pathlib.WindowsPath,
)
_ZONE_BYTES = 255
# zoneinfo resolves a key as a file name, or as a package of tzdata: no dots, nothing absolute.
_ZONE_KEY = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", re.ASCII)


@dataclass(frozen=True)
class Extension(Generic[T]):
    """One more type that a codec sends, of a layer that this package does not know.

    Instances of subclasses of `cls` are written by it as well.

    Args:
        code: its msgpack ext code, 32 to 127.
        cls: the type.
        encode: its value to bytes; a SerializationError that it raises reaches the sender.
        decode: the bytes to an equal value; whatever it raises becomes a MessageDecodeError.

    Raises:
        TypeError: `cls` is no class.
        ValueError: the code is outside of its range.
    """

    code: int
    cls: type[T]
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]

    def __post_init__(self) -> None:
        if not isinstance(self.cls, type):
            raise TypeError(f"Extension.cls must be a class, not {self.cls!r}")
        if not FIRST_FREE <= self.code <= LAST:
            raise ValueError(
                f"Extension.code must be from {FIRST_FREE} to {LAST}, not {self.code}:"
                " the others are this package's and msgpack's own"
            )


def write_int(value: int) -> bytes:
    """The payload of an int of any size."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _read_int(data: memoryview) -> int:
    return int.from_bytes(data, "big", signed=True)


def write_str(value: str) -> bytes:
    """The payload of a str with lone surrogates."""
    return value.encode("utf-8", "surrogatepass")


def _read_str(data: memoryview) -> str:
    return str(data, "utf-8", "surrogatepass")


def write_place(is_bytearray: bool, index: int) -> bytes:
    """The payload of an out-of-band buffer."""
    return _PLACE.pack(is_bytearray, index)


def read_place(data: memoryview) -> tuple[bool, int]:
    """Whether an out-of-band buffer is a bytearray, and its index."""
    is_bytearray, index = _PLACE.unpack(data)
    return is_bytearray, index


def _write_datetime(value: datetime) -> bytes:
    clock = (value.hour, value.minute, value.second, value.microsecond)
    fields = _DATETIME.pack(*_zone_fields(value), value.year, value.month, value.day, *clock)
    return fields + _zone_key(value.tzinfo)


def _read_datetime(data: memoryview) -> datetime:
    flags, offset, year, month, day, hour, minute, second, micro = _DATETIME.unpack_from(data)
    clock = (hour, minute, second, micro)
    value = datetime(year, month, day, *clock, _fixed(flags, offset), fold=flags & _FOLD)
    zone = _zone(data[_DATETIME.size :]) if len(data) > _DATETIME.size else None
    # A zone that this host does not know: the offset alone names the same moment.
    return value if zone is None else _in_zone(value, zone)


def _in_zone(value: datetime, zone: ZoneInfo) -> datetime:
    local = value.replace(tzinfo=zone)
    if value.tzinfo is None or local.utcoffset() == value.utcoffset():
        return local
    # The two hosts have different rules for the zone: the moment counts, not the wall clock.
    return value.astimezone(zone)


def _write_time(value: time) -> bytes:
    clock = (value.hour, value.minute, value.second, value.microsecond)
    return _TIME.pack(*_zone_fields(value), *clock) + _zone_key(value.tzinfo)


def _read_time(data: memoryview) -> time:
    flags, offset, hour, minute, second, micro = _TIME.unpack_from(data)
    value = time(hour, minute, second, micro, _fixed(flags, offset), fold=flags & _FOLD)
    if len(data) == _TIME.size:
        return value
    zone = _zone(data[_TIME.size :])
    if zone is None:
        raise ValueError("a time in a zone that is not known here")
    return value.replace(tzinfo=zone)


def _zone_fields(value: datetime | time) -> tuple[int, int]:
    """The flags, and the offset in microseconds."""
    offset = value.utcoffset()
    if offset is None:
        return value.fold, 0
    return value.fold | _HAS_OFFSET, offset // _MICROSECOND


def _fixed(flags: int, offset: int) -> timezone | None:
    if flags > (_FOLD | _HAS_OFFSET):
        raise ValueError("malformed time")
    if not flags & _HAS_OFFSET:
        return None
    return timezone(timedelta(microseconds=offset)) if offset else UTC


def _zone_key(zone: tzinfo | None) -> bytes:
    key = zone.key if type(zone) is ZoneInfo else None
    return key.encode("ascii") if key is not None and _ZONE_KEY.fullmatch(key) else b""


def _zone(data: memoryview) -> ZoneInfo | None:
    if len(data) > _ZONE_BYTES:
        raise ValueError(f"a time zone of {len(data)} characters")
    key = str(data, "ascii")
    if not _ZONE_KEY.fullmatch(key):
        raise ValueError(f"malformed time zone {key!r:.100}")
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        return None


def _write_date(value: date) -> bytes:
    return value.isoformat().encode("ascii")


def _read_date(data: memoryview) -> date:
    return date.fromisoformat(str(data, "ascii"))


def _write_timedelta(value: timedelta) -> bytes:
    return _TIMEDELTA.pack(value.days, value.seconds, value.microseconds)


def _read_timedelta(data: memoryview) -> timedelta:
    return timedelta(*_TIMEDELTA.unpack(data))


def _write_uuid(value: uuid.UUID) -> bytes:
    return value.bytes


def _read_uuid(data: memoryview) -> uuid.UUID:
    return uuid.UUID(bytes=bytes(data))


def write_decimal(value: decimal.Decimal) -> bytes:
    """The payload of a Decimal."""
    return str(value).encode("ascii")


def _read_decimal(data: memoryview) -> decimal.Decimal:
    return decimal.Decimal(str(data, "ascii"))


def _write_path(value: pathlib.PurePath) -> bytes:
    return bytes((_FLAVOURS.index(type(value)),)) + write_str(os.fspath(value))


def _read_path(data: memoryview) -> pathlib.PurePath:
    flavour, text = data[0], _read_str(data[1:])
    try:
        return _FLAVOURS[flavour](text)
    except NotImplementedError:
        # A concrete path of the other family of systems: only its pure form exists here.
        return _FLAVOURS[flavour - 2](text)


LEAF_WRITERS: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    datetime: (DATETIME, _write_datetime),
    date: (DATE, _write_date),
    time: (TIME, _write_time),
    timedelta: (TIMEDELTA, _write_timedelta),
    uuid.UUID: (UUID, _write_uuid),
    **dict.fromkeys(_FLAVOURS, (PATH, _write_path)),
}
"""Values without parts: type -> its code and how it is written. Subclasses are not meant."""

LEAF_READERS: Final[dict[int, Callable[[memoryview], Any]]] = {
    BYTEARRAY: bytearray,
    INT: _read_int,
    STR: _read_str,
    DATETIME: _read_datetime,
    DATE: _read_date,
    TIME: _read_time,
    TIMEDELTA: _read_timedelta,
    UUID: _read_uuid,
    DECIMAL: _read_decimal,
    PATH: _read_path,
}
"""Values without parts: code -> how its payload is read."""
