"""Which node an actor is placed on, and who waits for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.cluster.membership import Membership
from actors.props import Place, Role

if TYPE_CHECKING:
    from actors.family import Family


class Placement:
    """Chooses among the members that are up."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._waiting: dict[Family, None] = {}
        self._turn = 0

    def choose(self, at: Place | None, population: Callable[[str], int]) -> str | None:
        """Return the name of a node for `at`; None where there is none at present.

        Of the nodes of a role it is the one with the smallest `population(name)`; ties go round.
        """
        if at is None:
            return self._membership.own.name
        if isinstance(at, str):
            member = self._membership.get(at)
            return None if member is None or member.status == "leaving" else at
        names = self.nodes_of(at)
        if not names:
            return None
        self._turn += 1
        start = self._turn % len(names)
        return min((*names[start:], *names[:start]), key=population)

    def nodes_of(self, role: Role) -> list[str]:
        """Return the names of the nodes that have the role; suspect ones for want of better."""
        members = [m for m in self._membership.members if role.name in m.roles]
        for status in ("up", "suspect"):
            names = sorted(m.name for m in members if m.status == status)
            if names:
                return names
        return []

    def complaint(self, at: Place | None) -> str:
        """Return in words why there was no node for `at`."""
        if isinstance(at, Role):
            return f"no node with the role {at.name!r} is up"
        return f"no node {at!r} is up"

    def wait(self, family: Family) -> None:
        """Place the waiting children of this family when nodes come."""
        self._waiting[family] = None

    def members_changed(self) -> None:
        """A node has come: place what waits."""
        waiting, self._waiting = self._waiting, {}
        for family in waiting:
            family.place_waiting()
