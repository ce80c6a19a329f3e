"""Topics and patterns: which match, which are refused, and what finding them costs."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.registry.patterns import PatternTree, check_pattern, check_topic

MATCHES = [
    ("a.b", "a.b", True),
    ("a.b", "a", False),
    ("a.b", "a.b.c", False),
    ("a.*", "a.b", True),
    ("a.*", "a", False),
    ("a.*", "a.b.c", False),
    ("*", "a", True),
    ("*", "a.b", False),
    ("*.b", "a.b", True),
    ("*.b", "a.c", False),
    ("a.#", "a", True),
    ("a.#", "a.b", True),
    ("a.#", "a.b.c.d", True),
    ("a.#", "b.a", False),
    ("#", "a", True),
    ("#", "a.b.c", True),
    ("#.c", "c", True),
    ("#.c", "a.b.c", True),
    ("#.c", "a.c.b", False),
    ("a.#.c", "a.c", True),
    ("a.#.c", "a.b.b.c", True),
    ("a.#.*", "a", False),
    ("a.#.*", "a.b", True),
    ("#.#", "a", True),
    ("#.a.#", "b.a.b", True),
    ("#.a.#", "b.b", False),
]

words = st.sampled_from(["a", "b", "c"])
topics = st.lists(words, min_size=1, max_size=6).map(".".join)
patterns = st.lists(words | st.sampled_from(["*", "#"]), min_size=1, max_size=5).map(".".join)


def matches(pattern: str, topic: str) -> bool:
    """What a pattern means, in other words: as a regular expression over whole words."""
    parts = {"*": r"\w+\.", "#": r"(\w+\.)*"}
    expression = "".join(parts.get(word, rf"{word}\.") for word in pattern.split("."))
    return re.fullmatch(expression, f"{topic}.") is not None


@pytest.mark.parametrize(("pattern", "topic", "expected"), MATCHES)
def test_a_star_is_one_word_and_a_hash_any_number(pattern: str, topic: str, expected: bool) -> None:
    """`*` stands for exactly one word, `#` for any number of them, none included."""
    tree = PatternTree()
    tree.add(pattern)
    assert tree.match(topic) == ([pattern] if expected else [])


@given(st.sets(patterns, max_size=8), st.sets(patterns, max_size=4), topics)
def test_a_tree_finds_what_each_pattern_alone_would(
    given: set[str], removed: set[str], topic: str
) -> None:
    """The patterns that are in and match are found, once each, and no others."""
    tree = PatternTree()
    for pattern in given:
        tree.add(pattern)
    for pattern in removed:
        tree.remove(pattern)
    expected = {pattern for pattern in given - removed if matches(pattern, topic)}
    found = tree.match(topic)
    assert len(found) == len(expected)
    assert set(found) == expected


@given(st.sets(patterns, max_size=8))
def test_an_emptied_tree_holds_nothing(given: set[str]) -> None:
    """What was taken out leaves no branches behind."""
    tree = PatternTree()
    for pattern in given:
        tree.add(pattern)
    for pattern in given:
        tree.remove(pattern)
    assert tree._root.next == {}


def test_many_hashes_cost_no_more_than_their_length() -> None:
    """A pattern that a backtracking search would never finish is done in no time."""
    tree = PatternTree()
    tree.add(".".join(["#.a"] * 31))
    topic = ".".join(["a"] * 62 + ["b"])
    began = time.perf_counter()
    assert tree.match(topic) == []
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize("topic", ["a", "a.b", "prices.eu.steel-2_X", "9", "x" * 128])
def test_a_good_topic_is_taken(topic: str) -> None:
    """Words of letters, digits, `_` and `-`, joined by dots, 128 characters at most."""
    assert check_topic(topic) == topic
    assert check_pattern(topic) == topic


@pytest.mark.parametrize(
    "topic", ["", ".", "a.", ".a", "a..b", "a b", "ä", "a/b", "x" * 129, "a\n"]
)
def test_a_bad_topic_is_refused(topic: str) -> None:
    """Anything else is a ValueError, as a pattern too."""
    with pytest.raises(ValueError, match="topic"):
        check_topic(topic)
    with pytest.raises(ValueError, match="pattern"):
        check_pattern(topic)


@pytest.mark.parametrize("pattern", ["*", "#", "a.*", "*.*.b", "a.#"])
def test_a_pattern_is_no_topic(pattern: str) -> None:
    """`*` and `#` are words of a pattern; nothing is published on them."""
    assert check_pattern(pattern) == pattern
    with pytest.raises(ValueError, match="topic"):
        check_topic(pattern)


@pytest.mark.parametrize("pattern", ["a*", "**", "a.b#", "#a", "*a.b"])
def test_a_wildcard_is_a_word_of_its_own(pattern: str) -> None:
    """Parts of words are not matched."""
    with pytest.raises(ValueError, match="pattern"):
        check_pattern(pattern)


@pytest.mark.parametrize("value", [3, b"a", None, ["a"]])
def test_a_topic_is_a_str(value: Any) -> None:
    """Another type is a TypeError."""
    with pytest.raises(TypeError):
        check_topic(value)
    with pytest.raises(TypeError):
        check_pattern(value)
