"""Whatever the bytes are, decoding raises the declared errors only, and memory stays bounded."""

from __future__ import annotations

import contextlib
import struct
import sys
import time
import tracemalloc
import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serialization import (
    Codec,
    Limits,
    Message,
    MessageDecodeError,
    MessageTooLargeError,
    SerializationError,
    UnknownMessageError,
)
from serialization.registry import default_registry
from tests.serialization.samples import CASES, Anything, Holder, Plain, Shapes, codec

TAGS = [
    None,
    "unknown.Tag",
    "builtins.ValueError",
    "builtins.UnicodeDecodeError",
    "builtins.ExceptionGroup",
    "builtins.OSError",
    *(default_registry.tag_of(cls) for cls in (Plain, Shapes, Anything, Holder)),
    "samples.point",
]
tags = st.sampled_from(TAGS)
bodies = st.one_of(
    st.binary(max_size=60),
    # Ext headers with a code that means something.
    st.builds(
        lambda code, data: bytes([0xC7, len(data), code]) + data,
        st.integers(0, 40),
        st.binary(max_size=60),
    ),
)


class Rows(Message[None]):
    rows: list[list[int]]


def decode_or_fail(tag: str | None, body: bytes, buffers: Any = ()) -> None:
    """Decode; anything but the two declared errors fails the test."""
    with contextlib.suppress(MessageDecodeError, UnknownMessageError):
        codec.decode(tag, body, buffers)


@given(tags, bodies, st.lists(st.binary(max_size=10), max_size=2))
def test_random_bytes_raise_declared_errors_only(
    tag: str | None, body: bytes, buffers: list[bytes]
) -> None:
    """Random bytes are a value or one of the two errors."""
    decode_or_fail(tag, body, buffers)


@given(st.sampled_from(list(CASES.values())), st.floats(0, 1), st.integers(0, 255), tags)
def test_mutated_bodies_raise_declared_errors_only(
    value: Any, where: float, byte: int, other: str | None
) -> None:
    """A body with a byte changed, cut or doubled is a value or one of the two errors."""
    tag, body, buffers = codec.encode([value, Anything(value)])
    place = int(where * (len(body) - 1))
    decode_or_fail(tag, body[:place] + bytes([byte]) + body[place + 1 :], buffers)
    decode_or_fail(tag, body[: place + 1] + body[place:], buffers)
    decode_or_fail(other, codec.encode(value).body)


@pytest.mark.parametrize("value", CASES.values(), ids=CASES.keys())
def test_a_truncated_body_is_never_a_value(value: Any) -> None:
    """With bytes missing at its end, or with one more, a body is an error."""
    tag, body, buffers = codec.encode(value)
    for wrong in (*(body[:end] for end in range(0, len(body), 7)), body[:-1], body + b"\x00"):
        with pytest.raises((MessageDecodeError, UnknownMessageError)):
            codec.decode(tag, wrong, buffers)


BOMBS = {
    "nested array32": b"\xdd\xff\xff\xff\xff" * 13_000,
    "nested array32 within the limits of recursion": b"\xdd\xff\xff\xff\xff" * 300,
    "nested map32": b"\xdf\xff\xff\xff\xff\x01" * 10_000,
    "array32 of arrays": b"\xdd\xff\xff\xff\xff" + b"\xdd\x00\xff\xff\xff\x01" * 10_000,
    "nested fixarray": b"\x91" * 65_000,
    "nested fixmap": b"\x81\xc0" * 32_000,
    "map keys": b"\x81" * 65_000,
    "bin32": b"\xc6\xff\xff\xff\xff\x00",
    "str32": b"\xdb\xff\xff\xff\xff\x00",
    "ext32": b"\xc9\xff\xff\xff\xff\x01\x00",
    "field array": b"\x91" + b"\xdd\xff\xff\xff\xff" * 100,
    "tuple of array32": b"\xc7\x05\x01\xdd\xff\xff\xff\xff",
    "set of array32": b"\xc7\x05\x02\xdd\xff\xff\xff\xff",
    "decimal with a large exponent": b"\xc7\x0d\x0d1E+9999999999",
}


def nested_ext(code: int, levels: int) -> bytes:
    body = b"\xc0"
    for _ in range(levels):
        inner = b"\x91" + body
        body = b"\xc9" + len(inner).to_bytes(4, "big") + bytes([code]) + inner
    return body


BOMBS["nested tuples"] = nested_ext(1, 3_000)
BOMBS["nested frozensets"] = nested_ext(3, 300)


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("tag", [None, *(t for t in TAGS if t and "samples" in t)])
def test_declared_lengths_cost_nothing(tag: str | None, body: bytes) -> None:
    """Huge declared lengths and deep nesting end in the error, in memory like that of the body."""
    codec.decode(*codec.encode(1))
    tracemalloc.start()
    try:
        decode_or_fail(tag, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000 + 50 * len(body)


@pytest.mark.parametrize("wrap", [b"\x91", b"\x81\x01", b"\x81"])
def test_depth_is_checked_on_arrival(wrap: bytes) -> None:
    """Collections nested deeper than the limit are refused, at every depth that can be decoded."""
    for depth in (65, 66, 100, 500, 100_000):
        body = wrap * depth + (b"\xc0" if wrap != b"\x81" else b"\xc0" * (depth + 1))
        with pytest.raises(MessageDecodeError):
            codec.decode(None, body)
    body = wrap * 64 + (b"\xc0" if wrap != b"\x81" else b"\xc0" * 65)
    decode_or_fail(None, body)


def test_mixed_depth_is_checked_on_arrival() -> None:
    """Lists within tuples within messages count together."""
    inner: Any = b"\x91" * 40 + b"\xc0"
    for _ in range(10):
        data = b"\x91" + inner
        inner = b"\xc9" + len(data).to_bytes(4, "big") + b"\x01" + data
    with pytest.raises(MessageDecodeError, match="nested deeper"):
        codec.decode(None, b"\x91" * 20 + inner)
    codec.decode(None, b"\x91" * 14 + inner)


def test_wide_values_are_not_deep() -> None:
    """Many collections beside each other are within the limit of depth."""
    value = [[{"a": (n,)}, [n]] for n in range(500)]
    assert codec.decode(*codec.encode(value)) == value


def test_recursion_near_the_stack_limit_is_a_decode_error() -> None:
    """Where the stack is nearly used up, decoding and encoding raise the declared errors."""
    _, body, _ = codec.encode([[[[({1: ((),)},)]]]])
    value = [((((([],),),),),)]
    outcomes = set()

    def descend(left: int) -> None:
        if left:
            descend(left - 1)
            return
        for attempt, error in (
            (lambda: codec.decode(None, body), MessageDecodeError),
            (lambda: codec.encode(value), SerializationError),
        ):
            try:
                attempt()
            except error:
                outcomes.add(error)

    frame: Any = sys._getframe()
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    for left in range(sys.getrecursionlimit() - depth - 60, sys.getrecursionlimit() - depth - 15):
        try:
            descend(left)
        except RecursionError:
            # There was no room for the call itself.
            break
    assert outcomes


def test_messages_have_a_size_limit() -> None:
    """A body above the limit is refused on both sides, on either way, with its size."""
    small = Codec(limits=Limits(message_bytes=100))
    for value in (
        Plain(1, "x" * 200),
        "x" * 200,
        Anything("x" * 200),
        [1] * 200,
        Rows([[1] * 200]),
    ):
        with pytest.raises(MessageTooLargeError, match="limit is 100 bytes") as caught:
            small.encode(value)
        assert caught.value.limit == 100
        assert caught.value.size is None or caught.value.size > 200
        assert isinstance(caught.value, ValueError)
        with pytest.raises(MessageDecodeError, match="more than 100"):
            small.decode(*codec.encode(value))


def test_the_default_limit_is_64_mib() -> None:
    """64 MiB of text do not fit, as the header takes some bytes more."""
    assert Limits().message_bytes == 64 * 1024 * 1024
    with pytest.raises(MessageTooLargeError):
        codec.encode("x" * Limits().message_bytes)


def test_numbers_have_a_size_limit() -> None:
    """An integer or Decimal of more bytes than the limit is refused on both sides."""
    small = Codec(limits=Limits(number_bytes=10))
    for value in (2**100, Decimal("1." + "2" * 20)):
        with pytest.raises(MessageTooLargeError):
            small.encode([value])
        with pytest.raises(MessageDecodeError, match="number"):
            small.decode(*codec.encode(value))
    assert small.decode(*small.encode(2**70)) == 2**70


COLLIDING = [n * (2**61 - 1) for n in range(2**4, 2**4 + 2000)]
"""Their hashes are all 0."""


def ext(code: int, data: bytes) -> bytes:
    return b"\xc9" + len(data).to_bytes(4, "big") + bytes([code]) + data


def within_a_second(body: bytes, match: str) -> None:
    """It is refused, for that reason, before it can take long."""
    began = time.perf_counter()
    with pytest.raises(MessageDecodeError, match=match):
        codec.decode(None, body)
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize(
    "value",
    [
        {(n,) for n in COLLIDING},
        frozenset(COLLIDING),
        dict.fromkeys(map(Decimal, COLLIDING)),
        [uuid.UUID(int=n) for n in COLLIDING],
    ],
    ids=["set of tuples", "frozenset", "map of decimals", "list of UUIDs"],
)
def test_values_with_equal_hashes_are_refused(value: Any) -> None:
    """What takes quadratic time is not built; what holds few of them is."""
    body = codec.encode(value).body
    within_a_second(body, "more than 1024 values have the hash of another one")
    few = (
        type(value)(list(value)[:100]) if type(value) is not dict else dict.fromkeys(COLLIDING[:9])
    )
    assert codec.decode(None, codec.encode(few).body) == few


def test_values_with_equal_hashes_are_refused_as_keys_of_a_plain_map() -> None:
    """Our writer makes no such map, but msgpack can say it."""
    key = [ext(6, n.to_bytes(12, "big")) for n in COLLIDING]
    body = b"\xdf" + len(key).to_bytes(4, "big") + b"".join(k + b"\xc0" for k in key)
    within_a_second(body, "have the hash of another one")


def test_equal_values_are_not_held_against_each_other() -> None:
    """A list may hold the same number any number of times, and a set any numbers at all."""
    for value in ([2**70] * 5000, [Decimal(1)] * 5000, set(range(5000)), {-1, -2}):
        assert codec.decode(*codec.encode(value)) == value
    nan = codec.decode(*codec.encode([Decimal("sNaN")] * 2000))
    assert len(nan) == 2000


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (["<f8", [2**62] * 1_000_000, "C", False, b""], "1000000 dimensions"),
        (["<f8", [0] * 65, "C", False, b""], "65 dimensions"),
        ([[[f"f{n}", "<f8"] for n in range(20_000)], [0], "C", False, b""], "4096 parts"),
        (["<f8," * 100_000, [0], "C", False, b""], "4096 parts"),
        (["|V2147483647", [], "C", True, b""], "does not have 0 bytes"),
        (["<f8", [2**62, 4], "C", False, b""], "does not have 0 bytes"),
    ],
)
def test_headers_of_arrays_are_bounded(header: list[Any], match: str) -> None:
    """Dimensions, parts and sizes are checked before NumPy sees them."""
    within_a_second(ext(15, msgspec.msgpack.encode(header)), match)


def test_names_of_time_zones_are_bounded() -> None:
    """They are looked up as files."""
    fields = struct.pack(">BqHBBBBBI", 2, 0, 2020, 1, 1, 1, 1, 1, 0)
    within_a_second(ext(8, fields + b"A/" * 500_000 + b"A"), "time zone of 1000001 characters")


def test_large_numbers_cost_little() -> None:
    """As large as they may be, and with any exponent, they are read in less than a second."""
    began = time.perf_counter()
    for data in (ext(6, b"\x7f" * 2**20), ext(13, b"7" * 2**20), ext(13, b"1E+999999999999999999")):
        codec.decode(None, data)
        codec.decode(None, ext(2, b"\x91" + data))
    assert time.perf_counter() - began < 1.0
    within_a_second(ext(6, b"\x7f" * (2**20 + 1)), "number of 1048577 bytes")


@pytest.mark.parametrize(
    "name", ["message_bytes", "depth", "buffers", "number_bytes", "equal_hashes"]
)
def test_limits_are_positive_numbers(name: str) -> None:
    """A limit that is none raises where it is given."""
    cases: list[tuple[Any, type[Exception]]] = [
        (0, ValueError),
        (-1, ValueError),
        (1.5, TypeError),
        (True, TypeError),
    ]
    for wrong, error in cases:
        with pytest.raises(error, match=name):
            Limits(**{name: wrong})


def test_duplicate_keys_and_foreign_timestamps_are_harmless() -> None:
    """What our encoder never writes but msgpack allows becomes a plain value."""
    assert codec.decode(None, b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}
    assert codec.decode(None, b"\xd6\xff\x00\x00\x00\x01").year == 1970
    assert codec.decode(None, msgspec.msgpack.encode({1: [2]})) == {1: [2]}


def test_a_body_may_be_any_buffer() -> None:
    """bytes, bytearray and memoryview are decoded alike, on both ways."""
    for value in (Plain(1), Anything((1, 2))):
        tag, body, _ = codec.encode(value)
        for given_body in (body, bytearray(body), memoryview(body)):
            assert codec.decode(tag, given_body) == value
