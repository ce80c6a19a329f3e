"""The pure routing strategies; the routees here are strings."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.routing import Picker, Routees, WeightedRoundRobin
from actors.strategies import (
    BALANCERS,
    PICKERS,
    STRATEGIES,
    check_strategy,
    make_balancer,
    make_picker,
)


def itself(message: Any) -> Any:
    """A key function: the message is its own key."""
    return message


def picker(strategy: str, *routees: str, weights: list[float] | None = None) -> Picker[str]:
    key = itself if strategy == "consistent-hash" else None
    made: Picker[str] = make_picker(strategy, key=key, weights=weights, random=random.Random(7))
    for routee, weight in zip(routees, weights or [1] * len(routees), strict=True):
        made.add(routee, weight)
    return made


def routees_of(strategy: str, *routees: str) -> Routees[str]:
    """A picker or a balancer, whatever the strategy needs."""
    if strategy in PICKERS:
        return picker(strategy, *routees)
    made: Routees[str] = make_balancer(strategy)
    for routee in routees:
        made.add(routee)
    return made


def picks(made: Picker[str], count: int) -> list[str]:
    return [made.pick(number) for number in range(count)]


# --- all of them


@pytest.mark.parametrize("strategy", PICKERS)
def test_an_empty_picker_has_nothing_to_pick(strategy: str) -> None:
    """Without routees a pick is a LookupError, before the first came and after the last went."""
    made = picker(strategy)
    with pytest.raises(LookupError, match="no routees"):
        made.pick("m")
    made.add("a")
    made.remove("a")
    assert len(made) == 0
    with pytest.raises(LookupError, match="no routees"):
        made.pick("m")


@pytest.mark.parametrize("strategy", [*PICKERS, *BALANCERS])
def test_a_routee_is_in_once(strategy: str) -> None:
    """Adding one that is in, and removing one that is not, are mistakes that are named."""
    made = routees_of(strategy, "a")
    with pytest.raises(ValueError, match="'a' is a routee already"):
        made.add("a")
    with pytest.raises(ValueError, match="'b' is not a routee"):
        made.remove("b")
    assert list(made) == ["a"]


@pytest.mark.parametrize("strategy", [*PICKERS, *BALANCERS])
@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_a_weight_is_a_positive_number(strategy: str, weight: float) -> None:
    """A weight that is none is refused, and the routee stays out."""
    made = routees_of(strategy)
    with pytest.raises(ValueError, match="weight"):
        made.add("a", weight)
    with pytest.raises(TypeError, match="weight"):
        made.add("a", "1")  # type: ignore[arg-type]
    assert len(made) == 0


@pytest.mark.parametrize("strategy", PICKERS)
@given(data=st.data())
def test_a_pick_is_always_a_present_routee(strategy: str, data: st.DataObject) -> None:
    """However routees come and go, a pick is one that is in."""
    made = picker(strategy)
    present: list[str] = []
    names = st.sampled_from("abcdefgh")
    for action, name in data.draw(st.lists(st.tuples(st.sampled_from("arp"), names))):
        if action == "a" and name not in present:
            made.add(name, data.draw(st.integers(1, 4)))
            present.append(name)
        elif action == "r" and name in present:
            made.remove(name)
            present.remove(name)
        elif present:
            assert made.pick(name) in present
        assert list(made) == present


# --- round-robin


def test_round_robin_goes_round() -> None:
    """One after the other, in the order in which they were added."""
    assert picks(picker("round-robin", "a", "b", "c"), 7) == list("abcabca")


def test_round_robin_keeps_its_turn_when_routees_change() -> None:
    """Whoever leaves or comes, nobody is skipped and nobody gets two in a row."""
    made = picker("round-robin", "a", "b", "c", "d")
    assert picks(made, 2) == ["a", "b"]
    made.remove("a")
    assert made.pick(0) == "c"
    made.remove("d")
    assert made.pick(0) == "b"
    made.add("e")
    assert picks(made, 3) == ["c", "e", "b"]


# --- weighted


def test_weights_are_spread_as_nginx_spreads_them() -> None:
    """Weights 5, 1, 1 give nginx's documented order a a b a c a a, again and again."""
    made = picker("weighted-round-robin", "a", "b", "c", weights=[5, 1, 1])
    assert "".join(picks(made, 21)) == "aabacaa" * 3


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_each_round_gives_each_routee_its_weight(weights: list[int]) -> None:
    """In every run of as many picks as the weights sum up to, each is picked its weight's times."""
    routees = [str(number) for number in range(len(weights))]
    made = picker("weighted-round-robin", *routees, weights=[float(w) for w in weights])
    for _ in range(3):
        assert Counter(picks(made, sum(weights))) == dict(zip(routees, weights, strict=True))


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=6), count=st.integers(0, 120))
def test_the_remembered_cycle_is_the_computed_one(weights: list[int], count: int) -> None:
    """Replaying a cycle gives what nginx's algorithm gives when it computes each pick."""
    names = [str(number) for number in range(len(weights))]
    current = [0] * len(weights)
    expected: list[str] = []
    for _ in range(count):
        current = [have + weight for have, weight in zip(current, weights, strict=True)]
        best = current.index(max(current))
        current[best] -= sum(weights)
        expected.append(names[best])
    made = picker("weighted-round-robin", *names, weights=[float(w) for w in weights])
    assert picks(made, count) == expected


def test_fractions_are_weights_too() -> None:
    """Weights 0.5 and 1.5 share the picks one to three."""
    made = picker("weighted-round-robin", "a", "b", weights=[0.5, 1.5])
    assert Counter(picks(made, 400)) == {"a": 100, "b": 300}


def test_a_long_round_is_not_remembered() -> None:
    """Huge weights cost no memory: the share still holds."""
    made = picker("weighted-round-robin", "a", "b", weights=[1_000_000, 3_000_001])
    assert isinstance(made, WeightedRoundRobin)
    assert Counter(picks(made, 4000))["a"] == pytest.approx(1000, abs=1)


# --- by chance


def test_random_reaches_everybody_evenly() -> None:
    """Over many picks every routee gets about its share."""
    counted = Counter(picks(picker("random", "a", "b", "c", "d"), 4000))
    assert set(counted) == set("abcd")
    assert all(900 < count < 1100 for count in counted.values())


def test_random_is_repeatable_with_its_source() -> None:
    """The same source of chance gives the same picks."""
    one, other = picker("random", "a", "b", "c"), picker("random", "a", "b", "c")
    assert picks(one, 50) == picks(other, 50)


# --- consistent hash

KEYS: list[str | bytes | int] = [
    key for number in range(1500) for key in (f"key-{number}", b"%d" % number, number * 7919)
]


def owners(made: Picker[str]) -> dict[str | bytes | int, str]:
    return {key: made.pick(key) for key in KEYS}


def test_equal_keys_meet_the_same_routee() -> None:
    """The owner of a key depends on neither time nor the order in which the routees came."""
    one = picker("consistent-hash", "a", "b", "c", "d")
    other = picker("consistent-hash", "d", "b", "a", "c")
    assert owners(one) == owners(one) == owners(other)


def test_keys_are_spread_over_all_routees() -> None:
    """Every routee of ten owns between a half and twice its fair share."""
    counted = Counter(owners(picker("consistent-hash", *"abcdefghij")).values())
    fair = len(KEYS) / 10
    assert len(counted) == 10
    assert all(fair / 2 < count < fair * 2 for count in counted.values())


@pytest.mark.parametrize("size", [2, 5, 10])
def test_a_new_routee_takes_only_its_share(size: int) -> None:
    """Adding one to n moves about one key in n + 1, and each of them to the new one."""
    made = picker("consistent-hash", *[f"r{number}" for number in range(size)])
    before = owners(made)
    made.add("new")
    moved = {key: owner for key, owner in owners(made).items() if owner != before[key]}
    assert set(moved.values()) == {"new"}
    assert len(moved) == pytest.approx(len(KEYS) / (size + 1), rel=0.4)


@given(size=st.integers(2, 8), data=st.data())
def test_a_routee_that_leaves_moves_only_its_own_keys(size: int, data: st.DataObject) -> None:
    """Removing one moves what it owned and nothing else; its return restores the old order."""
    routees = [f"r{number}" for number in range(size)]
    leaver = data.draw(st.sampled_from(routees))
    made = picker("consistent-hash", *routees)
    before = {key: made.pick(key) for key in KEYS[:300]}
    made.remove(leaver)
    after = {key: made.pick(key) for key in before}
    assert {key for key in before if before[key] != after[key]} == {
        key for key, owner in before.items() if owner == leaver
    }
    made.add(leaver)
    assert {key: made.pick(key) for key in before} == before


def test_the_ring_is_the_same_in_every_process() -> None:
    """Another process, with another seed of `hash`, finds the same owners."""
    script = (
        "from actors.strategies import make_picker\n"
        "p = make_picker('consistent-hash', key=lambda m: m)\n"
        "[p.add(name) for name in 'abcdefgh']\n"
        "print(''.join(p.pick(key) for key in range(200)))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    made = picker("consistent-hash", *"abcdefgh")
    assert printed.strip() == "".join(made.pick(key) for key in range(200))


@pytest.mark.parametrize("key", [None, 1.5, ("a",), bytearray(b"a")])
def test_a_key_of_another_type_is_refused(key: object) -> None:
    """Keys are str, bytes or int; anything else is named in the error."""
    with pytest.raises(TypeError, match="a key must be a str, bytes or int"):
        picker("consistent-hash", "a").pick(key)


def test_a_routee_stands_on_the_ring_by_its_name() -> None:
    """The name function places a routee, whatever object it is."""
    numbers: Picker[int] = make_picker("consistent-hash", key=itself, name=lambda n: f"r{n}")
    for number in range(4):
        numbers.add(number)
    strings = picker("consistent-hash", "r0", "r1", "r2", "r3")
    assert [f"r{numbers.pick(key)}" for key in KEYS] == [strings.pick(key) for key in KEYS]


# --- arguments


def test_an_unknown_strategy_is_answered_with_the_known_ones() -> None:
    """A misspelt strategy is a ValueError that lists all there are."""
    with pytest.raises(ValueError, match=r"round-robin, .*scatter-gather, got 'roundrobin'"):
        make_picker("roundrobin")
    with pytest.raises(TypeError, match="strategy must be a str"):
        make_picker(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", ["broadcast", "scatter-gather"])
def test_sending_to_all_has_no_picker(strategy: str) -> None:
    """The strategies that choose nothing are valid for a router and not for a picker."""
    check_strategy(strategy)
    with pytest.raises(ValueError, match="strategy must be one of round-robin"):
        make_picker(strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_key_and_weights_belong_to_their_strategies(strategy: str) -> None:
    """`key` is for consistent-hash, `weights` for weighted-round-robin, neither for another."""
    key = itself if strategy == "consistent-hash" else None
    check_strategy(strategy, key=key)
    if key is None:
        with pytest.raises(ValueError, match="key"):
            check_strategy(strategy, key=itself)
    if strategy != "weighted-round-robin":
        with pytest.raises(ValueError, match="weights"):
            check_strategy(strategy, key=key, weights=[1, 2])


@pytest.mark.parametrize("key", [None, "name"])
def test_consistent_hash_needs_a_function(key: object) -> None:
    """Without a function of the message there is nothing to hash."""
    with pytest.raises(TypeError, match="key="):
        check_strategy("consistent-hash", key=key)


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        ([1, 0], ValueError),
        ([1, -2], ValueError),
        ([1, "2"], TypeError),
        ([True, 1], TypeError),
        (3, TypeError),
        ("55", TypeError),
        ([1], ValueError),
        ([1, 2, 3], ValueError),
    ],
)
def test_weights_are_positive_numbers_one_a_routee(weights: object, error: type[Exception]) -> None:
    """Wrong weights are refused by name, and so is a wrong number of them."""
    with pytest.raises(error, match="weight"):
        check_strategy("weighted-round-robin", weights=weights, count=2)
    check_strategy("weighted-round-robin", weights=[5, 0.5], count=2)
