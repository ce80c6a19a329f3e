"""`python -m actors.testing.simulate MODULE:FUNCTION`: call a function with one seed after another.

It ends at the first seed that fails, and prints what it raised, with the command that runs this
seed alone. The exit code is 0 where all are well, 1 where one failed, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from actors.testing.sweep import Outcome, sweep

__all__ = ["main"]

REPORT = 5.0
"""Seconds between two words on progress."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        check = _load(options.target)
    except (ImportError, AttributeError, ValueError) as error:
        parser.error(f"{options.target}: {error}")
    seeds = range(options.first, options.first + options.seeds)
    started = time.perf_counter()
    failed = _first_failure(sweep(check, seeds, options.jobs), len(seeds), started)
    if failed is not None:
        print(
            f"{failed.failure}\n\nonly this one: python -m actors.testing.simulate "
            f"{options.target} --first {failed.seed} --seeds 1",
            file=sys.stderr,
        )
        return 1
    print(_words(len(seeds), len(seeds), started) + ", all well", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actors.testing.simulate",
        description="Call a function with one seed after another, until it raises.",
    )
    parser.add_argument("target", metavar="MODULE:FUNCTION", help="what is called with a seed")
    parser.add_argument("--seeds", type=_natural, default=1000, metavar="N", help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of them")
    parser.add_argument("--jobs", type=_natural, metavar="N", help="processes; one a processor")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"must be 1 or more, not {number}")
    return number


def _load(target: str) -> Callable[[int], Any]:
    module, separator, name = target.partition(":")
    if not separator:
        raise ValueError("it must be MODULE:FUNCTION")
    function = getattr(importlib.import_module(module), name)
    if not callable(function):
        raise ValueError(f"{function!r} cannot be called")
    return function  # type: ignore[no-any-return]


def _first_failure(outcomes: Iterator[Outcome], total: int, started: float) -> Outcome | None:
    reported = started
    for number, outcome in enumerate(outcomes, 1):
        if outcome.failure is not None:
            return outcome
        if time.perf_counter() - reported >= REPORT:
            reported = time.perf_counter()
            print(_words(number, total, started), flush=True)
    return None


def _words(number: int, total: int, started: float) -> str:
    rate = number / (time.perf_counter() - started)
    return f"{number} of {total} seeds, {rate:.1f} a second"


if __name__ == "__main__":
    sys.exit(main())
