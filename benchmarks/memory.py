"""The memory of processes, looked at while they work."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import AsyncGenerator, Mapping

import psutil

MIB = 2**20


def resident(pid: int) -> int:
    """Return the bytes of a process that are in memory (RSS)."""
    return int(psutil.Process(pid).memory_info().rss)


@contextlib.asynccontextmanager
async def watched(pids: Mapping[str, int], interval: float) -> AsyncGenerator[dict[str, int], None]:
    """Look at the memory of processes every `interval` seconds; gives the most of each so far."""
    most = {name: resident(pid) for name, pid in pids.items()}

    async def look() -> None:
        while True:
            await asyncio.sleep(interval)
            for name, pid in pids.items():
                most[name] = max(most[name], resident(pid))

    looking = asyncio.create_task(look())
    try:
        yield most
    finally:
        looking.cancel()


def give_back() -> None:
    """Collect garbage, and have the allocator return what it only keeps for later (glibc's)."""
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
