"""Who of several nodes runs a singleton: the oldest, as in Akka. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from actors.cluster.member import Member


class Seniority(NamedTuple):
    """Where a node stands: the smaller, the more senior. All nodes see the same of each other."""

    born: float
    name: str
    incarnation: int

    @classmethod
    def of(cls, member: Member) -> Seniority:
        """Return that of a member."""
        return cls(member.born, member.name, member.incarnation)


def is_eligible(member: Member, role: str | None) -> bool:
    """Whether a member may run it: a suspect may, for as long as it is not down."""
    return member.status in ("joining", "up", "suspect") and (role is None or role in member.roles)


def most_senior(members: Iterable[Member], role: str | None) -> Member | None:
    """Return who is to run it; None where nobody may."""
    eligible = [member for member in members if is_eligible(member, role)]
    return min(eligible, key=Seniority.of, default=None)
