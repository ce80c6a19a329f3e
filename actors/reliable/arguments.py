"""Checks of what `node.reliable` is given, and the id of a producer that is given none."""

from __future__ import annotations

import random

from actors.names import check_name
from actors.reliable.journal import Journal


def check_window(window: int) -> None:
    """Raise TypeError or ValueError where it is no number of messages."""
    if isinstance(window, bool) or not isinstance(window, int):
        raise TypeError(f"window must be a number of messages, not {window!r}")
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}")


def check_journal(journal: object) -> None:
    """Raise TypeError where it is none."""
    if journal is not None and not isinstance(journal, Journal):
        raise TypeError(f"journal must be a Journal, such as SqliteJournal(path), not {journal!r}")


def check_producer(producer: str | None) -> str | None:
    """Return the id if it may be one, or None. Raises TypeError or ValueError."""
    return None if producer is None else check_name(producer, "producer")


def new_id(base: str, rng: random.Random) -> str:
    """Return an id that nobody had before: its numbers are not taken for those of another."""
    return f"{base[:100]}-{rng.getrandbits(64):016x}"
