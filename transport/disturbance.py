"""What becomes of messages on a bad line: lost, doubled, late or overtaken. No I/O, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

__all__ = ["CALM", "Disturbance", "Fate"]

_DETOUR = 0.01
"""The longest way round that lets others overtake, in seconds."""


class Fate(NamedTuple):
    """One arrival of a message.

    Attributes:
        delay: seconds until it arrives, at the earliest.
        detour: seconds on top, in which those that were sent later may overtake it.
    """

    delay: float
    detour: float = 0.0


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How bad a line is; the shares of messages (0 to 1) that each thing happens to.

    Args:
        loss: never arrive.
        duplication: arrive twice.
        reordering: take a detour, on which later ones overtake them.
        jitter: the most that is added to the delay of each, in seconds.

    Raises:
        ValueError: a share is not within 0 to 1, or the jitter is negative or not finite.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reordering"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is a share of messages from 0 to 1, not {share!r}")
        if not (math.isfinite(self.jitter) and self.jitter >= 0):
            raise ValueError(f"jitter is seconds, 0 or more, not {self.jitter!r}")

    def fates(self, delay: float, rng: random.Random) -> list[Fate]:
        """Every arrival of one message that takes `delay` seconds on a good line."""
        if self == CALM:
            return [Fate(delay)]
        if rng.random() < self.loss:
            return []
        copies = 2 if rng.random() < self.duplication else 1
        return [self._fate(delay, rng) for _ in range(copies)]

    def _fate(self, delay: float, rng: random.Random) -> Fate:
        late = delay + rng.uniform(0.0, self.jitter)
        overtaken = rng.random() < self.reordering
        return Fate(late, rng.uniform(0.0, _DETOUR) if overtaken else 0.0)


CALM = Disturbance()
"""Nothing is wrong."""
