"""One soak: warm up, look, work, come to rest, look again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.memory import MIB
from benchmarks.soak.actors import Block, Echo
from benchmarks.soak.flatness import Life, differences
from benchmarks.soak.probe import Look, Vitals
from benchmarks.soak.site import LASTING, Site, opened
from benchmarks.soak.strands import STRANDS, Strand

LOOKS = 240
"""How often all nodes are looked at while they work, at most."""

LEAST_PAUSE = 0.5
"""Seconds between two looks, at least."""

ROUND_LIMIT = 60.0
"""Seconds after which a round is taken for stuck."""

REST = 20.0
"""Seconds that all may take to come to rest."""

THREADS = 64
"""Calls that block at the same time: more than any thread pool has threads."""


@dataclass(slots=True)
class Outcome:
    """What was done, what went wrong, and what became of the nodes."""

    rounds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """Rounds that did not come to what they must, by what happened."""
    lives: Sequence[Life] = ()

    def problems(self) -> list[str]:
        """Say what is not as it must be; nothing where all is well."""
        found = [f"{fault} ({count} times)" for fault, count in self.faults.items()]
        return found + [problem for life in self.lives for problem in life.problems()]


async def soak(seconds: float, tick: Callable[[float], None]) -> Outcome:
    """Keep all strands going for so long; `tick` is called with the seconds since the beginning."""
    outcome = Outcome()
    async with opened() as site:
        await warm_up(site, outcome)
        before = await at_rest(site, None)
        samples: list[tuple[float, Mapping[str, Vitals]]] = []
        begin = time.monotonic()
        strands = [asyncio.create_task(keep_on(s, site, begin + seconds, outcome)) for s in STRANDS]
        while (passed := time.monotonic() - begin) < seconds:
            samples.append((passed, await look(site)))
            tick(passed)
            await asyncio.sleep(min(max(seconds / LOOKS, LEAST_PAUSE), seconds - passed))
        await asyncio.gather(*strands)
        after = await at_rest(site, before)
        outcome.lives = [
            Life(name, before[name], after[name], [(at, seen[name]) for at, seen in samples])
            for name in site.probes
        ]
    return outcome


async def warm_up(site: Site, outcome: Outcome) -> None:
    """One round of everything, and all that is made once and stays.

    Those are the threads of the pool, NumPy with its own, and those that pyzmq makes, with a
    context, for the first large payload that it does not copy.
    """
    await asyncio.gather(*(attempt(strand, site, outcome) for strand in STRANDS))
    for name in site.probes:
        ref = await site.node.resolve("calculator", at=name)
        await ref.ask(Echo(np.zeros(MIB)), timeout=10)
        await asyncio.gather(*(ref.ask(Block(0.01), timeout=10) for _ in range(THREADS)))


async def keep_on(strand: Strand, site: Site, end: float, outcome: Outcome) -> None:
    """Go through one round after the other until it is time."""
    while time.monotonic() < end:
        await attempt(strand, site, outcome)
        await asyncio.sleep(min(strand.pause, max(0.0, end - time.monotonic())))


async def attempt(strand: Strand, site: Site, outcome: Outcome) -> None:
    """Go through one round; what goes wrong is noted."""
    try:
        async with asyncio.timeout(ROUND_LIMIT):
            await strand.round(site)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the soak looks for
        outcome.faults[f"{strand.name}: {type(error).__name__}: {error}"] += 1
    outcome.rounds[strand.name] += 1


async def look(site: Site, *, tidy: bool = False) -> dict[str, Vitals]:
    """Look at all nodes that last, one after the other."""
    return {name: await ref.ask(Look(tidy), timeout=30) for name, ref in site.probes.items()}


async def at_rest(site: Site, before: Mapping[str, Vitals] | None) -> dict[str, Vitals]:
    """Wait until all is as it was `before`, or else as it was a while ago; return how it is.

    Nodes that came and went are gone by then: of these a session may be left for seconds. What
    has not come to rest in time is returned as it is.
    """
    end = time.monotonic() + REST
    seen = await look(site, tidy=True)
    while time.monotonic() < end:
        await asyncio.sleep(LEAST_PAUSE)
        earlier, seen = seen, await look(site, tidy=True)
        reference = before or earlier
        changed = any(any(differences(reference[name], seen[name])) for name in seen)
        if not changed and not any(map(has_company, seen.values())):
            break
    return seen


def has_company(vitals: Vitals) -> bool:
    """Whether a node has to do with others than those that last."""
    return any(vitals.tables[what] != len(LASTING) for what in ("peers", "sessions", "sources"))
