"""How a router chooses by load: pure strategies over routees that may be any hashable thing.

A `Balancer` hands each message to a routee and counts it there; the `Load` that it returns is told
when the message is done. Like `actors.routing` it does no I/O and knows no actor.
"""

from __future__ import annotations

import random as _random
from abc import abstractmethod
from collections.abc import Iterator
from typing import Generic, TypeVar, cast

from actors.letter import EndOnly
from actors.routing import Routees, check_absent, check_weight, no_routees, not_in

R = TypeVar("R")


class Load(EndOnly, Generic[R]):
    """A routee, with the number of messages in its hands.

    It takes the place of the answer of a message that nobody waits for, so that the end of the
    message is all that it takes to count it off.
    """

    __slots__ = ("count", "routee")

    def __init__(self, routee: R) -> None:
        self.routee = routee
        self.count = 0

    def send(self, value: object) -> None:
        """Count off a message that was handled."""
        self.count -= 1


class Balancer(Routees[R], Generic[R]):
    """Chooses a routee by what each has in its hands.

    What a routee has there when it leaves is remembered until it is done, so that it may come
    back with it.
    """

    __slots__ = ("_away", "_loads")

    def __init__(self) -> None:
        self._loads: dict[R, Load[R]] = {}
        self._away: dict[R, Load[R]] = {}

    @abstractmethod
    def hand(self, message: object) -> Load[R]:
        """Choose a routee and count the message there; LookupError where there is none."""

    def load(self, routee: R) -> int:
        """Return the number of messages in the hands of `routee`, which is in."""
        return self._loads[routee].count

    def add(self, routee: R, weight: float = 1) -> None:
        """Take in a routee, with what it had in its hands when it left; ValueError if it is in."""
        check_weight(weight)
        check_absent(routee, self._loads)
        load = self._away.pop(routee) if routee in self._away else self._made(routee)
        self._loads[routee] = load
        self._entered(load)

    def remove(self, routee: R) -> None:
        """Drop a routee; ValueError if it is not in."""
        load = self._loads.pop(routee, None)
        if load is None:
            raise not_in(routee)
        self._left(load)
        self._away = {key: away for key, away in self._away.items() if away.count}
        self._away[routee] = load

    def __iter__(self) -> Iterator[R]:
        return iter(self._loads)

    def __len__(self) -> int:
        return len(self._loads)

    def _made(self, routee: R) -> Load[R]:
        return Load(routee)

    @abstractmethod
    def _entered(self, load: Load[R]) -> None:
        """Choose it too from now on."""

    @abstractmethod
    def _left(self, load: Load[R]) -> None:
        """Choose it no more."""


class PowerOfTwo(Balancer[R]):
    """Two routees by chance, and of these the one with fewer messages in its hands."""

    __slots__ = ("_present", "_random")

    def __init__(self, random: _random.Random) -> None:
        super().__init__()
        self._random = random.random
        self._present: list[Load[R]] = []

    def hand(self, message: object) -> Load[R]:
        """Count the message at the less loaded of two different routees."""
        present = self._present
        size = len(present)
        if size < 2:
            if not size:
                raise no_routees()
            chosen = present[0]
        else:
            first = int(self._random() * size)
            second = int(self._random() * (size - 1))
            if second >= first:
                second += 1
            chosen, other = present[first], present[second]
            if other.count < chosen.count:
                chosen = other
        chosen.count += 1
        return chosen

    def _entered(self, load: Load[R]) -> None:
        self._present.append(load)

    def _left(self, load: Load[R]) -> None:
        self._present.remove(load)


class _Place(Load[R]):
    """A load in the ring of those that have equally much, the one that came first at its head.

    The ring itself is one too, without a routee, that stands between its last and its first.
    """

    __slots__ = ("_moved", "after", "before", "is_in", "is_settled")

    before: _Place[R]
    after: _Place[R]

    def __init__(self, routee: R, moved: list[_Place[R]]) -> None:
        self.routee = routee
        self.count = 0
        self.before = self.after = self
        self.is_in = False
        self.is_settled = True
        """Whether it stands in the ring of its count, but for what was handed out since."""
        self._moved = moved

    def send(self, value: object) -> None:
        """Count off a message that was handled."""
        self.count -= 1
        if self.is_settled:
            self.is_settled = False
            self._moved.append(self)

    def insert(self, first: _Place[R], last: _Place[R]) -> None:
        """Put a chain of places before this one."""
        before = self.before
        before.after, first.before = first, before
        last.after, self.before = self, last

    def cut(self, last: _Place[R]) -> None:
        """Take the chain from this place to `last` out of its ring."""
        before, after = self.before, last.after
        before.after, after.before = after, before


class LeastConnections(Balancer[R]):
    """The routee with the fewest messages in its hands; among equals, who has waited longest.

    Routees stand in one ring for each load. Of the lowest ring one after the other is handed a
    message; that these then belong into the ring above is made true for all at once, and so is
    what was counted off meanwhile. So no message looks at all routees, however many there are.
    """

    __slots__ = ("_last", "_moved", "_ring", "_rings")

    def __init__(self) -> None:
        super().__init__()
        self._moved: list[_Place[R]] = []
        """Where something was counted off since the rings were in order."""
        self._ring = self._last = self._new_ring(0)
        """The lowest ring, and who was handed a message last: all up to it have one more."""
        self._rings: dict[int, _Place[R]] = {}
        """The others, by the count of those that stand in them."""

    def hand(self, message: object) -> Load[R]:
        """Count the message at the first in the lowest ring."""
        if self._moved:
            self._settle()
        place = self._last.after
        if place is self._ring:
            place = self._next_round()
        self._last = place
        place.count += 1
        return place

    def _next_round(self) -> _Place[R]:
        """All of the lowest ring have one more: it is the ring above now, behind who is there."""
        ring = self._ring
        if ring.after is ring:
            raise no_routees()
        ring.count += 1
        above = self._rings.pop(ring.count, None)
        if above is not None:
            first, last = above.after, above.before
            first.cut(last)
            ring.after.insert(first, last)
        return ring.after

    def _lift(self) -> None:
        """Put those that were handed one into the ring above, behind all that are there."""
        ring, last = self._ring, self._last
        if last is not ring:
            first = ring.after
            first.cut(last)
            self._ring_of(ring.count + 1).insert(first, last)
            self._last = ring

    def _settle(self) -> None:
        """Put those that something was counted off from where they belong now."""
        self._lift()
        for place in self._moved:
            place.is_settled = True
            if place.is_in:
                self._take_out(place)
                self._ring_of(place.count).insert(place, place)
        self._moved.clear()
        self._find_lowest()

    def _find_lowest(self) -> None:
        ring, rings = self._ring, self._rings
        lowest = min(rings, default=ring.count)
        if lowest < ring.count or (ring.after is ring and lowest in rings):
            if ring.after is not ring:
                rings[ring.count] = ring
            self._ring = rings.pop(lowest)
        self._last = self._ring

    def _ring_of(self, count: int) -> _Place[R]:
        if count == self._ring.count:
            return self._ring
        ring = self._rings.get(count)
        if ring is None:
            ring = self._rings[count] = self._new_ring(count)
        return ring

    def _new_ring(self, count: int) -> _Place[R]:
        ring = _Place(cast("R", None), self._moved)
        ring.count = count
        return ring

    def _take_out(self, place: _Place[R]) -> None:
        place.cut(place)
        if place.before is place.after:  # it was the only one
            self._rings.pop(place.before.count, None)

    def _made(self, routee: R) -> Load[R]:
        return _Place(routee, self._moved)

    def _entered(self, load: Load[R]) -> None:
        assert isinstance(load, _Place)
        self._lift()
        load.is_in = True
        self._ring_of(load.count).insert(load, load)
        self._find_lowest()

    def _left(self, load: Load[R]) -> None:
        assert isinstance(load, _Place)
        self._settle()
        load.is_in = False
        self._take_out(load)
        self._find_lowest()
