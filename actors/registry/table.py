"""Which actors have which names, groups and topics: one table, of which every node has a replica.

A state machine without links, clock or loop. Each node owns the entries of its own actors and
changes nobody else's, so a replica has one writer: it is the whole of what that node told, in its
order, from the moment it connected until it is lost. That is how Erlang's `pg` keeps its groups
(OTP 23 and later), and why nothing has to be merged after a partition. Names are the one thing that
two nodes can disagree on: there the earlier of two entries wins, by a clock after Lamport (1978).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

R = TypeVar("R", bound=Hashable)

MAX_TIME = 2**53
"""No clock gets there by counting. One that was made to by a lie stays there, and goes on: of
entries with equal times the one of the node with the smaller name is the earlier."""

MAX_ENTRIES = 1_000_000
"""How many entries one node may have. Each takes about half a kilobyte on every node."""


class Section(IntEnum):
    """What an entry says of its actor; the numbers are those on the wire."""

    NAMES = 1
    """It has this name, and nobody else has."""
    GROUPS = 2
    """It is a member of this group."""
    TOPICS = 3
    """It gets what is published on topics of this pattern."""


class Owner(NamedTuple):
    """One life of a node, whose entries they are."""

    node: str
    incarnation: int


class Change(NamedTuple, Generic[R]):
    """An entry that has come, or gone."""

    section: Section
    name: str
    ref: R
    time: int | None
    """When it was made, by the clock of the table; None where it is gone."""


class Conflict(NamedTuple, Generic[R]):
    """An actor of this node had a name that another one has had for longer."""

    name: str
    winner: R
    loser: R


@dataclass(slots=True)
class Received(Generic[R]):
    """What came of the changes that another node told."""

    changes: list[Change[R]] = field(default_factory=list)
    conflicts: list[Conflict[R]] = field(default_factory=list)
    refused: int = 0
    """How many were one too many."""


_Key = tuple[Section, str]
_Stamp = tuple[int, str]
"""When an entry was made, and on which node: no two are equal, so all nodes order them alike."""


class _Part(Generic[R]):
    """The entries of one owner, by actor."""

    __slots__ = ("entries", "node", "size")

    def __init__(self, node: str) -> None:
        self.node = node
        self.entries: dict[R, dict[_Key, int]] = {}
        self.size = 0

    def has(self, key: _Key, ref: R) -> bool:
        """Whether the actor has that entry."""
        return key in self.entries.get(ref, ())


class Table(Generic[R]):
    """A node's own entries, and its replicas of those of the nodes that it is connected to."""

    def __init__(self, node: str, limit: int = MAX_ENTRIES) -> None:
        self.time = 0
        """The latest time that this node has heard of, or given to an entry."""
        self._limit = limit
        self._own: _Part[R] = _Part(node)
        self._replicas: dict[Owner, _Part[R]] = {}
        self._index: dict[_Key, dict[R, _Stamp]] = {}
        self._ordered: dict[_Key, tuple[R, ...]] = {}

    # --- what is known --------------------------------------------------------------------------

    def refs(self, section: Section, name: str) -> tuple[R, ...]:
        """Return who has that entry, the earliest first: the same order on every node."""
        key = (section, name)
        refs = self._ordered.get(key)
        if refs is None:
            stamps = self._index.get(key)
            if stamps is None:
                return ()
            refs = self._ordered[key] = tuple(sorted(stamps, key=stamps.__getitem__))
        return refs

    def first(self, section: Section, name: str) -> R | None:
        """Return who has had that entry for longest."""
        return next(iter(self.refs(section, name)), None)

    def has_any(self, section: Section, name: str) -> bool:
        """Whether anybody has that entry."""
        return (section, name) in self._index

    def owns(self, section: Section, name: str, ref: R) -> bool:
        """Whether that is an entry of this node."""
        return self._own.has((section, name), ref)

    @property
    def is_empty(self) -> bool:
        """Whether this node has no entries of its own."""
        return not self._own.size

    @property
    def is_full(self) -> bool:
        """Whether this node may have no more of its own."""
        return self._own.size >= self._limit

    # --- this node's own entries ----------------------------------------------------------------

    def enter(self, section: Section, name: str, ref: R) -> Change[R] | None:
        """Make an entry of this node; None where it is there already."""
        if self._own.has((section, name), ref):
            return None
        self.time = min(self.time + 1, MAX_TIME)
        change = Change(section, name, ref, self.time)
        self._put(self._own, change, self.time)
        return change

    def strike(self, section: Section, name: str, ref: R) -> Change[R] | None:
        """Take an entry of this node away; None where there is none."""
        return self._drop(self._own, (section, name), ref)

    def strike_all(self, ref: R) -> list[Change[R]]:
        """Take away all entries of an actor of this node that has ended."""
        return self._drop_all(self._own, ref)

    def own(self) -> list[Change[R]]:
        """Return all entries of this node, for a node that connects."""
        entries = self._own.entries.items()
        return [Change(*key, ref, time) for ref, keys in entries for key, time in keys.items()]

    # --- those of others ------------------------------------------------------------------------

    def connected(self, owner: Owner) -> None:
        """A node is connected, and is about to tell all its entries."""
        self.disconnected(owner)
        self._replicas[owner] = _Part(owner.node)

    def disconnected(self, owner: Owner) -> list[Change[R]]:
        """A node is lost: forget its entries. Returns what has gone."""
        part = self._replicas.pop(owner, None)
        if part is None:
            return []
        return [gone for ref in tuple(part.entries) for gone in self._drop_all(part, ref)]

    def receive(self, owner: Owner, time: int, changes: Iterable[Change[R]]) -> Received[R]:
        """A node tells what has come and gone there, and its time."""
        received: Received[R] = Received()
        part = self._replicas.get(owner)
        if part is not None:
            self.time = max(self.time, time)
            for change in changes:
                self._take(part, change, received)
        return received

    def _take(self, part: _Part[R], change: Change[R], received: Received[R]) -> None:
        section, name, ref, time = change
        if time is None:
            gone = self._drop(part, (section, name), ref)
            if gone is not None:
                received.changes.append(gone)
        elif part.size >= self._limit:
            received.refused += 1
        elif not part.has((section, name), ref):
            self.time = max(self.time, time)
            self._put(part, change, time)
            received.changes.append(change)
            if section is Section.NAMES:
                self._settle(name, received)

    def _settle(self, name: str, received: Received[R]) -> None:
        """Another node's actor has this name: where it has had it for longer, give up our own."""
        winner, *others = self.refs(Section.NAMES, name)
        for loser in others:
            gone = self.strike(Section.NAMES, name, loser)
            if gone is not None:
                received.changes.append(gone)
                received.conflicts.append(Conflict(name, winner, loser))

    # --- index ----------------------------------------------------------------------------------

    def _put(self, part: _Part[R], change: Change[R], time: int) -> None:
        key = (change.section, change.name)
        part.entries.setdefault(change.ref, {})[key] = time
        part.size += 1
        self._index.setdefault(key, {})[change.ref] = (time, part.node)
        self._ordered.pop(key, None)

    def _drop(self, part: _Part[R], key: _Key, ref: R) -> Change[R] | None:
        keys = part.entries.get(ref)
        if keys is None or keys.pop(key, None) is None:
            return None
        if not keys:
            del part.entries[ref]
        self._unindex(part, key, ref)
        return Change(*key, ref, None)

    def _drop_all(self, part: _Part[R], ref: R) -> list[Change[R]]:
        keys = part.entries.pop(ref, {})
        for key in keys:
            self._unindex(part, key, ref)
        return [Change(*key, ref, None) for key in keys]

    def _unindex(self, part: _Part[R], key: _Key, ref: R) -> None:
        part.size -= 1
        refs = self._index[key]
        del refs[ref]
        if not refs:
            del self._index[key]
        self._ordered.pop(key, None)
