"""Which values fit which annotations."""

from __future__ import annotations

import collections
import pathlib
import typing
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, ClassVar, Final, Literal, NewType, Protocol, TypedDict, TypeVar

import msgspec
import pytest

from serialization.checks import check_for
from tests.serialization.samples import Colour, Derived, Holder, Level, Mode


class HasName(Protocol):
    name: str


class Movie(TypedDict):
    title: str
    year: typing.NotRequired[int]


UserId = NewType("UserId", int)
Bound = TypeVar("Bound", bound=int)
Constrained = TypeVar("Constrained", int, str)
Free = TypeVar("Free")
Positive = Annotated[int, msgspec.Meta(gt=0)]

FITS: list[tuple[Any, list[Any], list[Any]]] = [
    (Any, [1, None, ...], []),
    (object, [1, None], []),
    (None, [None], [0, False]),
    (int, [1, True, 2**80, Level.LOW], [1.0, "1", None]),
    (float, [1.0, 1, True], ["1", None, 1j]),
    (complex, [1j, 1.0, 1], ["1"]),
    (bool, [True], [1, None]),
    (str, ["", Mode.FAST], [b"", None]),
    (bytes, [b""], ["", bytearray()]),
    (pathlib.Path, [pathlib.Path("a")], ["a", pathlib.PurePosixPath("a")]),
    (Colour, [Colour.RED], ["RED", 1]),
    (int | None, [1, None], ["x", 1.5]),
    (typing.Optional[int], [1, None], ["x"]),  # noqa: UP045
    (typing.Union[int, str], [1, "x"], [None]),  # noqa: UP007
    (int | Any, [1, "x"], []),
    (list, [[], [...]], [(), {}]),
    (list[int], [[], [1]], [(1,), ["x"], {1}]),
    (list[Any], [[], [...]], [()]),
    (list[list[int]], [[[1], []]], [[1], [["x"]]]),
    (tuple, [(), (1,)], [[]]),
    (tuple[int, str], [(1, "x")], [(1,), (1, 2), [1, "x"], (1, "x", 2)]),
    (tuple[int, ...], [(), (1, 2)], [("x",), [1]]),
    (tuple[()], [()], [(1,)]),
    (tuple[Any, int], [("x", 1)], [(1, "x")]),
    (tuple[int, *tuple[str, ...]], [(1, "x")], [[1]]),
    (tuple[int, typing.Unpack[tuple[str, ...]]], [(1, "x")], [[1]]),  # noqa: UP044
    (set[int], [set(), {1}], [{"x"}, frozenset({1}), [1]]),
    (frozenset[int], [frozenset({1})], [{1}]),
    (AbstractSet[int], [{1}, frozenset({1})], [[1], {"x"}]),
    (dict[str, int], [{}, {"a": 1}], [{"a": "b"}, {1: 1}, []]),
    (dict[str, Any], [{"a": ...}], [{1: 1}]),
    (Mapping[Any, int], [{(): 1}], [{"a": "b"}]),
    (Sequence[int], [[1], (1,)], [{1}, ["x"], 1]),
    (Iterable[int], [[1], {1}], [["x"], 1]),
    (Hashable, [1, ()], [[]]),
    (collections.OrderedDict[str, int], [], [{"a": 1}]),
    (Literal["a", 1, None], ["a", 1, None], ["b", 1.0, True, 2]),
    (Annotated[int, "note"], [1], ["x"]),
    (Positive, [1], [0, "x", -(2**70)]),
    (list[Positive], [[1]], [[0]]),
    (Annotated[list[int], msgspec.Meta(max_length=1)], [[], [1]], [[1, 2], ["x"]]),
    (Annotated[HasName, msgspec.Meta(description="x")], [1], []),
    (UserId, [1], ["x"]),
    (Bound, [1], ["x"]),
    (Constrained, [1, "x"], [1.5]),
    (Free, [1, "x", None], []),
    (ClassVar[int], [1], ["x"]),
    (Final[int], [1], ["x"]),
    (Callable[[int], str], [len], [1]),
    (HasName, [1, "x"], []),
    (Holder[int], [Holder(1)], [Derived(1)]),
    (type[int], [int], [1]),
    (
        Movie,
        [{"title": "x"}, {"title": "x", "year": 1}],
        [{}, {"title": 1}, {"title": "", "a": 1}, []],
    ),
    (list[Movie], [[{"title": "x"}]], [[{}]]),
    (typing.NamedTuple("Pair", [("x", int)]), [], [(1,)]),
    (typing.LiteralString, ["x", 1], []),
]


@pytest.mark.parametrize(("annotation", "fitting", "others"), FITS, ids=lambda v: str(v)[:40])
def test_an_annotation_takes_what_a_type_checker_would(
    annotation: Any, fitting: list[Any], others: list[Any]
) -> None:
    """Values fit an annotation as they do for a type checker, and are not converted for it."""
    check = check_for(annotation)
    assert all(check is None or check(value) for value in fitting)
    assert not any(check is None or check(value) for value in others)


@pytest.mark.skipif(not hasattr(typing, "TypeAliasType"), reason="needs `type` statements (3.12)")
def test_named_aliases_may_be_recursive() -> None:
    """A `type Json = ...` that mentions itself is checked all through."""
    names: dict[str, Any] = {}
    exec("type Json = dict[str, Json] | list[Json] | str | int | None", names)
    check = check_for(names["Json"])
    assert check is not None
    assert check({"a": [1, {"b": None}]})
    assert not check({"a": [1, {"b": 1.5}]})
