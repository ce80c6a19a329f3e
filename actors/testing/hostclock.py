"""The clock of a simulated host, as its node sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.testing.host import Host, current_host

if TYPE_CHECKING:
    from actors.testing.loop import VirtualLoop
    from transport import TimerHandle

__all__ = ["HostClock"]


class HostClock:
    """A `transport.Clock` that runs as its host's does, whoever looks at it."""

    def __init__(self, loop: VirtualLoop, host: Host) -> None:
        self._loop = loop
        self._host = host

    def now(self) -> float:
        """Seconds of this host."""
        return self._host.now(self._loop.now)

    def precise(self) -> float:
        """The same: while code runs no time passes."""
        return self._host.now(self._loop.now)

    def wall(self) -> float:
        """What this host takes for the time of the day."""
        return self._host.wall(self._loop.now)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> TimerHandle:
        """Call back on this host after `delay` of its seconds."""
        host = self._host
        context = None if current_host.get() is host else host.context.copy()
        if delay <= 0:
            return self._loop.call_soon(callback, *args, context=context)
        return self._loop.call_later(delay, callback, *args, context=context)

    async def sleep(self, delay: float) -> None:
        """Wait `delay` seconds."""
        await asyncio.sleep(delay)
