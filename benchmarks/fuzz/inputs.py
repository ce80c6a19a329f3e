"""Mutated messages in bulk: seed after seed, on as many processors as there are."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import psutil
import uvloop

from benchmarks.figures import Bound, Figure, Outcome, none
from benchmarks.fuzz.fire import SLOW, Damage, fire
from benchmarks.memory import MIB, give_back

SEED_INPUTS = 10_000
"""Inputs that one seed stands for."""

KEPT = 20
"""MiB that a process may have grown by between its second seed and its last."""

Progress = Callable[[int], None]


def play(first: int, inputs: int, jobs: int, progress: Progress) -> Outcome:
    """Fire so many inputs, of the seeds from `first` on; say what came of them."""
    begin = time.perf_counter()
    seeds = range(first, first + max(1, round(inputs / SEED_INPUTS)))
    each = min(inputs, SEED_INPUTS)
    shots: list[tuple[Damage, int, int]] = []
    for shot in _in_processes(seeds, each, jobs) if jobs > 1 else _in_here(seeds, each):
        shots.append(shot)
        progress(shot[0].inputs)
    outcome = Outcome("inputs", time.perf_counter() - begin)
    outcome.figures = figures([damage for damage, _, _ in shots], growth(shots))
    for damage, _, _ in shots:
        for problem in damage.problems:
            again = f"--only inputs --first {damage.seed} --inputs {each}"
            outcome.faults[f"seed {damage.seed} ({again}): {problem}"] += 1
    return outcome


def figures(found: Sequence[Damage], grown: float) -> list[Figure]:
    """Return what was fired, and what it did."""
    return [
        Figure("mutated envelopes and messages", sum(each.inputs for each in found)),
        *(Figure(f"shots {kind}", _sum(found, kind)) for kind in found[0].kinds),
        Figure("messages that were dropped and counted", sum(each.rejected for each in found)),
        Figure("failures of actors, by what their class could not take", _failures(found)),
        none("seeds that found something", sum(1 for each in found if each.problems)),
        Figure(
            "the slowest input, of processor time",
            max(each.slowest for each in found),
            " s",
            Bound("at most", SLOW),
        ),
        Figure("growth of a process, after its second seed", grown, " MiB", Bound("at most", KEPT)),
    ]


def _sum(found: Sequence[Damage], kind: str) -> int:
    return sum(each.kinds[kind] for each in found)


def _failures(found: Sequence[Damage]) -> int:
    return sum(each.failures for each in found)


def growth(shots: Sequence[tuple[Damage, int, int]]) -> float:
    """Return the most that any process grew by, from its second seed to its last, in MiB."""
    by_process: dict[int, list[int]] = {}
    for _, pid, size in shots:
        by_process.setdefault(pid, []).append(size)
    grown = [sizes[-1] - sizes[1] for sizes in by_process.values() if len(sizes) > 2]
    return max(grown, default=0) / MIB


def _in_here(seeds: Sequence[int], each: int) -> Iterator[tuple[Damage, int, int]]:
    for seed in seeds:
        yield shoot(seed, each)


def _in_processes(seeds: Sequence[int], each: int, jobs: int) -> Iterator[tuple[Damage, int, int]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(shoot, seeds, [each] * len(seeds))


def shoot(seed: int, inputs: int) -> tuple[Damage, int, int]:
    """Fire what follows from one seed; return the damage, this process, and its memory."""
    logging.getLogger().setLevel(logging.ERROR)
    logging.lastResort = None
    damage = uvloop.run(fire(seed, inputs))
    give_back()
    process = psutil.Process()
    return damage, process.pid, process.memory_info().rss
