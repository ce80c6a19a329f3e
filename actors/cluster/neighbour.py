"""What one node knows of another: its part of every decision about who is dead and who busy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from actors.cluster.member import Life
from actors.cluster.suspicion import Suspicion


@dataclass(slots=True)
class Neighbour:
    """One living member, as another one sees it."""

    life: Life
    address: str
    mark: int
    """Its part of the digest, see `mark_of`."""
    version: int = 0
    """How often it has contradicted a suspicion (SWIM calls it the incarnation)."""
    stalls: int = 0
    """How many of its stalls are known here."""
    linked: bool = True
    suspicion: Suspicion | None = None
    enquire_at: float = 0.0
    asked: set[Life] = field(default_factory=set)
    """Who has been asked for it, and has not answered."""
    pinged: float | None = None
    """When the oldest ping that it has not answered was sent."""
    sequence: int = 0
    """Of the latest ping."""
    called_silent: bool = False
    called_busy: bool = False
    witnesses: set[str] = field(default_factory=set)
    """Who said that it is silent, before this node noticed itself."""

    def no_longer_silent(self) -> bool:
        """It was heard of: whether it had been called silent."""
        was_silent, self.called_silent = self.called_silent, False
        return was_silent


def mark_of(life: Life) -> int:
    """Return a number for a life; those of a set of lives, combined by xor, make its digest."""
    data = f"{life.name}#{life.incarnation}".encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1
