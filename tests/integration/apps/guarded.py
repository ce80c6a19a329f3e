"""A node with rules, for the tests that start one: who may do what to its till."""

from __future__ import annotations

from shop import Add, Till

from actors import Allow, Node


async def setup(node: Node) -> None:
    """Let the node `teller` add to the till, and everybody whose role is `auditor` watch it."""
    node.replace_rules(
        [
            Allow("node:teller", "till", messages=[Add]),
            Allow("role:auditor", "till", watch=True),
        ]
    )
    node.spawn(Till, name="till")
