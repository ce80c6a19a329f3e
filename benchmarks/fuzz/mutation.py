"""Mutations of bytes: blind ones, and such as know what msgpack looks like."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]

DEEP = 10_000
"""How deep a nest is that a mutation makes."""

LONGEST = 64 * 1024
"""Bytes that a mutated message has at most."""

_SIZES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
_HEADERS = bytes((0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF))
_VALUES = (
    b"\xc0",  # nil
    b"\xc2",
    b"\xc3",
    b"\x00",
    b"\x7f",
    b"\xe0",
    b"\xcf" + b"\xff" * 8,  # 2**64 - 1
    b"\xd3\x80" + b"\x00" * 7,  # -2**63
    b"\xcb\x7f\xf8" + b"\x00" * 6,  # NaN
    b"\xcb\x7f\xf0" + b"\x00" * 6,  # infinity
    b"\xa0",
    b"\xa9os.system",
    b"\xa3\xed\xa0\x80",  # a lone surrogate
    b"\xc4\x00",
    b"\x90",
    b"\x80",
    b"\x82\xa1a\x01\xa1a\x02",  # a key twice
    b"\xd4\x7f\x00",  # an ext type that nobody knows
    b"\xc7\x00\x20",  # a ref of no bytes
    b"\xc1",  # never used
)


def flip(data: bytes, chance: random.Random) -> bytes:
    """Turn some bits over."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(data: bytes, chance: random.Random) -> bytes:
    """Cut the end off."""
    return data[: chance.randrange(len(data))]


def double(data: bytes, chance: random.Random) -> bytes:
    """Repeat a piece."""
    begin, end = _piece(data, chance)
    return data[:end] + data[begin:end] + data[end:]


def remove(data: bytes, chance: random.Random) -> bytes:
    """Take a piece out."""
    begin, end = _piece(data, chance)
    return data[:begin] + data[end:]


def insert(data: bytes, chance: random.Random) -> bytes:
    """Put random bytes in."""
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randint(1, 16)) + data[at:]


def inflate(data: bytes, chance: random.Random) -> bytes:
    """Have a header that has a length declare another one."""
    places = [at for at, byte in enumerate(data) if byte in _HEADERS]
    at = chance.choice(places) if places else chance.randrange(len(data))
    size = struct.pack(">I", chance.choice(_SIZES))
    return data[: at + 1] + size + data[at + 5 :]


def promise(data: bytes, chance: random.Random) -> bytes:
    """Put a header of a huge collection or text in the place of a byte."""
    at = chance.randrange(len(data))
    header = bytes((chance.choice(_HEADERS),))
    return data[:at] + header + b"\xff" * 4 + data[at + 1 :]


def retype(data: bytes, chance: random.Random) -> bytes:
    """Put a whole value of another type in the place of a byte."""
    at = chance.randrange(len(data))
    return data[:at] + chance.choice(_VALUES) + data[at + 1 :]


def nest(data: bytes, chance: random.Random) -> bytes:
    """Bury what follows in arrays, maps or ext types."""
    at = chance.randrange(len(data))
    level = chance.choice((b"\x91", b"\x81\xa1k", b"\xdd\x00\x00\x00\x01"))
    return data[:at] + level * (DEEP // len(level)) + data[at:]


_BLIND: Sequence[Mutation] = (flip, truncate, double, remove, insert)
_KNOWING: Sequence[Mutation] = (inflate, promise, retype, retype, retype, nest)
_WEIGHTS = (*[3] * len(_BLIND), 3, 3, 3, 3, 3, 0.2)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Return `data` after one to three mutations."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        (mutation,) = chance.choices((*_BLIND, *_KNOWING), _WEIGHTS)
        data = mutation(data or b"\x00", chance)
    return data[:LONGEST]


def splice(one: bytes, other: bytes, chance: random.Random) -> bytes:
    """Return the beginning of the one and the end of the other."""
    return one[: chance.randint(0, len(one))] + other[chance.randint(0, len(other)) :]


def _piece(data: bytes, chance: random.Random) -> tuple[int, int]:
    begin = chance.randrange(len(data))
    return begin, min(len(data), begin + chance.randint(1, 32))
