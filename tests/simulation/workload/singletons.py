"""One instance in the cluster, which every node manages, and never two where that is promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from actors import Actor, Message, Node, Reason, Singleton, on
from actors.testing import InvariantError, Simulation
from actors.testing.host import Host, current_host
from tests.simulation.workload.work import Work

HANDOVER = 12.0
"""Virtual seconds that managers may take until one of two instances has stopped."""

BOUND = 45.0
"""Virtual seconds within which there is one instance again."""


class Where(Message[str]):
    """Answers the node that it runs on."""


class Life(NamedTuple):
    """One life of an instance."""

    number: int
    host: Host


class Boss(Actor):
    """Reports when it starts, and when it has stopped."""

    def __init__(self, singletons: Singletons) -> None:
        self.singletons = singletons

    async def on_start(self) -> None:
        self.life = self.singletons.began()

    async def on_stop(self, reason: Reason) -> None:
        self.singletons.ended(self.life)

    @on(Where)
    def where(self, message: Where) -> str:
        return self.node.name


class Singletons(Work):
    """Two instances must not run where the membership, and the policy, allow for one.

    Who is stalled or frozen cannot stop its own, and does not count: that is what leases are for.
    """

    _lives: tuple[Life, ...] = ()
    _begun = 0

    async def setup(self, node: Node) -> None:
        """Manage it on every node."""
        node.spawn(Singleton(Boss.props(self)), name="boss")

    def began(self) -> Life:
        """An instance runs, on the host that says so."""
        host = current_host.get()
        assert host is not None
        self._begun += 1
        life = Life(self._begun, host)
        self._lives += (life,)
        self.observer.counts["singletons"] += 1
        return life

    def ended(self, life: Life) -> None:
        """That one has stopped."""
        self._lives = tuple(each for each in self._lives if each != life)

    @property
    def running(self) -> list[str]:
        """The nodes on which one runs, except those that are stalled or frozen."""
        return [life.host.name for life in self._lives if life.host.runs]

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """Look whether there are two, and whether there may be."""
        running = self.running
        if len(running) < 2:
            return
        if self.policy is not None and self.observer.in_clean_partition:
            raise InvariantError("two singletons though a partition policy holds", *running)
        settling = HANDOVER + (2 * self.policy.stable_after if self.policy else 0.0)
        if self.observer.quiet_for(sim) > settling:
            self._check_sides(sim, running)

    def _check_sides(self, sim: Simulation, running: list[str]) -> None:
        agreeing = [side for side in sim.sides if sim.agree(side)]
        for side in agreeing:
            here = [name for name in running if name in side]
            if len(here) > 1:
                raise InvariantError("two singletons on one side of the cluster", *here)
        if self.policy is not None and len(agreeing) == len(sim.sides):
            raise InvariantError("two singletons on two sides, and a policy", *running)

    def is_settled(self) -> bool:
        """Whether one runs, and no second one."""
        return len(self.running) == 1

    def sides_are_settled(self) -> bool:
        """Whether each side has one; with a policy only the side that goes on."""
        return all(self._running_on(side) == self._expected(side) for side in self.sim.sides)

    def _running_on(self, side: tuple[str, ...]) -> int:
        return sum(name in side for name in self.running)

    def _expected(self, side: tuple[str, ...]) -> int:
        lost = [name for name in self.sim.nodes if name not in side]
        return 1 if self.policy is None or self.policy.goes_on(side, lost) else 0

    async def finish(self) -> None:
        """There is one, and every node's ref leads to it."""
        await self.sim.until(self.is_settled, within=BOUND)
        for name in self.sim.names:
            where = await self.sim.run_on(name, self._ask(self.sim.node(name)))
            if [where] != self.running:
                raise InvariantError(f"{name} finds it on {where}: {self.running}", name, where)

    async def _ask(self, node: Node) -> str:
        manager = await node.resolve("boss", timeout=BOUND)
        return str(await manager.ask(Where(), timeout=BOUND))
