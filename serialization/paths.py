"""The way from a value to one of its parts, and how deep its parts are nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from types import NoneType
from typing import Any

from serialization.plans import plan_of
from serialization.registry import Registry

__all__ = ["find_cycle", "is_deeper", "locate"]

_LEAVES = frozenset({NoneType, bool, int, float, str, bytes})
_LONGEST = 200
"""A path has at most about so many characters."""


def locate(root: object, target: object, registry: Registry, depth: int) -> str:
    """How to reach a part of a value, such as ``Deposit.items[3]``.

    Args:
        root: the value.
        target: the part, that very object.
        registry: the classes whose parts are known.
        depth: how many levels to look into.

    Returns:
        The path; empty where the part is the value itself, or is not found.
    """
    labels = _labels(root, target, registry, depth, set())
    return _path(root, labels) if labels else ""


def find_cycle(root: object, registry: Registry, depth: int) -> tuple[str, str] | None:
    """Where a value contains itself: the path to the repetition, and what type is repeated."""
    labels: list[str] = []
    repeated = _repeated(root, registry, depth, set(), set(), labels)
    return None if repeated is None else (_path(root, labels), type(repeated).__qualname__)


def is_deeper(value: Any, levels: int, registry: Registry) -> bool:
    """Whether collections and registered values are nested deeper than so many levels."""
    cls = type(value)
    items: Iterable[Any]
    if cls is dict:
        items = chain(value, value.values())
    elif cls in (list, tuple, set, frozenset):
        items = value
    elif cls in registry.by_class:
        items = (part for _, part in _parts(value, registry))
    else:
        return False
    if levels == 0:
        return True
    for item in items:
        if type(item) not in _LEAVES and is_deeper(item, levels - 1, registry):
            return True
    return False


def _path(root: object, labels: list[str]) -> str:
    path = type(root).__name__ + "".join(reversed(labels))
    return path if len(path) <= _LONGEST else f"{path[: _LONGEST // 2]}...{path[-_LONGEST // 2 :]}"


def _repeated(
    value: object,
    registry: Registry,
    depth: int,
    above: set[int],
    done: set[int],
    labels: list[str],
) -> object | None:
    """A part that stands above itself; the labels up to the root are added."""
    if id(value) in above:
        return value
    if depth < 0 or id(value) in done:
        return None
    above.add(id(value))
    for label, part in _parts(value, registry):
        if type(part) not in _LEAVES:
            found = _repeated(part, registry, depth - 1, above, done, labels)
            if found is not None:
                labels.append(label)
                return found
    above.discard(id(value))
    done.add(id(value))
    return None


def _labels(
    value: object, target: object, registry: Registry, depth: int, seen: set[int]
) -> list[str] | None:
    """The labels from the target up to the value; None where it is not in there."""
    if value is target:
        return []
    if depth < 0 or id(value) in seen:
        return None
    seen.add(id(value))
    for label, part in _parts(value, registry):
        if part is target or type(part) not in _LEAVES:
            labels = _labels(part, target, registry, depth - 1, seen)
            if labels is not None:
                labels.append(label)
                return labels
    return None


def _parts(value: Any, registry: Registry) -> Iterator[tuple[str, Any]]:
    cls = type(value)
    if cls is list or cls is tuple:
        yield from ((f"[{place}]", part) for place, part in enumerate(value))
    elif cls is set or cls is frozenset:
        yield from ((".element", part) for part in value)
    elif cls is dict:
        yield from ((".key", part) for part in value)
        yield from ((f"[{_key(key)}]", part) for key, part in value.items())
    elif cls in registry.by_class:
        yield from plan_of(registry.by_class[cls]).parts(value)


def _key(key: object) -> str:
    if type(key) is str:
        return repr(key if len(key) <= 40 else f"{key[:40]}...")
    return repr(key) if type(key) in (int, bool, float, NoneType) else f"<{type(key).__name__}>"
