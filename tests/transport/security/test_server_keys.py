"""In which order keys are tried at an endpoint."""

from __future__ import annotations

from tests.transport.security.kit import pair, roster
from transport import Security
from transport.security.access import Access
from transport.security.server_keys import Attempt, ServerKeys

WHERE = "tcp://10.0.0.5:7770"


def book(**names: list[str]) -> ServerKeys:
    return ServerKeys(Access(Security(pair("me"), roster(**names)), lambda: 0.0))  # type: ignore[arg-type]


def tried(attempt: Attempt) -> list[str]:
    keys = []
    while attempt.key is not None:
        keys.append(attempt.key)
        attempt.next()
    return keys


def publics(*labels: str) -> list[str]:
    return [pair(label).public for label in labels]


def test_a_name_is_called_by_its_own_keys_alone() -> None:
    """All of them, in the roster's order; none where it is not listed."""
    keys = book(a=["a-old", "a-new"], b=["b"])
    assert tried(keys.attempt(WHERE, "a")) == publics("a-old", "a-new")
    nobody = keys.attempt(WHERE, "c")
    assert (nobody.key, nobody.names) == (None, frozenset())
    assert nobody.exhausted == "nobody there has a key of 'c', or it uses no keys"


def test_who_is_not_known_is_called_by_every_key() -> None:
    """And is known by the names of the one that answers."""
    keys = book(a=["a"], b=["shared"], c=["shared"])
    attempt = keys.attempt(WHERE, None)
    attempt.next()
    assert attempt.names == {"b", "c"}
    assert tried(keys.attempt(WHERE, None)) == publics("shared", "a")


def test_what_answered_there_comes_first_and_what_failed_last() -> None:
    """So an attempt that was cut short is gone on with, and a key found is found at once."""
    keys = book(a=["a"], b=["b"], c=["c"], d=["d"])
    attempt = keys.attempt(WHERE, None)
    attempt.next()
    attempt.next()
    assert tried(keys.attempt(WHERE, None)) == publics("c", "d", "a", "b")
    found = keys.attempt(WHERE, None)
    assert found.key == pair("c").public
    found.next()
    found.answered()
    assert tried(keys.attempt(WHERE, None))[0] == pair("d").public
    assert tried(keys.attempt("tcp://elsewhere:1", None)) == publics("a", "b", "c", "d")


def test_only_so_many_endpoints_are_remembered() -> None:
    """Whoever makes a node dial many of them does not fill its memory."""
    keys = book(a=["a"], b=["b"])
    for port in range(1, 3000):
        keys.attempt(f"tcp://10.0.0.5:{port}", None).next()
    assert len(keys._ranks) == 1024
