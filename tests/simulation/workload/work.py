"""What the actors of one run do: one of several kinds of work, under the same faults."""

from __future__ import annotations

from actors import KeepMajority, Node
from actors.testing import Invariant, Simulation
from tests.simulation.workload.observer import Observer


class Work(Invariant):
    """Sets actors up on each node, and knows what must have come of it at the end.

    Its hooks as an invariant are called as those of any other.

    Args:
        sim: the run.
        observer: what actors report to.
        policy: what the nodes do about partitions; the same on all of them.
    """

    def __init__(self, sim: Simulation, observer: Observer, policy: KeepMajority | None) -> None:
        self.sim = sim
        self.observer = observer
        self.policy = policy

    # --- what scenarios wait for ----------------------------------------------------------------

    def members_agree(self) -> bool:
        """Whether all nodes know each other to be up, and know of nobody else."""
        return self.sim.converged

    def sides_agree(self) -> bool:
        """Whether on each side of a partition they do so, of that side alone."""
        return all(map(self.sim.agree, self.sim.sides))

    def nodes_trust_themselves(self) -> bool:
        """Whether no node is slow to judge others because it was too slow itself of late.

        One that is may keep what it has for longer than the other side of a partition waits.
        """
        clusters = [node._cluster for node in self.sim.nodes.values()]
        return all(c and c._gossip._detector._health.score == 0 for c in clusters)

    def all_is_acknowledged(self) -> bool:
        """Whether at this moment nothing is on its way that its receiver has not confirmed.

        A link on which much was lost takes seconds to send it again, and all that came after it.
        """
        meshes = [node._mesh for node in self.sim.nodes.values()]
        return all(peer.link.idle for mesh in meshes if mesh for peer in mesh._peers.values())

    def is_settled(self) -> bool:
        """Whether all that the last faults have brought about is over."""
        return True

    def sides_are_settled(self) -> bool:
        """Whether each side of a partition does what it should, and nothing else."""
        return True

    # --- what each kind of work is --------------------------------------------------------------

    async def setup(self, node: Node) -> None:
        """Spawn what is to work on a node, in each of its lives."""

    async def finish(self) -> None:
        """The faults are over: see that all is as it should be. May raise."""
