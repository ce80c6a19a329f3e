"""Strategies that choose by load, beside a plain dictionary of loads."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.balancing import Balancer, LeastConnections, Load, PowerOfTwo

KINDS: list[Callable[[], Balancer[str]]] = [LeastConnections, lambda: PowerOfTwo(random.Random(1))]


def filled(made: Balancer[str], *routees: str) -> Balancer[str]:
    for routee in routees:
        made.add(routee)
    return made


def least(*routees: str) -> Balancer[str]:
    return filled(LeastConnections(), *routees)


def hand(made: Balancer[str], count: int) -> list[Load[str]]:
    return [made.hand(number) for number in range(count)]


def names(loads: list[Load[str]]) -> list[str]:
    return [load.routee for load in loads]


# --- both


@pytest.mark.parametrize("kind", KINDS)
def test_without_routees_there_is_nobody_to_hand_to(kind: Any) -> None:
    """A LookupError, before the first came and after the last went."""
    made = kind()
    with pytest.raises(LookupError, match="no routees"):
        made.hand(None)
    filled(made, "a")
    made.hand(None)
    made.remove("a")
    with pytest.raises(LookupError, match="no routees"):
        made.hand(None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_routee_that_comes_back_still_has_what_it_had_in_its_hands(kind: Any) -> None:
    """What a routee held when it left is remembered, less what it finished meanwhile."""
    made = filled(kind(), "a")
    held = hand(made, 3)
    made.add("b")
    made.hand(None)
    made.remove("a")
    held.pop().send(None)
    assert made.hand(None).routee == "b"
    made.add("a")
    assert (made.load("a"), made.load("b")) == (2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_routee_that_finished_all_comes_back_with_nothing(kind: Any) -> None:
    """What ends while the routee is away is counted off, however it ends."""
    made = filled(kind(), "a")
    one, other = hand(made, 2)
    made.remove("a")
    one.send("value")
    other.fail(ValueError())
    made.add("a")
    assert made.load("a") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_routees_that_are_gone_and_done_are_forgotten(kind: Any) -> None:
    """However many come and go, only those that have something in their hands are remembered."""
    made = kind()
    for number in range(100):
        made.add(f"routee-{number}")
        made.hand(None).send(None)
        made.remove(f"routee-{number}")
    assert len(made._away) <= 1


# --- least connections


def test_least_connections_prefers_the_least_loaded() -> None:
    """A routee that still holds a message is passed over while another is free."""
    made = least("a", "b")
    first, second, third = hand(made, 3)
    assert names([first, second, third]) == ["a", "b", "a"]
    second.send(None)
    assert names(hand(made, 2)) == ["b", "b"]


def test_ties_go_round() -> None:
    """Among equally loaded routees each gets its turn, idle or busy."""
    made = least("a", "b", "c")
    loads = hand(made, 6)
    assert names(loads) == list("abcabc")
    for load in loads:
        load.send(None)
    for expected in "abcabc":
        load = made.hand(None)
        assert load.routee == expected
        load.send(None)


def test_who_became_free_first_is_next() -> None:
    """Among equals it is the one that has waited longest."""
    made = least("a", "b", "c")
    a, b, c = hand(made, 3)
    for load in (c, a, b):
        load.send(None)
    assert names(hand(made, 3)) == ["c", "a", "b"]


def test_no_rings_are_left_behind() -> None:
    """What one deep backlog needed is not kept."""
    made = LeastConnections[str]()
    filled(made, "a", "b", "c")
    for load in hand(made, 3_000):
        load.send(None)
    made.hand(None)
    assert len(made._rings) <= 2


class LoadMachine(RuleBasedStateMachine):
    """Least-connections beside a plain dictionary of loads."""

    def __init__(self) -> None:
        super().__init__()
        self.made = LeastConnections[int]()
        self.counts: dict[int, int] = {}
        self.away: dict[int, int] = {}
        self.held: list[Load[int]] = []
        self.next = 0

    @rule()
    def add(self) -> None:
        self.made.add(self.next)
        self.counts[self.next] = 0
        self.next += 1

    @precondition(lambda self: self.counts)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        routee = data.draw(st.sampled_from(sorted(self.counts)))
        self.made.remove(routee)
        self.away[routee] = self.counts.pop(routee)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        routee = data.draw(st.sampled_from(sorted(self.away)))
        self.made.add(routee)
        self.counts[routee] = self.away.pop(routee)

    @precondition(lambda self: self.counts)
    @rule(times=st.integers(1, 5))
    def hand(self, times: int) -> None:
        for _ in range(times):
            load = self.made.hand(None)
            assert self.counts[load.routee] == min(self.counts.values())
            self.counts[load.routee] += 1
            self.held.append(load)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), times=st.integers(1, 5))
    def finish(self, data: st.DataObject, times: int) -> None:
        for _ in range(min(times, len(self.held))):
            load = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
            load.send(None)
            where = self.counts if load.routee in self.counts else self.away
            where[load.routee] -= 1

    @invariant()
    def the_loads_agree(self) -> None:
        assert {routee: self.made.load(routee) for routee in self.made} == self.counts


TestLoads = LoadMachine.TestCase
TestLoads.settings = settings(stateful_step_count=40)
"""Least-connections always picks a least loaded routee and never loses count."""


# --- the power of two choices


def test_power_of_two_never_hands_to_the_most_loaded_of_all() -> None:
    """Of two different routees the less loaded wins, so the single busiest gets nothing."""
    made = filled(PowerOfTwo(random.Random(7)), "b")
    hand(made, 500)
    filled(made, "a", "c")
    assert set(names(hand(made, 200))) == {"a", "c"}


def test_power_of_two_keeps_loads_close() -> None:
    """Messages that never finish end up spread almost evenly."""
    made = PowerOfTwo[int](random.Random(3))
    for number in range(20):
        made.add(number)
    for _ in range(2000):
        made.hand(None)
    loads = [made.load(number) for number in range(20)]
    assert max(loads) - min(loads) <= 6


def test_power_of_two_works_with_one() -> None:
    """With nobody to compare it with, the only routee gets all."""
    assert names(hand(filled(PowerOfTwo(random.Random(7)), "a"), 2)) == ["a", "a"]
