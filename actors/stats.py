"""The ledger of a node: every message is somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.runtime import Runtime


class Ledger:
    """The running counters behind `NodeStats`. Plain attributes: they are on the hot path."""

    __slots__ = ("dead", "failed", "handled", "outbound", "told", "undelivered")

    def __init__(self) -> None:
        self.told = 0
        self.handled = 0
        self.failed = 0
        self.dead = 0
        self.outbound = 0
        self.undelivered = 0

    @property
    def waiting(self) -> int:
        """How many messages are queued or in hand, without counting them one by one."""
        return self.told - self.handled - self.failed - self.dead


@dataclass(frozen=True, slots=True)
class NodeStats:
    """A snapshot of a node's ledger, in messages.

    `told == handled + failed + dead + queued` for what reached the door of an actor here;
    `outbound == sent + undelivered + waiting` for what was meant for other nodes.
    """

    told: int
    handled: int
    failed: int
    dead: int
    queued: int
    outbound: int
    sent: int
    undelivered: int
    waiting: int
    actors: int
    """Living actors of this node."""
    rejected: int
    """Frames on this node's port that made no sense."""


def snapshot(node: Runtime, rejected: int) -> NodeStats:
    """Return how the ledger of a node adds up now; `rejected` is what its mesh has dropped."""
    ledger, associations = node.ledger, node.remote.associations
    return NodeStats(
        told=ledger.told,
        handled=ledger.handled,
        failed=ledger.failed,
        dead=ledger.dead,
        queued=node.queued(),
        outbound=ledger.outbound,
        sent=associations.sent,
        undelivered=ledger.undelivered,
        waiting=associations.waiting,
        actors=len(node.delivery.cells),
        rejected=rejected,
    )
