"""What is decoded is equal to what was encoded, and of the same type."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

import pytest
from hypothesis import given

from serialization import MessageDecodeError
from tests.serialization.samples import (
    CASES,
    Anything,
    Derived,
    Holder,
    Point,
    Track,
    codec,
    roundtrip,
    same,
    values,
)

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("value", CASES.values(), ids=CASES.keys())
def test_every_value_comes_back_untyped(value: Any) -> None:
    """A value sent by itself comes back equal and of the same type."""
    assert same(roundtrip(value), value)


@pytest.mark.parametrize("value", CASES.values(), ids=CASES.keys())
def test_every_value_comes_back_in_a_field_of_type_any(value: Any) -> None:
    """The same inside of a field that is typed Any, alone and within collections."""
    for message in (Anything(value), Anything([value]), Anything({"k": (value, [value])})):
        assert same(roundtrip(message), message)


@given(values)
def test_any_nesting_comes_back(value: Any) -> None:
    """Whatever sendable values are nested in whatever way, they come back the same."""
    assert same(roundtrip(value), value)


@given(values)
def test_any_nesting_comes_back_in_a_message(value: Any) -> None:
    """The same in fields, of a message that is itself in a list."""
    assert same(roundtrip([Holder(value, Derived(value))]), [Holder(value, Derived(value))])


def test_types_of_numbers_in_one_collection_stay_apart() -> None:
    """1, 1.0 and True are equal, but each keeps its type."""
    assert same(roundtrip([1, 1.0, True, (0, 0.0, False)]), [1, 1.0, True, (0, 0.0, False)])


def test_unknown_zone_keeps_the_moment() -> None:
    """A zone that the receiver does not know becomes the fixed offset that it had."""
    body = codec.encode(dt.datetime(2024, 7, 1, 12, tzinfo=BERLIN)).body
    foreign = body.replace(b"Europe/Berlin", b"Europe/Borlon")
    value = codec.decode(None, foreign)
    assert value == dt.datetime(2024, 7, 1, 12, tzinfo=BERLIN)
    assert value.utcoffset() == dt.timedelta(hours=2)


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "os.path", "a//b", ""])
def test_zone_keys_are_no_file_names(key: str) -> None:
    """A zone from the wire that is not a plain key is refused before it is looked up."""
    payload = bytes.fromhex("02000000000000000007e8070112000000000000") + f"{key}x.".encode()
    with pytest.raises(MessageDecodeError, match="time"):
        codec.decode(None, bytes([0xC7, len(payload), 8]) + payload)


def test_zone_with_other_rules_keeps_the_moment() -> None:
    """Where the receiver's rules for a zone differ, the moment counts and not the wall clock."""
    body = codec.encode(dt.datetime(2024, 7, 1, 12, tzinfo=BERLIN)).body
    value = codec.decode(None, body.replace(_micros(2), _micros(5)))
    assert value == dt.datetime(2024, 7, 1, 7, tzinfo=dt.UTC)
    assert value.tzinfo is BERLIN


def _micros(hours: int) -> bytes:
    return (hours * 3_600_000_000).to_bytes(8, "big")


def test_cached_hashes_are_made_anew() -> None:
    """An attrs class that caches its hash can be hashed after it came back."""
    assert hash(roundtrip(_Cached(3))) == hash(_Cached(3))


def test_attributes_beside_the_fields_stay_at_home() -> None:
    """Only the fields of a dataclass travel, not what else was put on the instance."""
    track = Track([Point(1)])
    assert roundtrip(track).length == 1


def _cached_class() -> Any:
    import attrs

    from serialization import register

    return register(attrs.make_class("_Cached", {"x": attrs.field()}, frozen=True, cache_hash=True))


_Cached = _cached_class()
