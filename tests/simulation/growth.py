"""`python -m tests.simulation.growth`: what the members say to each other as the cluster grows.

Clusters of one size after the other come together in simulation, and are then left alone: what
goes over the wire is what they say of each other, and nothing else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from actors.testing import Simulation

SIZES = (3, 10, 30, 100)

SECONDS = 30.0
"""Virtual seconds for which is counted."""

SETTLING = 30.0
"""Virtual seconds after they have come together, until the last rumour of it has died."""

LIMIT = 600.0
"""Virtual seconds within which all that must be over."""


class Share(NamedTuple):
    """What one node says, on average."""

    nodes: int
    messages: float
    """Of the failure detector, a second."""
    frames: float
    """Of all kinds, a second: acknowledgements of what was sent travel by themselves."""
    size: float
    """Bytes of these, a second."""
    cost: float
    """Real seconds that all of it took."""


def measure(nodes: int, after: float = SETTLING) -> Share:
    """Let so many nodes come together, and count what each says `after` virtual seconds more."""
    started = time.perf_counter()
    simulation = Simulation(1, limit=LIMIT)
    messages, frames, size = simulation.run(lambda sim: _observe(sim, nodes, after))
    total, cost = nodes * SECONDS, time.perf_counter() - started
    return Share(nodes, messages / total, frames / total, size / total, cost)


async def _observe(sim: Simulation, nodes: int, after: float) -> tuple[int, int, int]:
    for number in range(nodes):
        seeds = [sim.address("n0")] if number else []
        await sim.start(f"n{number}", seeds=seeds)
    # To look after every step would cost more than all else: it compares everybody with everybody.
    while not sim.converged:
        await sim.sleep(1.0)
    await sim.sleep(after)
    before, begun = _sent(sim), len(sim.trace)
    await sim.sleep(SECONDS)
    sizes = [int(line.split()[2]) for line in sim.trace[begun:] if line.endswith(" bytes")]
    return _sent(sim) - before, len(sizes), sum(sizes)


def _sent(sim: Simulation) -> int:
    clusters = [node._cluster for node in sim.nodes.values()]
    return sum(cluster._gossip.sent for cluster in clusters if cluster is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.growth")
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of nodes")
    parser.add_argument("--after", type=float, default=SETTLING, help="virtual seconds")
    options = parser.parse_args(arguments)
    print("each node and second | nodes | messages | frames | bytes | took")
    for nodes in options.sizes:
        share = measure(nodes, options.after)
        print(
            f"{'':20} | {share.nodes:5} | {share.messages:8.2f} | {share.frames:6.2f} | "
            f"{share.size:5.0f} | {share.cost:.1f} s",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
