"""Classes, values and strategies that several tests of this folder use."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import attrs
import numpy as np
from hypothesis import strategies as st

from serialization import Codec, Message, Refusal, register

T = TypeVar("T")


class Plain(Message[int]):
    """Goes the fast way."""

    number: int
    text: str = "x"
    ratio: float = 0.0
    flag: bool = False
    maybe: int | None = None
    names: list[str] = []
    table: dict[str, float] = {}
    data: bytes = b""


class Anything(Message[object]):
    """Goes the exact way."""

    value: Any = None


class Holder(Message[None], Generic[T]):
    item: T
    base: Anything | None = None


class Derived(Anything):
    more: int = 0


class Shapes(Message[None]):
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    unique: set[int] = set()
    fixed: frozenset[str] = frozenset()
    buffer: bytearray = bytearray()
    when: dt.datetime | None = None
    row: Sequence[int] = ()
    nested: dict[str, list[tuple[int, ...]]] = {}


class Empty(Message[None]):
    pass


@register
class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"
    CRIMSON = 1  # noqa: PIE796 - an alias


@register
class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@register
class Mode(enum.StrEnum):
    FAST = "fast"


@register
class Right(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


@register
@dataclass(frozen=True)
class Money:
    amount: decimal.Decimal
    currency: str = "EUR"


@register
@dataclass(slots=True)
class Basket:
    items: list[Money] = field(default_factory=list)
    total: int = field(init=False, default=0)
    anything: Any = None


@register(tag="samples.point")
@attrs.frozen
class Point:
    x: int
    y: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))


@register
@attrs.define
class Track:
    points: list[Point]
    _hidden: str = "h"
    length: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.length = len(self.points)


class NoFunds(Refusal):
    def __init__(self, missing: int, *, account: str) -> None:
        super().__init__(missing)
        self.missing = missing
        self.account = account


@register
class BadConfigError(Exception):
    def __init__(self, where: dict[str, int]) -> None:
        super().__init__("bad config", where)
        self.where = where


@dataclass
class Stranger:
    """Never registered."""

    x: int = 0


def _real(value: object) -> bool:
    """Whether a value is equal to itself, all through: NaN as a key compares by identity."""
    if isinstance(value, tuple | frozenset):
        return all(map(_real, value))
    if isinstance(value, decimal.Decimal) and value.is_snan():
        return False  # cannot be hashed
    return bool(value == value)


codec = Codec()

ZONES = [zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("America/New_York")]

texts = st.text(st.characters(exclude_categories=()), max_size=5)  # surrogates included
integers = st.one_of(
    st.integers(), st.integers(-(2**200), 2**200), st.just(2**63), st.just(-(2**64))
)
offsets = st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)).map(dt.timezone)
time_zones = st.one_of(st.none(), st.sampled_from(ZONES), offsets)
moments = st.datetimes(timezones=time_zones, allow_imaginary=False)
paths = st.builds(
    lambda cls, parts: cls(*parts),
    st.sampled_from([pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath]),
    st.lists(st.text("ab./ \udc80é", min_size=1, max_size=5), max_size=3),
)
dtypes = st.sampled_from(["<i4", ">f8", "|b1", "<c16", "<U3", "|S4", "<M8[ns]", "<u2"])
arrays = st.builds(
    lambda dtype, shape, order: np.zeros(shape, dtype, order=order),
    dtypes,
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from("CF"),
)
hashable_leaves = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    st.floats(),
    texts,
    st.binary(max_size=20),
    moments,
    st.dates(),
    st.times(timezones=st.one_of(st.none(), offsets)),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=True),
    paths,
    st.sampled_from([*Colour, *Level, *Mode]),
    st.builds(Right, st.integers(0, 3)),
    st.builds(Money, st.decimals(allow_nan=False), texts),
    st.builds(Point, st.integers(), st.integers()),
    st.builds(Empty),
)
leaves = st.one_of(
    hashable_leaves,
    st.binary(max_size=20).map(bytearray),
    arrays,
    st.builds(lambda n, t: ValueError(n, t), integers, texts),
    st.builds(lambda n, t: NoFunds(n, account=t), integers, texts),
)
keys = hashable_leaves.filter(_real)
hashables = st.one_of(keys, st.tuples(keys, keys), st.frozensets(keys, max_size=2))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(hashables, inner, max_size=4),
        st.sets(hashables, max_size=4),
        st.frozensets(hashables, max_size=4),
        st.builds(Anything, inner),
        st.builds(Derived, inner, st.integers()),
        st.builds(Holder, inner, st.builds(Derived, inner)),
        st.builds(lambda x: Basket(anything=x), inner),
        st.builds(lambda x: BadConfigError({"a": 1, "b": x}), inner),
    ),
    max_leaves=8,
)


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same type, all through; NaN is equal to NaN."""
    if type(left) is not type(right):
        return False
    parts = _parts(left)
    if parts is None:
        return _same_leaf(left, right)
    others = _parts(right)
    return len(parts) == len(others) and all(map(same, parts, others))


def _parts(value: Any) -> list[Any] | None:
    if isinstance(value, list | tuple):
        return list(value)
    if type(value) is dict:
        return [part for item in value.items() for part in item]
    if isinstance(value, set | frozenset):
        return sorted(value, key=lambda item: (type(item).__name__, repr(item)))
    if isinstance(value, Message):
        return [getattr(value, name) for name in value.__struct_fields__]
    if dataclasses.is_dataclass(value):
        return [getattr(value, each.name) for each in dataclasses.fields(value)]
    if isinstance(value, BaseException):
        state = {name: part for name, part in vars(value).items() if name != "__notes__"}
        return [*value.args, state, getattr(value, "__notes__", [])]
    return None


def _same_leaf(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray | np.generic):
        return (
            left.dtype == right.dtype
            and left.shape == right.shape
            and left.flags.f_contiguous == right.flags.f_contiguous
            and left.tobytes() == right.tobytes()
        )
    if isinstance(left, float):
        return repr(left) == repr(right)
    if isinstance(left, decimal.Decimal):
        return left.as_tuple() == right.as_tuple()
    if isinstance(left, dt.datetime | dt.time):
        return (
            left.replace(tzinfo=None) == right.replace(tzinfo=None)
            and left.fold == right.fold
            and left.utcoffset() == right.utcoffset()
            and getattr(left.tzinfo, "key", None) == getattr(right.tzinfo, "key", None)
        )
    return bool(left == right)


def roundtrip(value: Any, using: Codec = codec) -> Any:
    """The value after a way over the wire, its buffers included."""
    return using.decode(*using.encode(value))


CASES: dict[str, Any] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "largest 64 bit": 2**64 - 1,
    "smallest 64 bit": -(2**63),
    "above 64 bit": 2**64,
    "below 64 bit": -(2**63) - 1,
    "huge int": -(7**3000),
    "float": 1.5,
    "float of an integer": 3.0,
    "negative zero": -0.0,
    "nan": float("nan"),
    "infinity": float("-inf"),
    "str": "grüße 🎈",
    "lone surrogate": "a\udc80b\ud800",
    "empty str": "",
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"\x00\xff"),
    "list": [1, "a", [None]],
    "tuple": (1, (2, ()), [3, (4,)]),
    "dict": {"a": 1, 2: (3,), None: [4], True: 5, 1.5: 6},
    "dict with tuple keys": {(1, "a"): {"b": (2,)}, frozenset({1}): 2, b"k": 3},
    "dict with date keys": {dt.date(2024, 1, 1): 1, Colour.RED: 2, Money(decimal.Decimal(1)): 3},
    "set": {1, "a", (2, 3), frozenset({4})},
    "empty set": set(),
    "frozenset": frozenset({1, 2}),
    "naive datetime": dt.datetime(2024, 2, 29, 1, 2, 3, 4),
    "utc": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    "offset": dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5, seconds=7))),
    "zone": dt.datetime(2024, 7, 1, 12, tzinfo=ZONES[0]),
    "zone, first of two hours": dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZONES[0]),
    "zone, second of two hours": dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZONES[0], fold=1),
    "zone, hour that is skipped": dt.datetime(2024, 3, 31, 2, 30, tzinfo=ZONES[0]),
    "folded naive": dt.datetime(2024, 1, 1, fold=1),
    "offset of a microsecond": dt.datetime(
        2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(microseconds=1))
    ),
    "first datetime": dt.datetime.min,
    "last datetime": dt.datetime.max,
    "date": dt.date(1, 1, 1),
    "time": dt.time(23, 59, 59, 999999),
    "time with offset": dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "time with zone": dt.time(1, tzinfo=ZONES[0], fold=1),
    "timedelta": dt.timedelta(days=-999999999, microseconds=5),
    "uuid": uuid.UUID(int=2**127 + 1),
    "decimal": decimal.Decimal("-1.500E+10"),
    "decimal nan": decimal.Decimal("-sNaN12"),
    "path": pathlib.Path("/tmp/ü\udc80"),
    "windows path": pathlib.PureWindowsPath("C:\\a\\b"),
    "posix path": pathlib.PurePosixPath("a/b"),
    "enum": Colour.BLUE,
    "enum alias": Colour.CRIMSON,
    "int enum": Level.HIGH,
    "str enum": Mode.FAST,
    "flag": Right.READ,
    "flags": Right.READ | Right.WRITE,
    "no flag": Right(0),
    "dataclass": Money(decimal.Decimal("1.10")),
    "dataclass with slots": Basket([Money(decimal.Decimal(1))], (1, {2})),
    "attrs": Point(1, 2),
    "attrs with private and late fields": Track([Point(1)], "secret"),
    "message": Plain(1, "ü", 1.5, True, 3, ["a"], {"k": 1.0}, b"x"),
    "message without fields": Empty(),
    "message in a message": Holder(Plain(1), Derived((1, 2), 3)),
    "shapes": Shapes(
        (1, "x"),
        (1, 2),
        {3},
        frozenset("ab"),
        bytearray(b"q"),
        dt.datetime(2024, 1, 1, tzinfo=ZONES[0]),
    ),
    "array": np.arange(6, dtype=">i4").reshape(2, 3),
    "scalar": np.float64(1.5),
}
