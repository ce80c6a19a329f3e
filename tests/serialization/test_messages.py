"""`Message`: construction, the two ways to its bytes, and validation of what arrives."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, TypedDict, TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serialization import Codec, Message, MessageDecodeError, SerializationError
from serialization.message import MessageMeta
from serialization.plans import plan_of
from serialization.registry import default_registry
from tests.serialization.samples import (
    Anything,
    Colour,
    Derived,
    Empty,
    Holder,
    Level,
    Mode,
    Plain,
    Shapes,
    codec,
    integers,
    roundtrip,
    same,
    texts,
)

if TYPE_CHECKING:
    from elsewhere import Unknown  # type: ignore[import-not-found]

T = TypeVar("T")
UserId = NewType("UserId", int)
encode = msgspec.msgpack.encode


class Deposit(Message[int]):
    amount: int


class Named(Message[None], tag="test.named"):
    reason: str = "x"


class Numbers(Message[None]):
    one: float
    many: list[float] = []
    table: dict[str, list[float]] = {}
    either: int | float = 0


class Constrained(Message[None]):
    count: Annotated[int, msgspec.Meta(ge=0)]
    label: Annotated[Sequence[int], msgspec.Meta(min_length=2)] = (1, 2)


class Strict(Message[None], forbid_unknown_fields=True):
    value: Any = None


class Checked(Message[None]):
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("value must not be negative")


class Keyword(Message[None], kw_only=True):
    first: int = 1
    second: Any


class Guarded(Message[None]):
    known: int
    unknown: Unknown
    choice: Literal["a", "b"] = "a"


class Movie(TypedDict, total=False):
    title: str
    year: int


class Wide(Message[None]):
    """Unions that msgspec has no decoder for."""

    text_or_bytes: str | bytes = ""
    messages: Deposit | Named | None = None
    arrays: list[int] | tuple[int, ...] = ()
    movie: Movie = {}
    user: UserId = UserId(1)
    rows: Sequence[Mapping[str, int]] = ()


def is_fast(cls: type) -> bool:
    return plan_of(default_registry.by_class[cls]).fast is not None


def test_fields_are_given_by_position_or_name() -> None:
    """A message is built like a dataclass, frozen, equal by value and hashable."""
    assert Deposit(3) == Deposit(amount=3) != Deposit(4)
    assert hash(Deposit(3)) == hash(Deposit(3))
    assert Named().reason == "x"
    with pytest.raises(AttributeError):
        Deposit(3).amount = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Deposit()  # type: ignore[call-arg]


def test_mutable_defaults_are_not_shared() -> None:
    """A list as a default is a new list for each message."""
    assert Plain(1).names is not Plain(1).names


def test_classes_differ_even_with_equal_fields() -> None:
    """A message of a subclass is not equal to one of its base, and keeps its class on the way."""
    assert Derived(1, 2) != Anything(1)
    assert type(roundtrip(Derived(1, 2))) is Derived


@pytest.mark.parametrize("option", [{"frozen": False}, {"array_like": False}, {"tag_field": "x"}])
def test_the_form_on_the_wire_is_fixed(option: dict[str, Any]) -> None:
    """Options that would change how a message is written are refused at definition."""
    with pytest.raises(TypeError, match="does not take"):
        MessageMeta("Odd", (Message,), {"__module__": __name__}, **option)


def test_only_plain_classes_go_the_fast_way() -> None:
    """What msgspec itself can do exactly is left to it, and nothing else."""
    assert all(map(is_fast, (Plain, Deposit, Named, Numbers, Empty)))
    assert not any(map(is_fast, (Anything, Holder, Shapes, Wide, Guarded)))


@given(
    integers,
    texts,
    st.floats(),
    st.lists(texts, max_size=3),
    st.dictionaries(texts, st.floats(), max_size=3),
)
def test_plain_fields_come_back_on_either_way(
    number: int, text: str, ratio: float, names: list[str], table: dict[str, float]
) -> None:
    """Integers of any size and any text come back in typed fields, the fast encoder or not."""
    message = Plain(number, text, ratio, names=names, table=table)
    assert same(roundtrip(message), message)


@given(st.integers(-(2**63), 2**63), st.text(), st.floats(allow_nan=False))
def test_both_ways_write_the_same_bytes(number: int, text: str, ratio: float) -> None:
    """The exact way writes what msgspec's encoder writes, wherever that one is exact."""
    message = Plain(number, text, ratio, names=[text], table={text: ratio}, data=text.encode())
    fields = [getattr(message, name) for name in Plain.__struct_fields__]
    assert codec.encode(message).body == encode(message) == encode(fields)


@pytest.mark.parametrize(
    "message",
    [
        Deposit(True),
        Deposit(Level.HIGH),
        Named(Mode.FAST),
        Plain(1, names=[Mode.FAST]),
        Plain(Level.LOW, ratio=3),
        Plain(1, table={"a": 1}),
        Numbers(2**60 + 1),
        Numbers(1, [1, 2.0, True], {"a": [3]}, 3),
        Numbers(np.float64(0.5)),
        Wide(b"x", Deposit(1), [1], {"title": "x"}, UserId(3), [{"a": 1}]),
        Wide("x", Named("y"), (1, 2), {"year": 1}, UserId(3), ({"a": 1},)),
        Shapes((1, "x"), nested={"a": [(1, 2), ()]}, row=(1, 2)),
    ],
    ids=repr,
)
def test_what_a_type_checker_allows_keeps_its_type(message: Any) -> None:
    """A bool where an int, an int where a float, a tuple where a Sequence is expected."""
    assert same(roundtrip(message), message)
    assert same(roundtrip([message]), [message])


def test_a_subclass_in_a_field_of_its_base_stays_one() -> None:
    """A field typed as a base message takes a subclass and keeps it."""
    message = Holder(1, Derived((1, 2), 3))
    assert type(roundtrip(message).base) is Derived
    assert roundtrip(message) == message


@pytest.mark.parametrize(
    ("cls", "body", "field"),
    [
        (Deposit, ["x"], "amount"),
        (Deposit, [1.0], "amount"),
        (Deposit, [None], "amount"),
        (Deposit, [], "amount"),
        (Plain, [1, 2], "text"),
        (Plain, [1, "a", 0.5, True, None, [1]], "names"),
        (Plain, [1, "a", 0.5, True, None, [], {"a": "b"}], "table"),
        (Shapes, [[1, "x"]], "pair"),
        (Guarded, ["x", 1], "known"),
        (Guarded, [1, 1, "c"], "choice"),
        (Constrained, [-1], "count"),
        (Constrained, [1, [1]], "label"),
        (Wide, [1], "text_or_bytes"),
        (Wide, ["", None, ["x"]], "arrays"),
        (Wide, ["", None, [], {"name": "x"}], "movie"),
        (Wide, ["", None, [], {}, "x"], "user"),
        (Wide, ["", None, [], {}, 1, [{"a": "b"}]], "rows"),
        (Holder, [1, 2], "base"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(cls: Any, body: Any, field: str) -> None:
    """A body of the wrong shape never becomes a message; the error says which class and field."""
    tag = default_registry.tag_of(cls)
    with pytest.raises(MessageDecodeError, match=f"{cls.__name__}.{field}") as caught:
        codec.decode(tag, encode(body))
    assert (caught.value.tag, caught.value.field) == (tag, field)


@pytest.mark.parametrize("body", [1, "x", {"amount": 1}, None, {}])
def test_a_body_that_is_no_array_is_refused(body: Any) -> None:
    """A message is an array of fields, and a map with the right names is none."""
    with pytest.raises(MessageDecodeError, match="expected an array of fields"):
        codec.decode(default_registry.tag_of(Deposit), encode(body))


def test_an_older_sender_gets_defaults_and_a_newer_one_is_cut() -> None:
    """Missing last fields take their defaults, additional ones are ignored, on either way."""
    for cls in (Plain, Shapes):
        tag = default_registry.tag_of(cls)
        body = codec.encode(cls(1) if cls is Plain else cls((1, "x"))).body
        fields = msgspec.msgpack.decode(body, type=list[msgspec.Raw])
        message = codec.decode(tag, body)
        assert codec.decode(tag, encode(fields[:1])) == message
        assert codec.decode(tag, encode([*fields, 1, [2]])) == message


def test_a_strict_message_refuses_additional_fields() -> None:
    """With forbid_unknown_fields a newer sender's message is an error."""
    with pytest.raises(MessageDecodeError, match="2 fields"):
        codec.decode(default_registry.tag_of(Strict), encode([1, 2]))


def test_post_init_judges_what_arrives() -> None:
    """A ValueError from __post_init__ is a body that does not fit."""
    assert roundtrip(Checked(1)) == Checked(1)
    with pytest.raises(MessageDecodeError, match="value must not be negative"):
        codec.decode(default_registry.tag_of(Checked), encode([-1]))


def test_keyword_only_fields_come_back() -> None:
    """The order in which a keyword-only message is built does not matter on the wire."""
    assert roundtrip(Keyword(second=(1,))) == Keyword(second=(1,))
    assert roundtrip(Keyword(first=2, second=3)) == Keyword(first=2, second=3)


def test_annotations_that_cannot_be_resolved_take_everything() -> None:
    """A name that exists for type checkers only does not keep a message from being sent."""
    assert same(roundtrip(Guarded(1, (2,))), Guarded(1, (2,)))


def test_classes_made_inside_of_functions_are_sendable() -> None:
    """A message class that refers to another local class is sent and received."""

    class Inner(Message[None]):
        value: int

    class Outer(Message[None]):
        inner: Inner
        maybe: Inner | None = None

    assert roundtrip(Outer(Inner(1), Inner(2))) == Outer(Inner(1), Inner(2))


def test_a_message_with_many_fields_comes_back() -> None:
    """The generated encoder has no limit of its own on the number of fields."""
    names = {f"field_{n}": int for n in range(300)}
    cls: Any = MessageMeta("Many", (Message,), {"__annotations__": names, "__module__": __name__})
    message = cls(*range(300))
    assert roundtrip(message) == message


def test_a_value_outside_of_a_literal_fails_where_it_arrives() -> None:
    """What does not fit an annotation at the sender's is found by the receiver."""
    with pytest.raises(MessageDecodeError, match="choice"):
        roundtrip(Guarded(1, 2, "z"))  # type: ignore[arg-type]


def test_unregistered_enums_do_not_become_numbers() -> None:
    """An IntEnum that nobody registered is refused, also where an int is expected."""

    class Odd(enum.IntEnum):
        A = 1

    for message in (Deposit(Odd.A), Plain(1, names=[Odd.A]), Anything(Odd.A)):  # type: ignore[list-item]
        with pytest.raises(SerializationError, match="register"):
            codec.encode(message)


def test_an_enum_in_a_field_of_its_type() -> None:
    """An Enum field takes members only."""

    class Paint(Message[None]):
        colour: Colour

    assert roundtrip(Paint(Colour.BLUE)) == Paint(Colour.BLUE)
    with pytest.raises(MessageDecodeError, match=r"Paint.colour"):
        codec.decode(default_registry.tag_of(Paint), encode(["BLUE"]))


def test_two_codecs_share_classes() -> None:
    """A class that one codec has seen is read by another."""
    assert Codec().decode(*codec.encode(Plain(1))) == Plain(1)
