"""Many seeds, on all processors."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

__all__ = ["Outcome", "sweep"]

CHUNK = 8
"""Seeds that a process takes at a time."""


class Outcome(NamedTuple):
    """How one seed ended: in words where it failed, else None."""

    seed: int
    failure: str | None


def sweep(
    check: Callable[[int], object], seeds: Sequence[int], jobs: int | None = None
) -> Iterator[Outcome]:
    """Call `check(seed)` for each seed, and yield how each ended, in the order in which they do.

    `check` runs a simulation and raises where it fails. It is called in `jobs` processes (by
    default one a processor), so it must be a function at the top of a module; in this one where
    `jobs` is 1. Who stops iterating ends them.
    """
    attempt = partial(_attempt, check)
    processes = min(jobs or os.cpu_count() or 1, len(seeds))
    if processes <= 1:
        yield from map(attempt, seeds)
        return
    # Imported here: whoever runs a single seed does not need it.
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(processes, initializer=_be_quiet) as pool:
        yield from pool.imap_unordered(attempt, seeds, CHUNK)


def _attempt(check: Callable[[int], object], seed: int) -> Outcome:
    try:
        check(seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is how this seed ended
        return Outcome(seed, f"{type(error).__name__}: {error}")
    return Outcome(seed, None)


def _be_quiet() -> None:
    """Say nothing of faults that are meant; who looks at one seed runs it alone."""
    logging.disable(logging.CRITICAL)
