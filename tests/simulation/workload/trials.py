"""One fault at a time, on a cluster that is well, of which it is known what must come of it.

Under many faults at once nearly everything is allowed; here it is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actors.testing import Simulation
from tests.simulation.workload.observer import Observer
from tests.simulation.workload.work import Work

DETECTION = 25.0
"""Virtual seconds within which each side of a partition knows who is left."""

HANDOVER = 25.0
"""Virtual seconds within which each side has taken over what it should.

A manager that asks a member which was just lost waits for it for ten of them.
"""

Trial = Callable[[Simulation, Work], Awaitable[None]]
"""Does one thing to the cluster, and looks at what comes of it. May raise."""


async def partition(sim: Simulation, work: Work) -> None:
    """Part the nodes for long: each side comes to know who is left."""
    names = sim.random.sample(sim.names, len(sim.names))
    size = sim.random.randint(1, len(names) - 1)
    await sim.until(work.nodes_trust_themselves, within=DETECTION)
    work.observer.in_clean_partition = True
    sim.partition(names[:size], names[size:])
    await sim.until(work.sides_agree, within=DETECTION)
    settling = 0.0 if work.policy is None else 2.2 * work.policy.stable_after
    await sim.until(work.sides_are_settled, within=settling + HANDOVER)
    await sim.sleep(sim.random.uniform(0.0, 10.0))


async def brief_partition(sim: Simulation, work: Work) -> None:
    """Part them for so short or long that some have noticed and some have not."""
    names = sim.random.sample(sim.names, len(sim.names))
    await sim.until(work.nodes_trust_themselves, within=DETECTION)
    work.observer.in_clean_partition = True
    sim.partition(names[:1], names[1:])
    await sim.sleep(sim.random.uniform(0.0, 12.0))


async def lost_machine(sim: Simulation, work: Work) -> None:
    """Stop one machine for long: the others come to know that it is gone."""
    sim.freeze(sim.random.choice(sim.names))
    await sim.until(work.sides_agree, within=DETECTION)
    await sim.sleep(sim.random.uniform(0.0, 2.0))


async def bad_link(sim: Simulation, work: Work) -> None:
    """Cut the way between two nodes that a third one reaches: nobody is condemned for that."""
    work.observer.condemns_nobody = len(sim.names) > 2
    sim.cut(*sim.random.sample(sim.names, 2), both=sim.random.random() < 0.5)
    await sim.sleep(sim.random.uniform(4.0, 8.0))


async def slow_loop(sim: Simulation, work: Work) -> None:
    """Block an event loop for some seconds: it is busy, not dead."""
    work.observer.condemns_nobody = True
    seconds = sim.random.uniform(1.0, 10.0)
    sim.stall(sim.random.choice(sim.names), seconds)
    await sim.sleep(seconds)


async def short_pause(sim: Simulation, work: Work) -> None:
    """Stop a machine for less than connections are patient: nobody notices."""
    work.observer.condemns_nobody = True
    name = sim.random.choice(sim.names)
    sim.freeze(name)
    await sim.sleep(sim.random.uniform(0.0, 1.3))
    sim.thaw(name)


async def bad_network(sim: Simulation, work: Work) -> None:
    """Lose, double and reorder frames: connections stand, and nobody is condemned."""
    work.observer.condemns_nobody = True
    sim.disturb(loss=0.1, duplication=0.1, reordering=0.1, jitter=0.02)
    await sim.sleep(sim.random.uniform(2.0, 8.0))


async def departure(sim: Simulation, work: Work) -> None:
    """Have a node leave in order, and come back."""
    name = sim.random.choice(sim.names)
    await sim.stop(name)
    await sim.sleep(sim.random.uniform(0.0, 3.0))
    await sim.restart(name)


async def quick_restart(sim: Simulation, work: Work) -> None:
    """Have a node come back before anybody could have noticed that it had crashed."""
    name = sim.random.choice(sim.names)
    sim.crash(name)
    await sim.sleep(sim.random.uniform(0.0, 0.3))
    await sim.restart(name)


TRIALS: tuple[Trial, ...] = (
    partition,
    brief_partition,
    lost_machine,
    bad_link,
    slow_loop,
    short_pause,
    bad_network,
    departure,
    quick_restart,
)
"""All trials there are."""


async def undergo(sim: Simulation, work: Work, trial: Trial) -> None:
    """Try a cluster that is well, end what was done to it, and have it become well again."""
    sim.note(f"trial: {trial.__name__}")
    await trial(sim, work)
    for name in sim.names:
        sim.thaw(name)
    sim.heal()
    sim.disturb()


def release(observer: Observer) -> None:
    """The trial is over, and the cluster well: from now on it is as usual."""
    observer.condemns_nobody = observer.in_clean_partition = False
