"""All scenes, in the order in which they are played, and how often each does what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.chaos import busy, rounds, slow, stalled
from benchmarks.chaos.harm import CUT, KILL, STOP
from benchmarks.figures import Outcome

Play = Callable[[int, Callable[[str], None]], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Scene:
    """`share`: how often it does what it does, for each round of the whole."""

    key: str
    title: str
    share: float
    play: Play

    def times(self, rounds: int) -> int:
        """Return how often, at least once."""
        return max(1, round(self.share * rounds))


SCENES: tuple[Scene, ...] = (
    Scene("kill", "kill -9 and a restart", 1.0, partial(rounds.play, "kill", KILL)),
    Scene("stop", "SIGSTOP and SIGCONT", 0.5, partial(rounds.play, "stop", STOP)),
    Scene("cut", "all links of a node cut and healed", 0.2, partial(rounds.play, "cut", CUT)),
    Scene("slow", "links delayed, throttled, and one of them cut", 0.03, slow.play),
    Scene("busy", "blocked loops, garbage collections, CPU hogs", 2.0, busy.play),
    Scene("stalled", "one of ten peers stopped", 0.1, stalled.play),
)
