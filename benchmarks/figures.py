"""Figures, what is required of them, and the table of both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.table import Table

Kind = Literal["at most", "at least", "exactly"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure must be."""

    kind: Kind
    value: float

    def holds(self, value: float) -> bool:
        """Whether a figure is as it must be; NaN never is."""
        if self.kind == "at most":
            return value <= self.value
        if self.kind == "at least":
            return value >= self.value
        return value == self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured or counted; without a bound it is only told."""

    name: str
    value: float
    unit: str = ""
    bound: Bound | None = None

    @property
    def kept(self) -> bool:
        """Whether it is as it must be."""
        return self.bound is None or self.bound.holds(self.value)


@dataclass(slots=True)
class Outcome:
    """What came of one scene."""

    scene: str
    seconds: float
    figures: Sequence[Figure] = ()
    faults: Counter[str] = field(default_factory=Counter)
    """What must not happen, and did, and how often."""

    def problems(self) -> list[str]:
        """Say what is not as it must be; nothing where all is well."""
        missed = [
            f"{each.name}: {each.value:g}{each.unit}, not {each.bound.kind} {each.bound.value:g}"
            for each in self.figures
            if each.bound is not None and not each.kept
        ]
        return missed + [f"{fault} ({count} times)" for fault, count in self.faults.items()]

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {**asdict(self), "problems": self.problems()}


def none(name: str, value: float) -> Figure:
    """Return the count of something that must not be."""
    return Figure(name, value, bound=Bound("exactly", 0))


def all_of(name: str, value: float, total: float) -> Figure:
    """Return the count of something that must be each time."""
    return Figure(f"{name}, of {total:,.0f}", value, bound=Bound("exactly", total))


def spread(
    name: str, samples: Sequence[float], bounds: Mapping[str, float], unit: str = " s"
) -> list[Figure]:
    """Return median, 99th percentile and maximum; `bounds` says what each may be at most."""
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return [
        Figure(
            f"{name}, {what}",
            percentile(samples, share),
            unit,
            Bound("at most", bounds[what]) if what in bounds else None,
        )
        for what, share in shares.items()
    ]


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the least sample that so large a share of all is not greater than; NaN of none."""
    if not samples:
        return math.nan
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return one row for each figure of each scene."""
    made = Table(title="what is required, and what was measured", title_justify="left")
    for column in ("scene", "figure"):
        made.add_column(column)
    for column in ("required", "measured"):
        made.add_column(column, justify="right", no_wrap=True)
    made.add_column("")
    for outcome in outcomes:
        for number, figure in enumerate(outcome.figures):
            made.add_row("" if number else outcome.scene, *cells(figure))
        made.add_section()
    return made


def cells(figure: Figure) -> tuple[str, str, str, str]:
    """Return name, bound, value, and whether the one is kept by the other."""
    measured = f"{number(figure.value)}{figure.unit}"
    if figure.bound is None:
        return figure.name, "", measured, ""
    required = f"{figure.bound.kind} {figure.bound.value:,g}"
    return figure.name, required, measured, "[green]kept[/]" if figure.kept else "[red]missed[/]"


def number(value: float) -> str:
    """Return counts whole and all else with three decimals."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.3f}"
