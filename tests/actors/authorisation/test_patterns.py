"""Patterns of words: what they match, and that a stranger's words cost no more than they are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.authorisation.patterns import Pattern

words = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=8)
steps = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=6)


def is_match(pattern: list[str], text: list[str]) -> bool:
    """What the words of the documentation say, and nothing clever."""
    if not pattern:
        return not text
    if pattern[0] == "**":
        return any(is_match(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in {"*", text[0]} and is_match(pattern[1:], text[1:])


@given(steps, words)
def test_it_matches_what_the_words_say(pattern: list[str], text: list[str]) -> None:
    """A star is one word, two are any number of them, none included."""
    assert Pattern("/".join(pattern), "/").matches("/".join(text)) == is_match(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("bank", "bank", True),
        ("bank", "bank/teller", False),
        ("bank", "bankrupt", False),
        ("bank/*", "bank/teller", True),
        ("bank/*", "bank", False),
        ("bank/*", "bank/teller/till", False),
        ("bank/**", "bank", True),
        ("bank/**", "bank/teller/till", True),
        ("**/till", "bank/teller/till", True),
        ("**", "anything/at/all", True),
    ],
)
def test_paths(pattern: str, text: str, matches: bool) -> None:
    """Paths match as those of files do in .gitignore, whole words at a time."""
    assert Pattern(pattern, "/").matches(text) is matches


@pytest.mark.parametrize("text", ["", "/bank", "bank/", "bank//teller", "acc*", "b**/x", "***"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    """An empty word, or a star that is not a word by itself."""
    with pytest.raises(ValueError, match="pattern"):
        Pattern(text, "/")


def test_many_stars_cost_no_more_than_words_times_pattern() -> None:
    """What makes regular expressions go back and forth for ever is over at once."""
    pattern = Pattern("/".join(["**", "a"] * 30 + ["b"]), "/")
    started = time.perf_counter()
    assert not pattern.matches("/".join(["a"] * 2000))
    assert time.perf_counter() - started < 2.0
