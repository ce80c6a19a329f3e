"""How a workload is measured: warm-up, repetitions in turn, ratios pair by pair.

All contenders of a workload are open at once and run one after the other, again and again, so
that a machine whose speed drifts slows them alike. A ratio is taken within each round; what is
reported is the median of the rounds, with the least and the greatest.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field

ACTORS = "actors"
"""The contender whose targets are checked."""

Run = Callable[[], Awaitable[Mapping[str, float]]]
"""One repetition; returns a figure for each measure."""

Open = Callable[[float], AbstractAsyncContextManager[Run]]
"""Given the scale, opens a contender for as long as it is entered."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a workload: its name, its unit, and which way is better."""

    name: str
    unit: str
    more_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a workload."""

    name: str
    open: Open


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: a ratio to another contender, or (`against` None) a figure."""

    measure: str
    bound: float
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """What is done, by whom, what is measured of it, and what is to be reached."""

    key: str
    title: str
    measures: Sequence[Measure]
    contenders: Sequence[Contender]
    targets: Sequence[Target] = ()

    def measure(self, name: str) -> Measure:
        """Return the measure of that name."""
        return next(measure for measure in self.measures if measure.name == name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, and how far it was reached: median, least and greatest of all rounds."""

    target: Target
    value: float
    least: float
    greatest: float
    reached: bool


@dataclass(slots=True)
class Result:
    """The figures of one workload: by contender and measure, one a round."""

    workload: Workload
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Why a contender has no figures."""

    def add(self, contender: str, figures: Mapping[str, float]) -> None:
        """Take one round of one contender."""
        for name, value in figures.items():
            self.figures.setdefault(contender, {}).setdefault(name, []).append(value)

    def of(self, contender: str, measure: str) -> Sequence[float]:
        """Return the figures of a contender, none where it has none."""
        return self.figures.get(contender, {}).get(measure, ())

    def verdicts(self) -> Iterable[Verdict]:
        """Judge all targets for which there are figures."""
        for target in self.workload.targets:
            ours = self.of(ACTORS, target.measure)
            values: Sequence[float] = ours
            if target.against is not None:
                theirs = self.of(target.against, target.measure)
                values = [mine / other for mine, other in zip(ours, theirs, strict=False)]
            if values:
                value = statistics.median(values)
                more = self.workload.measure(target.measure).more_is_better
                reached = value >= target.bound if more else value <= target.bound
                yield Verdict(target, value, min(values), max(values), reached)


async def measure(
    workload: Workload, *, repeat: int, scale: float, progress: Callable[[str], None]
) -> Result:
    """Run all contenders of a workload in turn, `repeat` times after one warm-up.

    `scale` multiplies how much is done in a repetition. A contender that fails is left out, and
    the result says why.
    """
    result = Result(workload)
    async with AsyncExitStack() as stack:
        runs: dict[str, Run] = {}
        for contender in workload.contenders:
            try:
                runs[contender.name] = await stack.enter_async_context(contender.open(scale))
            except Exception as error:  # noqa: BLE001 - a peer that does not work here is left out
                result.failures[contender.name] = f"{type(error).__name__}: {error}"
        for number in range(repeat + 1):
            for name, run in tuple(runs.items()):
                progress(name)
                gc.collect()
                try:
                    figures = await run()
                except Exception as error:
                    if name == ACTORS:
                        raise
                    result.failures[name] = f"{type(error).__name__}: {error}"
                    del runs[name]
                    continue
                if number:  # the first was the warm-up
                    result.add(name, figures)
    return result
