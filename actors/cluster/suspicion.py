"""How long a node may be silent before it is declared down: Lifeguard's dynamic suspicion.

At first it has a long time. Each other member that finds it silent too, by itself, shortens that,
the first one most; once enough agree there is no reason to wait any longer than the minimum.
"""

from __future__ import annotations

import math


class Suspicion:
    """One member that this node cannot reach.

    Args:
        least: seconds that it has in any case.
        most: seconds that it has while nobody else agrees.
        now: when it fell silent.
    """

    __slots__ = ("_least", "_most", "_witnesses", "since")

    def __init__(self, least: float, most: float, now: float) -> None:
        self._least = least
        self._most = max(least, most)
        self.since = now
        """Since when nobody has heard of it."""
        self._witnesses: set[str] = set()

    def deadline(self, enough: int) -> float:
        """Return when it is to be declared down, where so many others must agree; 0: nobody can."""
        if enough <= 0:
            return self.since + self._least
        agreed = min(len(self._witnesses), enough)
        share = math.log(agreed + 1) / math.log(enough + 1)
        return self.since + self._most - share * (self._most - self._least)

    def confirm(self, witness: str) -> bool:
        """Another member finds it silent too. Returns whether that is news."""
        if witness in self._witnesses:
            return False
        self._witnesses.add(witness)
        return True

    def alive(self, now: float) -> None:
        """Somebody has heard of it: its time begins anew, and so do the others' findings."""
        self.since = now
        self._witnesses.clear()

    def put_off(self, seconds: float) -> None:
        """This node's own loop stood still for so long: that time does not count."""
        self.since += seconds
