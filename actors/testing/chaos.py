"""Faults by chance: whatever can be done to a cluster, at any time, several at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from actors.testing.errors import HostCrashedError

if TYPE_CHECKING:
    from actors.testing.simulation import Simulation

__all__ = ["FAULTS", "Fault", "chaos"]

Fault = Callable[["Simulation", random.Random], Awaitable[None]]
"""Does something to the cluster, waits for as long as it pleases, and ends it."""

PAUSE = 1.0
"""Seconds between two faults, on average."""


async def crash(sim: Simulation, rng: random.Random) -> None:
    """Crash a node, and start it again a while later; the last one that runs is spared."""
    names = [name for name in sim.nodes if not sim.is_stopped(name)]
    if len(names) < 2:
        return
    name = rng.choice(names)
    sim.crash(name)
    await sim.sleep(rng.uniform(0.0, 6.0))
    await sim.restart(name)


async def stall(sim: Simulation, rng: random.Random) -> None:
    """Block the event loop of a node, for a moment or longer than others are patient."""
    sim.stall(rng.choice(list(sim.nodes)), rng.expovariate(1.0))


async def freeze(sim: Simulation, rng: random.Random) -> None:
    """Stop a machine for a while."""
    names = [name for name in sim.nodes if not sim.is_stopped(name)]
    if names:
        name = rng.choice(names)
        sim.freeze(name)
        await sim.sleep(rng.uniform(0.0, 8.0))
        sim.thaw(name)


async def partition(sim: Simulation, rng: random.Random) -> None:
    """Part the nodes into two groups."""
    names = list(sim.names)
    rng.shuffle(names)
    size = rng.randint(1, max(len(names) // 2, 1))
    sim.partition(names[:size], names[size:])
    await sim.sleep(rng.uniform(0.0, 8.0))
    for one in names[:size]:
        for other in names[size:]:
            sim.mend(one, other, both=True)


async def cut(sim: Simulation, rng: random.Random) -> None:
    """Cut the way from one node to another; the way back stands."""
    if len(sim.names) < 2:
        return
    source, target = rng.sample(list(sim.names), 2)
    sim.cut(source, target)
    await sim.sleep(rng.uniform(0.0, 8.0))
    sim.mend(source, target)


async def skew(sim: Simulation, rng: random.Random) -> None:
    """Let the clock of a host run a little too fast or too slow, from now on."""
    name = rng.choice(list(sim.names))
    sim.skew(name, rate=rng.uniform(0.95, 1.05), offset=rng.uniform(-5.0, 5.0))


async def disturb(sim: Simulation, rng: random.Random) -> None:
    """Lose, double and reorder frames."""
    sim.disturb(
        loss=rng.uniform(0.0, 0.1),
        duplication=rng.uniform(0.0, 0.1),
        reordering=rng.uniform(0.0, 0.1),
        jitter=rng.uniform(0.0, 0.05),
    )
    await sim.sleep(rng.uniform(0.0, 5.0))
    sim.disturb()


FAULTS: tuple[Fault, ...] = (crash, stall, freeze, partition, cut, skew, disturb)
"""All faults there are."""


async def chaos(sim: Simulation, seconds: float, faults: Sequence[Fault] = FAULTS) -> None:
    """Have faults happen for so long, one a second on average; return when the last has ended.

    All chance comes from `sim.random`. When it returns nothing is cut, frozen or disturbed, and
    every node that it crashed runs again; a clock stays as wrong as it is.
    """
    end = sim.now + seconds
    async with asyncio.TaskGroup() as group:
        while True:
            pause = sim.random.expovariate(1.0 / PAUSE)
            if sim.now + pause >= end:
                break
            await sim.sleep(pause)
            if sim.nodes:
                group.create_task(_happen(sim, sim.random.choice(faults)))
        await sim.sleep(max(end - sim.now, 0.0))
    await sim.until(lambda: sim.calm_since is not None, within=60.0)


async def _happen(sim: Simulation, fault: Fault) -> None:
    """Let one fault happen, with chance of its own: what others do does not change it."""
    rng = random.Random(sim.random.getrandbits(64))
    try:
        await fault(sim, rng)
    except HostCrashedError:
        """Another fault came in between."""
