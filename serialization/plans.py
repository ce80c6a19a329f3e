"""How the values of each kind of registered class are written and read.

A plan turns a value into a tree that msgspec writes as it is (its parts written by a `Writer`), and
such a tree, read from a body, into a value. What it builds, it builds without calling a
constructor of the user's: the parts are put back as they were.
"""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from serialization.checks import check_for
from serialization.errors import MessageDecodeError
from serialization.fast import FastWay, fast_way
from serialization.hints import field_hints
from serialization.registry import Registration

__all__ = ["Plan", "Writes", "plan_of"]

_MISSING: Any = object()
_Default = Callable[[Any], Any]
"""Makes the default of a field, of the instance so far."""


class Writes(Protocol):
    """What a plan needs of a writer."""

    def write(self, value: Any, /) -> Any:
        """The tree of any sendable value."""
        ...

    def write_all(self, values: Iterable[Any], /) -> list[Any]:
        """The trees of several values."""
        ...

    def mark_ints(self, tree: Any, /) -> Any:
        """A written tree with every int marked, for a place where a float is expected."""
        ...


class Plan(ABC):
    """How the values of one class are written and read.

    Attributes:
        tag: the name of the class on the wire.
        cls: the class.
        fast: the fast way, where it has one.
    """

    def __init__(self, tag: str, cls: type) -> None:
        self.tag = tag
        self.cls: Any = cls
        self.fast: FastWay | None = None

    @abstractmethod
    def write(self, writer: Writes, value: Any) -> Any:
        """The body of a value, as a tree; raises what the writer raises."""

    @abstractmethod
    def read(self, tree: Any) -> Any:
        """The value of a body.

        Raises:
            MessageDecodeError: the body does not fit the class.
            Exception: whatever the class raises when it is rebuilt.
        """

    @abstractmethod
    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The parts of a value, each with how it is called in a path, such as ``.amount``."""

    def _misfit(self, why: str, field: str | None = None) -> MessageDecodeError:
        place = f"{self.cls.__qualname__}.{field}" if field else self.cls.__qualname__
        return MessageDecodeError(f"{place}: {why} (tag {self.tag!r})", self.tag, field)

    def _unfitting(self, field: str, annotation: Any, value: Any) -> MessageDecodeError:
        return self._misfit(f"expected {_spelled(annotation)}, got {_named(value)}", field)


class MessagePlan(Plan):
    """A message: the array of its fields, in the order of their declaration."""

    def __init__(self, tag: str, cls: Any) -> None:
        super().__init__(tag, cls)
        self._fields: tuple[str, ...] = cls.__struct_fields__
        hints = field_hints(cls)
        self._checks = [(n, check_for(hints.get(n, Any)), hints.get(n, Any)) for n in self._fields]
        self._takes_more = not cls.__struct_config__.forbid_unknown_fields
        self.fast = fast_way(cls, self._fields, hints)

    def write(self, writer: Writes, value: Any) -> Any:
        tree = writer.write_all(msgspec.structs.astuple(value))
        for place in self.fast.float_fields if self.fast else ():
            tree[place] = writer.mark_ints(tree[place])
        return tree

    def read(self, tree: Any) -> Any:
        if type(tree) is not list:
            raise self._misfit(f"expected an array of fields, got {_named(tree)}")
        if len(tree) > len(self._fields) and not self._takes_more:
            raise self._misfit(f"{len(tree)} fields, of which it has {len(self._fields)}")
        given: dict[str, Any] = {}
        # A shorter array comes from an older class: the constructor knows the defaults.
        for (name, check, annotation), value in zip(self._checks, tree, strict=False):
            if check is not None and not check(value):
                raise self._unfitting(name, annotation, value)
            given[name] = value
        try:
            return self.cls(**given)
        except (TypeError, ValueError) as error:
            missing = next((name for name in self._fields if name not in given), None)
            raise self._misfit(str(error), missing) from error

    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        return ((f".{name}", getattr(value, name)) for name in self._fields)


class FieldsPlan(Plan):
    """A dataclass or attrs class: the map of its fields.

    Attributes beyond the fields do not travel, and neither ``__init__`` nor ``__post_init__`` runs
    when it is rebuilt.
    """

    def __init__(self, tag: str, cls: type, defaults: Mapping[str, _Default | None]) -> None:
        super().__init__(tag, cls)
        hints = field_hints(cls)
        self._fields = {n: (check_for(hints.get(n, Any)), hints.get(n, Any)) for n in defaults}
        self._defaults = defaults
        code = getattr(cls.__hash__, "__code__", None)
        # attrs keeps a cached hash in an attribute that its __init__ clears.
        self._caches_hash = code is not None and _ATTRS_HASH in code.co_names

    def write(self, writer: Writes, value: Any) -> Any:
        return {name[1:]: writer.write(part) for name, part in self.parts(value)}

    def read(self, tree: Any) -> Any:
        if type(tree) is not dict:
            raise self._misfit(f"expected a map of fields, got {_named(tree)}")
        value: Any = object.__new__(self.cls)
        for name, (check, annotation) in self._fields.items():
            part = tree.get(name, _MISSING)
            if part is _MISSING:
                part = self._default(value, name)
            elif check is not None and not check(part):
                raise self._unfitting(name, annotation, part)
            if part is not _MISSING:
                object.__setattr__(value, name, part)
        if self._caches_hash:
            object.__setattr__(value, _ATTRS_HASH, None)
        return value

    def _default(self, value: Any, name: str) -> Any:
        default = self._defaults[name]
        if default is None:
            raise self._misfit("missing, and it has no default", name)
        return default(value)

    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        for name in self._fields:
            part = getattr(value, name, _MISSING)
            if part is not _MISSING:  # a field with init=False may be unset
                yield f".{name}", part


_ATTRS_HASH = "_attrs_cached_hash"


class EnumPlan(Plan):
    """An Enum member: its name; a combination of flags: its number."""

    def __init__(self, tag: str, cls: type[enum.Enum]) -> None:
        super().__init__(tag, cls)
        self._members = cls.__members__
        self._is_flag = issubclass(cls, enum.Flag)

    def write(self, writer: Writes, value: Any) -> Any:
        name = value.name
        return name if name in self._members else writer.write(value.value)

    def read(self, tree: Any) -> Any:
        if type(tree) is str and tree in self._members:
            return self._members[tree]
        if self._is_flag and type(tree) is int:
            member: object = self.cls(tree)
            if isinstance(member, self.cls):
                return member
        raise self._misfit(f"it has no member {tree!r:.100}")

    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        return iter(())


class ExceptionPlan(Plan):
    """An exception: ``[args, state, notes]``, rebuilt without its own ``__init__``.

    The constructor of its builtin base runs on the args instead, because there is data that only
    it can set: an OSError's errno, the parts of a UnicodeError.
    """

    def __init__(self, tag: str, cls: type[Exception]) -> None:
        super().__init__(tag, cls)
        self._base: Any = _builtin_base(cls)
        self._slots = _slots(cls)

    def write(self, writer: Writes, value: Any) -> Any:
        args = writer.write_all(_arguments(value))
        state = {name: writer.write(part) for name, part in self._state(value)}
        notes = [note for note in getattr(value, "__notes__", ()) if type(note) is str]
        return [args, state or None, writer.write_all(notes) or None]

    def read(self, tree: Any) -> Any:
        if type(tree) is not list or len(tree) != 3 or type(tree[0]) is not list:
            raise self._misfit("expected its arguments, state and notes")
        args, state, notes = tree
        error: Any = self._base.__new__(self.cls, *args)
        if not isinstance(error, self.cls):
            raise self._misfit("its arguments make another exception")
        self._base.__init__(error, *args)
        self._restore(error, state if state is not None else {})
        for note in notes if notes is not None else ():
            error.add_note(note)
        return error

    def _restore(self, error: Any, state: Any) -> None:
        if type(state) is not dict or not all(type(name) is str for name in state):
            raise self._misfit("its state is no map of names")
        settable = (*self._slots, *_native_attributes(error))
        for name, part in state.items():
            if name in settable:
                setattr(error, name, part)
            else:
                # Not setattr: the name comes from the wire, and may be that of a property.
                error.__dict__[name] = part

    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        yield from ((f".args[{n}]", part) for n, part in enumerate(_arguments(value)))
        yield from ((f".{name}", part) for name, part in self._state(value))

    def _state(self, value: Any) -> Iterator[tuple[str, Any]]:
        for name, part in vars(value).items():
            if name != "__notes__":
                yield name, part
        for name in self._slots:
            if hasattr(value, name):
                yield name, getattr(value, name)
        for name in _native_attributes(value):
            if getattr(value, name) is not None:
                yield name, getattr(value, name)


def _arguments(error: BaseException) -> tuple[Any, ...]:
    """What the constructor of the builtin base takes to make such an exception."""
    if isinstance(error, OSError) and error.filename is not None and len(error.args) == 2:
        # OSError leaves the file names out of its args.
        extra = (None, error.filename2) if error.filename2 is not None else ()
        return (*error.args, error.filename, *extra)
    return error.args


def _native_attributes(error: BaseException) -> tuple[str, ...]:
    """Data that an exception holds neither in its args nor in its ``__dict__``."""
    for cls, names in _NATIVE_ATTRIBUTES.items():
        if isinstance(error, cls):
            return tuple(name for name in names if hasattr(error, name))
    return ()


# AttributeError.obj stays at home: it is whatever object lacked the attribute.
_NATIVE_ATTRIBUTES: Mapping[type[Exception], tuple[str, ...]] = {
    ImportError: ("name", "path", "name_from"),
    NameError: ("name",),
    AttributeError: ("name",),
    SyntaxError: (
        *("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset"),
        "print_file_and_line",
    ),
}


def _builtin_base(cls: type) -> type:
    # __base__ and not the order of __mro__: it is the one whose memory layout the class has.
    while cls.__module__ != "builtins" and cls.__base__ is not None:
        cls = cls.__base__
    return cls


def _slots(cls: type) -> tuple[str, ...]:
    names: list[str] = []
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        names += (slots,) if isinstance(slots, str) else slots
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _dataclass_defaults(cls: Any) -> dict[str, _Default | None]:
    return {field.name: _dataclass_default(field) for field in dataclasses.fields(cls)}


def _dataclass_default(field: dataclasses.Field[Any]) -> _Default | None:
    if field.default is not dataclasses.MISSING:
        return lambda _: field.default
    factory = field.default_factory
    if factory is not dataclasses.MISSING:
        return lambda _: factory()
    return None if field.init else _left_unset


def _attrs_defaults(cls: Any) -> dict[str, _Default | None]:
    return {field.name: _attrs_default(field) for field in cls.__attrs_attrs__}


def _attrs_default(field: Any) -> _Default | None:
    default = field.default
    if getattr(default, "name", None) == "NOTHING":
        return None if field.init else _left_unset
    if type(default).__module__.startswith("attr") and hasattr(default, "takes_self"):
        return default.factory if default.takes_self else lambda _: default.factory()
    return lambda _: default


def _left_unset(value: Any) -> Any:
    return _MISSING


def _named(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _spelled(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


_MAKERS: Mapping[str, Callable[[str, Any], Plan]] = {
    "message": MessagePlan,
    "dataclass": lambda tag, cls: FieldsPlan(tag, cls, _dataclass_defaults(cls)),
    "attrs": lambda tag, cls: FieldsPlan(tag, cls, _attrs_defaults(cls)),
    "enum": EnumPlan,
    "exception": ExceptionPlan,
}


def plan_of(entry: Registration) -> Plan:
    """The plan of a registered class, made at its first use."""
    if entry.plan is None:
        plan = _MAKERS[entry.kind](entry.tag, entry.cls)
        entry.fast_decode = plan.fast.decode if plan.fast is not None else None
        entry.plan = plan
    return entry.plan
