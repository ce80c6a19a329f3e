"""What blocks or computes, in a simulation: it runs where it is called, and takes no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from actors.offload import Offload, guarded

__all__ = ["Inline"]

T = TypeVar("T")


class Inline(Offload):
    """Calls functions itself: threads and processes would end when they please."""

    __slots__ = ()

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Return what `function(*args)` returns, after all that is ready has run."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, guarded, function, *args)

    async def in_process(self, function: Callable[..., T], *args: Any) -> T:
        """Do the same: it sees the very objects that it was given, not copies."""
        return await self.in_thread(function, *args)
