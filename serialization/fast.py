"""The fast way of a message whose fields are all plain: msgspec's typed encoder and decoder.

Plain are None, bool, int, float, str, small bytes, and list, dict, Optional and Union of them.
msgspec trusts the annotations when it encodes, and what it makes of a value that does not fit them
is not always that value (an Enum becomes its number, a tuple a list). So the exact types are
compared first, by a function that is generated for the class; whatever is unexpected takes the
exact way, which writes the same grammar.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Union

import msgspec

from serialization.limits import OUT_OF_BAND_BYTES

__all__ = ["FastWay", "fast_way"]

_SCALARS = frozenset({types.NoneType, bool, int, float, str})
_KEYS = frozenset({int, str})


class Shape(NamedTuple):
    """What values a plain annotation takes.

    Attributes:
        scalars: the exact types that are written as they are.
        containers: exact checks of lists and dicts.
        floats: whether a float is expected somewhere where an int is not; msgspec would turn an
            int there into a float.
        depth: how deep its containers nest.
    """

    scalars: frozenset[type]
    containers: tuple[Callable[[Any], bool], ...] = ()
    floats: bool = False
    depth: int = 0


class FastWay(NamedTuple):
    """How a class is encoded and decoded by msgspec.

    Attributes:
        encode: the body, or None for a value that must take the exact way.
        decode: the value; raises anything for a body that must take the exact way.
        float_fields: the places of fields where an int must be marked as such.
        depth: how deep the containers of its fields nest.
    """

    encode: Callable[[Any], bytes | None]
    decode: Callable[[Any], Any]
    float_fields: tuple[int, ...]
    depth: int


def fast_way(cls: type, fields: tuple[str, ...], hints: dict[str, Any]) -> FastWay | None:
    """The fast way of a message class; None where not all of its fields are plain.

    Args:
        cls: the message class.
        fields: its fields, in the order of the wire.
        hints: their annotations.
    """
    shapes: list[Shape] = []
    for name in fields:
        shape = _shape(hints.get(name, Any))
        if shape is None:
            return None
        shapes.append(shape)
    try:
        decode: Callable[[Any], Any] = msgspec.msgpack.Decoder(cls).decode
    except Exception:  # noqa: BLE001 - a union that msgspec refuses, a name it cannot resolve
        return None
    floats = tuple(place for place, shape in enumerate(shapes) if shape.floats)
    depth = max((shape.depth for shape in shapes), default=0)
    return FastWay(_exact_encoder(fields, shapes), decode, floats, depth)


def _exact_encoder(fields: tuple[str, ...], shapes: list[Shape]) -> Callable[[Any], bytes | None]:
    """``encode(message)``, generated: straight-line code costs a third of a loop over fields."""
    names: dict[str, Any] = {"encode": msgspec.msgpack.Encoder().encode}
    tests = [_test_source(name, shape, names) for name, shape in zip(fields, shapes, strict=True)]
    source = (
        "def fast_encode(message):\n"
        f"    if {' and '.join(tests) or 'True'}:\n"
        "        try:\n"
        "            return encode(message)\n"
        "        except (OverflowError, UnicodeEncodeError):\n"
        "            return None\n"
        "    return None\n"
    )
    # Nothing but field names goes in, and they are identifiers: attributes of a class.
    exec(source, names)  # noqa: S102
    encoder: Callable[[Any], bytes | None] = names["fast_encode"]
    return encoder


def _test_source(name: str, shape: Shape, names: dict[str, Any]) -> str:
    """The source of the test of one field; what it mentions is added to `names`."""
    value = f"message.{name}"
    tests = [_scalar_source(value, shape.scalars, names)] if shape.scalars else []
    for container in shape.containers:
        called = f"container_{len(names)}"
        names[called] = container
        tests.append(f"{called}({value})")
    return f"({' or '.join(tests)})"


def _scalar_source(value: str, scalars: frozenset[type], names: dict[str, Any]) -> str:
    called = f"scalars_{len(names)}"
    if len(scalars) == 1:
        (names[called],) = scalars
        test = f"type({value}) is {called}"
    else:
        names[called] = scalars
        test = f"type({value}) in {called}"
    if bytes in scalars:
        return f"({test} and (type({value}) is not bytes or len({value}) < {OUT_OF_BAND_BYTES}))"
    return test


def _shape(annotation: Any, inside: bool = False) -> Shape | None:
    if annotation is None:
        annotation = types.NoneType
    if isinstance(annotation, type) and annotation in _SCALARS:
        return Shape(frozenset({annotation}), floats=annotation is float)
    if annotation is bytes and not inside:
        return Shape(frozenset({bytes}))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0], inside)
    if origin is Literal:
        return _literal_shape(arguments)
    if origin is Union or origin is types.UnionType:
        return _union_shape([_shape(argument, inside) for argument in arguments])
    if origin is list:
        return _list_shape(_shape(arguments[0], inside=True))
    if origin is dict:
        return _dict_shape(_shape(arguments[0], True), _shape(arguments[1], inside=True))
    return None


def _literal_shape(choices: tuple[Any, ...]) -> Shape | None:
    kinds = frozenset(map(type, choices))
    return Shape(kinds) if kinds <= {types.NoneType, int, str} else None


def _union_shape(shapes: list[Shape | None]) -> Shape | None:
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    scalars = frozenset[type]().union(*(shape.scalars for shape in known))
    inner = any(shape.floats and shape.containers for shape in known)
    return Shape(
        scalars,
        tuple(container for shape in known for container in shape.containers),
        inner or (float in scalars and int not in scalars),
        max(shape.depth for shape in known),
    )


def _list_shape(element: Shape | None) -> Shape | None:
    if element is None:
        return None
    if not element.containers:
        fits = element.scalars.issuperset

        def check(value: Any) -> bool:
            return type(value) is list and fits(map(type, value))
    else:
        inner = _element_check(element)

        def check(value: Any) -> bool:
            return type(value) is list and all(map(inner, value))

    return Shape(frozenset(), (check,), element.floats, element.depth + 1)


def _dict_shape(key: Shape | None, element: Shape | None) -> Shape | None:
    # A key of another kind would need marking, and a marked one is no key for msgspec.
    if key is None or element is None or not key.scalars <= _KEYS or key.containers:
        return None
    keys_fit, inner = key.scalars.issuperset, _element_check(element)
    values_fit = element.scalars.issuperset if not element.containers else None

    def check(value: Any) -> bool:
        if type(value) is not dict or not keys_fit(map(type, value)):
            return False
        if values_fit is not None:
            return values_fit(map(type, value.values()))
        return all(map(inner, value.values()))

    return Shape(frozenset(), (check,), element.floats, element.depth + 1)


def _element_check(element: Shape) -> Callable[[Any], bool]:
    scalars, containers = element.scalars, element.containers
    return lambda value: type(value) in scalars or any(test(value) for test in containers)
