"""Patterns of words: `bank/*` for the paths of actors, `bank.*` for the names of classes.

`*` stands for exactly one word, `**` for any number of them, none included, as in gitignore(5).
A match takes time in proportion to words times pattern, whatever a stranger's path looks like.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Pattern"]

ONE, ANY = "*", "**"


class Pattern:
    """Words joined by `separator`, some of which may be `*` or `**`.

    Raises ValueError where a word is empty, or has a star beside something else.
    """

    __slots__ = ("_separator", "_words", "text")

    def __init__(self, text: str, separator: str) -> None:
        self.text = text
        self._separator = separator
        self._words = tuple(text.split(separator))
        for word in self._words:
            _check(word, text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r}, {self._separator!r})"

    def matches(self, text: str) -> bool:
        """Whether these words are meant."""
        return text == self.text or _match(self._words, text.split(self._separator))


def _check(word: str, text: str) -> None:
    if not word:
        raise ValueError(f"the pattern {text!r} has an empty word")
    if "*" in word and word not in {ONE, ANY}:
        raise ValueError(f"the pattern {text!r} has {word!r}, but a star stands for whole words")


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """Match greedily, and go back to the last `**` alone: an earlier one could do no better."""
    at = here = retry = 0
    last_any = -1
    while here < len(words):
        step = pattern[at] if at < len(pattern) else None
        if step == ANY:
            last_any, retry = at, here
            at += 1
        elif step in {ONE, words[here]}:
            at, here = at + 1, here + 1
        elif last_any >= 0:
            retry += 1
            at, here = last_any + 1, retry
        else:
            return False
    return all(step == ANY for step in pattern[at:])
