"""Exceptions travel as themselves: builtin ones, the framework's, Refusals and registered ones."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

import pytest

from serialization import (
    ActorsError,
    EnvelopeError,
    MessageDecodeError,
    MessageTooLargeError,
    Refusal,
    SerializationError,
    UnknownMessageError,
    register,
)
from serialization import errors as errors_module
from serialization.registry import default_registry
from tests.serialization.samples import BadConfigError, Colour, NoFunds, codec, roundtrip, same


@register
class SlottedError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


@register
class FileGoneError(OSError):
    def __init__(self, name: str, extra: list[int]) -> None:
        super().__init__(2, "gone", name)
        self.extra = extra


@register
class LayoutError(KeyError, AttributeError):
    pass


@register
@dataclass
class DataError(Exception):
    code: int
    detail: str = ""


@register
class NewError(Exception):
    def __new__(cls, *, must: int) -> NewError:
        return super().__new__(cls, must)

    def __init__(self, *, must: int) -> None:
        self.must = must


@register
class ReadOnlyError(Exception):
    @property
    def code(self) -> int:
        return 7


def with_notes(error: Exception) -> Exception:
    error.add_note("first")
    error.add_note("second \udc80")
    return error


def unicode_error() -> Exception:
    try:
        b"\xff".decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


def raised(code: str) -> Exception:
    try:
        exec(code, {})
    except Exception as error:
        return error
    raise AssertionError(code)


CASES: dict[str, Exception] = {
    "plain": ValueError("x", 1),
    "without arguments": RuntimeError(),
    "key": KeyError(("a", 1)),
    "os": OSError(2, "no such file"),
    "os with file": raised("open('/nonexistent')"),
    "os with two files": OSError(18, "cross-device", "a", None, "b"),
    "os with text": OSError("only text"),
    "connection": ConnectionResetError(104, "reset"),
    "blocking": BlockingIOError(11, "again", 5),
    "unicode": unicode_error(),
    "unicode encode": raised("'\\udc80'.encode()"),
    "import": raised("import nonexistent_module"),
    "name": raised("nonexistent_name"),
    "attribute": raised("(1).nope"),
    "syntax": raised("compile('1 +', 'file.py', 'exec')"),
    "zero division": raised("1/0"),
    "memory": MemoryError(),
    "recursion": RecursionError("deep"),
    "timeout": TimeoutError("late"),
    "assertion": AssertionError(),
    "warning": UserWarning("careful"),
    "notes": with_notes(ValueError("x")),
    "group": ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [NoFunds(2, account="a")])]),
    "group of a tuple": ExceptionGroup("g", (KeyError("k"),)),
    "refusal": NoFunds(3, account="bob"),
    "bare refusal": Refusal("no"),
    "registered": BadConfigError({"a": 1}),
    "slots": SlottedError(7),
    "subclass of OSError": FileGoneError("f", [1]),
    "two bases": LayoutError("x"),
    "dataclass": DataError(3, "x"),
    "own __new__": NewError(must=5),
    "with values": ValueError((1, {2}), Colour.RED, b"x"),
    "SerializationError": SerializationError("cannot", "A.b[1]"),
    "MessageTooLargeError": MessageTooLargeError("big", 5, 4, "buffers", "A.b"),
    "MessageDecodeError": MessageDecodeError("bad", "tag", "field"),
    "EnvelopeError": EnvelopeError("bad"),
    "UnknownMessageError": UnknownMessageError("some.Tag"),
    "ActorsError": ActorsError("root"),
}
ATTRIBUTES = (
    *("errno", "strerror", "filename", "filename2", "characters_written", "encoding", "object"),
    *("start", "end", "reason", "name", "path", "msg", "lineno", "offset", "text", "message"),
    *("exceptions", "missing", "account", "where", "code", "extra", "detail", "must", "tag"),
    *("field", "size", "limit", "unit", "args", "__notes__"),
)


@pytest.mark.parametrize("error", CASES.values(), ids=CASES.keys())
def test_an_exception_comes_back_with_all_that_it_holds(error: Exception) -> None:
    """Class, arguments, attributes, notes and text of an exception survive the way."""
    assert codec.sendable_error(error)
    for back in (roundtrip(error), roundtrip([error])[0]):
        assert same(back, error)
        assert str(back) == str(error)
        for name in ATTRIBUTES:
            if name == "obj" or not hasattr(error, name):
                continue
            assert same(getattr(back, name), getattr(error, name)), name


def test_every_builtin_exception_travels_but_those_that_end_generators() -> None:
    """All subclasses of Exception in builtins have a tag, StopIteration and the like have none."""
    for cls in vars(builtins).values():
        if isinstance(cls, type) and issubclass(cls, BaseException):
            travels = issubclass(cls, Exception) and cls.__name__ not in (
                "StopIteration",
                "StopAsyncIteration",
            )
            assert (cls in default_registry) == travels, cls
    assert default_registry.tag_of(IOError) == "builtins.OSError"
    assert not codec.sendable_error(StopIteration(1))
    assert not codec.sendable_error(SystemExit(1))


def test_every_error_of_the_package_has_a_tag() -> None:
    """What this package raises can be sent."""
    for name in errors_module.__all__:
        assert getattr(errors_module, name) in default_registry


def test_an_exception_of_unknown_class_is_not_sendable() -> None:
    """`sendable_error` says no for an unregistered class, and for unsendable contents."""

    class PrivateError(ValueError):
        pass

    assert not codec.sendable_error(PrivateError("x"))
    assert not codec.sendable_error(ValueError(object()))
    assert not codec.sendable_error(ExceptionGroup("g", [PrivateError()]))
    assert codec.sendable_error(ValueError("x"))


def test_the_traceback_and_the_cause_stay_at_home() -> None:
    """Only data travels: no traceback, cause or context."""
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        back = roundtrip(error)
    assert (back.__traceback__, back.__cause__, back.__context__) == (None, None, None)


def test_no_constructor_of_the_users_is_called() -> None:
    """An exception is rebuilt without its own __init__, whatever it would do."""
    calls = []

    class CountingRefusal(Refusal):
        def __init__(self, first: int, second: int) -> None:
            calls.append((first, second))
            super().__init__(f"{first}/{second}")

    back = roundtrip(CountingRefusal(1, 2))
    assert calls == [(1, 2)]
    assert back.args == ("1/2",)


def test_a_refusal_names_itself() -> None:
    """A Refusal subclass is registered when it is defined, with the tag that it asks for."""

    class TaggedRefusal(Refusal, tag="exceptions.tagged"):
        pass

    assert default_registry.class_of("exceptions.tagged") is TaggedRefusal
    assert default_registry.tag_of(NoFunds).endswith("samples.NoFunds")


@pytest.mark.parametrize(
    ("tag", "body"),
    [
        ("builtins.ValueError", None),
        ("builtins.ValueError", []),
        ("builtins.ValueError", [[], None]),
        ("builtins.ValueError", ["x", None, None]),
        ("builtins.ValueError", [[], [1], None]),
        ("builtins.ValueError", [[], {1: 2}, None]),
        ("builtins.ValueError", [[], None, 3]),
        ("builtins.ValueError", [[], None, [3]]),
        ("builtins.UnicodeDecodeError", [["utf-8"], None, None]),
        ("builtins.UnicodeDecodeError", [[1, 2, 3, 4, 5], None, None]),
        ("builtins.ExceptionGroup", [["g", []], None, None]),
        ("builtins.ExceptionGroup", [["g", [1]], None, None]),
        ("builtins.FileNotFoundError", [[], {"errno": 1}, {}]),
        ("builtins.SyntaxError", [["x", [1]], None, None]),
    ],
)
def test_a_malformed_exception_is_a_decode_error(tag: str, body: Any) -> None:
    """What is no `[args, state, notes]` of that class is an error or harmless."""
    encoded = codec.encode(body).body
    try:
        value = codec.decode(tag, encoded)
    except MessageDecodeError:
        return
    assert isinstance(value, default_registry.class_of(tag))


def test_state_from_the_wire_sets_no_properties() -> None:
    """Names in the state of an exception reach its __dict__ only: no class, method or property."""
    tag = default_registry.tag_of(ReadOnlyError)
    state = {"code": 1, "__class__": 2, "__dict__": 3, "args": 4, "__traceback__": 5}
    back = codec.decode(tag, codec.encode([[1], state, None]).body)
    assert type(back) is ReadOnlyError
    assert (back.code, back.args, back.__traceback__) == (7, (1,), None)


def test_an_exception_that_this_python_lacks_is_unknown() -> None:
    """A builtin exception of a newer Python is an unknown tag, not an attribute of builtins."""
    assert "builtins.print" not in default_registry.by_tag
    for tag in ("builtins.NoSuchError", "builtins.print", "builtins.SystemExit", "os.system"):
        with pytest.raises(UnknownMessageError):
            codec.decode(tag, codec.encode([[], None, None]).body)
