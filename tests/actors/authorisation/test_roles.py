"""Which roles count: those that nodes claim, or those of a roster alone."""

from __future__ import annotations

from actors.authorisation.roles import claimed_roles, rostered_roles
from actors.cluster.member import Member
from actors.cluster.membership import Membership
from transport.security.roster import Entry, Roster


def test_claims_count_where_nothing_is_proven() -> None:
    """The roles of a member are those that it says it has; a stranger has none."""
    own = Member("own", None, frozenset({"teller"}), "up", 1)
    trusted = claimed_roles(Membership(own))
    assert trusted("own") == {"teller"}
    assert trusted("stranger") == frozenset()


def test_a_roster_is_the_only_source_of_roles() -> None:
    """Whom it gives none has none, whatever it claims; a new roster counts at once."""
    rosters = [Roster({"a": Entry((), frozenset({"teller"})), "b": Entry(())})]
    trusted = rostered_roles(lambda: rosters[-1])
    assert trusted("a") == {"teller"}
    assert trusted("b") == trusted("stranger") == frozenset()
    rosters.append(Roster({"b": Entry((), frozenset({"admin"}))}))
    assert trusted("a") == frozenset()
    assert trusted("b") == {"admin"}
