"""An annotation to a function that says whether a value fits it.

A check never changes a value: what the decoder has read is what the handler gets, a tuple in a
field of type Sequence stays a tuple. What an annotation says beyond the type of a value (a
Protocol, the arguments of a Callable) is not checked; msgspec's `Meta` constraints are.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable, Iterable
from types import NoneType
from typing import Annotated, Any, ClassVar, Final, Literal, NewType, NotRequired, TypeVar, Union

import msgspec

__all__ = ["Check", "check_for"]

Check = Callable[[Any], bool]

_WRAPPERS: tuple[Any, ...] = (
    ClassVar,
    Final,
    typing.Required,
    NotRequired,
    getattr(typing, "ReadOnly", None),
)
# As for a type checker, an int is a float as well, and a bool an int.
_CLASSES: dict[Any, tuple[type, ...]] = {
    None: (NoneType,),
    float: (float, int),
    complex: (complex, float, int),
    **{cls: (cls,) for cls in (NoneType, bool, int, str, bytes, bytearray)},
}
_ALIAS_TYPE: Any = getattr(typing, "TypeAliasType", ())


def check_for(annotation: Any) -> Check | None:
    """The check for one annotation; None where every value fits."""
    if annotation is Any or annotation is object:
        return None
    classes = _CLASSES.get(annotation) if isinstance(annotation, (type, NoneType)) else None
    if classes is not None:
        return _instance_check(classes)
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _class_check(annotation)
    return _special_check(annotation)


def _class_check(cls: type) -> Check | None:
    if typing.is_typeddict(cls):
        return _typeddict_check(cls)
    return _instance_check(cls)


def _instance_check(cls: Any) -> Check | None:
    try:
        isinstance(None, cls)
    except TypeError:
        return None  # a Protocol that is not runtime-checkable, or an odd metaclass
    return lambda value: isinstance(value, cls)


def _special_check(annotation: Any) -> Check | None:
    if isinstance(annotation, TypeVar):
        return _typevar_check(annotation)
    if isinstance(annotation, NewType):
        return check_for(annotation.__supertype__)
    if isinstance(annotation, _ALIAS_TYPE):
        return _deferred(lambda: annotation.__value__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return None
    if isinstance(origin, _ALIAS_TYPE):
        return _deferred(lambda: origin.__value__[arguments])
    if origin is Union or origin is types.UnionType:
        return _any_of(arguments)
    if origin is Literal:
        return _literal_check(arguments)
    if origin is Annotated:
        return _constrained_check(annotation, arguments[0])
    if origin in _WRAPPERS:
        return check_for(arguments[0])
    return _generic_check(origin, arguments)


def _deferred(annotation: Callable[[], Any]) -> Check:
    """The check for a named alias, made when it is first needed: it may mention itself."""
    made: list[Check | None] = []

    def check(value: Any) -> bool:
        if not made:
            made.append(check_for(annotation()))
        return made[0] is None or made[0](value)

    return check


def _typevar_check(variable: TypeVar) -> Check | None:
    if variable.__constraints__:
        return _any_of(variable.__constraints__)
    return check_for(variable.__bound__) if variable.__bound__ is not None else None


def _any_of(annotations: Iterable[Any]) -> Check | None:
    checks: list[Check] = []
    classes: list[type] = []
    for annotation in annotations:
        check = check_for(annotation)
        if check is None:
            return None
        if isinstance(annotation, (type, NoneType)) and annotation in _CLASSES:
            classes += _CLASSES[annotation]
        else:
            checks.append(check)
    simple = tuple(classes)
    return lambda value: isinstance(value, simple) or any(check(value) for check in checks)


def _literal_check(choices: tuple[Any, ...]) -> Check:
    pairs = tuple((type(choice), choice) for choice in choices)
    return lambda value: any(type(value) is kind and value == choice for kind, choice in pairs)


def _constrained_check(annotation: Any, inner: Any) -> Check | None:
    check = check_for(inner)
    if not any(isinstance(part, msgspec.Meta) for part in annotation.__metadata__):
        return check

    def constrained(value: Any) -> bool:
        if check is not None and not check(value):
            return False
        try:
            msgspec.convert(value, annotation)
        except msgspec.ValidationError:
            return False
        except TypeError:  # an annotation that msgspec does not know: its constraints say nothing
            return True
        return True

    return constrained


def _generic_check(origin: Any, arguments: tuple[Any, ...]) -> Check | None:
    outer = _instance_check(origin)
    if outer is None or not isinstance(origin, type):
        return None
    if origin is tuple:
        return _tuple_check(arguments)
    if issubclass(origin, collections.abc.Mapping):
        return _mapping_check(outer, arguments)
    if issubclass(origin, collections.abc.Iterable) and len(arguments) == 1:
        return _elements_check(outer, arguments[0])
    return outer


def _elements_check(outer: Check, argument: Any) -> Check:
    inner = check_for(argument)
    if inner is None:
        return outer
    return lambda value: outer(value) and all(map(inner, value))


def _mapping_check(outer: Check, arguments: tuple[Any, ...]) -> Check:
    if len(arguments) != 2:
        return outer
    keys, values = map(check_for, arguments)
    return lambda value: (
        outer(value)
        and (keys is None or all(map(keys, value)))
        and (values is None or all(map(values, value.values())))
    )


def _tuple_check(arguments: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _elements_check(_is_tuple, arguments[0])
    if any(map(_is_unpacked, arguments)):
        return _is_tuple
    checks = tuple(map(check_for, arguments))
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(check is None or check(item) for check, item in zip(checks, value, strict=True))
    )


def _is_unpacked(annotation: Any) -> bool:
    """Whether it is ``*tuple[...]`` or ``Unpack[...]``."""
    starred = getattr(annotation, "__unpacked__", False)
    return starred or typing.get_origin(annotation) is typing.Unpack


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _typeddict_check(cls: Any) -> Check:
    hints = typing.get_type_hints(cls, include_extras=True)
    checks = {name: check_for(hint) for name, hint in hints.items()}
    # Under `from __future__ import annotations` the class itself does not see NotRequired.
    optional = {name for name, hint in hints.items() if typing.get_origin(hint) is NotRequired}
    required: frozenset[str] = cls.__required_keys__ - optional

    def check(value: Any) -> bool:
        return (
            type(value) is dict
            and required <= value.keys() <= checks.keys()
            and all(inner is None or inner(value[k]) for k, inner in checks.items() if k in value)
        )

    return check
