"""`python -m benchmarks.load`: the memory of two nodes while one outruns the other.

For `--seconds` each: many that `send`, with small and with large messages, and one that tells
without a pause. With `send` nothing may be lost; what is told beyond what the link and the
mailbox hold must be a dead letter, counted. Both processes stay below a bound that follows from
the defaults. The exit code is 1 where a bound is broken or a message unaccounted for.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.load.scenes import SCENES, Memory, Outcome, mib, play


async def run(seconds: float, console: Console) -> list[Outcome]:
    """Play all scenes, and say which.

    No bar: whoever draws one keeps what it has drawn, and each of those little strings holds a
    whole block of the memory that is measured here.
    """
    outcomes = []
    for number, scene in enumerate(SCENES, 1):
        console.print(f"{number} of {len(SCENES)}: {scene.title}, {seconds:g} s")
        outcomes.append(await play(scene, seconds))
    return outcomes


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return one row for each process of each scene."""
    made = Table(title="messages, and MiB beyond what was there before", title_justify="left")
    for column in ("scene", "process"):
        made.add_column(column, no_wrap=True)
    for column in ("made", "handled", "dead", "most", "bound", "after"):
        made.add_column(column, justify="right")
    for outcome in outcomes:
        undelivered, dead = sum(outcome.undelivered.values()), sum(outcome.dead.values())
        counts = (f"{outcome.made:,}", "", f"{undelivered:,}")
        made.add_row(outcome.scene, "sender", *counts, *figures(outcome.sender))
        counts = ("", f"{outcome.handled:,}", f"{dead:,}")
        made.add_row("", "receiver", *counts, *figures(outcome.receiver))
        made.add_section()
    return made


def figures(memory: Memory) -> tuple[str, str, str]:
    """Return the most, the bound and what is kept."""
    return mib(memory.most), mib(memory.bound), mib(memory.after)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and report; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each scene (60)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    if not 0 < options.seconds < float("inf"):
        parser.error("--seconds must be a positive number")
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    outcomes = uvloop.run(run(options.seconds, console))
    conditions = {"seconds": f"{options.seconds:g}", **report.surroundings()}
    console.print(report.sentence(conditions))
    console.print(table(outcomes))
    return report.conclude(
        outcomes, conditions, options.json, "all bounds kept, all messages accounted for", console
    )


if __name__ == "__main__":
    raise SystemExit(main())
