"""What the tests of names, groups and topics share."""

from __future__ import annotations

from actors import Node
from tests.actors.kit import Cluster


async def two(cluster: Cluster) -> tuple[Node, Node]:
    """Start two nodes; the second has a role."""
    return await cluster.start("a"), await cluster.start("b", "worker")


async def heal(cluster: Cluster) -> None:
    """End all cuts, and wait until everybody knows everybody again."""
    for node in cluster.nodes:
        for other in cluster.nodes:
            cluster.network.heal(node.name, other.name)
    for node in cluster.nodes:
        await cluster.finish(node.wait_for_members(len(cluster.nodes), timeout=50))
    await cluster.clock.advance(1)
