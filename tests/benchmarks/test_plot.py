"""The picture shows what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import plot
from benchmarks.harness import ACTORS, Contender, Measure, Result, Workload


def result(key: str, figures: dict[str, list[float]], *, more_is_better: bool = True) -> Result:
    """A result of one measure, with these rounds by contender; one more has no figures."""
    contenders = [Contender(name, cast("Any", None)) for name in (*figures, "absent")]
    rate = Measure("rate", "x/s", more_is_better)
    made = Result(Workload(key, f"title of {key}", [rate], contenders))
    for name, values in figures.items():
        for value in values:
            made.add(name, {"rate": value})
    return made


WIDE = result("W0", {ACTORS: [900.0, 1000.0, 1300.0], "slow": [1.0, 2.0], "even": [50.0]})
CLOSE = result("W00", {"first": [3.0], ACTORS: [2.0, 2.5]}, more_is_better=False)
LONELY = result("W000", {ACTORS: [1.0]})


def test_the_best_comes_first() -> None:
    """Whichever way is better; who has no figures has no bar."""
    [(_, _, wide), (_, _, close)] = plot.panels([WIDE, CLOSE])
    assert list(wide) == [ACTORS, "even", "slow"]
    assert list(close) == [ACTORS, "first"]


def test_what_nobody_else_does_is_not_drawn() -> None:
    """Unless there is nothing else."""
    assert [panel[0].key for panel in plot.panels([WIDE, LONELY])] == ["W0"]
    assert [panel[0].key for panel in plot.panels([LONELY])] == ["W000"]


@pytest.mark.parametrize("suffix", plot.SUFFIXES)
def test_all_contenders_are_in_the_picture(tmp_path: Path, suffix: str) -> None:
    """With their medians, the titles, the units and the conditions."""
    pytest.importorskip("matplotlib")
    path = tmp_path / f"plot{suffix}"
    plot.check(path)
    plot.draw([WIDE, CLOSE], {"weather": "fair"}, path)
    if suffix == ".svg":
        drawn = path.read_text(encoding="utf-8")
        words = [ACTORS, "slow", "even", "first", "1,000", "1.5", "title of W0", "weather fair"]
        assert [word for word in words if word not in drawn] == []
        assert "x/s (more is better)" in drawn
        assert "x/s (less is better)" in drawn
        assert "absent" not in drawn
    assert path.stat().st_size > 1_000
