"""The roster: whose keys count, under which names, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from transport.errors import SecurityError
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import Roster, roster_line
from transport.security.security import Security

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40
YEAR_2027 = datetime(2027, 1, 1, tzinfo=UTC).timestamp()


def read(tmp_path: Path, text: str) -> Roster:
    path = tmp_path / "roster.toml"
    path.write_text(text)
    return Roster.read(path)


def test_each_form_of_an_entry(tmp_path: Path) -> None:
    """One key, several, a table of one key, a table of several."""
    roster = read(
        tmp_path,
        f"""
        bank = "{ONE}"
        branch = ["{ONE}", "{TWO}"]
        shop = {{ key = "{THREE}", roles = ["till"] }}
        "with.dot" = {{ keys = ["{TWO}", {{ key = "{THREE}" }}], roles = [] }}
        """,
    )
    assert roster.names == ("bank", "branch", "shop", "with.dot")
    assert roster.keys_of("branch", 0) == (ONE, TWO)
    assert roster.keys_of("with.dot", 0) == (TWO, THREE)
    assert roster.keys(0) == (ONE, TWO, THREE)
    assert roster.roles_of("bank") is None
    assert roster.roles_of("shop") == {"till"}
    assert roster.roles_of("with.dot") == frozenset()


def test_a_key_has_the_names_that_list_it(tmp_path: Path) -> None:
    """Workers of one host share a key; a stranger's has none."""
    roster = read(tmp_path, f'w-1 = "{ONE}"\nw-2 = "{ONE}"\nother = "{TWO}"')
    assert roster.names_of(ONE, 0) == {"w-1", "w-2"}
    assert roster.names_of(THREE, 0) == frozenset()
    assert roster.keys_of("nobody", 0) == ()
    assert roster.roles_of("nobody") is None


@pytest.mark.parametrize(
    "expires",
    ["2027-01-01", "2027-01-01T00:00:00", "2027-01-01T00:00:00Z", "2027-01-01T02:00:00+02:00"],
)
def test_a_key_counts_until_it_expires(tmp_path: Path, expires: str) -> None:
    """To the second; what says no zone is UTC."""
    roster = read(tmp_path, f'a = ["{ONE}", {{ key = "{TWO}", expires = {expires} }}]')
    assert roster.next_expiry(0) == YEAR_2027
    assert roster.next_expiry(YEAR_2027) is None
    assert roster.names_of(TWO, YEAR_2027 - 1) == {"a"}
    assert roster.names_of(TWO, YEAR_2027) == frozenset()
    assert roster.keys_of("a", YEAR_2027) == (ONE,)
    assert roster.keys(YEAR_2027) == (ONE,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it lists nobody"),
        ("a = 1", "a: a key is a text"),
        ('a = "x"', "a: a key is 40 characters of Z85"),
        ("a = []", "a: it has no key; to shut a node out, remove its line"),
        (f'a.b = "{ONE}"', r"a: it has neither key nor keys \(a name with a dot"),
        (f'".a" = "{ONE}"', "no dot first"),
        (f'"a b" = "{ONE}"', "a name has 1 to 128 of"),
        (f'a = {{ key = "{ONE}", role = "x" }}', "a: it says 'role'"),
        (f'a = {{ keys = "{ONE}", expires = 2027-01-01 }}', "a: it says 'expires'"),
        (f'a = {{ key = "{ONE}", roles = "till" }}', "a: roles must be a list"),
        (f'a = {{ key = "{ONE}", expires = "soon" }}', "a: expires must be a date"),
        (f'a = [["{ONE}"]]', "a: a key is a text"),
        ("a = {key = 1}", "a: key must be a text"),
        ("a = ", "is not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
        ("a = " + "1" * 10_000, "is not valid TOML"),
        (f'a = "{ONE}"\na = "{TWO}"', "is not valid TOML.*; a name stands there once"),
        (f'[a]\nkeys = "{ONE}"\nb = "{TWO}"', "a: it says 'b'.*; if that is a name with its key"),
        ("#" * (1024 * 1024 + 1), "it has more than 1048576 bytes"),
    ],
)
def test_a_wrong_roster_says_where_and_what(tmp_path: Path, text: str, problem: str) -> None:
    """The file, the name, and what is expected."""
    with pytest.raises(SecurityError, match=problem) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "roster.toml"))


def test_what_is_no_text_and_what_is_missing(tmp_path: Path) -> None:
    """Bytes that are no UTF-8; no file at all."""
    (tmp_path / "roster.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(SecurityError, match="is not valid TOML"):
        Roster.read(tmp_path / "roster.toml")
    with pytest.raises(SecurityError, match="cannot be read"):
        Roster.read(tmp_path / "missing.toml")


def test_the_roster_is_read_again(tmp_path: Path) -> None:
    """The keys stay; a file that became wrong raises, and the old one is as it was."""
    pair = KeyPair.make()
    write_keys(tmp_path / "keys", pair)
    path = tmp_path / "roster.toml"
    path.write_text(f'a = "{ONE}"')
    before = Security.read(tmp_path / "keys", path)
    path.write_text(f'a = "{ONE}"\nb = "{TWO}"')
    after = before.reread()
    assert (before.roster.names, after.roster.names) == (("a",), ("a", "b"))
    assert after.keys == before.keys == pair
    path.write_text("a = ")
    with pytest.raises(SecurityError):
        after.reread()
    assert after.roster.names == ("a", "b")
    assert pair.secret not in repr(after)


@pytest.mark.parametrize("name", ["bank", "a-B_9", "a.b", "0"])
def test_a_line_is_read_as_it_was_meant(tmp_path: Path, name: str) -> None:
    """A name with a dot gets its quotes."""
    roster = read(tmp_path, roster_line(name, ONE))
    assert roster.names == (name,)
    assert roster.keys_of(name, 0) == (ONE,)
