"""Topics, and the patterns that they match: those of AMQP's topic exchanges.

A topic is words joined by dots, `prices.eu.steel`. In a pattern `*` stands for exactly one word and
`#` for any number of them, none included (AMQP 0-9-1, section 3.1.3.3).
"""

from __future__ import annotations

import re

MAX_LENGTH = 128
"""Characters of a topic or a pattern."""

_WORD = r"[A-Za-z0-9_\-]+"
_TOPIC = re.compile(rf"{_WORD}(\.{_WORD})*")
_PATTERN = re.compile(rf"({_WORD}|\*|\#)(\.({_WORD}|\*|\#))*")


def check_topic(topic: object) -> str:
    """Return `topic` if it is one. Raises TypeError, or ValueError."""
    return _check(topic, _TOPIC, "topic", "words of A-Z a-z 0-9 _ - joined by dots")


def check_pattern(pattern: object) -> str:
    """Return `pattern` if it is one. Raises TypeError, or ValueError."""
    return _check(pattern, _PATTERN, "pattern", "words of A-Z a-z 0-9 _ -, * or #, joined by dots")


def _check(text: object, form: re.Pattern[str], what: str, rule: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}: {text!r}")
    if len(text) > MAX_LENGTH or form.fullmatch(text) is None:
        raise ValueError(f"{what} {text!r} must be 1 to {MAX_LENGTH} characters: {rule}")
    return text


class _State:
    """A place in the tree: where a topic is, that has begun like some pattern."""

    __slots__ = ("loops", "next", "pattern")

    def __init__(self, *, loops: bool = False) -> None:
        self.loops = loops
        """Whether it stays here at any word: it has come here by a `#`."""
        self.next: dict[str, _State] = {}
        self.pattern: str | None = None
        """What has been matched where the topic ends here."""


class PatternTree:
    """Finds the patterns that a topic matches, without looking at those that begin otherwise.

    The tree is run as a nondeterministic automaton (Thompson 1968): all places where the topic may
    be are followed at once. So no set of patterns costs more than one look at each of its places
    for each word, however many `#` they have.
    """

    def __init__(self) -> None:
        self._root = _State()

    def add(self, pattern: str) -> None:
        """Find this pattern from now on."""
        state = self._root
        for word in pattern.split("."):
            state = state.next.setdefault(word, _State(loops=word == "#"))
        state.pattern = pattern

    def remove(self, pattern: str) -> None:
        """Find this pattern no more; nothing where it is not in."""
        path = [self._root]
        words = pattern.split(".")
        for word in words:
            if word not in path[-1].next:
                return
            path.append(path[-1].next[word])
        path[-1].pattern = None
        for state, word in zip(reversed(path[:-1]), reversed(words), strict=True):
            below = state.next[word]
            if below.next or below.pattern is not None:
                return
            del state.next[word]

    def match(self, topic: str) -> list[str]:
        """Return the patterns that the topic matches."""
        states = _with_empty([self._root])
        for word in topic.split("."):
            states = _with_empty(_after(states, word))
        return [state.pattern for state in states if state.pattern is not None]


def _after(states: dict[_State, None], word: str) -> list[_State]:
    """Return where one may be after a word."""
    found = [state for state in states if state.loops]
    for state in states:
        found += [state.next[step] for step in (word, "*") if step in state.next]
    return found


def _with_empty(states: list[_State]) -> dict[_State, None]:
    """Add where one may be without another word: behind a `#` that stands for none."""
    found = dict.fromkeys(states)
    while states:
        states = [state.next["#"] for state in states if "#" in state.next]
        found.update(dict.fromkeys(states))
    return found
