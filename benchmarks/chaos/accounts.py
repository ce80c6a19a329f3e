"""What shops had accepted, against what depots have done: read from their files, afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

Accepted = Mapping[tuple[str, int], int]
"""How many messages each stream had accepted in each life of its process."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of all messages."""

    accepted: int = 0
    """That `send` had returned for, as far as the sender lived to write it down."""
    handled: int = 0
    """Whose effect there is."""
    lost: int = 0
    """Accepted, and without an effect."""
    doubled: int = 0
    """Effects of a message that there is another effect of already."""
    repeated: int = 0
    """Handed over again, and known by their id."""
    unmarked: int = 0
    """Of these, not marked as `redelivered`."""
    disordered: int = 0
    """Handled after a later one of their stream."""

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def account(folder: Path) -> Account:
    """Return what became of all messages of the nodes whose files are there."""
    accepted: dict[tuple[str, int], int] = {}
    for path in folder.glob("*.accepted"):
        accepted.update(read_accepted(path))
    tables = (of_table(path, accepted) for path in folder.glob("*.effects"))
    found = sum(tables, Account(accepted=sum(accepted.values())))
    # Until here `lost` is the negative of what was found of the accepted ones.
    return found + Account(lost=found.accepted)


def read_accepted(path: Path) -> Accepted:
    """Return what a shop wrote down; the last word of each life counts."""
    accepted = {}
    for line in path.read_text(encoding="ascii").splitlines():
        producer, life, upto = line.split()
        accepted[producer, int(life)] = int(upto)
    return accepted


def of_table(path: Path, accepted: Accepted) -> Account:
    """Return what one depot did; `lost` is minus what it did of the accepted messages."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TEMP TABLE accepted (producer TEXT, life INTEGER, upto INTEGER)")
        rows = [(*key, upto) for key, upto in accepted.items()]
        db.executemany("INSERT INTO accepted VALUES (?, ?, ?)", rows)

        def figure(query: str) -> int:
            return int(db.execute(query).fetchone()[0] or 0)

        return Account(
            handled=figure("SELECT COUNT(*) FROM effects"),
            lost=-figure(FOUND),
            doubled=figure(DOUBLED),
            repeated=figure("SELECT SUM(times - 1) FROM effects"),
            unmarked=figure("SELECT SUM(unmarked) FROM effects"),
            disordered=figure(DISORDERED),
        )


FOUND = """
SELECT COUNT(*) FROM (SELECT DISTINCT producer, life, number FROM effects)
JOIN accepted USING (producer, life) WHERE number < upto
"""

DOUBLED = """
SELECT SUM(times - 1) FROM (
    SELECT COUNT(*) AS times FROM effects GROUP BY producer, life, number
)
"""

DISORDERED = """
SELECT COUNT(*) FROM (
    SELECT sequence, LAG(sequence) OVER (PARTITION BY producer ORDER BY rowid) AS before
    FROM effects
) WHERE sequence < before
"""
