"""Large binary data travels beside the body, and arrays are equal in dtype, shape and order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serialization import (
    OUT_OF_BAND_BYTES,
    Codec,
    Limits,
    Message,
    MessageDecodeError,
    MessageTooLargeError,
)
from tests.serialization.samples import Anything, Basket, Plain, codec, roundtrip, same

BIG = bytes(range(256)) * 256
ALMOST = BIG[:-1]


class Image(Message[None]):
    pixels: np.ndarray
    name: str = ""


def test_the_limit_is_64_kib() -> None:
    """Below the limit data is in the body, from it on beside the body."""
    assert len(BIG) == OUT_OF_BAND_BYTES == 64 * 1024
    assert codec.encode(ALMOST).buffers == ()
    assert codec.encode(BIG).buffers == (BIG,)
    assert codec.encode(bytearray(ALMOST)).buffers == ()
    assert len(codec.encode(bytearray(BIG)).buffers) == 1


@pytest.mark.parametrize(
    "value",
    [
        BIG,
        bytearray(BIG),
        [BIG, {"a": (BIG, bytearray(BIG))}],
        {BIG: 1},
        {BIG},
        Plain(1, data=BIG),
        Anything([BIG]),
        [Plain(1, data=BIG)],
        Basket(anything=BIG),
        ValueError(BIG),
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_data_comes_back_from_anywhere(value: Any) -> None:
    """Wherever it stands, large data is in `buffers` and the body stays small."""
    tag, body, buffers = codec.encode(value)
    assert len(body) < 300
    assert buffers
    for given in (buffers, [bytes(b) for b in buffers], [memoryview(bytes(b)) for b in buffers]):
        assert same(codec.decode(tag, body, given), value)


def test_large_data_is_not_copied_on_the_way_out() -> None:
    """The buffers are the very bytes, or views of the very memory."""
    table, array = bytearray(BIG), np.zeros(100_000, "u1")
    assert codec.encode(BIG).buffers[0] is BIG
    (view,) = codec.encode(table).buffers
    (data,) = codec.encode(array).buffers
    table[0], array[0] = 7, 9
    assert (view[0], data[0]) == (7, 9)


def test_large_data_is_not_copied_on_the_way_in() -> None:
    """Bytes that arrive as bytes are taken as they are; arrays are views of their buffer."""
    tag, body, (buffer,) = codec.encode(BIG)
    assert codec.decode(tag, body, [buffer]) is buffer
    tag, body, (buffer,) = codec.encode(np.arange(100_000))
    received = bytearray(buffer)
    array = codec.decode(tag, body, [received])
    received[0] = 77
    assert array[0] == 77


def test_a_received_array_is_as_writable_as_its_buffer() -> None:
    """An array from the body can be written to; one over a read-only buffer cannot."""
    small = roundtrip(np.arange(3))
    small[0] = 5
    assert small[0] == 5
    tag, body, (buffer,) = codec.encode(np.arange(100_000))
    assert not codec.decode(tag, body, [bytes(buffer)]).flags.writeable
    assert codec.decode(tag, body, [bytearray(buffer)]).flags.writeable


@pytest.mark.parametrize("size", [3, 40_000])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: np.arange(n, dtype="<i8"),
        lambda n: np.arange(n, dtype=">f4"),
        lambda n: np.arange(n) % 2 == 0,
        lambda n: np.arange(n) + 1j,
        lambda n: np.arange(n).astype("M8[ms]"),
        lambda n: np.arange(n).astype("m8[D]"),
        lambda n: np.arange(n).astype("U6"),
        lambda n: np.arange(n).astype("S6"),
        lambda n: np.arange(n).astype("f2"),
        lambda n: np.arange(2 * n).reshape(2, n),
        lambda n: np.arange(2 * n).reshape(2, n, order="F"),
        lambda n: np.arange(2 * n).reshape(n, 2).T,
        lambda n: np.arange(3 * n)[::3],
        lambda n: np.arange(n)[::-1],
        lambda n: np.broadcast_to(np.arange(n), (2, n)),
        lambda n: np.zeros(n, [("a", "<i4"), ("b", ">f8", (2, 3)), ("c", [("d", "S3")])]),
        lambda n: np.zeros(n, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        lambda n: np.zeros(n, [(("title", "name"), "i4")]),
        lambda n: np.zeros(n, "V7"),
        lambda n: np.zeros((n, 0, 3)),
        lambda n: np.zeros((0, n), order="F"),
        lambda n: np.array(n),
        lambda n: np.array(n, "M8[s]"),
        lambda n: np.zeros((), [("a", "i4", (n,))]),
        lambda n: np.zeros(n, "S0"),
        lambda n: np.float32(n),
        lambda n: np.int64(n),
        lambda n: np.bool_(True),
        lambda n: np.datetime64(n, "s"),
        lambda n: np.str_("x" * n),
        lambda n: np.zeros(1, [("a", "i4", (n,))])[0],
    ],
)
def test_arrays_and_scalars_come_back(make: Any, size: int) -> None:
    """Whatever its dtype, shape and layout, an array has the same dtype, shape, order and items."""
    value = make(size)
    back = roundtrip([value])[0]
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()
    contiguous = value.flags.f_contiguous or value.flags.c_contiguous
    assert not contiguous or back.flags.f_contiguous == value.flags.f_contiguous


def test_a_field_typed_as_an_array_takes_arrays_only() -> None:
    """A body with something else in that field does not become a message."""
    image = Image(np.arange(3), "x")
    assert roundtrip(image).pixels.tolist() == [0, 1, 2]
    with pytest.raises(MessageDecodeError, match=r"Image.pixels"):
        codec.decode(codec.encode(image).tag, codec.encode([[1], "x"]).body)


@pytest.mark.parametrize(
    "header",
    [
        [],
        ["<i4", [1], "C", False],
        ["O", [1], "C", False, bytes(8)],
        ["<i4", [1], "C", False, bytes(8)],
        ["<i4", [-1], "C", False, bytes(4)],
        ["<i4", [-1, -1], "C", False, bytes(4)],
        ["<i4", [2**70], "C", False, bytes(4)],
        ["<i4", [2**40, 2**40, 0], "C", False, b""],
        ["<i4", [1.0], "C", False, bytes(4)],
        ["<i4", [True], "C", False, bytes(4)],
        ["<i4", [1] * 100, "C", False, bytes(4)],
        ["<i4", 1, "C", False, bytes(4)],
        ["<i4", [1], "K", False, bytes(4)],
        ["<i4", [1], "C", False, 0],
        ["<i4", [1], "C", False, -1],
        ["<i4", [1], "C", False, None],
        ["<i4", [1], "C", False, "abcd"],
        ["T", [1], "C", False, bytes(16)],
        [[["a", "O"]], [1], "C", False, bytes(8)],
        [[["a", [["b", "O"]]]], [1], "C", False, bytes(8)],
        [[["a", "T"]], [1], "C", False, bytes(16)],
        [[["a"]], [1], "C", False, bytes(8)],
        [[1], [1], "C", False, bytes(8)],
        [{}, [1], "C", False, bytes(8)],
        ["(2,)<i4", [1], "C", False, bytes(8)],
        ["no such type", [1], "C", False, bytes(8)],
        ["<M8[parsecs]", [1], "C", False, bytes(8)],
        ["V99999999999", [1], "C", False, bytes(8)],
        [["<i4"] * 1000, [1], "C", False, bytes(8)],
    ],
    ids=repr,
)
def test_a_malformed_array_is_a_decode_error(header: list[Any]) -> None:
    """Header and data of an array are checked against each other before anything is allocated."""
    payload = codec.encode(header).body
    body = bytes([0xC9]) + len(payload).to_bytes(4, "big") + bytes([15]) + payload
    with pytest.raises(MessageDecodeError):
        codec.decode(None, body)


@pytest.mark.parametrize("buffers", [[], [BIG, BIG], [b"x", BIG], [BIG[:-8]], [BIG + b"12345678"]])
def test_a_missing_or_wrong_buffer_is_noticed(buffers: list[bytes]) -> None:
    """An array whose buffer is missing or of another length does not come into being."""
    tag, body, _ = codec.encode(np.zeros(len(BIG) // 8))
    if buffers and buffers[0] == BIG:
        codec.decode(tag, body, buffers)
    else:
        with pytest.raises(MessageDecodeError):
            codec.decode(tag, body, buffers)


def test_a_buffer_is_used_once() -> None:
    """A body of a few bytes cannot copy one buffer many times."""
    _, body, buffers = codec.encode([bytearray(BIG), bytearray(BIG)])
    twice = body.replace((1).to_bytes(4, "big"), (0).to_bytes(4, "big"))
    with pytest.raises(MessageDecodeError, match="used twice"):
        codec.decode(None, twice, buffers)


def test_buffers_are_counted_and_weighed() -> None:
    """The size limit holds for body and buffers together, and there is a limit on their number."""
    few = Codec(limits=Limits(buffers=2, message_bytes=3 * len(BIG)))
    assert len(few.encode([BIG, BIG]).buffers) == 2
    with pytest.raises(MessageTooLargeError) as caught:
        few.encode([BIG] * 3)
    assert (caught.value.limit, caught.value.unit) == (2, "buffers")
    small = Codec(limits=Limits(message_bytes=2 * len(BIG)))
    with pytest.raises(MessageTooLargeError) as caught:
        small.encode([BIG] * 2)
    small_body = codec.encode([BIG] * 2).body
    assert caught.value.size == len(small_body) + 2 * len(BIG)
    with pytest.raises(MessageDecodeError, match="more than"):
        small.decode(None, small_body, [BIG, BIG])
    with pytest.raises(MessageDecodeError, match="3 buffers"):
        few.decode(None, b"\xc0", [b"", b"", b""])


def test_numpy_is_imported_only_when_an_array_arrives() -> None:
    """Importing the package, sending and refusing values leaves NumPy alone."""
    payload = codec.encode(np.arange(3)).body
    script = f"""
import sys
from serialization import Codec, SerializationError
codec = Codec()
codec.decode(*codec.encode([1, {{2}}, b"x"]))
try:
    codec.encode(object())
except SerializationError:
    pass
assert "numpy" not in sys.modules
print(codec.decode(None, {payload!r}).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[0, 1, 2]\n", done.stderr
