"""Links that are slow, or one of them cut: no reason to give up anybody, nor to lose anything."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.accounts import account
from benchmarks.chaos.company import Company, company
from benchmarks.chaos.findings import traffic_of
from benchmarks.chaos.rounds import drain
from benchmarks.figures import Figure, Outcome, none

SIZE = 4
RATE = 320.0
"""Messages a second from each node to each other one."""

LASTS = 5.0
"""Seconds that each of these lasts."""

CALM = 2.0
"""Seconds until the next one."""

FEW = 100.0
"""Messages a second that are to be handled all the same, by all of them."""

Trouble = Callable[[Company], None]


def delayed(company: Company) -> None:
    """Everything is under way for a tenth of a second, in either direction."""
    company.links.slow(delay=0.1)


def throttled(company: Company) -> None:
    """Each connection carries 10 kB a second: less than there is to send."""
    company.links.slow(rate=10_000)


def severed(company: Company) -> None:
    """Two nodes do not reach each other; everybody else reaches both."""
    company.links.cut(*company.names[:2])


TROUBLES: tuple[Trouble, ...] = (delayed, throttled, severed)


async def play(rounds: int, progress: Callable[[str], None]) -> Outcome:
    """Have each trouble so many times."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with company(SIZE, Path(folder), rate=RATE, proxies=True) as made:
            opened = time.monotonic()
            for number in range(rounds * len(TROUBLES)):
                trouble = TROUBLES[number % len(TROUBLES)]
                await endure(made, trouble)
                progress(f"slow: {trouble.__name__}, {number // len(TROUBLES) + 1} of {rounds}")
            busy = time.monotonic() - opened
            seen = await made.sightings(made.witnesses, opened)
            await drain(made)
        books = await asyncio.to_thread(account, Path(folder))
    downs = [each for sightings in seen.values() for each in sightings if each.what == "MemberDown"]
    figures = [
        Figure("links delayed, throttled, and one cut, times each", rounds),
        none("down verdicts", len(downs)),
        *traffic_of(books, busy, FEW),
    ]
    return Outcome("slow", time.monotonic() - begin, figures)


async def endure(made: Company, trouble: Trouble) -> None:
    """Have it for a while, and get over it."""
    trouble(made)
    await asyncio.sleep(LASTS)
    made.links.slow()
    made.links.heal()
    await asyncio.sleep(CALM)
    await made.acquainted()
