"""Rules from TOML: the same as in Python, and complaints that name file, table and key."""

from __future__ import annotations

import tomllib

import pytest

from actors import Allow
from actors.authorisation import rules_from_toml

EXAMPLE = """
[[allow]]
from = "teller"
to = "bank/*"
messages = ["bank.Deposit", "bank.Withdraw"]

[[allow]]
from = ["node:audit-1", "role:auditor"]
messages = "bank.*"
watch = true

[[allow]]
from = "*"
to = ["head/**", "jobs/*"]
spawn = ["bank.Teller"]
stop = true
enrol = true
"""


def test_tables_say_what_arguments_say() -> None:
    """A table a rule, a key an argument, a text as good as a list of one."""
    assert rules_from_toml(tomllib.loads(EXAMPLE)["allow"], "node.toml") == (
        Allow("teller", "bank/*", messages=["bank.Deposit", "bank.Withdraw"]),
        Allow(["node:audit-1", "role:auditor"], messages="bank.*", watch=True),
        Allow("*", ["head/**", "jobs/*"], spawn=["bank.Teller"], stop=True, enrol=True),
    )


def test_no_tables_are_no_rules() -> None:
    """`allow = []` allows nothing; that is not the same as saying nothing."""
    assert rules_from_toml([], "node.toml") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("allow = true", r"node\.toml: allow = True: expected tables"),
        ('allow = "*"', r"node\.toml: allow = '\*': expected tables"),
        ("[allow]\nfrom = 'a'", r"node\.toml: allow = .*expected tables"),
        ("allow = [1]", r"node\.toml, \[\[allow\]\] number 1: 1: expected a table"),
        ("[[allow]]\nstop = true", r"number 1: it has no from"),
        ("[[allow]]\nfrom = 'a'\nform = 'b'", r"number 1: unknown key form; did you mean from\?"),
        ("[[allow]]\nfrom = 'a'\nzzz = 1", r"number 1: unknown key zzz; expected from, to"),
        ("[[allow]]\nfrom = 'a'\nstop = 1", r"number 1, key stop: 1 is wrong; expected true"),
        ("[[allow]]\nfrom = 1\nstop = true", r"number 1, key from: 1 is wrong; expected a string"),
        ("[[allow]]\nfrom = 'a'\nmessages = [1]", r"key messages: \[1\] is wrong; expected"),
        ("[[allow]]\nfrom = 'a'", r"number 1: the rule grants nothing"),
        ("[[allow]]\nfrom = 'a'\nstop = true\nto = 'x*'", r"number 1: the pattern 'x\*'"),
        (
            "[[allow]]\nfrom = 'a'\nstop = true\n[[allow]]\nfrom = '.'\nstop = true",
            r"node\.toml, \[\[allow\]\] number 2: from '\.'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, words: str) -> None:
    """File, number of the table, key, value, and what was expected."""
    with pytest.raises(ValueError, match=words):
        rules_from_toml(tomllib.loads(text)["allow"], "node.toml")
