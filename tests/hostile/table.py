"""The table of bad inputs: what is put in, in words, what it gets, in words, and the check."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hostile.stage import Stage

    Check = Callable[[Stage], Awaitable[None]]

PLACES = {
    "wire": "On the wire",
    "api": "In the API",
    "command": "On the command line and in the process",
    "config": "In the configuration",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One bad input."""

    place: str
    id: str
    given: str
    gets: str
    check: Check

    @property
    def name(self) -> str:
        """What the test of it is called."""
        return f"{self.place}: {self.given}: {self.gets}"


class Table:
    """The rows of one place, in the order in which they are written."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.rows: list[Row] = []

    def row(self, key: str, given: str, gets: str) -> Callable[[Check], Check]:
        """Add the decorated check as a row."""

        def add(check: Check) -> Check:
            self.rows.append(Row(self.place, key, given, gets, check))
            return check

        return add


def as_document(rows: Iterable[Row]) -> str:
    """Return the table as `docs/bad-inputs.md` has it."""
    listed = list(rows)
    lines = [
        "# Bad inputs, and what they get",
        "",
        "Written by `python -m tests.hostile` from the rows in `tests/hostile/`, each of which",
        "is a test that `make test` runs. After it the node still answers, and its ledger adds up.",
    ]
    number = 0
    for place, title in PLACES.items():
        lines += ["", f"## {title}", "", "| # | input | what it gets |", "|---|---|---|"]
        for row in listed:
            if row.place == place:
                number += 1
                lines.append(f"| {number} | {_cell(row.given)} | {_cell(row.gets)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "\\|")
