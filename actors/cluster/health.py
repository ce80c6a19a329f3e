"""How far a node may trust itself: Lifeguard's local health multiplier.

A node that is short of processor time, or whose loop stood still, sees others as late that are
not. It notices by what goes wrong here, and gives the others more time (Dadgar, Phillips and
Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2017).
"""

from __future__ import annotations

WORST = 8
"""The score at which a node trusts itself least: it waits nine times as long as usual."""


class LocalHealth:
    """A score that what goes wrong here raises, and what goes well lowers; 0 is well."""

    __slots__ = ("score",)

    def __init__(self) -> None:
        self.score = 0

    def worse(self) -> None:
        """Something came late, or did not come, that should have."""
        self.score = min(self.score + 1, WORST)

    def better(self) -> None:
        """A probe was answered in time."""
        self.score = max(self.score - 1, 0)

    def stretched(self, seconds: float) -> float:
        """Return how long to wait where a healthy node would wait `seconds`."""
        return seconds * (self.score + 1)
