"""Whether anything grew: what is under way by nothing at all, memory by no more than it may."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from benchmarks.memory import MIB
from benchmarks.soak.probe import Vitals

WARM_UP = 1 / 4
"""The share of the time in which caches and memories fill: what grows then is not looked at."""

GROWTH = 32 * MIB
"""Bytes by which a process may grow after the warm-up: 10,000 refs of each of two peers, at most
1 KiB each, 10,000 ends, and what the allocator has not given back yet."""

OBJECTS = 100_000
"""Objects by which a process at rest may have grown: five for each ref remembered of two peers."""

EXACT = ("descriptors", "threads", "tasks")
"""What a process at rest has exactly as much of as before."""


@dataclass(frozen=True, slots=True)
class Life:
    """One node from the first look to the last."""

    name: str
    before: Vitals
    """At rest, warmed up, before all."""
    after: Vitals
    """At rest, after all."""
    samples: Sequence[tuple[float, Vitals]] = field(default_factory=tuple)
    """While it worked, with the seconds since the beginning."""

    @property
    def growth(self) -> float:
        """By how many bytes its memory grew after the warm-up, as a line through all samples."""
        worked = [(at, look.process["rss"]) for at, look in self.samples]
        if not worked:
            return 0.0
        start = worked[-1][0] * WARM_UP
        late = [(at, size) for at, size in worked if at >= start]
        return slope(late) * (worked[-1][0] - start)

    def problems(self) -> list[str]:
        """Say what is not as it was."""
        found = list(differences(self.before, self.after))
        if self.growth > GROWTH:
            found.append(f"rss grew by {self.growth / MIB:.1f} MiB, not {GROWTH // MIB}")
        more = self.after.process["objects"] - self.before.process["objects"]
        if more > OBJECTS:
            found.append(f"{more} objects more, not {OBJECTS}")
        for _, look in (*self.samples, (0.0, self.after)):
            if not look.adds_up:
                found.append(f"the ledger does not add up: {look.ledger}")
                break
        for what, (count, bound) in self.after.memories.items():
            if count > bound:
                found.append(f"{what}: {count} are remembered, not {bound}")
        return [f"{self.name}: {problem}" for problem in found]


def differences(before: Vitals, after: Vitals) -> Iterator[str]:
    """Say what a node at rest has not exactly as much of as before."""
    yield from _unequal(before.tables, after.tables)
    yield from _unequal(
        {what: before.process[what] for what in EXACT},
        {what: after.process[what] for what in EXACT},
    )
    if after.ledger["queued"] != 1 or after.ledger["waiting"]:  # but for the question itself
        yield f"{after.ledger['queued']} queued, {after.ledger['waiting']} waiting"


def _unequal(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    for what, count in after.items():
        if count != before[what]:
            yield f"{what}: {before[what]} before, {count} after"


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between any two points: outliers do not count.

    This is the estimate of Theil and Sen; 0 where there are fewer than two points.
    """
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1]
    return statistics.median(slopes) if slopes else 0.0
