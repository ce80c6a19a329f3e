"""`python -m benchmarks.soak`: everything at once for a long time, and nothing may grow.

Three nodes that last, others that join and leave or are killed, and all that actors can do on
them. What is done is checked; at the end all comes to rest, and is compared with how it was at the
beginning. The exit code is 1 where something grew, or went wrong.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import report
from benchmarks.memory import MIB
from benchmarks.soak.flatness import Life
from benchmarks.soak.probe import Vitals
from benchmarks.soak.run import Outcome, soak


async def run(seconds: float, console: Console) -> Outcome:
    """Soak, with a bar that shows how far."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("soak", total=seconds)
        return await soak(seconds, lambda passed: progress.update(bar, completed=passed))


def table(lives: Sequence[Life]) -> Table:
    """Return what each node had at rest before, while it worked, and at rest after."""
    made = Table(title="begin, middle and end of the work, between two rests", title_justify="left")
    for column in ("node", "what"):
        made.add_column(column, no_wrap=True)
    for column in ("before", "begin", "middle", "end", "after"):
        made.add_column(column, justify="right")
    for life in lives:
        worked = [look for _, look in life.samples]
        looks = [life.before, worked[0], worked[len(worked) // 2], worked[-1], life.after]
        for number, row in enumerate(rows(looks)):
            made.add_row(life.name if number == 0 else "", *row)
        made.add_row("", "trend of the rss, MiB", "", "", "", "", f"{life.growth / MIB:+.1f}")
        made.add_section()
    return made


def rows(looks: Sequence[Vitals]) -> list[tuple[str, ...]]:
    """Return one row for each figure that is worth one; the tables by their sum."""

    def row(what: str, figures: Sequence[int]) -> tuple[str, ...]:
        return (what, *(f"{figure:,}" for figure in figures))

    made = [row("rss, MiB", [look.process["rss"] // MIB for look in looks])]
    made += [
        row(what, [look.process[what] for look in looks])
        for what in looks[0].process
        if what != "rss"
    ]
    made.append(row("actors", [look.tables["actors"] for look in looks]))
    made.append(row("entries of all tables", [sum(look.tables.values()) for look in looks]))
    remembered = [sum(count for count, _ in look.memories.values()) for look in looks]
    made.append(row("remembered", remembered))
    made.append(row("messages told", [look.ledger["told"] for look in looks]))
    return made


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return all of it, in seconds and bytes."""
    return {
        "rounds": outcome.rounds,
        "problems": outcome.problems(),
        "growth": {life.name: life.growth for life in outcome.lives},
        "lives": [asdict(life) for life in outcome.lives],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and report; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of work (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    if not 0 < options.minutes < float("inf"):
        parser.error("--minutes must be a positive number")
    logging.disable(logging.CRITICAL)  # failures are what actors are made to have here
    console = Console()
    outcome = uvloop.run(run(60 * options.minutes, console))
    conditions = {"minutes": f"{options.minutes:g}", **report.surroundings()}
    console.print(report.sentence(conditions))
    console.print(", ".join(f"{count:,} {name}" for name, count in outcome.rounds.items()))
    console.print(table(outcome.lives))
    if options.json is not None:
        document = {"conditions": conditions, **as_json(outcome)}
        report.write_document(document, options.json)
    well = "everything is flat, every round came to what it must"
    return report.verdict(outcome.problems(), well, console)


if __name__ == "__main__":
    raise SystemExit(main())
