"""Which roles of a node count for rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actors.authorisation.policy import TrustedRoles
    from actors.cluster.membership import Membership


class Roster(Protocol):
    """What says which roles a name may have, such as `transport.security.roster.Roster`."""

    def roles_of(self, name: str) -> frozenset[str] | None:
        """The only roles of that name; None where it does not say."""
        ...


def claimed_roles(membership: Membership) -> TrustedRoles:
    """Trust every node with the roles that it claims: where names are claims, too, without keys."""

    def of(node: str) -> frozenset[str]:
        member = membership.get(node)
        return frozenset() if member is None else member.roles

    return of


def rostered_roles(roster: Callable[[], Roster]) -> TrustedRoles:
    """Trust the roster alone, as it is by then: whoever has a key could claim any other role."""
    return lambda node: roster().roles_of(node) or frozenset()
