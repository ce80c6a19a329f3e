"""`python -m benchmarks.chaos`: real processes that are killed, stopped, cut off and kept busy.

`--rounds N` says how often a node is killed; of everything else there is a share of that. Nodes
are killed, stopped and cut off under steady reliable traffic, and the others must notice soon,
exactly once, and lose nothing; nodes that are only busy, or behind slow links, must not be given
up. The exit code is 1 where something is not as it must be.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import report
from benchmarks.chaos.scenes import SCENES, Scene
from benchmarks.figures import Outcome, table


async def run(scenes: Sequence[Scene], rounds: int, console: Console) -> list[Outcome]:
    """Play the scenes, and say how far it is."""
    outcomes = []
    for scene in scenes:
        console.print(f"[bold]{scene.key}: {scene.title}[/]")
        outcomes.append(await scene.play(scene.times(rounds), console.print))
    return outcomes


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; 2 is the exit code where they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    keys = [scene.key for scene in SCENES]
    parser.add_argument("--rounds", type=int, default=100, help="of kill -9 (100)")
    parser.add_argument("--only", metavar="SCENES", help=f"some of {','.join(keys)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.only = keys if options.only is None else options.only.split(",")
    if unknown := set(options.only) - set(keys):
        parser.error(f"--only: there is no scene {', '.join(sorted(unknown))}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and report; 1 where something is not as it must be."""
    options = parse(arguments)
    logging.disable(logging.CRITICAL)  # nodes that are lost are what this is about
    console = Console()
    scenes = [scene for scene in SCENES if scene.key in options.only]
    outcomes = uvloop.run(run(scenes, options.rounds, console))
    conditions = {"rounds": str(options.rounds), **report.surroundings()}
    console.print(report.sentence(conditions))
    console.print(table(outcomes))
    return report.conclude(
        outcomes, conditions, options.json, "everything is as it must be", console
    )


if __name__ == "__main__":
    raise SystemExit(main())
