"""One node, as the others see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Status = Literal["joining", "up", "suspect", "leaving", "down"]


class Life(NamedTuple):
    """One life of a node."""

    name: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster.

    `address` is the endpoint it advertises (None for a local one); `incarnation` tells one life
    of a node from the next under the same name. `version` and `capacity` are what it was given
    (see `Node`); `born` is when this life began, in seconds since the epoch by its own clock.
    """

    name: str
    address: str | None
    roles: frozenset[str]
    status: Status
    incarnation: int
    version: str = ""
    capacity: float = 1.0
    born: float = 0.0

    @property
    def life(self) -> Life:
        """Which life of which node."""
        return Life(self.name, self.incarnation)


def check_capacity(capacity: float) -> float:
    """Return how much a node can bear, if it is a positive number. Raises TypeError, ValueError."""
    if isinstance(capacity, bool) or not isinstance(capacity, int | float):
        raise TypeError(f"capacity must be a number, not {capacity!r}")
    if not 0 < capacity < float("inf"):
        raise ValueError(f"capacity must be a positive number, not {capacity!r}")
    return float(capacity)
