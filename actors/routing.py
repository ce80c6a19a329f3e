"""How a router chooses: pure strategies over routees that may be any hashable thing.

A `Picker` holds the routees and picks one for a message. It does no I/O and knows no actor; chance
is an argument. Broadcast and scatter-gather choose nothing, so they have no picker: the router
sends to all.
"""

from __future__ import annotations

import math
import random as _random
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar, cast

__all__ = [
    "PICKERS",
    "STRATEGIES",
    "ConsistentHash",
    "Key",
    "LeastConnections",
    "Picker",
    "PowerOfTwo",
    "RandomChoice",
    "RoundRobin",
    "WeightedRoundRobin",
    "check_strategy",
    "make_picker",
]

R = TypeVar("R")
Key: TypeAlias = str | bytes | int
"""What a key function of consistent-hash may return."""

PICKERS: Final = (
    "round-robin",
    "weighted-round-robin",
    "least-connections",
    "random",
    "power-of-two",
    "consistent-hash",
)
"""The strategies that choose one routee; `make_picker` takes these."""

STRATEGIES: Final = (*PICKERS, "broadcast", "scatter-gather")
"""All strategies of a router; `check_strategy` takes these."""


class Picker(ABC, Generic[R]):
    """Chooses one of its routees for each message.

    Where `counts` is true, the caller reports with `started` each message that it hands to a routee
    and with `finished` each one that is done; elsewhere both do nothing. What a routee has in its
    hands when it leaves is remembered until it is done, so that it may come back with it.
    """

    __slots__ = ()

    counts: ClassVar[bool] = False
    """Whether this strategy chooses by load, so that `started` and `finished` must be called."""

    @abstractmethod
    def pick(self, message: object) -> R:
        """Return the routee for `message`; LookupError where there is none."""

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

    def started(self, routee: R) -> None:
        """Count a message that was handed to `routee`."""

    def finished(self, routee: R) -> None:
        """Count off a message that `routee` is done with."""


class _ListPicker(Picker[R], ABC):
    """A picker that keeps its routees in a list."""

    __slots__ = ("_routees",)

    def __init__(self) -> None:
        self._routees: list[R] = []

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee, as the last; ValueError if it is in."""
        _check_weight(weight)
        _check_absent(routee, self._routees)
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
                raise _no_routees()
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
        _check_weight(weight)
        _check_absent(routee, list(self))
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
            raise _no_routees()
        best.current -= self._total
        self._remember(best.routee)
        return best.routee

    def _remember(self, routee: R) -> None:
        if self._period:
            self._cycle.append(routee)
            if len(self._cycle) == self._period:
                self._position = 0


class _Load(Generic[R]):
    """A routee with the number of messages in its hands."""

    __slots__ = ("count", "routee")

    def __init__(self, routee: R) -> None:
        self.routee = routee
        self.count = 0


class LeastConnections(Picker[R]):
    """The routee with the fewest messages in its hands; among equals, who has waited longest.

    Routees stand in one queue for each load, so that neither a pick nor a report looks at more than
    one of them, however many there are.
    """

    __slots__ = ("_away", "_least", "_levels", "_loads", "_spare")

    counts: ClassVar[bool] = True

    def __init__(self) -> None:
        self._loads: dict[R, _Load[R]] = {}
        self._away: dict[R, _Load[R]] = {}
        self._levels: dict[int, OrderedDict[_Load[R], None]] = {}
        self._spare: list[OrderedDict[_Load[R], None]] = []
        self._least = 0

    def pick(self, message: object) -> R:
        """Return the first in the queue of the least loaded, which goes to its end."""
        if not self._loads:
            raise _no_routees()
        level = self._levels[self._least]
        load = next(iter(level))
        level.move_to_end(load)
        return load.routee

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee, with what it had in its hands when it left; ValueError if it is in."""
        _check_weight(weight)
        _check_absent(routee, self._loads)
        load = self._away.pop(routee, None) or _Load(routee)
        if not self._loads or load.count < self._least:
            self._least = load.count
        self._loads[routee] = load
        self._enter_level(load)

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        load = self._loads.pop(routee, None)
        if load is None:
            raise _not_in(routee)
        if load.count:
            self._away[routee] = load
        self._leave_level(load)
        if load.count == self._least and load.count not in self._levels:
            self._least = min(self._levels, default=0)

    def started(self, routee: R) -> None:
        """Count a message that was handed to `routee`."""
        load = self._loads.get(routee)
        if load is not None:
            count = load.count
            self._move(load, count + 1)
            if count == self._least and count not in self._levels:
                self._least = count + 1

    def finished(self, routee: R) -> None:
        """Count off a message that `routee` is done with; never below none."""
        load = self._loads.get(routee)
        if load is None:
            self._finished_away(routee)
        elif load.count:
            count = load.count - 1
            self._move(load, count)
            if count < self._least:
                self._least = count

    def load(self, routee: R) -> int:
        """Return the number of messages in the hands of `routee`, which is in."""
        return self._loads[routee].count

    def __iter__(self) -> Iterator[R]:
        return iter(self._loads)

    def __len__(self) -> int:
        return len(self._loads)

    def _finished_away(self, routee: R) -> None:
        load = self._away.get(routee)
        if load is not None:
            load.count -= 1
            if not load.count:
                del self._away[routee]

    def _move(self, load: _Load[R], count: int) -> None:
        self._leave_level(load)
        load.count = count
        self._enter_level(load)

    def _enter_level(self, load: _Load[R]) -> None:
        level = self._levels.get(load.count)
        if level is None:
            level = self._spare.pop() if self._spare else OrderedDict()
            self._levels[load.count] = level
        level[load] = None

    def _leave_level(self, load: _Load[R]) -> None:
        level = self._levels[load.count]
        del level[load]
        if not level:
            self._spare.append(self._levels.pop(load.count))


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
            raise _no_routees()
        return routees[int(self._random() * len(routees))]


class PowerOfTwo(_ListPicker[R]):
    """Two routees by chance, and of these the one with fewer messages in its hands."""

    __slots__ = ("_away", "_loads", "_random")

    counts: ClassVar[bool] = True

    def __init__(self, random: _random.Random) -> None:
        super().__init__()
        self._random = random.random
        self._loads: dict[R, int] = {}
        self._away: dict[R, int] = {}

    def pick(self, message: object) -> R:
        """Return the less loaded of two different routees."""
        routees = self._routees
        size = len(routees)
        if size < 2:
            return self._only()
        first = int(self._random() * size)
        second = int(self._random() * (size - 1))
        if second >= first:
            second += 1
        one, other = routees[first], routees[second]
        return one if self._loads[one] <= self._loads[other] else other

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee, with what it had in its hands when it left; ValueError if it is in."""
        super().add(routee, weight)
        self._loads[routee] = self._away.pop(routee, 0)

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        super().remove(routee)
        count = self._loads.pop(routee)
        if count:
            self._away[routee] = count

    def started(self, routee: R) -> None:
        """Count a message that was handed to `routee`."""
        if routee in self._loads:
            self._loads[routee] += 1

    def finished(self, routee: R) -> None:
        """Count off a message that `routee` is done with; never below none."""
        if self._loads.get(routee):
            self._loads[routee] -= 1
        elif routee in self._away:
            self._finished_away(routee)

    def load(self, routee: R) -> int:
        """Return the number of messages in the hands of `routee`, which is in."""
        return self._loads[routee]

    def _finished_away(self, routee: R) -> None:
        self._away[routee] -= 1
        if not self._away[routee]:
            del self._away[routee]

    def _only(self) -> R:
        if not self._routees:
            raise _no_routees()
        return self._routees[0]


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
            raise _no_routees()
        position = bisect_right(points, _hash_key(self._key(message)))
        return self._owners[position if position < len(points) else 0]

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee; ValueError if it, or another of its name, is in."""
        _check_weight(weight)
        name = self._name(routee)
        _check_absent(name, self._routees)
        self._routees[name] = routee
        self._points = None

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        name = self._name(routee)
        if self._routees.get(name) != routee:
            raise _not_in(routee)
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


def make_picker(
    strategy: str,
    *,
    key: Callable[[Any], Key] | None = None,
    weights: Sequence[float] | None = None,
    random: _random.Random | None = None,
    name: Callable[[R], str] = str,
) -> Picker[R]:
    """Return an empty picker for one of `PICKERS`.

    `key` is for consistent-hash alone and required there; `name` gives the routee's place on
    its ring. `weights` are for weighted-round-robin alone and only checked here: each goes in
    with its routee, by `Picker.add`.
    """
    check_strategy(strategy, key=key, weights=weights)
    if strategy == "consistent-hash" and key is not None:
        return ConsistentHash(key, name)
    if strategy in ("random", "power-of-two"):
        source = random if random is not None else _random.Random()
        return RandomChoice(source) if strategy == "random" else PowerOfTwo(source)
    makers: dict[str, Callable[[], Picker[R]]] = {
        "round-robin": RoundRobin,
        "weighted-round-robin": WeightedRoundRobin,
        "least-connections": LeastConnections,
    }
    if strategy not in makers:
        raise ValueError(f"strategy must be one of {', '.join(PICKERS)}, got {strategy!r}")
    return makers[strategy]()


def check_strategy(
    strategy: object, *, key: object = None, weights: object = None, count: int | None = None
) -> None:
    """Raise a TypeError or ValueError that names what is wrong with a router's arguments.

    `count` is the number of routees, where it is known: there must be as many weights.
    """
    if not isinstance(strategy, str):
        raise TypeError(f"strategy must be a str, one of {', '.join(STRATEGIES)}, got {strategy!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy!r}")
    _check_key_function(strategy, key)
    _check_weights(strategy, weights, count)


def _check_key_function(strategy: str, key: object) -> None:
    if strategy == "consistent-hash":
        if not callable(key):
            raise TypeError(f"consistent-hash needs key=, a function of the message, got {key!r}")
    elif key is not None:
        raise ValueError(f"key is for consistent-hash, not for {strategy}: {key!r}")


def _check_weights(strategy: str, weights: object, count: int | None) -> None:
    if weights is None:
        return
    if strategy != "weighted-round-robin":
        raise ValueError(f"weights are for weighted-round-robin, not for {strategy}: {weights!r}")
    if isinstance(weights, str | bytes) or not isinstance(weights, Sequence):
        raise TypeError(f"weights must be a sequence of numbers, got {weights!r}")
    known = cast("Sequence[object]", weights)
    for weight in known:
        _check_weight(weight)
    if count is not None and len(known) != count:
        raise ValueError(f"weights must be one a routee: {len(known)} weights, {count} routees")


def _check_weight(weight: object) -> None:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError(f"a weight must be a number, got {weight!r}")
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"a weight must be a finite number above 0, got {weight!r}")


def _check_absent(routee: object, routees: Collection[object]) -> None:
    if routee in routees:
        raise ValueError(f"{routee!r} is a routee already")


def _index(routees: list[R], routee: R) -> int:
    try:
        return routees.index(routee)
    except ValueError:
        raise _not_in(routee) from None


def _not_in(routee: object) -> ValueError:
    return ValueError(f"{routee!r} is not a routee")


def _no_routees() -> LookupError:
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
