"""`python -m benchmarks.fuzz`: a million mutated messages, and twice 10,000 hostile streams.

Mutated handshakes, envelopes and all else that nodes say go to whatever reads them, and to a node
in this process, as from a stranger and as from a member; hostile TCP streams go to a node in a
process of its own, first without keys, then with keys, which strangers with other keys call too.
Nothing may crash, hang, complain of what is merely malformed or keep the memory, and a healthy
peer must not notice. The exit code is 1 where something is not as it must be.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks import report
from benchmarks.figures import Outcome, table
from benchmarks.fuzz import inputs, streams

SCENES = ("inputs", "streams", "strangers")


def run(options: argparse.Namespace, console: Console) -> list[Outcome]:
    """Play the scenes, and say how far it is."""
    outcomes = []
    if "inputs" in options.only:
        with Progress(console=console) as bar:
            task = bar.add_task("mutated messages", total=options.inputs)
            outcomes.append(
                inputs.play(
                    options.first,
                    options.inputs,
                    options.jobs,
                    lambda count: bar.advance(task, count),
                )
            )
    if "streams" in options.only:
        console.print(f"{options.streams:,} hostile streams")
        outcomes.append(uvloop.run(streams.play(options.first, options.streams)))
    if "strangers" in options.only:
        console.print(f"{options.streams:,} hostile streams at a node with keys, and strangers")
        outcomes.append(uvloop.run(streams.play_strangers(options.first, options.streams)))
    return outcomes


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; 2 is the exit code where they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="mutated (1000000)")
    parser.add_argument("--streams", type=int, default=10_000, help="hostile (10000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--only", metavar="SCENES", help="inputs, streams, strangers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    if min(options.inputs, options.streams, options.jobs) < 1:
        parser.error("--inputs, --streams and --jobs must be at least 1")
    options.only = SCENES if options.only is None else tuple(options.only.split(","))
    if not set(options.only) <= set(SCENES):
        parser.error(f"--only takes some of {','.join(SCENES)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and report; 1 where something is not as it must be."""
    options = parse(arguments)
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    conditions = {
        "first seed": str(options.first),
        "inputs": f"{options.inputs:,}",
        **report.surroundings(),
    }
    console.print(report.sentence(conditions))
    outcomes = run(options, console)
    console.print(table(outcomes))
    return report.conclude(outcomes, conditions, options.json, "no input broke anything", console)


if __name__ == "__main__":
    raise SystemExit(main())
