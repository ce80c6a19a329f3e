"""`make mutants`: take one thing away after another, and see that each time a seed notices.

It prints a table. The exit code is 1 where a mutant survives all seeds or the code as it is does
not, and 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.simulation.mutants.hunt import CONTROL, Catch, hunt
from tests.simulation.mutants.patches import MUTANTS

WIDTH = 60
"""Letters of a reason that are shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    names = options.only or [*MUTANTS, CONTROL]
    print(f"{'mutant':18} {'caught at seed':>14} {'tried':>6} {'s':>6}  by", flush=True)
    return max(_run(name, range(options.seeds), options.jobs) for name in names)


def _run(name: str, seeds: range, jobs: int | None) -> int:
    caught = hunt(name, seeds, jobs)
    print(_line(caught), flush=True)
    return int((caught.seed is None) != (name == CONTROL))


def _line(caught: Catch) -> str:
    seed = "survived" if caught.seed is None else str(caught.seed)
    reason = caught.reason[:WIDTH]
    return f"{caught.name:18} {seed:>14} {caught.tried:>6} {caught.seconds:>6.1f}  {reason}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.mutants",
        description="Take one thing after another away from the code; a seed must notice.",
        epilog="; ".join(f"{each.name}: {each.removes}" for each in MUTANTS.values()),
    )
    known = [*MUTANTS, CONTROL]
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help="this one")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="how many at most")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes; one a processor")
    return parser


if __name__ == "__main__":
    sys.exit(main())
