"""Time, as something that can be handed in: the only source of it in this package."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "LoopClock", "TimerHandle"]


class TimerHandle(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Forget it; harmless when it has run already."""


class Clock(Protocol):
    """What tells the time and calls back later; tests hand in one that they turn themselves."""

    def now(self) -> float:
        """Monotonic seconds, for intervals."""
        ...

    def precise(self) -> float:
        """Seconds that pass within a callback too, for slices of time."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch, for people."""
        ...

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> TimerHandle:
        """Call `callback(*args)` after `delay` seconds, on the loop's thread."""
        ...

    async def sleep(self, delay: float) -> None:
        """Wait `delay` seconds."""


class LoopClock:
    """The clock of the running event loop.

    The loop is looked up at the first use, so a clock may be made before the loop runs.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self.now = self._loop.time  # type: ignore[method-assign]  # there at once from now on
        return self._loop

    def now(self) -> float:
        """Monotonic seconds, as the loop counts them."""
        return self._running().time()

    def precise(self) -> float:
        """Seconds of the processor's own clock: a loop may stop its time while it works."""
        return time.perf_counter()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> TimerHandle:
        """Call `callback(*args)` after `delay` seconds; 0 means in the next turn of the loop."""
        loop = self._running()
        if delay <= 0:
            return loop.call_soon(callback, *args)
        return loop.call_later(delay, callback, *args)

    async def sleep(self, delay: float) -> None:
        """Wait `delay` seconds."""
        await asyncio.sleep(delay)
