"""Which side of a partition goes on: both sides decide by themselves, and never both for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cluster.partition import KeepMajority, Standing, StaticQuorum

NAMES = tuple("abcdefg")


def sides(policy: Any, here: set[str], there: set[str]) -> tuple[bool, bool]:
    """Return whether each of two sides goes on."""
    return policy.goes_on(here, there), policy.goes_on(there, here)


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.data())
def test_of_two_sides_exactly_one_keeps_the_majority(members: set[str], data: Any) -> None:
    """However the members are parted."""
    here = data.draw(st.sets(st.sampled_from(sorted(members))))
    there = members - here
    assert sorted(sides(KeepMajority(), here, there)) == [False, True] or not (here and there)


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_of_two_sides_at_most_one_has_the_quorum(here: set[str], there: set[str]) -> None:
    """With more than half of all that there are."""
    assert sides(StaticQuorum(size=4), here, there - here) != (True, True)


def standing(policy: Any, *others: str) -> Standing:
    """Return that of a node `a` which has known the others for long."""
    made = Standing(policy, "a", counts=True)
    for name in others:
        made.joined(name, 0.0)
    made.tick(100.0)
    return made


def test_who_has_lost_the_majority_is_not_ready_once_that_is_stable() -> None:
    """Until then it goes on, and takes nothing over."""
    made = standing(KeepMajority(stable_after=5.0), "b", "c")
    made.lost("b", 200.0)
    made.lost("c", 202.0)
    assert made.due == 207.0
    made.tick(206.9)
    assert made.is_ready
    assert not made.is_settled
    made.tick(207.0)
    assert not made.is_ready
    made.joined("b", 300.0)
    made.tick(305.0)
    assert made.is_ready


def test_the_majority_waits_until_the_others_have_given_up() -> None:
    """It goes on, and takes over what they had one `stable_after` later."""
    made = standing(KeepMajority(stable_after=5.0), "b", "c")
    made.lost("c", 200.0)
    made.tick(205.0)
    assert made.is_ready
    assert not made.is_settled
    assert made.due == 210.0
    made.tick(210.0)
    assert made.is_settled
    assert made.due is None


def test_who_is_cut_off_does_not_go_on_though_it_has_declared_nobody_down() -> None:
    """One that distrusts itself may take long over that; silence is enough to stop."""
    made = standing(KeepMajority(stable_after=5.0), "b", "c")
    made.silent("b", 200.0)
    made.silent("c", 201.0)
    made.tick(206.0)
    assert not made.is_ready
    made.heard("c", 210.0)
    made.tick(215.0)
    assert made.is_ready
    made.lost("b", 220.0)
    made.tick(225.0)
    made.tick(230.0)
    assert made.is_settled


def test_whoever_was_outvoted_once_is_not_missed_again() -> None:
    """The next partition is one of those that are left."""
    made = standing(KeepMajority(stable_after=1.0), "b", "c", "d", "e")
    made.lost("d", 200.0)
    made.lost("e", 200.0)
    made.tick(201.0)
    made.tick(202.0)
    made.lost("c", 300.0)
    made.tick(301.0)
    assert made.is_ready


def test_who_leaves_is_not_missed() -> None:
    """Two of three may end in order, and the third goes on."""
    made = standing(KeepMajority(), "b", "c")
    made.left("b", 200.0)
    made.left("c", 200.0)
    made.tick(300.0)
    assert made.is_settled


def test_a_quorum_has_to_be_there_first() -> None:
    """A node that is alone at the start is not ready."""
    made = Standing(StaticQuorum(size=2, stable_after=1.0), "a", counts=True)
    assert not made.is_ready
    made.joined("b", 0.0)
    made.tick(1.0)
    assert made.is_ready


def test_without_a_policy_both_sides_go_on() -> None:
    """At once, and whoever is lost."""
    made = standing(None, "b", "c")
    made.lost("b", 200.0)
    made.lost("c", 200.0)
    assert made.is_settled
    assert made.due is None


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: KeepMajority(stable_after=0), ValueError),
        (lambda: KeepMajority(role="no role!"), ValueError),
        (lambda: StaticQuorum(size=0), ValueError),
        (lambda: StaticQuorum(size=1.5), TypeError),
        (lambda: StaticQuorum(size=True), TypeError),
        (lambda: StaticQuorum(size=2, stable_after=float("nan")), ValueError),
    ],
)
def test_a_policy_is_checked(make: Any, error: type[Exception]) -> None:
    """Where it is made."""
    with pytest.raises(error):
        make()
