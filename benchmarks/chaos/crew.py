"""What runs on each node of a company: `actors-node benchmarks.chaos.crew:populate`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from actors import Node
from benchmarks.chaos.traffic import Depot, Shop
from benchmarks.chaos.witness import Sleeper, Witness

ORDERS = "CHAOS_ORDERS"
"""The environment variable that says what traffic there is to be."""


def orders(names: Sequence[str], folder: Path, rate: float) -> Mapping[str, str]:
    """Return the environment of nodes with these names: `rate` messages a second on each stream."""
    return {ORDERS: json.dumps({"names": names, "folder": str(folder), "rate": rate})}


async def populate(node: Node) -> None:
    """Give a node its residents, as it was ordered."""
    given = json.loads(os.environ[ORDERS])
    if given["rate"]:
        folder = Path(given["folder"])
        node.spawn(Depot.props(folder / f"{node.name}.effects"), name="depot")
        peers = [name for name in given["names"] if name != node.name]
        node.spawn(Shop.props(peers, folder, given["rate"]), name="shop")
    observe(node)


def observe(node: Node) -> None:
    """Give a node those that every one has."""
    node.spawn(Sleeper, name="sleeper")
    node.spawn(Witness, name="witness")
