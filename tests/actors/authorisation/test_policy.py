"""The policy: deny by default, and rules that grant what they name and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Allow, Role
from actors.authorisation import Action, Policy
from actors.authorisation.policy import MAX_PATH

ROLES = {"a": frozenset({"teller"}), "b": frozenset({"admin", "teller"}), "c": frozenset[str]()}


def policy(*rules: Allow) -> Policy:
    return Policy(rules, lambda node: ROLES.get(node, frozenset()))


sources = st.sampled_from(["a", "b", "teller", "admin", "*", "node:a", "role:teller"])
paths = st.sampled_from(["bank", "bank/vault", "bank/*", "**", "shop/**"])
tags = st.lists(st.sampled_from(["bank.Get", "bank.Put", "bank.*", "shop.**", "*"]), max_size=2)
rules = st.builds(
    lambda source, path, messages, spawn, stop, watch, enrol: Allow(
        source,
        path,
        messages=messages,
        spawn=spawn,
        stop=stop,
        watch=watch or not (messages or spawn or stop or enrol),  # for a rule grants something
        enrol=enrol,
    ),
    *(sources, paths, tags, tags, st.booleans(), st.booleans(), st.booleans()),
)
wishes = st.tuples(
    st.sampled_from(["a", "b", "c", "stranger"]),
    st.sampled_from(list(Action)),
    st.sampled_from(["bank", "bank/vault", "bank/vault/door", "shop/x/y", "", "a//b"]),
    st.sampled_from([None, "bank.Get", "bank.Put", "shop.Buy", "shop.old.Buy", ""]),
)


@given(wishes)
def test_without_a_rule_nothing_is_allowed(wish: Any) -> None:
    """Whoever wants whatever of whomever."""
    assert not policy().allows(*wish)
    assert not policy().allows_some(*wish[:3])


@given(st.lists(rules, max_size=4), rules, wishes)
def test_a_rule_takes_no_right_away(some: list[Allow], more: Allow, wish: Any) -> None:
    """Where others allow it they do so with another rule before or behind them."""
    without = policy(*some).allows(*wish)
    assert without <= policy(*some, more).allows(*wish)
    assert without <= policy(more, *some).allows(*wish)


@given(st.lists(rules, max_size=4), wishes)
def test_rules_allow_together_what_one_of_them_allows(some: list[Allow], wish: Any) -> None:
    """No two of them make up a right that neither of them grants."""
    alone = any(policy(rule).allows(*wish) for rule in some)
    assert policy(*some).allows(*wish) is alone


@given(st.lists(rules, max_size=4), wishes)
def test_what_is_allowed_is_some_of_it(some: list[Allow], wish: Any) -> None:
    """Who may send one message may send some: what is judged early refuses nothing too much."""
    judge = policy(*some)
    assert judge.allows(*wish) <= judge.allows_some(*wish[:3])


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ("a", {"a"}),
        ("teller", {"a", "b"}),
        (["a", "admin"], {"a", "b"}),
        ("node:teller", {"teller"}),
        ("role:a", set()),
        (Role("teller"), {"a", "b"}),
        ("*", {"a", "b", "c", "stranger", "teller"}),
    ],
)
def test_who(source: Any, may: set[str]) -> None:
    """A name of a node or of a role; one of the two where it says so; or everybody."""
    rule = policy(Allow(source, stop=True))
    everybody = ("a", "b", "c", "stranger")
    expected = {node for node in everybody if node in may}
    assert {node for node in everybody if rule.allows(node, Action.STOP, "x")} == expected


def test_a_node_that_is_called_like_a_role_has_what_the_plain_word_grants() -> None:
    """And nothing of what is granted to the role by its full name."""
    assert policy(Allow("teller", stop=True)).allows("teller", Action.STOP, "x")
    assert not policy(Allow("role:teller", stop=True)).allows("teller", Action.STOP, "x")


@pytest.mark.parametrize(
    ("messages", "tag", "allowed"),
    [
        (["bank.Get"], "bank.Get", True),
        (["bank.Get"], "bank.Get.Sub", False),
        (["bank.Get"], "bank.get", False),
        (["bank.Get"], None, False),
        (["bank.*"], "bank.Get", True),
        (["bank.*"], "bank.api.Get", False),
        (["bank.**"], "bank.api.Get", True),
        (["bank.**"], "banking.Get", False),
        (["*.*", "**"], None, False),
        (["*"], None, True),
        (["*"], "any.thing.at.all", True),
        ([], "bank.Get", False),
    ],
)
def test_which_messages(messages: list[str], tag: str | None, allowed: bool) -> None:
    """By tag or pattern of tags; what has no tag is sent only by who may send everything."""
    rule = policy(Allow("a", messages=messages, stop=True))
    assert rule.allows("a", Action.SEND, "x", tag) is allowed


RIGHTS: list[tuple[dict[str, Any], set[Action]]] = [
    ({"messages": ["m.M"]}, {Action.SEND, Action.RESOLVE}),
    ({"spawn": ["m.M"]}, {Action.SPAWN}),
    ({"stop": True}, {Action.STOP, Action.RESOLVE}),
    ({"watch": True}, {Action.WATCH, Action.RESOLVE}),
    ({"enrol": True}, {Action.ENROL}),
]


@pytest.mark.parametrize(("granted", "expected"), RIGHTS)
def test_a_rule_grants_what_it_names_and_nothing_else(
    granted: dict[str, Any], expected: set[Action]
) -> None:
    """One may learn the ref of whom one may send to, stop or watch."""
    rule = policy(Allow("a", "x", **granted))
    assert {each for each in Action if rule.allows("a", each, "x", "m.M")} == expected
    assert not any(rule.allows("a", each, "y", "m.M") for each in Action)
    assert not any(rule.allows("b", each, "x", "m.M") for each in Action)


def test_nobody_reaches_what_is_too_long_to_be_there() -> None:
    """Endless paths and tags are not even looked at."""
    everything = policy(Allow("*", messages="*", spawn="*", stop=True))
    assert not everything.allows("a", Action.STOP, "x" * (MAX_PATH + 1))
    assert not everything.allows_some("a", Action.SPAWN, "x" * (MAX_PATH + 1))
    assert not everything.allows("a", Action.SEND, "x", "t" * (MAX_PATH + 1))
