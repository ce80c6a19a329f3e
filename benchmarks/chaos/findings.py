"""What rounds find out about the loss of nodes, and what is required of it. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.accounts import Account
from benchmarks.chaos.harm import Harm
from benchmarks.chaos.posts import Start
from benchmarks.chaos.witness import Sighting
from benchmarks.figures import Bound, Figure, all_of, none, spread

LEAST_RATE = 2000.0
"""Messages a second that all of them are to handle while nodes come and go."""

REJOIN = 3.0
"""Seconds until a node is up again at every other one, at most."""

SOON = 0.25
"""Seconds after the node is down in which an ask must have failed."""

LOST = ("NodeUnreachableError", "ActorStoppedError")
"""What an ask of a lost node may raise."""


@dataclass(slots=True)
class Findings:
    """What was measured and counted in all rounds."""

    rounds: int = 0
    down: list[float] = field(default_factory=list)
    rejoin: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    """Seconds from the loss of a node, as the director knows of it, to a post's next start."""
    failed: list[float] = field(default_factory=list)
    """Seconds from the loss of a node to the failure of an ask, on each node."""
    told: Counter[int] = field(default_factory=Counter)
    """How often watchers heard so many times of the end of one actor."""
    starts: Counter[int] = field(default_factory=Counter)
    """How often a lost post was started so many times."""
    faults: Counter[str] = field(default_factory=Counter)

    def count_starts(
        self, name: str, lost: Sequence[int], starts: Sequence[Start], down: float
    ) -> None:
        """Each lost post must have been started once, elsewhere; and no other one."""
        counts = Counter(start.number for start in starts)
        self.starts.update(counts[post] for post in lost)
        for start in starts:
            if start.number not in lost:
                self.faults["a post was started anew though its node was not lost"] += 1
            elif start.node == name:
                self.faults["a post was started on the node that was lost"] += 1
            else:
                self.moved.append(start.at - down)

    def examine(self, name: str, seen: Sequence[Sighting]) -> None:
        """See what one node made of the loss."""
        downs = [each for each in seen if each.what == "MemberDown"]
        for each in downs:
            if each.name != name:
                self.faults[f"a node that lived was declared down: {each.detail}"] += 1
        told = [each.detail for each in seen if (each.what, each.name) == ("Terminated", name)]
        self.told[len(told)] += 1
        for reason in told:
            if reason != "noconnection":
                self.faults[f"a watcher was told {reason!r}"] += 1
        at = next(each.at for each in downs if each.name == name)
        for each in seen:
            if (each.what, each.name) == ("AskFailed", name):
                self.failed.append(each.at - at)
                if each.detail not in LOST:
                    self.faults[f"an ask failed with {each.detail}"] += 1


def figures_of(found: Findings, harm: Harm, books: Account, seconds: float) -> list[Figure]:
    """Return all that was found, beside what is required."""
    watchers, posts = sum(found.told.values()), sum(found.starts.values())
    return [
        Figure("rounds", found.rounds),
        *spread("down at every other node", found.down, harm.down),
        *spread("up again at every other node", found.rejoin, {"max": REJOIN}),
        all_of("watchers that heard of it exactly once", found.told[1], watchers),
        all_of("asks that failed", len(found.failed), watchers),
        *spread("an ask's failure, after the node is down", found.failed, {"max": SOON}),
        all_of("lost posts that were started elsewhere exactly once", found.starts[1], posts),
        *spread("a post's start, after the node is down", found.moved, {}),
        *traffic_of(books, seconds, LEAST_RATE),
    ]


def traffic_of(books: Account, seconds: float, least: float) -> list[Figure]:
    """Return what became of the reliable messages; `least` is how many a second are to be."""
    rate = books.handled / seconds
    return [
        Figure("reliable messages handled", books.handled),
        Figure("the same in a second", rate, bound=Bound("at least", least)),
        none("reliable messages lost", books.lost),
        none("duplicates after dedup", books.doubled),
        Figure("handed over again, and known by their id", books.repeated),
        none("of these not marked", books.unmarked),
        none("handled out of order", books.disordered),
    ]
