"""What actors see of what should never be, and what must never be seen of members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from actors import DeadLetter, Event, MemberDown, MemberSuspect, MemberUp, Node
from actors.testing import Invariant, InvariantError, Simulation


class Observer(Invariant):
    """Keeps what actors report, and speaks up where one saw what should never be."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """How often what happened, for a test to see that nothing of it was idle."""
        self.lives: dict[str, int] = {}
        """The incarnations of the nodes, as they were before this step."""
        self.dead: set[object] = set()
        """The messages that became dead letters, on whichever node."""
        self.opinion_changed_at = 0.0
        """When a node last thought otherwise of another."""
        self.condemns_nobody = False
        """Whether by now nobody must be declared down, for all of them are reached."""
        self.in_clean_partition = False
        """Whether a cluster that was well is parted, or was just now, and nothing else is wrong."""
        self._wrong: InvariantError | None = None

    def wrong(self, what: str, *hosts: str) -> None:
        """Something is as it must not be; the first such thing ends the simulation."""
        self._wrong = self._wrong or InvariantError(what, *hosts)

    def started(self, sim: Simulation, node: Node) -> None:
        """Hear what it thinks of the others."""

        def hear(event: Event) -> None:
            self.opinion_changed_at = sim.now
            if self.condemns_nobody and isinstance(event, MemberDown):
                name = event.member.name
                self.wrong(f"{node.name} has declared {name} down, which is reached", node.name)

        node.events.subscribe(hear, MemberUp, MemberSuspect, MemberDown)
        node.events.subscribe(lambda letter: self.dead.add(letter.message), DeadLetter)

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """Say what is wrong: what an actor raises would be its own failure, and no more."""
        if self._wrong is not None:
            raise self._wrong
        for node in nodes:
            self.lives[node.name] = node._known().origin.incarnation

    def quiet_for(self, sim: Simulation) -> float:
        """For how many seconds no fault has begun or ended, and nobody has changed its mind."""
        return sim.now - max(sim.changed_at, self.opinion_changed_at)
