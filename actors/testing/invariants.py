"""What must hold in every simulation, whatever is done to the nodes.

An invariant is an object with a few hooks; subclass `Invariant`, implement those that are needed,
and hand an instance to `Simulation.check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.node import Node
from actors.testing.errors import InvariantError

if TYPE_CHECKING:
    from actors.testing.simulation import Simulation

__all__ = ["Invariant", "LedgerAddsUp", "MembershipConverges"]


class Invariant:
    """Something that must always hold. Its hooks do nothing until they are overridden.

    A hook raises `InvariantError`, with the names of the hosts concerned, or any AssertionError.
    """

    def started(self, sim: Simulation, node: Node) -> None:
        """A node is about to start: a chance to subscribe to its events."""

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """All that could happen at this moment has; `nodes` are those that took part."""

    def at_end(self, sim: Simulation) -> None:
        """The scenario is over, and nothing happens any more."""


class LedgerAddsUp(Invariant):
    """Every message is somewhere: what `NodeStats` says of a ledger holds on every node."""

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """Look at the ledgers of those that did something."""
        for node in nodes:
            stats = node.stats()
            here = stats.handled + stats.failed + stats.dead + stats.queued
            away = stats.sent + stats.undelivered + stats.waiting
            if stats.told != here or stats.outbound != away:
                raise InvariantError(
                    f"the ledger of {node.name!r} does not add up: {stats}", node.name
                )


class MembershipConverges(Invariant):
    """Within a bound after the last fault all nodes that run know each other, and nobody else.

    Args:
        within: virtual seconds from the end of the last fault, start or stop of a node.
    """

    def __init__(self, within: float = 30.0) -> None:
        self.within = within

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        """Look at everybody, once it has been calm for so long."""
        since = sim.calm_since
        if since is None or sim.now - since < self.within or sim.converged:
            return
        seen = "; ".join(f"{n.name} sees {', '.join(_up(n))}" for n in sim.nodes.values())
        raise InvariantError(
            f"membership has not converged {sim.now - since:.3f} s after the last fault: {seen}",
            *sim.nodes,
        )


def _up(node: Node) -> list[str]:
    return [f"{member.name} ({member.status})" for member in node.members[1:]] or ["nobody"]
