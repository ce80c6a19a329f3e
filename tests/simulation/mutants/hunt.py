"""Seed after seed, until a mutant is caught."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import NamedTuple

from actors.testing import sweep
from tests.simulation.mutants.patches import MUTANTS
from tests.simulation.workload import check

CONTROL = "control"
"""The code as it is: it must survive."""

_REASON = re.compile(r"seed \d+ failed at [\d.]+ s: (.*)")


class Catch(NamedTuple):
    """How a hunt ended: with the seed that caught it and what that said, or with neither."""

    name: str
    seed: int | None
    reason: str
    tried: int
    seconds: float


def hunt(name: str, seeds: Sequence[int], jobs: int | None = None) -> Catch:
    """Run the mutant of that name, or the `CONTROL`, until a seed fails or all are tried."""
    started, tried = time.perf_counter(), 0
    for outcome in sweep(partial(check_mutant, name), seeds, jobs):
        tried += 1
        if outcome.failure is not None:
            seconds = time.perf_counter() - started
            return Catch(name, outcome.seed, reason_of(outcome.failure), tried, seconds)
    return Catch(name, None, "", tried, time.perf_counter() - started)


def check_mutant(name: str, seed: int) -> None:
    """Run one seed of a mutant. Raises SimulationError where it is caught."""
    patch = nullcontext() if name == CONTROL else MUTANTS[name].applied()
    with patch:
        check(seed)


def reason_of(failure: str) -> str:
    """Return what an outcome says was wrong, without seed, time and trace."""
    found = _REASON.search(failure)
    return found[1] if found else failure.splitlines()[0]
