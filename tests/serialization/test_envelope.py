"""Envelopes: what `pack` writes `unpack_all` reads, one after the other, and nothing else."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serialization import (
    REPEATABLE_BYTES,
    Envelope,
    EnvelopeError,
    Limits,
    MessageDecodeError,
    pack,
    pack_repeat,
    split_repeat,
    unpack_all,
    unpack_repeat,
)

envelopes = st.tuples(
    st.integers(0, 255),
    st.text(max_size=5),
    st.none() | st.text(max_size=5),
    st.integers(0, 2**64 - 1),
    st.sampled_from([None, "", "a" * 300]),
    st.binary(max_size=9),
    st.integers(0, 1024),
).map(Envelope._make)

GOOD = Envelope(1, "bank/alice#7", None, 42, "bank.Deposit", b"\x91\x03", 0)


@given(st.lists(envelopes, max_size=3))
def test_a_batch_comes_back_in_order(batch: list[Envelope]) -> None:
    """Any envelopes, packed and joined, are read again, each as a plain tuple."""
    records = b"".join(pack(*envelope) for envelope in batch)
    for given_records in (records, bytearray(records), memoryview(records)):
        assert list(unpack_all(given_records)) == batch


def test_envelopes_are_streamed() -> None:
    """What comes before a malformed envelope is good."""
    records = pack(*GOOD) * 3 + b"\xc1"
    stream = unpack_all(records)
    assert [next(stream) for _ in range(3)] == [GOOD] * 3
    with pytest.raises(EnvelopeError):
        next(stream)


def test_a_bad_body_spoils_no_neighbour() -> None:
    """The body is opaque bytes: what is in it does not matter here."""
    odd = GOOD._replace(body=b"\xc1\xff\xdd\xff\xff\xff\xff")
    assert list(unpack_all(pack(*GOOD) + pack(*odd) + pack(*GOOD))) == [GOOD, odd, GOOD]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        list(GOOD)[:-1],
        [*GOOD, 1],
        ["x", *GOOD[1:]],
        [True, *GOOD[1:]],
        [1, None, *GOOD[2:]],
        [1, b"a", *GOOD[2:]],
        [1, "a", 3, *GOOD[3:]],
        [1, "a", None, None, *GOOD[4:]],
        [1, "a", None, 1.0, *GOOD[4:]],
        [1, "a", None, 1, b"t", b"", 0],
        [1, "a", None, 1, "t", "", 0],
        [1, "a", None, 1, "t", None, 0],
        [1, "a", None, 1, "t", b"", "0"],
        [1, "a", None, 1, "t", b"", -1],
        [1, "a", None, 1, "t", b"", 1025],
        [1, "a", None, 1, "t", [], 0],
        {"kind": 1},
        3,
        "abcdefg",
        None,
        [[[1]]],
        {},
    ],
    ids=repr,
)
def test_wrong_fields_are_refused(fields: Any) -> None:
    """Wrong number, order or types of fields are an EnvelopeError, itself a MessageDecodeError."""
    with pytest.raises(EnvelopeError) as caught:
        list(unpack_all(pack(*GOOD) + msgpack.packb(fields)))
    assert isinstance(caught.value, MessageDecodeError)


def test_every_cut_is_noticed() -> None:
    """A batch that ends within an envelope is an error, wherever it is cut."""
    records = pack(*GOOD)
    for end in range(1, len(records)):
        stream = unpack_all(records + records[:end])
        assert next(stream) == GOOD
        with pytest.raises(EnvelopeError):
            next(stream)
    assert list(unpack_all(b"")) == []


@given(st.binary(max_size=100))
def test_random_bytes_raise_the_declared_error_only(records: bytes) -> None:
    """Random bytes are envelopes or an EnvelopeError."""
    for given_records in (records, pack(*GOOD) + records):
        with contextlib.suppress(EnvelopeError):
            list(unpack_all(given_records))


@pytest.mark.parametrize(
    "records",
    [
        b"\xdd\xff\xff\xff\xff" * 13_000,
        b"\x97" * 65_000,
        b"\x91" * 65_000,
        b"\x97\x01\xdb\xff\xff\xff\xff",
        b"\x97\x01\xa1a\xc0\x01\xc0\xc6\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ],
)
def test_declared_lengths_cost_nothing(records: bytes) -> None:
    """Huge declared lengths and deep nesting end in the error, in bounded memory."""
    tracemalloc.start()
    try:
        with pytest.raises(EnvelopeError):
            list(unpack_all(records))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000 + 20 * len(records)


def test_limits_hold_for_each_envelope() -> None:
    """A body above the limit, or with too many buffers, is refused."""
    limits = Limits(message_bytes=10, buffers=2)
    assert list(unpack_all(pack(1, "a", None, 0, None, b"x" * 10, 2), limits))
    for body, buffers in ((b"x" * 11, 0), (b"", 3)):
        with pytest.raises(EnvelopeError):
            list(unpack_all(pack(1, "a", None, 0, None, body, buffers), limits))


def test_a_large_body_passes() -> None:
    """A body may be as large as the limit of a message."""
    body = bytes(8 * 1024 * 1024)
    ((*_, received, _),) = unpack_all(pack(1, "a", None, 0, None, body, 0))
    assert received == body


# --- repeats


@given(st.lists(st.binary(max_size=REPEATABLE_BYTES), max_size=4), st.booleans())
def test_repeats_stand_for_whole_envelopes(bodies: list[bytes], answered: bool) -> None:
    """All but the body, and the correlation where there is one, is that of the one before."""
    first = GOOD._replace(correlation=7 if answered else 0)
    numbers = [8 + number if answered else 0 for number in range(len(bodies))]
    records = pack(*first) + b"".join(map(pack_repeat, numbers, bodies))
    for count in (None, 1 + len(bodies)):
        [whole, *repeats] = unpack_all(records, count=count)
        assert whole == first
        for repeat, number, body in zip(repeats, numbers, bodies, strict=True):
            assert isinstance(repeat, bytes)
            expected = first._replace(correlation=number, body=body)
            assert unpack_repeat(repeat, first) == expected
            assert not answered or split_repeat(repeat) == (number, body)


@pytest.mark.parametrize(
    ("repeat", "before"),
    [
        (b"body", None),
        (b"body", GOOD._replace(buffers=1)),
        (b"1234567", GOOD),
    ],
)
def test_a_repeat_needs_something_to_repeat(repeat: bytes, before: Envelope | None) -> None:
    """An envelope, without buffers, and its own correlation where that has one."""
    with pytest.raises(EnvelopeError, match="a repeat"):
        unpack_repeat(repeat, before)


def test_a_batch_of_very_many_records_is_taken_one_by_one() -> None:
    """Two bytes each would be a hundred times as much, all at once."""
    count = 2**20 + 1
    records = pack(1, "a#1", None, 0, None, b"", 0) + pack_repeat(0, b"") * (count - 1)
    tracemalloc.start()
    try:
        taken = sum(1 for _ in unpack_all(records, count=count))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken == count
    assert peak < 5 * len(records)
