"""What can be done to a node so that the others lose it, and how it comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.chaos.company import Company

Deed = Callable[[Company, str], Awaitable[float]]
"""Does something to a node, and returns when, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Harm:
    """How a node is lost, and found again."""

    strike: Deed
    heal: Deed
    down: Mapping[str, float]
    """Seconds until it is down at every other node, at most: of the median, the percentile."""
    proxies: bool = False


async def kill(company: Company, name: str) -> float:
    """As a power cut would."""
    at = company.signal(name, signal.SIGKILL)
    await company.processes[name].wait()
    return at


async def start(company: Company, name: str) -> float:
    """Start it again, under the same name and at the same port."""
    return await company.start(name)


async def stop(company: Company, name: str) -> float:
    """As a machine that hangs."""
    return company.signal(name, signal.SIGSTOP)


async def resume(company: Company, name: str) -> float:
    """Let it go on where it was."""
    return company.signal(name, signal.SIGCONT)


async def cut(company: Company, name: str) -> float:
    """As a cable that is pulled out."""
    company.links.isolate(name)
    return time.monotonic()


async def mend(company: Company, name: str) -> float:
    """Put it in again."""
    company.links.heal()
    return time.monotonic()


SILENCE = {"p50": 3.0, "p99": 5.5}

KILL = Harm(kill, start, {"p99": 1.0})
STOP = Harm(stop, resume, SILENCE)
CUT = Harm(cut, mend, SILENCE, proxies=True)
