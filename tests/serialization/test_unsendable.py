"""What cannot be sent raises a SerializationError that says what it is, where, and what to do."""

from __future__ import annotations

import array
import collections
import datetime as dt
import enum
import threading
import types
from dataclasses import dataclass
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy as np
import pytest

from serialization import (
    ActorsError,
    Codec,
    Limits,
    Message,
    MessageTooLargeError,
    SerializationError,
    register,
)
from tests.serialization.samples import (
    Anything,
    Basket,
    Derived,
    Empty,
    Holder,
    NoFunds,
    Plain,
    Stranger,
    codec,
)


class Pair(NamedTuple):
    x: int


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Colour(enum.Enum):
    RED = 1


@register
@dataclass
class Wrapped:
    inner: Any


class OopsError(Exception):
    pass


class Moment(dt.datetime):
    pass


UNSENDABLE: dict[str, tuple[Any, str]] = {
    "object": (object(), "cannot be sent; what can is"),
    "function": (len, "cannot be sent; what can is"),
    "module": (types, "cannot be sent; what can is"),
    "class": (int, "cannot be sent; what can is"),
    "lock": (threading.Lock(), "cannot be sent; what can is"),
    "generator": ((n for n in ()), "cannot be sent; what can is"),
    "complex": (1j, "cannot be sent; what can is"),
    "range": (range(3), "cannot be sent; what can is"),
    "memoryview": (memoryview(b"x"), "cannot be sent; what can is"),
    "array.array": (array.array("i", [1]), "cannot be sent; what can is"),
    "deque": (collections.deque([1]), "cannot be sent; what can is"),
    "simple namespace": (types.SimpleNamespace(), "cannot be sent; what can is"),
    "ext": (msgspec.msgpack.Ext(1, b"\x90"), "cannot be sent; what can is"),
    "raw": (msgspec.Raw(b"\x90"), "cannot be sent; what can is"),
    "unset": (msgspec.UNSET, "cannot be sent; what can is"),
    "struct": (msgspec.defstruct("S", ["x"])(1), "cannot be sent; what can is"),
    "message itself": (Message(), "cannot be sent; what can is"),
    "base exception": (SystemExit(1), "cannot be sent; what can is"),
    "namedtuple": (Pair(1), "not a plain tuple"),
    "str subclass": (Text("x"), "not a plain str"),
    "int subclass": (Number(1), "not a plain int"),
    "float subclass": (type("F", (float,), {})(1.0), "not a plain float"),
    "bytes subclass": (type("B", (bytes,), {})(b""), "not a plain bytes"),
    "list subclass": (type("L", (list,), {})(), "not a plain list"),
    "ordered dict": (collections.OrderedDict(a=1), "not a plain dict"),
    "counter": (collections.Counter("a"), "not a plain dict"),
    "defaultdict": (collections.defaultdict(int), "not a plain dict"),
    "set subclass": (type("S", (set,), {})(), "not a plain set"),
    "datetime subclass": (Moment(2024, 1, 1), "not a plain datetime"),
    "dataclass": (Stranger(), r"register\(Stranger\)"),
    "attrs": (attrs.make_class("Attrs", ["x"])(1), r"register\(Attrs\)"),
    "enum": (Colour.RED, r"register\(Colour\)"),
    "exception": (OopsError("x"), r"register\(OopsError\)"),
    "group with an unregistered one": (
        ExceptionGroup("g", [OopsError()]),
        r"register\(OopsError\)",
    ),
    "object array": (np.array([object()]), "holds references"),
    "nested object array": (np.zeros(1, [("a", [("b", "O")])]), "holds references"),
    "string array": (np.array(["a"], np.dtypes.StringDType()), "holds references"),
    "matrix": (np.ma.masked_array([1]), "cannot be sent"),
    "record": (np.rec.array([(1,)], [("a", "i4")])[0], "cannot be sent"),
    "array subclass": (np.rec.array([(1,)], [("a", "i4")]), "cannot be sent"),
}


@pytest.mark.parametrize(("value", "why"), UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_the_error_names_the_type(value: Any, why: str) -> None:
    """Alone or inside, an unsendable value is named by its type; also a TypeError."""
    for root in (value, [value], (1, value), {"k": value}, Anything(value)):
        with pytest.raises(TypeError, match=why) as caught:
            codec.encode(root)
        assert isinstance(caught.value, SerializationError | ActorsError)
        assert caught.value.path or root is value or isinstance(value, ExceptionGroup)


@pytest.mark.parametrize(
    ("root", "path"),
    [
        (Anything([1, 2, 3, object()]), "Anything.value[3]"),
        (Holder(1, Derived({"a": (1, [object()])})), "Holder.base.value['a'][1][0]"),
        ([{"k" * 100: object()}], f"list[0]['{'k' * 40}...']"),
        ({3: {None: object()}}, "dict[3][None]"),
        ({(1, 2): object()}, "dict[<tuple>]"),
        ({object(): 1}, "dict.key"),
        ({(object(),): 1}, "dict.key[0]"),
        ({object()}, "set.element"),
        (Basket(anything=object()), "Basket.anything"),
        (ValueError(1, [object()]), "ValueError.args[1][0]"),
        (NoFunds(1, account=object()), "NoFunds.account"),  # type: ignore[arg-type]
        (Plain(object()), "Plain.number"),  # type: ignore[arg-type]
        (Plain(1, names=[object()]), "Plain.names[0]"),  # type: ignore[list-item]
        (Plain(1, table={"a": object()}), "Plain.table['a']"),  # type: ignore[dict-item]
        (object(), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_error_says_where(root: Any, path: str) -> None:
    """The path leads from the value that was given to the part that cannot be sent."""
    with pytest.raises(SerializationError) as caught:
        codec.encode(root)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: a object" if path else "a object")


def test_a_long_path_is_shortened() -> None:
    """The path of a part deep inside keeps its beginning and its end."""
    value: Any = object()
    for _ in range(50):
        value = {"some-key": value}
    with pytest.raises(SerializationError) as caught:
        codec.encode(value)
    assert caught.value.path.startswith("dict['some-key']")
    assert caught.value.path.endswith("['some-key']")
    assert len(caught.value.path) < 210


def cycles() -> dict[str, Any]:
    loop: list[Any] = []
    loop.append(loop)
    table: dict[str, Any] = {}
    table["a"] = [table]
    basket = Basket()
    basket.anything = (basket,)
    error = ValueError()
    error.args = (error,)
    inner: list[Any] = []
    message = Anything(inner)
    inner.append(message)
    return {
        "list": loop,
        "dict": table,
        "dataclass": basket,
        "exception": error,
        "message": message,
    }


@pytest.mark.parametrize("value", cycles().values(), ids=cycles().keys())
def test_a_cycle_is_refused(value: Any) -> None:
    """A value that contains itself raises the error, not a RecursionError, and says so."""
    for root in (value, [1, value]):
        with pytest.raises(SerializationError, match="contains itself") as caught:
            codec.encode(root)
        assert caught.value.path.startswith(type(root).__name__)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v: [v],
        lambda v: (v,),
        lambda v: {"a": v},
        lambda v: frozenset([v]),
        lambda v: {b"k": v},
        Anything,
        lambda v: ValueError(v),
        Wrapped,
    ],
    ids=["list", "tuple", "dict", "frozenset", "pairs", "message", "exception", "dataclass"],
)
def test_nesting_has_a_limit_that_both_sides_agree_on(wrap: Any) -> None:
    """As deep as the limit a value is sent and received, one level deeper it is refused."""
    value: Any = 1
    for _ in range(64):
        value = wrap(value)
    depth = 0
    back = codec.decode(*codec.encode(value))
    while back != 1 and depth < 100:
        back, depth = _inside(back), depth + 1
    assert depth == 64
    with pytest.raises(SerializationError, match="nested deeper than 64 levels"):
        codec.encode(wrap(value))
    deep = value
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(SerializationError, match="nested deeper than 64 levels"):
        codec.encode(deep)


def _inside(value: Any) -> Any:
    if isinstance(value, Anything):
        return value.value
    if isinstance(value, ValueError):
        return value.args[0]
    if isinstance(value, Wrapped):
        return value.inner
    return next(iter(value.values() if isinstance(value, dict) else value))


def test_a_leaf_may_stand_at_the_deepest_level() -> None:
    """The limit counts collections: the innermost one may hold any value without parts."""
    for leaf in (dt.date(2024, 1, 1), 2**80, b"x" * 70_000, np.arange(3.0)[0]):
        value: Any = leaf
        for _ in range(64):
            value = (value,)
        back = codec.decode(*codec.encode(value))
        for _ in range(64):
            (back,) = back
        assert back == leaf


def test_a_plain_message_at_the_deepest_level() -> None:
    """The fast way of a nested message counts the depth of its fields as well."""
    for levels, fits in ((62, True), (63, False)):
        value: Any = Plain(1, names=["x"])
        for _ in range(levels):
            value = (value,)
        if fits:
            assert codec.decode(*codec.encode(value)) == value
        else:
            with pytest.raises(SerializationError, match="deeper"):
                codec.encode(value)


def test_what_is_shared_many_times_over_ends_at_the_size_limit() -> None:
    """A small value that would unfold to 2**40 parts is refused soon."""
    value: Any = [None] * 2
    for _ in range(40):
        value = [value, value]
    with pytest.raises(MessageTooLargeError, match="send it in parts"):
        Codec(limits=Limits(message_bytes=10_000)).encode(value)


def test_code_of_the_users_that_fails_is_reported() -> None:
    """An exception from a tzinfo becomes the error, with its cause."""

    class Zone(dt.tzinfo):
        def utcoffset(self, value: object) -> dt.timedelta:
            raise RuntimeError("no idea")

    with pytest.raises(SerializationError, match="no idea") as caught:
        codec.encode(dt.datetime(2024, 1, 1, tzinfo=Zone()))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_empty_message_is_no_problem() -> None:
    """After all these refusals the codec still works."""
    assert codec.decode(*codec.encode(Empty())) == Empty()
