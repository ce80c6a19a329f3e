"""Rules: what may be written, what it comes to, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import pytest

from actors import Allow, Role
from tests.actors.kit import Do
from tests.actors.remote_kit import Keep, Point, Servant


def test_classes_become_the_names_that_travel() -> None:
    """A message its tag, an actor class the name that a spawn carries."""
    rule = Allow("a", "bank", messages=[Keep, Point, "bank.Deposit"], spawn=Servant)
    assert rule.messages == (
        "tests.actors.remote_kit.Keep",
        "tests.actors.remote_kit.Point",
        "bank.Deposit",
    )
    assert rule.spawn == ("tests.actors.remote_kit.Servant",)


def test_one_is_a_list_of_one() -> None:
    """Who, which actors and which messages: one or several; all actors where none are named."""
    assert Allow("a", messages="*") == Allow(["a"], ["**"], messages=("*",))
    assert Allow(Role("teller"), stop=True).from_ == ("role:teller",)


def test_rules_are_values() -> None:
    """Frozen, comparable and hashable."""
    rule = Allow("a", watch=True)
    assert hash(rule) == hash(Allow("a", watch=True))
    with pytest.raises(AttributeError):
        rule.watch = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"from_": "a"}, ValueError, "grants nothing"),
        ({"from_": "a", "messages": []}, ValueError, "grants nothing"),
        ({"from_": [], "stop": True}, ValueError, "from names nobody"),
        ({"from_": "", "stop": True}, ValueError, "from"),
        ({"from_": ".a", "stop": True}, ValueError, "from '.a'"),
        ({"from_": "a*", "stop": True}, ValueError, "from"),
        ({"from_": "role:", "stop": True}, ValueError, "from"),
        ({"from_": 1, "stop": True}, TypeError, "from"),
        ({"from_": "a", "to": [], "stop": True}, ValueError, "to names nobody"),
        ({"from_": "a", "to": "bank/acc*", "stop": True}, ValueError, "whole words"),
        ({"from_": "a", "to": "bank/.x", "stop": True}, ValueError, r"bank/\.x"),
        ({"from_": "a", "to": b"bank", "stop": True}, TypeError, "to must be"),
        ({"from_": "a", "messages": [int]}, TypeError, "int, which has no tag"),
        ({"from_": "a", "messages": [1]}, TypeError, "messages must be"),
        ({"from_": "a", "messages": "bank.Dep*"}, ValueError, "whole words"),
        ({"from_": "a", "spawn": [Do]}, TypeError, "Do cannot be sent"),
        ({"from_": "a", "stop": 1}, TypeError, "stop must be True or False"),
        ({"from_": "a", "watch": "yes"}, TypeError, "watch must be True or False"),
        ({"from_": "a", "enrol": None}, TypeError, "enrol must be True or False"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Where the rule is made, in words that say what is wrong."""
    with pytest.raises(error, match=words):
        Allow(**arguments)
