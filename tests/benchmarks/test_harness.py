"""The benchmark measures what it says, and judges it right."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from benchmarks.__main__ import WORKLOADS, chosen
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload, measure

Open = Callable[[float], AbstractAsyncContextManager[Run]]


def steady(*figures: float) -> Open:
    """A contender with these figures, one a round; the first round is the warm-up."""

    @contextlib.asynccontextmanager
    async def open_(_scale: float) -> AsyncGenerator[Run, None]:
        left = iter(figures)

        async def run() -> Mapping[str, float]:
            return {"rate": next(left)}

        yield run

    return open_


def workload(*contenders: Contender, more_is_better: bool = True) -> Workload:
    """A workload of one measure, to be twice the baseline's."""
    rate = Measure("rate", "x/s", more_is_better)
    return Workload("W0", "a test", [rate], contenders, [Target("rate", 2.0, "bare")])


async def test_ratios_are_taken_within_each_round_without_the_warm_up() -> None:
    """What the machine does from round to round cancels out."""
    ours, theirs = Contender(ACTORS, steady(1, 20, 8)), Contender("bare", steady(100, 10, 4))
    result = await measure(workload(ours, theirs), repeat=2, scale=1, progress=lambda _: None)
    assert result.of(ACTORS, "rate") == [20, 8]
    [verdict] = result.verdicts()
    assert (verdict.value, verdict.least, verdict.greatest, verdict.reached) == (2, 2, 2, True)


async def test_less_may_be_better() -> None:
    """Then the target is an upper bound."""
    ours, theirs = Contender(ACTORS, steady(0, 30)), Contender("bare", steady(0, 10))
    made = workload(ours, theirs, more_is_better=False)
    [verdict] = (await measure(made, repeat=1, scale=1, progress=lambda _: None)).verdicts()
    assert (verdict.value, verdict.reached) == (3, False)


async def test_a_baseline_that_fails_is_left_out() -> None:
    """It is named with its error; the figures of the others stand."""

    @contextlib.asynccontextmanager
    async def broken(_scale: float) -> AsyncGenerator[Run, None]:
        raise OSError("not installed")
        yield

    ours = Contender(ACTORS, steady(0, 30))
    made = workload(ours, Contender("bare", broken))
    result = await measure(made, repeat=1, scale=1, progress=lambda _: None)
    assert result.failures == {"bare": "OSError: not installed"}
    assert result.of(ACTORS, "rate") == [30]
    assert list(result.verdicts()) == []


def test_workloads_are_chosen_by_key() -> None:
    """W5 means all of its kinds; what is not there is refused."""
    assert [each.key for each in chosen("W5,w1")] == ["W1", "W5a", "W5b"]
    assert len({each.key for each in WORKLOADS}) == len(WORKLOADS)
    with pytest.raises(ValueError, match="W99"):
        chosen("W1,W99")


def test_a_small_run_writes_its_figures(tmp_path: Path) -> None:
    """Real workloads, a thousandth of their size: every contender has its figures."""
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--only", "W1,W2,W3,W7,W8a,W8b"]
    command += ["--scale", "0.005", "--repeat", "1", "--json", str(out)]
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text(encoding="utf-8"))["workloads"]
    assert list(figures) == ["W1", "W2", "W3", "W7", "W8a", "W8b"]
    for key, each in figures.items():
        assert each["failures"] == {}, key
        assert all(value > 0 for kind in each["figures"].values() for [value] in kind.values())
