"""What was measured, as a picture: a panel for each measure, a bar for each contender."""

from __future__ import annotations

import importlib.util
import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import ACTORS, Measure, Result, Workload
from benchmarks.report import figure, sentence

SUFFIXES = (".svg", ".png")
COLUMNS = 3
OURS, OTHERS, WHISKER = "#d9480f", "#a5b4c4", "#343a40"
ORDERS = 20.0
"""Where the greatest median is so many times the least, the axis is logarithmic."""

Panel = tuple[Workload, Measure, Mapping[str, Sequence[float]]]


def check(path: Path) -> None:
    """Raise ValueError if no picture could be written there."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"a plot is a file that ends in {' or '.join(SUFFIXES)}, not {path.name}")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"there is no directory {path.absolute().parent} for the plot")
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError("--plot needs matplotlib: pip install matplotlib")


def panels(results: Sequence[Result]) -> Sequence[Panel]:
    """Return the measures that several contenders have; if none has, those that one has."""
    made = [
        (result.workload, measure, bars)
        for result in results
        for measure in result.workload.measures
        if (bars := _bars(result, measure))
    ]
    return [panel for panel in made if len(panel[2]) > 1] or made


def _bars(result: Result, measure: Measure) -> Mapping[str, Sequence[float]]:
    """The figures of each contender that has some, the best one first."""
    names = [contender.name for contender in result.workload.contenders]
    found = {name: values for name in names if (values := result.of(name, measure.name))}
    best_first = sorted(
        found.items(),
        key=lambda item: statistics.median(item[1]),
        reverse=measure.more_is_better,
    )
    return dict(best_first)


def draw(results: Sequence[Result], conditions: Mapping[str, str], path: Path) -> None:
    """Write the picture; the suffix says of which kind."""
    import matplotlib as mpl  # pyright: ignore[reportMissingImports]
    from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports]

    shown = panels(results)
    rows = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    heights = [max(len(bars) for _, _, bars in row) + 2.5 for row in rows]
    settings = {"svg.fonttype": "none", "font.size": 8, "font.sans-serif": ["DejaVu Sans"]}
    with mpl.rc_context(settings):
        whole = Figure(figsize=(12, 0.19 * sum(heights) + 0.8), layout="constrained", dpi=150)
        grid = whole.add_gridspec(len(rows), COLUMNS, height_ratios=heights)
        for line, row in enumerate(rows):
            for column, panel in enumerate(row):
                _draw_panel(whole.add_subplot(grid[line, column]), *panel)
        whole.suptitle("medians, with the least and the greatest of all rounds", fontsize=9)
        whole.supxlabel(textwrap.fill(sentence(conditions), 170), fontsize=7, color=WHISKER)
        whole.savefig(path)


def _draw_panel(
    axes: Any, workload: Workload, measure: Measure, bars: Mapping[str, Sequence[float]]
) -> None:
    from matplotlib.ticker import EngFormatter  # pyright: ignore[reportMissingImports]

    medians = [statistics.median(values) for values in bars.values()]
    below = [median - min(values) for median, values in zip(medians, bars.values(), strict=True)]
    above = [max(values) - median for median, values in zip(medians, bars.values(), strict=True)]
    colors = [OURS if name == ACTORS else OTHERS for name in bars]
    axes.barh(list(bars), medians, xerr=[below, above], color=colors, ecolor=WHISKER, capsize=2)
    axes.invert_yaxis()
    least = min(min(values) for values in bars.values())
    greatest = max(max(values) for values in bars.values())
    if max(medians) > ORDERS * min(medians):
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(least / 2)), greatest * 8)
    else:
        axes.set_xlim(0, greatest * 1.2)
    for place, (median, values) in enumerate(zip(medians, bars.values(), strict=True)):
        axes.annotate(
            figure(median),
            (max(values), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    if ACTORS in bars:
        axes.get_yticklabels()[list(bars).index(ACTORS)].set_fontweight("bold")
    better = "more" if measure.more_is_better else "less"
    axes.set_title(f"{workload.key} {workload.title}: {measure.name}", fontsize=8, loc="left")
    axes.set_xlabel(f"{measure.unit} ({better} is better)", fontsize=7)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(length=2, labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
