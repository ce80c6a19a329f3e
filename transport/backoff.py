"""Pauses that grow: doubling up to a limit, with jitter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["Backoff"]


class Backoff:
    """The pauses between attempts.

    Args:
        initial: the first pause, in seconds.
        maximum: the longest one.
        jitter: the share of a pause that is left to chance, so that many do not knock at once.
        rng: where the chance comes from.
    """

    __slots__ = ("_initial", "_jitter", "_maximum", "_next", "_rng")

    def __init__(self, initial: float, maximum: float, jitter: float, rng: random.Random) -> None:
        self._initial = self._next = initial
        self._maximum = maximum
        self._jitter = jitter
        self._rng = rng

    def next(self) -> float:
        """The pause before the next attempt, in seconds."""
        pause = self._next
        self._next = min(2 * pause, self._maximum)
        return pause * (1 + self._jitter * (self._rng.random() - 0.5))

    def reset(self) -> None:
        """Begin anew: the last attempt went well."""
        self._next = self._initial
