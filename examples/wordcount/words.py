r"""What a word is, and where a text may be cut.

A word is the longest run of letters, digits and underscores in any script (`\w+`), in lower case.
Text is UTF-8; what is not is replaced, and a replacement is no part of a word.

A text may be cut after any ASCII byte that is no part of a word (a space, a newline, a comma): no
word spans such a byte, and no UTF-8 sequence does. So the counts of the parts add up to the count
of the whole.
"""

import re
from collections import Counter
from typing import Final

__all__ = ["SEPARATOR", "count_words", "safe_cut"]

SEPARATOR: Final = b"\n"
"""Joins texts whose words must not grow together."""

_WORD: Final = re.compile(r"\w+")
_MAYBE_WORD: Final = bytes(byte for byte in range(256) if byte >= 0x80 or _WORD.match(chr(byte)))


def count_words(text: bytes) -> Counter[str]:
    """Return how often each word is in `text`."""
    folded: Counter[str] = Counter()
    for word, times in Counter(_WORD.findall(text.decode("utf-8", "replace"))).items():
        folded[word.lower()] += times
    return folded


def safe_cut(text: bytes) -> int:
    """Return the index after the last byte where `text` may be cut; 0 where there is none."""
    return len(text.rstrip(_MAYBE_WORD))
