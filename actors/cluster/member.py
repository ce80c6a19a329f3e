"""One node, as the others see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["joining", "up", "suspect", "leaving", "down"]


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster.

    `address` is the endpoint it advertises (None for a local one); `incarnation` tells one life
    of a node from the next under the same name.
    """

    name: str
    address: str | None
    roles: frozenset[str]
    status: Status
    incarnation: int
