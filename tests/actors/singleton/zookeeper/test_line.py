"""Who stands where in the line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.singleton.zookeeper import line

numbers = st.lists(st.integers(0, 2**31 - 1), unique=True, min_size=1, max_size=20)


def place(number: int) -> str:
    """A node of a claim of its own."""
    return f"{line.new_claim()}{number:010}"


@given(numbers)
def test_each_waits_for_the_one_before_it(numbers: list[int]) -> None:
    """In the order of the numbers, whatever the claims are called; the foremost for nobody."""
    places = [place(number) for number in numbers]
    expected = sorted(places, key=lambda name: name[-10:])
    before = {name: line.before(places, name) for name in places}
    assert [before[name] for name in expected] == [None, *expected[:-1]]


def test_what_is_no_claim_counts_for_nothing() -> None:
    """Somebody else's nodes stand in nobody's way."""
    mine = place(5)
    assert line.before(["config", "other__lock__0000000001", "x-lease-1", mine], mine) is None


def test_ones_own_nodes_are_known() -> None:
    """By the claim, the foremost first, and no others."""
    claim = line.new_claim()
    names = [place(1), f"{claim}0000000007", place(3), f"{claim}0000000002"]
    assert line.own(names, claim) == [f"{claim}0000000002", f"{claim}0000000007"]
    assert line.own(names, line.new_claim()) == []
