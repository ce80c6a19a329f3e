"""Waiting until what lies on the links is acknowledged: nothing is lost that has the time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from transport.clock import Clock
    from transport.link import Link

__all__ = ["Flush"]


class Flush:
    """Looks at all links again, as often as one has made progress or is gone.

    Args:
        clock: what times it.
        links: those that are connected, at any time.
    """

    def __init__(self, clock: Clock, links: Callable[[], Iterable[Link]]) -> None:
        self._clock = clock
        self._links = links
        self._progress = asyncio.Event()

    def progressed(self) -> None:
        """Something was acknowledged, or will never be."""
        self._progress.set()

    async def wait(self, done: Callable[[Link], bool], timeout: float) -> None:
        """Wait until all links are `done`, at most `timeout` seconds."""
        over = asyncio.Event()
        timer = self._clock.call_later(max(timeout, 0.0), self._give_up, over)
        try:
            while not over.is_set() and not all(done(link) for link in self._links()):
                self._progress.clear()
                await self._progress.wait()
        finally:
            timer.cancel()

    def _give_up(self, over: asyncio.Event) -> None:
        over.set()
        self._progress.set()
