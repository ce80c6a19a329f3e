"""`Extension`: how the layer above adds a type of its own."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest

from serialization import Codec, Extension, Message, MessageDecodeError, SerializationError
from tests.serialization.samples import Anything

T = TypeVar("T")


class Ref(Generic[T]):
    """Stands for a reference to an actor: generic, hashable, equal by address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


class RemoteRef(Ref[T]):
    pass


class Introduce(Message[None]):
    ref: Ref[int]
    bare: Ref | None = None  # type: ignore[type-arg]
    many: list[Ref[str]] = []
    table: dict[Ref[int], tuple[Ref[int], ...]] = {}
    either: int | Ref[int] = 0


def decode_ref(data: bytes) -> Ref[Any]:
    if data == b"bad":
        raise KeyError("no such node")
    return Ref(data.decode())


def encode_ref(ref: Ref[Any]) -> bytes:
    if ref.address == "unsendable":
        raise RuntimeError("no address yet")
    return ref.address.encode()


EXTENSION = Extension(32, Ref, encode_ref, decode_ref)
codec = Codec(extensions=[EXTENSION])


@pytest.mark.parametrize(
    "value",
    [
        Ref("a"),
        [Ref("a"), (Ref("b"), {Ref("c")}), {Ref("k"): Ref("v")}],
        Introduce(Ref("a")),
        Introduce(Ref("a"), Ref("b"), [Ref("c")], {Ref("k"): (Ref("v"),)}, Ref("e")),
        Introduce(Ref("a"), either=3),
        Anything([Ref("a")]),
        ValueError(Ref("a")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_added_type_is_sent_from_anywhere(value: Any) -> None:
    """Alone, in collections, as a key, and in fields typed with the generic class."""
    back = codec.decode(*codec.encode(value))
    assert back == value or back.args == value.args


def test_instances_of_subclasses_are_written_by_it() -> None:
    """A subclass of the added type arrives as what the extension decodes."""
    back = codec.decode(*codec.encode([RemoteRef("a")]))
    assert back == [Ref("a")]
    assert type(back[0]) is Ref


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (["a"], "ref"),
        ([Ref("a"), 3], "bare"),
        ([Ref("a"), None, ["x"]], "many"),
        ([Ref("a"), None, [], {Ref("a"): (1,)}], "table"),
        ([Ref("a"), None, [], {}, "x"], "either"),
    ],
)
def test_fields_of_the_type_are_checked(fields: Any, field: str) -> None:
    """Something else in a field of that type does not become a message."""
    tag = codec.encode(Introduce(Ref("a"))).tag
    with pytest.raises(MessageDecodeError, match=rf"Introduce\.{field}"):
        codec.decode(tag, codec.encode(fields).body)


def test_a_codec_without_the_extension_refuses_both_ways() -> None:
    """The type is unsendable and its code unknown where the extension is missing."""
    with pytest.raises(SerializationError, match="Ref"):
        Codec().encode(Ref("a"))
    with pytest.raises(MessageDecodeError, match="unknown ext type 32"):
        Codec().decode(None, codec.encode(Ref("a")).body)


def test_errors_of_the_extension_become_ours() -> None:
    """What its functions raise arrives as the declared errors, with the cause."""
    with pytest.raises(SerializationError, match="no address yet") as sent:
        codec.encode([Ref("unsendable")])
    assert isinstance(sent.value.__cause__, RuntimeError)
    with pytest.raises(MessageDecodeError, match="no such node") as received:
        codec.decode(*codec.encode(Ref("bad")))
    assert isinstance(received.value.__cause__, KeyError)


@pytest.mark.parametrize("code", [-1, 0, 1, 17, 31, 128])
def test_codes_have_a_range(code: int) -> None:
    """The codes below 32 belong to this package, and msgpack has none above 127."""
    with pytest.raises(ValueError, match="from 32 to 127"):
        Extension(code, Ref, encode_ref, decode_ref)


def test_extensions_are_checked_when_they_are_given() -> None:
    """Two of one code, or one for something that is no class, raise at once."""
    with pytest.raises(ValueError, match="one code"):
        Codec(extensions=[EXTENSION, Extension(32, int, bytes, len)])
    with pytest.raises(TypeError, match="must be a class"):
        Extension(33, Ref[int], encode_ref, decode_ref)  # type: ignore[arg-type]
