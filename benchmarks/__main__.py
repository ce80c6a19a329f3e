"""`python -m benchmarks`: how fast this is, beside the same thing written by hand.

Each workload runs for the framework and for its baselines in turn, after a warm-up; what counts
is the ratio within each round. `--only W1,W4` runs some of them, `--scale 0.1` does a tenth.
`--peers` runs other actor systems as well, those that are installed.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import encrypted, growth, lifecycle, local, plot, remote, report, routing
from benchmarks.harness import Result, Workload, measure
from benchmarks.peers import registry

WORKLOADS: tuple[Workload, ...] = tuple(
    sorted(
        (
            *local.WORKLOADS,
            *remote.WORKLOADS,
            *lifecycle.WORKLOADS,
            *routing.WORKLOADS,
            *growth.WORKLOADS,
            *encrypted.WORKLOADS,
        ),
        key=lambda workload: (int("".join(filter(str.isdigit, workload.key))), workload.key),
    )
)


def chosen(only: str | None) -> Sequence[Workload]:
    """Return the workloads of that list of keys; W5 means W5a and W5b. Raises ValueError."""
    if only is None:
        return WORKLOADS
    wanted = [key.strip().upper() for key in only.split(",")]
    for key in wanted:
        if not any(_means(key, workload) for workload in WORKLOADS):
            known = ", ".join(workload.key for workload in WORKLOADS)
            raise ValueError(f"there is no workload {key!r}; there are {known}")
    return [w for w in WORKLOADS if any(_means(key, w) for key in wanted)]


def _means(key: str, workload: Workload) -> bool:
    return key in (workload.key.upper(), workload.key.rstrip("abcd").upper())


async def run(
    workloads: Sequence[Workload], repeat: int, scale: float, console: Console
) -> Sequence[Result]:
    """Run the workloads one after the other, with a bar that shows how far."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    results = []
    with Progress(*columns, console=console, transient=True) as progress:
        rounds = sum(len(workload.contenders) for workload in workloads) * (repeat + 1)
        task = progress.add_task("", total=rounds)
        for workload in workloads:

            def step(contender: str, key: str = workload.key) -> None:
                progress.update(task, advance=1, description=f"{key} {contender}")

            results.append(await measure(workload, repeat=repeat, scale=scale, progress=step))
    return results


def main() -> None:
    """Parse the arguments, run, and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="KEYS", help="such as W1,W4")
    parser.add_argument("--repeat", type=int, default=5, help="rounds after the warm-up (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many messages (1.0)")
    parser.add_argument("--peers", action="store_true", help="beside other actor systems as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, .svg or .png")
    arguments = parser.parse_args()
    try:
        workloads = chosen(arguments.only)
        if arguments.plot is not None:
            plot.check(arguments.plot)
    except ValueError as error:
        parser.error(str(error))
    if arguments.repeat < 1 or arguments.scale <= 0:
        parser.error("--repeat must be at least 1, and --scale above 0")
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    conditions = report.conditions(arguments.repeat, arguments.scale)
    if arguments.peers:
        versions = registry.versions()
        workloads = registry.beside(workloads, versions)
        conditions = {**conditions, **versions}
    results = uvloop.run(run(workloads, arguments.repeat, arguments.scale, console))
    report.show(results, conditions, console)
    if arguments.json is not None:
        report.write_json(results, conditions, arguments.json)
    if arguments.plot is not None:
        plot.draw(results, conditions, arguments.plot)


if __name__ == "__main__":
    main()
