"""`python -m benchmarks.savina`: the Savina programs, timed, each with its answer checked.

Programs that compute run with one worker process and with `--workers`, by turns, and the ratio is
shown. `--only counting,big` runs some of them, `--scale 0.1` does a tenth.
"""

from __future__ import annotations

import argparse
import logging
import statistics
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import report
from benchmarks.__main__ import run
from benchmarks.harness import Result
from benchmarks.savina.program import Program
from benchmarks.savina.suite import PROGRAMS, on_workers, workload


def chosen(only: str | None) -> Sequence[Program]:
    """Return the programs of that list of names. Raises ValueError."""
    if only is None:
        return PROGRAMS
    wanted = {name.strip().lower() for name in only.split(",")}
    unknown = wanted - {program.name for program in PROGRAMS}
    if unknown:
        known = ", ".join(program.name for program in PROGRAMS)
        raise ValueError(f"there is no program {min(unknown)!r}; there are {known}")
    return [program for program in PROGRAMS if program.name in wanted]


def table(programs: Sequence[Program], results: Sequence[Result], scale: float) -> Table:
    """Return one row for each program and number of workers; wrong answers stand out."""
    made = Table(title="medians, with the least and the greatest", title_justify="left")
    made.add_column("program", no_wrap=True)
    made.add_column("size")
    for column in ("seconds", "least", "greatest", "messages/s"):
        made.add_column(column, justify="right", no_wrap=True)
    made.add_column("answer, checked")
    for program, result in zip(programs, results, strict=True):
        size = f"{program.resize(program.size, scale):,} {program.unit}"
        for each in result.workload.contenders:
            name = f"{program.name}, {each.name}" if program.parallel else program.name
            if each.name in result.failures:
                wrong = Text(result.failures[each.name], style="red")
                made.add_row(name, size, "", "", "", "", wrong)
                continue
            seconds, rates = result.of(each.name, "seconds"), result.of(each.name, "rate")
            figures = (statistics.median(seconds), min(seconds), max(seconds))
            rate = report.figure(statistics.median(rates))
            right = Text(program.answer, style="green")
            made.add_row(name, size, *map(report.figure, figures), rate, right)
    return made


def scaling(results: Sequence[Result], workers: int) -> Table:
    """Return one row for each parallel program: how many times as fast all workers are as one."""
    title = f"{on_workers(workers)} against one, round by round"
    made = Table(title=title, title_justify="left")
    made.add_column("program")
    for column in ("times as fast", "least", "greatest"):
        made.add_column(column, justify="right")
    for result in results:
        alone = result.of(on_workers(1), "seconds")
        together = result.of(on_workers(workers), "seconds")
        ratios = [one / all_ for one, all_ in zip(alone, together, strict=False)]
        if ratios:
            figures = (statistics.median(ratios), min(ratios), max(ratios))
            made.add_row(result.workload.key, *map(report.figure, figures))
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and report; 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.savina", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help="such as counting,big")
    parser.add_argument("--repeat", type=int, default=3, help="rounds after the warm-up (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="times as much to do (1.0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that compute (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(arguments)
    try:
        programs = chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    if options.repeat < 1 or options.workers < 1 or options.scale <= 0:
        parser.error("--repeat and --workers must be at least 1, and --scale above 0")
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    workloads = [workload(program, options.workers) for program in programs]
    results = uvloop.run(run(workloads, options.repeat, options.scale, console))
    conditions = report.conditions(options.repeat, options.scale)
    console.print(report.sentence(conditions))
    console.print(table(programs, results, options.scale))
    if options.workers > 1 and any(program.parallel for program in programs):
        console.print(scaling(results, options.workers))
    if options.json is not None:
        report.write_json(results, conditions, options.json)
    return 1 if any(result.failures for result in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
