"""How a router chooses whatever the load: pure strategies over routees of any hashable kind.

A `Picker` holds the routees and picks one for a message. It does no I/O and knows no actor; chance
is an argument.
"""

from __future__ import annotations

import math
import random as _random
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from hashlib import blake2b
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

R = TypeVar("R")
Key: TypeAlias = str | bytes | int
"""What a key function of consistent-hash may return."""


class Routees(ABC, Generic[R]):
    """Those that a router chooses among."""

    __slots__ = ()

    @abstractmethod
    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee; ValueError if it is in. The weight is for weighted-round-robin."""

    @abstractmethod
    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""

    @abstractmethod
    def __iter__(self) -> Iterator[R]:
        """Iterate over the routees, in the order in which they were added."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of routees."""


class Picker(Routees[R]):
    """Chooses one of its routees for each message, whatever they have in their hands."""

    __slots__ = ()

    @abstractmethod
    def pick(self, message: object) -> R:
        """Return the routee for `message`; LookupError where there is none."""


class _ListPicker(Picker[R], ABC):
    """A picker that keeps its routees in a list."""

    __slots__ = ("_routees",)

    def __init__(self) -> None:
        self._routees: list[R] = []

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee, as the last; ValueError if it is in."""
        check_weight(weight)
        check_absent(routee, self._routees)
        self._routees.append(routee)

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        del self._routees[_index(self._routees, routee)]

    def __iter__(self) -> Iterator[R]:
        return iter(self._routees)

    def __len__(self) -> int:
        return len(self._routees)


class RoundRobin(_ListPicker[R]):
    """One after the other."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def pick(self, message: object) -> R:
        """Return the routee whose turn it is."""
        routees = self._routees
        position = self._next
        if position >= len(routees):
            if not routees:
                raise no_routees()
            position = 0
        self._next = position + 1
        return routees[position]

    def remove(self, routee: R) -> None:
        """Drop a routee; the turn of the others stays."""
        position = _index(self._routees, routee)
        del self._routees[position]
        if position < self._next:
            self._next -= 1


class _Weighted(Generic[R]):
    """A routee with its weight and what nginx calls its current weight."""

    __slots__ = ("current", "routee", "weight")

    def __init__(self, routee: R, weight: float) -> None:
        self.routee = routee
        self.weight = weight
        self.current: float = 0


class WeightedRoundRobin(Picker[R]):
    """In proportion to the weights and spread out, as nginx does it: 5, 1, 1 give a a b a c a a.

    At each pick every current weight grows by its weight, the largest wins, and the winner's falls
    by the sum of all. With whole weights that repeats after as many picks as the weights sum up to;
    a cycle of moderate length is remembered once it has been seen, so that a pick no longer looks
    at all routees.
    """

    __slots__ = ("_cycle", "_entries", "_period", "_position", "_total")

    _LONGEST_CYCLE: ClassVar[int] = 65_536

    def __init__(self) -> None:
        self._entries: list[_Weighted[R]] = []
        self._cycle: list[R] = []
        self._total: float = 0
        self._period = 0
        self._position = -1

    def pick(self, message: object) -> R:
        """Return the next routee of the weighted round."""
        if self._position < 0:
            return self._compute()
        routee = self._cycle[self._position]
        self._position += 1
        if self._position == self._period:
            self._position = 0
        return routee

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee with its weight and begin a new round; ValueError if it is in."""
        check_weight(weight)
        check_absent(routee, list(self))
        self._entries.append(_Weighted(routee, weight))
        self._restart_cycle()

    def remove(self, routee: R) -> None:
        """Drop a routee and begin a new round; ValueError if it is not in."""
        del self._entries[_index(list(self), routee)]
        self._restart_cycle()

    def __iter__(self) -> Iterator[R]:
        return (entry.routee for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _restart_cycle(self) -> None:
        for entry in self._entries:
            entry.current = 0
        self._total = sum(entry.weight for entry in self._entries)
        self._period = self._find_period()
        self._cycle = []
        self._position = -1

    def _find_period(self) -> int:
        """Return after how many picks the order repeats; 0 where it is not to be remembered."""
        weights = [entry.weight for entry in self._entries]
        if not all(float(weight).is_integer() for weight in weights):
            return 0
        whole = [int(weight) for weight in weights]
        period = sum(whole) // (math.gcd(*whole) or 1)
        return period if period <= self._LONGEST_CYCLE else 0

    def _compute(self) -> R:
        best: _Weighted[R] | None = None
        for entry in self._entries:
            entry.current += entry.weight
            if best is None or entry.current > best.current:
                best = entry
        if best is None:
            raise no_routees()
        best.current -= self._total
        self._remember(best.routee)
        return best.routee

    def _remember(self, routee: R) -> None:
        if self._period:
            self._cycle.append(routee)
            if len(self._cycle) == self._period:
                self._position = 0


class RandomChoice(_ListPicker[R]):
    """Any routee, all equally likely."""

    __slots__ = ("_random",)

    def __init__(self, random: _random.Random) -> None:
        super().__init__()
        self._random = random.random

    def pick(self, message: object) -> R:
        """Return any routee."""
        routees = self._routees
        if not routees:
            raise no_routees()
        return routees[int(self._random() * len(routees))]


class ConsistentHash(Picker[R]):
    """Equal keys go to the same routee, and a change of routees moves few keys.

    Each routee stands at many points of a ring, found by hashing its name; a key goes to the next
    point on the ring. A routee more or less of n moves about one key in n. The hash (BLAKE2b) is
    the same in every process, so routers with the same names agree.
    """

    __slots__ = ("_key", "_name", "_owners", "_points", "_ring", "_routees")

    _POINTS: ClassVar[int] = 160

    def __init__(self, key: Callable[[Any], Key], name: Callable[[R], str]) -> None:
        self._key = key
        self._name = name
        self._routees: dict[str, R] = {}
        self._ring: dict[int, R] = {}
        self._points: list[int] | None = None
        self._owners: list[R] = []

    def pick(self, message: object) -> R:
        """Return the routee that owns the message's key; TypeError for a key of another type."""
        points = self._points
        if points is None:
            points = self._build()
        if not points:
            raise no_routees()
        position = bisect_right(points, _hash_key(self._key(message)))
        return self._owners[position if position < len(points) else 0]

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee; ValueError if it, or another of its name, is in."""
        check_weight(weight)
        name = self._name(routee)
        check_absent(name, self._routees)
        self._routees[name] = routee
        self._points = None

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        name = self._name(routee)
        if self._routees.get(name) != routee:
            raise not_in(routee)
        del self._routees[name]
        self._points = None

    def __iter__(self) -> Iterator[R]:
        return iter(self._routees.values())

    def __len__(self) -> int:
        return len(self._routees)

    def _build(self) -> list[int]:
        ring = {
            point: self._routees[name]
            for name in sorted(self._routees)
            for point in _ring_points(name, self._POINTS)
        }
        self._points = sorted(ring)
        self._owners = [ring[point] for point in self._points]
        return self._points


def check_weight(weight: object) -> None:
    """Raise TypeError or ValueError unless it is a number that can be a weight."""
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError(f"a weight must be a number, got {weight!r}")
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"a weight must be a finite number above 0, got {weight!r}")


def check_absent(routee: object, routees: Collection[object]) -> None:
    """Raise ValueError where it is in already."""
    if routee in routees:
        raise ValueError(f"{routee!r} is a routee already")


def _index(routees: list[R], routee: R) -> int:
    try:
        return routees.index(routee)
    except ValueError:
        raise not_in(routee) from None


def not_in(routee: object) -> ValueError:
    """Return the error for what cannot be dropped."""
    return ValueError(f"{routee!r} is not a routee")


def no_routees() -> LookupError:
    """Return the error for a message that there is nobody for."""
    return LookupError("there are no routees")


def _hash_key(key: object) -> int:
    if isinstance(key, str):
        data = b"s" + key.encode("utf-8", "surrogatepass")
    elif isinstance(key, bytes):
        data = b"b" + key
    elif isinstance(key, int):
        data = b"i%d" % key
    else:
        raise TypeError(f"a key must be a str, bytes or int, got {key!r}")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _ring_points(name: str, count: int) -> Iterator[int]:
    """Yield `count` places on the ring for a name, eight from each digest."""
    label = name.encode("utf-8", "surrogatepass")
    for block in range(-(-count // 8)):
        digest = blake2b(label, digest_size=64, salt=b"%d" % block).digest()
        for start in range(0, 64, 8):
            yield int.from_bytes(digest[start : start + 8], "big")
