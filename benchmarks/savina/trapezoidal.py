"""Trapezoidal approximation: an integral, cut into pieces for many workers (Savina, parallelism).

Stresses how equal shares of pure computing are spread over processors, and joined.
"""

from __future__ import annotations

import asyncio
import math
from functools import cache
from itertools import pairwise

from actors import Actor, Message, Node, Role, Router, on
from benchmarks.savina.program import WORKER, Program, check

LEFT, RIGHT = 1.0, 5.0
SHARES = 100
WORKERS = 20
TOLERANCE = 1e-9


def integrand(x: float) -> float:
    """Return the value of the function that Savina integrates."""
    return math.sin(x**3 - 1) / (x + 1) * math.sqrt(1 + math.exp(math.sqrt(2 * x)))


class Share(Message[float]):
    """Answers the area of the trapezoids from `first` up to `last`, so wide each."""

    first: int
    last: int
    width: float


class Worker(Actor):
    """Adds up trapezoids."""

    @on(Share)
    def area(self, share: Share) -> float:
        total = 0.0
        left = integrand(LEFT + share.first * share.width)
        for number in range(share.first + 1, share.last + 1):
            right = integrand(LEFT + number * share.width)
            total += (left + right) / 2 * share.width
            left = right
        return total


@cache
def reference(pieces: int) -> float:
    """Return the same sum by a plain loop over the inner points."""
    width = (RIGHT - LEFT) / pieces
    inner = math.fsum(integrand(LEFT + number * width) for number in range(1, pieces))
    return (inner + (integrand(LEFT) + integrand(RIGHT)) / 2) * width


async def run(node: Node, size: int) -> int:
    """Integrate with so many trapezoids."""
    workers = node.spawn(Router.pool(Worker, size=WORKERS, at=Role(WORKER)))
    width = (RIGHT - LEFT) / size
    bounds = [size * share // SHARES for share in range(SHARES + 1)]
    shares = [Share(*pair, width) for pair in pairwise(bounds)]
    areas = await asyncio.gather(*(workers.ask(share, timeout=None) for share in shares))
    error = abs(math.fsum(areas) - reference(size))
    check(f"within {TOLERANCE} of a plain loop", error <= TOLERANCE, True)
    return 2 * SHARES


PROGRAM = Program(
    "trapezoidal",
    "equal shares, over processes",
    "a plain loop's sum, to 1e-9",
    run,
    size=2_000_000,
    unit="trapezoids",
    parallel=True,
)
