"""A clock that stands still until it is turned.

The idea is trio's `MockClock`, for whatever takes its time from a node's clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

SETTLE_TURNS = 60
"""Turns of the loop that code has to come to rest between two points in time."""


class _Timer:
    __slots__ = ("_callback", "cancelled")

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        if not self.cancelled:
            self._callback()


class VirtualClock:
    """Time for a node under test: `Node("n", clock=clock)`, then `await clock.advance(5.0)`."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def precise(self) -> float:
        """The same: no time passes unless it is turned on."""
        return self._now

    def wall(self) -> float:
        """The same, as seconds since the epoch."""
        return self._now

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> _Timer:
        """Call back when the clock has been turned that far."""
        timer = _Timer(lambda: callback(*args))
        heapq.heappush(self._timers, (self._now + max(delay, 0.0), next(self._order), timer))
        if delay <= 0:
            asyncio.get_running_loop().call_soon(self._fire_due)
        return timer

    async def sleep(self, delay: float) -> None:
        """Wait until the clock has been turned that far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, _wake, woken)
        try:
            await woken
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Turn the clock, timer by timer; after each the loop runs until things are at rest."""
        if seconds < 0:
            raise ValueError(f"time goes forward only, not by {seconds!r}")
        end = self._now + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= end:
            self._now = max(self._now, self._timers[0][0])
            self._fire_due()
            await self.settle()
        self._now = end

    async def settle(self) -> None:
        """Let the loop run for a number of turns, time standing still."""
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)

    def _fire_due(self) -> None:
        while self._timers and self._timers[0][0] <= self._now:
            heapq.heappop(self._timers)[2].fire()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
