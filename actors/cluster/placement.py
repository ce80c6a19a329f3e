"""Which node an actor is placed on, and who waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.cluster.loads import Loads
from actors.cluster.member import Member
from actors.cluster.membership import Membership
from actors.props import LeastLoaded, Place, Role

if TYPE_CHECKING:
    from actors.family import Family


class Placement:
    """Chooses among the members that are up."""

    def __init__(self, membership: Membership, loads: Loads) -> None:
        self._membership = membership
        self._loads = loads
        self._waiting: dict[Family, None] = {}
        self._turn = 0

    def choose(self, at: Place | None, actor_class: type) -> str | None:
        """Return the name of a node for `at`; None where there is none at present.

        Of the nodes of a role it is the one with the fewest actors of that class, and of those for
        `LeastLoaded` the one with least to do, by what they say of themselves; ties go round.
        """
        if at is None:
            return self._membership.own.name
        if isinstance(at, str):
            member = self._membership.get(at)
            return None if member is None or member.status == "leaving" else at
        members = self._candidates(at)
        if not members:
            return None
        self._turn += 1
        start = self._turn % len(members)
        in_turn = (*members[start:], *members[:start])
        if isinstance(at, Role):
            population = self._loads.population
            return min(in_turn, key=lambda member: population(member.life, actor_class)).name
        chosen = min(in_turn, key=lambda member: self._loads.of(member.life, member.capacity))
        return chosen.name

    def _candidates(self, at: Role | LeastLoaded) -> list[Member]:
        """Return the members that `at` allows, by name; suspect ones for want of better."""
        role = at.name if isinstance(at, Role) else at.role
        members = [m for m in self._membership.members if role is None or role in m.roles]
        for status in ("up", "suspect"):
            found = [member for member in members if member.status == status]
            if found:
                return sorted(found, key=lambda member: member.name)
        return []

    def settled(self, actor_class: type, node_name: str) -> None:
        """An actor was placed there."""
        member = self._membership.get(node_name)
        if member is not None:
            self._loads.place(member.life, actor_class)

    def complaint(self, at: Place | None) -> str:
        """Return in words why there was no node for `at`."""
        role = at.name if isinstance(at, Role) else getattr(at, "role", None)
        if role is not None:
            return f"no node with the role {role!r} is up"
        if isinstance(at, LeastLoaded):
            return "no node is up"
        return f"no node {at!r} is up"

    def wait(self, family: Family) -> None:
        """Place the waiting children of this family when nodes come."""
        self._waiting[family] = None

    def members_changed(self) -> None:
        """A node has come: place what waits."""
        waiting, self._waiting = self._waiting, {}
        for family in waiting:
            family.place_waiting()
