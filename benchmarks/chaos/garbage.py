"""Garbage enough to keep the collector, and so the whole process, for a while."""

from __future__ import annotations

import gc
import time

LITTER = 1_000_000
"""Objects that are made at once."""

LEAP = 50_000
"""Objects that are let go at once: more of them would hold the process themselves."""


def litter() -> list[list[None]]:
    """Return many objects that a collection has to look at. The collector is off from now on."""
    gc.disable()
    return [[None] for _ in range(LITTER)]


def timed_collection() -> float:
    """Collect garbage, which holds all threads, and return how long that took, in seconds."""
    begin = time.perf_counter()
    gc.collect()
    gc.enable()
    return time.perf_counter() - begin


def tidy(heap: list[list[None]]) -> None:
    """Let go of the objects, not all in one go."""
    while heap:
        del heap[-LEAP:]
