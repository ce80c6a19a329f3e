"""The course of one run: nodes work under faults by chance, then under one, and work on."""

from __future__ import annotations

from typing import NamedTuple

from actors import KeepMajority
from actors.testing import MembershipConverges, Simulation, chaos
from tests.simulation.complaints import complaints
from tests.simulation.workload.deliveries import Deliveries
from tests.simulation.workload.observer import Observer
from tests.simulation.workload.post import Post
from tests.simulation.workload.singletons import Singletons
from tests.simulation.workload.trials import TRIALS, release, undergo
from tests.simulation.workload.work import Work

NAMES = "abcd"

CHAOS = 10.0
"""Virtual seconds for which faults happen by chance."""

BOUND = 30.0
"""Virtual seconds after which the members must agree on each other."""

LINKS = 60.0
"""Virtual seconds after which a link must have made up for all that it has lost."""

STABLE_AFTER = 3.0
"""Of the partition policy, where there is one."""

WORKS: tuple[type[Work], ...] = (Post, Singletons, Deliveries)


class Play(NamedTuple):
    """A run that is over."""

    sim: Simulation
    observer: Observer
    work: Work


def play(seed: int) -> Play:
    """Run one seed, and look at all that is promised. Raises SimulationError."""
    sim, observer = Simulation(seed), Observer()
    policy = sim.random.choice((None, KeepMajority(stable_after=STABLE_AFTER)))
    work = WORKS[seed % len(WORKS)](sim, observer, policy)
    for invariant in (observer, work, MembershipConverges(BOUND)):
        sim.check(invariant)

    async def course(sim: Simulation) -> None:
        await act(sim, work)

    with complaints(observer.wrong):
        sim.run(course)
    return Play(sim, observer, work)


async def act(sim: Simulation, work: Work) -> None:
    """Start a few nodes, let them work under faults, and see that they work together after."""
    for name in NAMES[: sim.random.randint(2, len(NAMES))]:
        await sim.start(name, roles=["worker"], setup=work.setup, partition=work.policy)
    await chaos(sim, CHAOS)
    await become_well(sim, work)
    await undergo(sim, work, sim.random.choice(TRIALS))
    await become_well(sim, work)
    release(work.observer)
    await work.finish()
    await sim.until(work.all_is_acknowledged, within=LINKS)


async def become_well(sim: Simulation, work: Work) -> None:
    """Wait until all nodes agree, and what they do has come to rest."""
    await sim.until(work.members_agree, within=BOUND)
    await sim.until(work.is_settled, within=BOUND)
    await sim.until(work.all_is_acknowledged, within=LINKS)


def check(seed: int) -> str:
    """Run one seed; return the digest of its trace. Raises SimulationError."""
    return play(seed).sim.digest
