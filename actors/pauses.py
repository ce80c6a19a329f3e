"""How long the garbage collector held the process, so that nobody else is blamed for it."""

from __future__ import annotations

import gc
import time
from collections import deque
from typing import Any

REMEMBERED = 16
WORTH_NOTING = 0.05
"""Seconds that a collection must take to be remembered."""


class CollectorPauses:
    """The latest long collections of this process."""

    __slots__ = ("_began", "_pauses")

    def __init__(self) -> None:
        self._began: float | None = None
        self._pauses: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """When each ended, and how long it took."""
        gc.callbacks.append(self._notice)

    def close(self) -> None:
        """Take notice no more."""
        if self._notice in gc.callbacks:
            gc.callbacks.remove(self._notice)

    def longest(self, seconds: float) -> float:
        """Return how long the longest took that ended within the last `seconds`; 0 for none."""
        now = time.monotonic()
        # Another thread's collection is over before it can say so: the interpreter goes first to
        # whoever has waited for it.
        latest = 0.0 if self._began is None else now - self._began
        return max(latest, *(took for ended, took in self._pauses if ended >= now - seconds), 0.0)

    def _notice(self, phase: str, _info: dict[str, Any]) -> None:
        now = time.monotonic()
        began, self._began = self._began, now if phase == "start" else None
        if phase == "stop" and began is not None and now - began >= WORTH_NOTING:
            self._pauses.append((now, now - began))
