"""Tag <-> class: which classes may be built from the wire.

A tag is the name of a class on the wire. Nothing but what is registered here is ever built.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

from serialization import errors
from serialization.errors import UnknownMessageError

if TYPE_CHECKING:
    from serialization.plans import Plan

__all__ = ["Kind", "Registration", "Registry", "default_registry", "public_module", "register"]

Kind = Literal["message", "dataclass", "attrs", "enum", "exception"]
_C = TypeVar("_C", bound=type)

_MAX_TAG_LENGTH = 255
_MAIN_NAMES = frozenset({"__main__", "__mp_main__"})
"""How the script of a process is called in it, and in the children of `multiprocessing`."""

_BUILTIN_BASES = (int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset)

_EXCLUDED = (StopIteration, StopAsyncIteration)
"""Exceptions that would end the generator or coroutine that meets them."""

_ACCEPTED = (
    "a dataclass, an attrs class, an Enum or an exception class (a subclass of Exception);"
    " a class of your own becomes sendable as a Message or as a dataclass"
)


class Origin(NamedTuple):
    """Where a class was defined; two classes of one origin are one class, defined again."""

    module: str
    qualname: str
    file: str | None


class Registration:
    """One class that may be built from the wire.

    Attributes:
        tag: its name on the wire.
        cls: the class.
        kind: how its values are written.
        origin: where it was defined.
        plan: how the codec writes and reads it; made at its first use, when every annotation
            that it mentions can be expected to exist.
        fast_decode: the fast way in, of the plan, where there is one; here because it is looked up
            for each message.
    """

    __slots__ = ("cls", "fast_decode", "kind", "origin", "plan", "tag")

    def __init__(self, tag: str, cls: type, kind: Kind) -> None:
        self.tag = tag
        self.cls = cls
        self.kind = kind
        self.origin = _origin(cls)
        self.plan: Plan | None = None
        self.fast_decode: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        return f"Registration({self.tag!r}, {self.cls!r}, {self.kind!r})"


class Registry:
    """The classes that one process sends and accepts, by tag.

    Every registry knows the exceptions of `builtins` that are subclasses of Exception (but
    StopIteration and StopAsyncIteration, which would end the generator that meets them), and the
    errors of this package.

    Attributes:
        by_tag: tag -> registration, the newest; to be read only.
        by_class: class -> registration; to be read only. A class that was defined again keeps
            its entry here, so that its older instances can still be sent.
    """

    def __init__(self) -> None:
        self.by_tag: dict[str, Registration] = {}
        self.by_class: dict[type, Registration] = {}
        self._lock = threading.Lock()
        for cls in _framework_exceptions():
            self._add(cls, default_tag(cls), "exception")

    def __contains__(self, cls: type) -> bool:
        return cls in self.by_class

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self.by_tag))

    def __len__(self) -> int:
        return len(self.by_tag)

    @overload
    def register(self, cls: _C, /, tag: str | None = None) -> _C: ...

    @overload
    def register(self, /, *, tag: str | None = None) -> Callable[[_C], _C]: ...

    def register(self, cls: Any = None, /, tag: str | None = None) -> Any:
        """Make a dataclass, attrs class, Enum or exception class sendable.

        Args:
            cls: the class; without it this is a decorator, ``@register(tag="bank.money")``.
            tag: its name on the wire; default the one that it has in the process-wide registry,
                else ``<module>.<QualName>``.

        Returns:
            The class, so that it can be used as a decorator.

        Raises:
            TypeError: the class is of another kind, its tag belongs to another class, or it is
                registered already under another tag.
            ValueError: the tag is empty or longer than 255 characters.
        """
        if cls is None:
            return lambda decorated: self.register(decorated, tag)
        kind = _kind(cls)
        known = self.by_class.get(cls)
        if known is None:
            self._add(cls, _checked_tag(cls, tag), kind)
        elif tag is not None and tag != known.tag:
            raise TypeError(
                f"{cls.__qualname__} is registered already, under the tag {known.tag!r}:"
                " a class has one tag"
            )
        return cls

    def tag_of(self, cls: type) -> str:
        """The name of a registered class on the wire.

        Raises:
            KeyError: the class is not registered.
        """
        return self.by_class[cls].tag

    def class_of(self, tag: str) -> type:
        """The class that a tag stands for here.

        Raises:
            UnknownMessageError: there is none.
        """
        try:
            return self.by_tag[tag].cls
        except KeyError:
            raise UnknownMessageError(tag) from None

    def _add(self, cls: type, tag: str, kind: Kind) -> None:
        entry = Registration(tag, cls, kind)
        with self._lock:
            holder = self.by_tag.get(tag)
            if holder is not None and holder.origin != entry.origin:
                raise TypeError(
                    f"two classes with the tag {tag!r}: {_where(holder.origin)} has it, and"
                    f" {_where(entry.origin)} claims it; give one of them a tag of its own"
                )
            self.by_tag[tag] = self.by_class[cls] = entry


def default_tag(cls: type) -> str:
    """``<module>.<QualName>``, with the module as other processes import it."""
    return f"{public_module(cls.__module__)}.{cls.__qualname__}"


def public_module(name: str) -> str:
    """The name by which other processes import a module.

    It differs from the module's own name only for the script of a process, `__main__`: there it is
    the name that was given to ``python -m``, else the script's path below ``sys.path[0]`` without
    its suffix. A notebook or an interactive session has no such name and stays `__main__`.
    """
    if name not in _MAIN_NAMES:
        return name
    main = sys.modules.get(name)
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return _script_name(file) if file else "__main__"


def _script_name(file: str) -> str:
    script = Path(file).resolve().with_suffix("")
    base = Path(sys.path[0] if sys.path else "").resolve()
    # A script that does not lie below sys.path[0] (python -P) can be imported by its name at best.
    below = script.is_relative_to(base)
    return ".".join(script.relative_to(base).parts) if below else script.name


def _origin(cls: type) -> Origin:
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return Origin(
        public_module(cls.__module__),
        cls.__qualname__,
        str(Path(file).resolve()) if file else None,
    )


def _where(origin: Origin) -> str:
    place = f" ({origin.file})" if origin.file else ""
    return f"{origin.module}.{origin.qualname}{place}"


def _checked_tag(cls: type, tag: str | None) -> str:
    if tag is None:
        known = default_registry.by_class.get(cls)
        return known.tag if known is not None else default_tag(cls)
    if type(tag) is not str:
        raise TypeError(f"the tag of {cls.__qualname__} must be a str, not {type(tag).__name__}")
    if not 0 < len(tag) <= _MAX_TAG_LENGTH:
        raise ValueError(
            f"the tag of {cls.__qualname__} must have 1 to {_MAX_TAG_LENGTH} characters,"
            f" not {len(tag)}"
        )
    return tag


def _kind(cls: object) -> Kind:
    if not isinstance(cls, type):
        raise TypeError(f"register() takes a class, not {cls!r}: {_ACCEPTED}")
    if getattr(cls, "__is_message__", False):
        return "message"
    if issubclass(cls, Exception):
        return "exception"
    if issubclass(cls, enum.Enum):
        return "enum"
    # The contents of a list or dict that is also a dataclass would be lost on the way.
    if not issubclass(cls, _BUILTIN_BASES):
        if dataclasses.is_dataclass(cls):
            return "dataclass"
        if hasattr(cls, "__attrs_attrs__"):
            return "attrs"
    raise TypeError(f"{cls.__qualname__} cannot be registered: what can is {_ACCEPTED}")


def _framework_exceptions() -> Iterator[type[Exception]]:
    # Aliases, such as IOError for OSError, are one class.
    classes = [value for value in vars(builtins).values() if isinstance(value, type)]
    for value in dict.fromkeys(classes):
        if issubclass(value, Exception) and value not in _EXCLUDED:
            yield value
    for name in errors.__all__:
        yield getattr(errors, name)


default_registry = Registry()
"""The registry of this process: what `Message`, `Refusal` and `register` write into."""


@overload
def register(cls: _C, /, tag: str | None = None) -> _C: ...


@overload
def register(*, tag: str | None = None) -> Callable[[_C], _C]: ...


def register(cls: Any = None, /, tag: str | None = None) -> Any:
    """Make a dataclass, attrs class, Enum or exception class sendable, in the whole process.

    Also a decorator, ``@register`` or ``@register(tag="bank.money")``. See `Registry.register`.

    Args:
        cls: the class.
        tag: its name on the wire; default ``<module>.<QualName>``.

    Returns:
        The class.

    Raises:
        TypeError: the class is of another kind, its tag belongs to another class, or it is
            registered already under another tag.
        ValueError: the tag is empty or longer than 255 characters.
    """
    if cls is None:
        return lambda decorated: default_registry.register(decorated, tag)
    return default_registry.register(cls, tag)
