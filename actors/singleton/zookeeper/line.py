"""Who stands where in the line for a lease: ZooKeeper's own recipe for a lock. Pure.

Each claim is a node with a number that ZooKeeper gives out in the order of creation, and that goes
with its session. Who has the smallest number holds the lease, and each other one waits for the end
of the one right before it, so that an end wakes one claim and not all of them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

MARK = "-lease-"
_CLAIM = re.compile(rf"{MARK}(\d{{10}})$")


def new_claim() -> str:
    """Return what the names of one claim's nodes begin with, and no others'.

    A node may have been created although the answer was lost; by this it is found (Curator's way).
    """
    return uuid.uuid4().hex + MARK


def own(names: Iterable[str], claim: str) -> list[str]:
    """Return the nodes of a claim, the foremost first.

    There is one at most, or two where a late server created one after all.
    """
    return sorted(name for name in names if name.startswith(claim))


def before(names: Iterable[str], place: str) -> str | None:
    """Return the node right before a place; None for the foremost, who holds the lease.

    Nodes that are no claims are somebody else's business.
    """
    claims = [name for name in names if _CLAIM.search(name) and _number(name) < _number(place)]
    return max(claims, key=_number, default=None)


def _number(name: str) -> int:
    return int(name[-10:])
