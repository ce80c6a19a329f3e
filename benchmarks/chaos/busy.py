"""Nodes that are busy and not dead: nobody may declare them down, and their culprit has a name."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import mean
from typing import Any

from actors import ActorsError, Message
from benchmarks.chaos.company import Company, company
from benchmarks.chaos.witness import Block, Collect, Sighting
from benchmarks.figures import Figure, Outcome, all_of, none, spread

SIZE = 6

BLOCKED = 2.0
"""Seconds that a handler holds the event loop."""

COLLECTED = 1.0
"""Seconds that the garbage collector holds a process, at least."""

PAUSE = 1.0
"""Seconds between two tries."""

HOGS = 4
"""Processes that want a processor each."""

HEARD_WITHIN = 5.0
"""Seconds after the last try that what a node says of itself may be on its way to the others."""

ANSWER_WITHIN = 60.0

SPIN = "while True: pass"


@dataclass(frozen=True, slots=True)
class Try:
    """One node that was kept busy: since when, and a word that the culprit must have."""

    name: str
    at: float
    culprit: str


class Trial:
    """A company, and what is done to it."""

    def __init__(self, company: Company, tell: Callable[[str], None]) -> None:
        self.company = company
        self.tries: list[Try] = []
        self.hogged = 0
        self.faults: Counter[str] = Counter()
        self._tell = tell

    async def block(self, count: int) -> None:
        """Block half of the nodes at a time, one half after the other."""
        half = SIZE // 2
        for number in range(0, count, half):
            names = [self.company.names[(number + each) % SIZE] for each in range(half)]
            await asyncio.gather(*map(self._block, names[: count - number]))
            self._tell(f"busy: {min(number + half, count)} of {count} loops blocked")
            await asyncio.sleep(PAUSE)

    async def _block(self, name: str) -> None:
        self._note(name, "Block")
        await self._ask(name, Block(BLOCKED))

    async def collect(self, count: int) -> None:
        """Have one node after the other collect garbage."""
        for number in range(count):
            name = self.company.names[number % SIZE]
            self._note(name, "garbage collection")
            await self._ask(name, Collect(COLLECTED))
            self._tell(f"busy: {number + 1} of {count} garbage collections")
            await asyncio.sleep(PAUSE)

    async def hog(self, count: int) -> None:
        """Have others take the processors, for as long as a blocked loop would take."""
        async with hogs(HOGS):
            for number in range(count):
                await asyncio.sleep(BLOCKED)
                self.hogged += 1
                self._tell(f"busy: {number + 1} of {count} tries with {HOGS} CPU hogs")

    def _note(self, name: str, culprit: str) -> None:
        self.tries.append(Try(name, time.monotonic(), culprit))

    async def _ask(self, name: str, order: Message[Any]) -> None:
        try:
            await self.company.witnesses[name].ask(order, timeout=ANSWER_WITHIN)
        except ActorsError as error:
            self.faults[f"{name} did not answer: {type(error).__name__}"] += 1


@contextlib.asynccontextmanager
async def hogs(count: int) -> AsyncGenerator[None, None]:
    """Run processes that do nothing but run."""
    start = asyncio.create_subprocess_exec
    spinning = [await start(sys.executable, "-c", SPIN) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            await process.wait()


async def play(tries: int, progress: Callable[[str], None]) -> Outcome:
    """Go through so many blocked loops, and a tenth as many of everything else."""
    begin = time.monotonic()
    rest = max(1, tries // 10)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with company(SIZE, Path(folder)) as made:
            trial = Trial(made, progress)
            opened = time.monotonic()
            await trial.block(tries)
            await trial.collect(rest)
            await trial.hog(rest)
            await asyncio.sleep(HEARD_WITHIN)
            seen = await made.sightings(made.witnesses, opened)
    figures = figures_of(trial, seen)
    return Outcome("busy", time.monotonic() - begin, figures, trial.faults)


def figures_of(trial: Trial, seen: Mapping[str, Sequence[Sighting]]) -> list[Figure]:
    """Return what all nodes made of it."""
    heard = [heard_of(each, end_of(each, trial.tries), seen) for each in trial.tries]
    downs = [each for sightings in seen.values() for each in sightings if each.what == "MemberDown"]
    first = [min(each) for each in heard if each]
    blocked = sum(each.culprit == "Block" for each in trial.tries)
    return [
        Figure(f"loops blocked for {BLOCKED:g} s", blocked),
        Figure(f"garbage collections of {COLLECTED:g} s", len(trial.tries) - blocked),
        Figure(f"tries of {BLOCKED:g} s with {HOGS} CPU hogs", trial.hogged),
        none("down verdicts by anybody, the busy ones included", len(downs)),
        all_of("tries whose culprit was named", len(first), len(trial.tries)),
        Figure("other nodes that heard of one, mean", mean(map(len, heard))),
        *spread("culprit named, since it began", first, {}),
    ]


def end_of(one: Try, tries: Sequence[Try]) -> float:
    """Return when the next try with the same node began."""
    return min(
        (each.at for each in tries if each.name == one.name and each.at > one.at), default=inf
    )


def heard_of(one: Try, end: float, seen: Mapping[str, Sequence[Sighting]]) -> list[float]:
    """Return after how many seconds each other node heard what kept the one."""
    times = []
    for witness, sightings in seen.items():
        at = [each.at for each in sightings if witness != one.name and tells(each, one, end)]
        times += [min(at) - one.at] if at else []
    return times


def tells(sighting: Sighting, one: Try, end: float) -> bool:
    """Whether it says what kept that node that time."""
    is_of_it = sighting.what == "MemberBusy" and sighting.name == one.name
    return is_of_it and one.culprit in sighting.detail and one.at <= sighting.at < end
