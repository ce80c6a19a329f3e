"""Durations: checks of those that callers pass in, and limits by a node's clock."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from collections.abc import AsyncGenerator

from transport import Clock

A_LONG_TIME = 1e9
"""Seconds; what is shorter, and positive, needs no closer look."""


def check_timeout(timeout: float | None, what: str = "timeout") -> float | None:
    """Return `timeout` (seconds, None waits for ever). Raises TypeError or ValueError."""
    if timeout is None or (type(timeout) in (int, float) and 0 < timeout < A_LONG_TIME):
        return timeout
    return check_seconds(timeout, what)


def check_seconds(seconds: float, what: str, *, zero: bool = False) -> float:
    """Return `seconds` if it is > 0 (or >= 0 with `zero`). Raises TypeError, ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{what} must be seconds, not {type(seconds).__name__}: {seconds!r}")
    if isinstance(seconds, int) and seconds > sys.maxsize:
        raise ValueError(f"{what} must fit a float, not be an int of {seconds.bit_length()} bits")
    if math.isnan(seconds) or seconds < 0 or (seconds == 0 and not zero):
        bound = ">= 0" if zero else "> 0"
        raise ValueError(f"{what} must be {bound} seconds, not {seconds!r}")
    return seconds


@contextlib.asynccontextmanager
async def time_limit(clock: Clock, seconds: float | None) -> AsyncGenerator[None, None]:
    """Raise TimeoutError where the block takes longer, by that clock (None: no limit)."""
    async with asyncio.timeout(None) as scope:
        if seconds is None:
            yield
            return
        loop = asyncio.get_running_loop()
        timer = clock.call_later(seconds, lambda: scope.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()
