"""What a program of the suite is, how its answer is checked, and what several of them share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from actors import Actor, Message, Node, Reply, on

WORKER = "worker"
"""The role of the nodes that compute."""

BATCH = 1_000
"""Messages told in one go, before others get their turn."""


class WrongAnswerError(Exception):
    """A program came to another result than it must."""


def check(what: str, got: object, expected: object) -> None:
    """Raise WrongAnswerError where the two differ."""
    if got != expected:
        raise WrongAnswerError(f"{what}: {_brief(got)}, not {_brief(expected)}")


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def proportional(size: int, scale: float) -> int:
    """Return so many times the size, at least 1."""
    return max(1, round(size * scale))


@dataclass(frozen=True, slots=True)
class Program:
    """One program: `run(node, size)` returns how many messages it took, once the answer is right.

    It raises WrongAnswerError where it is not. What `parallel` programs compute is done by the
    nodes of the role `WORKER`.
    """

    name: str
    stresses: str
    answer: str
    """What is checked."""
    run: Callable[[Node, int], Awaitable[int]]
    size: int
    unit: str
    """What the size counts."""
    parallel: bool = False
    resize: Callable[[int, float], int] = proportional
    """The size for a `--scale`."""


def batches(count: int) -> Iterator[range]:
    """Cut `range(count)` into pieces after which a handler lets others have their turn."""
    for start in range(0, count, BATCH):
        yield range(start, min(start + BATCH, count))


class Report(Message[None]):
    """What one actor of a program came to."""

    result: Any


class Results(Message[list[Any]]):
    """Answers all reports, as soon as the last one is there."""


class Sink(Actor):
    """Waits for so many reports: the end of most programs."""

    def __init__(self, reports: int) -> None:
        self.missing = reports
        self.results: list[Any] = []
        self.reply: Reply[list[Any]] | None = None

    @on(Report)
    def take(self, message: Report) -> None:
        self.results.append(message.result)
        self.missing -= 1
        if self.missing == 0 and self.reply is not None:
            self.reply.send(self.results)

    @on(Results)
    def answer(self, message: Results) -> list[Any]:
        if self.missing > 0:
            self.reply = self.defer_reply()
        return self.results
