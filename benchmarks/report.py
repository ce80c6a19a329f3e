"""What was measured, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from benchmarks.harness import Measure, Result, Verdict


def conditions(repeat: int, scale: float) -> Mapping[str, str]:
    """Return what the figures depend on."""
    return {"rounds": str(repeat), "scale": f"{scale:g}", **surroundings()}


def surroundings() -> Mapping[str, str]:
    """Return what the figures of any run depend on."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "loop": f"uvloop {version('uvloop')}",
        "pyzmq": version("pyzmq"),
        "msgpack": version("msgpack"),
        "msgspec": version("msgspec"),
    }


def figure(value: float) -> str:
    """Return a figure with about three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(results: Sequence[Result]) -> Table:
    """Return one row for each measure of each contender: median, least and greatest."""
    made = Table(title="medians, with the least and the greatest", title_justify="left")
    for column in ("", "workload", "measure", "contender"):
        made.add_column(column)
    for column in ("median", "least", "greatest"):
        made.add_column(column, justify="right")
    for result in results:
        workload = result.workload
        first = True
        for measure in workload.measures:
            for contender in workload.contenders:
                values = result.of(contender.name, measure.name)
                if values:
                    head = (workload.key, workload.title) if first else ("", "")
                    made.add_row(*head, *_row(measure, contender.name, values))
                    first = False
        for contender_name, why in result.failures.items():
            made.add_row(workload.key, "", "", contender_name, f"failed: {why}")
        made.add_section()
    return made


def _row(measure: Measure, contender: str, values: Sequence[float]) -> tuple[str, ...]:
    figures = (statistics.median(values), min(values), max(values))
    return (f"{measure.name}, {measure.unit}", contender, *map(figure, figures))


def targets(results: Sequence[Result]) -> Table:
    """Return one row for each target: what is to be reached, and what was."""
    made = Table(title="targets, as ratios within each round", title_justify="left")
    for column in ("", "measure", "against"):
        made.add_column(column)
    for column in ("to reach", "reached", "least", "greatest"):
        made.add_column(column, justify="right")
    made.add_column("")
    for result in results:
        for verdict in result.verdicts():
            made.add_row(result.workload.key, *_verdict_row(result, verdict))
    return made


def _verdict_row(result: Result, verdict: Verdict) -> tuple[str, ...]:
    target = verdict.target
    more = result.workload.measure(target.measure).more_is_better
    bound = f"{'>=' if more else '<='} {figure(target.bound)}"
    reached = (verdict.value, verdict.least, verdict.greatest)
    mark = "[green]reached[/]" if verdict.reached else "[red]missed[/]"
    return (target.measure, target.against or "", bound, *map(figure, reached), mark)


def sentence(conditions: Mapping[str, str]) -> str:
    """Return the conditions in one line."""
    return ", ".join(f"{name} {value}" for name, value in conditions.items())


def show(results: Sequence[Result], conditions: Mapping[str, str], console: Console) -> None:
    """Print conditions, figures and targets."""
    console.print(sentence(conditions))
    console.print(table(results))
    console.print(targets(results))


def write_json(results: Sequence[Result], conditions: Mapping[str, str], path: Path) -> None:
    """Write all figures, round by round."""
    document: dict[str, Any] = {"conditions": dict(conditions), "workloads": {}}
    for result in results:
        document["workloads"][result.workload.key] = {
            "title": result.workload.title,
            "units": {measure.name: measure.unit for measure in result.workload.measures},
            "figures": result.figures,
            "failures": result.failures,
            "targets": [
                {
                    "measure": verdict.target.measure,
                    "against": verdict.target.against,
                    "bound": verdict.target.bound,
                    "value": verdict.value,
                    "reached": verdict.reached,
                }
                for verdict in result.verdicts()
            ],
        }
    write_document(document, path)


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def verdict(problems: Sequence[str], well: str, console: Console) -> int:
    """Print what is not as it must be, or that all is `well`; return the exit code."""
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if not problems:
        console.print(well, style="green", markup=False)
    return 1 if problems else 0


class SceneOutcome(Protocol):
    """What came of one scene of a program that plays several."""

    @property
    def scene(self) -> str:
        """Its name."""
        ...

    def problems(self) -> Sequence[str]:
        """What is not as it must be."""
        ...

    def as_json(self) -> Mapping[str, Any]:
        """All that was measured."""
        ...


def conclude(
    outcomes: Sequence[SceneOutcome],
    conditions: Mapping[str, str],
    path: Path | None,
    well: str,
    console: Console,
) -> int:
    """Write the outcomes of all scenes where a path is given, and print the verdict.

    Returns the exit code.
    """
    if path is not None:
        scenes = [outcome.as_json() for outcome in outcomes]
        write_document({"conditions": conditions, "scenes": scenes}, path)
    problems = [f"{each.scene}: {problem}" for each in outcomes for problem in each.problems()]
    return verdict(problems, well, console)
