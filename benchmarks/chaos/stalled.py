"""One of ten peers is stopped: the other nine are to keep their throughput."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from actors import ActorRef, ActorsError
from benchmarks.chaos.company import Company, company
from benchmarks.chaos.witness import Nudge
from benchmarks.figures import Bound, Figure, Outcome

PEERS = 10
SENDERS = 10
"""Tasks that send to each peer, one message after the other."""

WINDOW = 1.6
"""Seconds of each look: shorter than it takes to declare a stopped node down."""

KEPT = 0.9
"""The share of their throughput that the others must keep."""

Refs = Mapping[str, ActorRef[Any]]


async def play(rounds: int, progress: Callable[[str], None]) -> Outcome:
    """Stop one peer after the other."""
    begin = time.monotonic()
    shares, rates = [], []
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with company(PEERS, Path(folder)) as made:
            await throughput(await sleepers(made))  # to warm up
            for number in range(rounds):
                share, rate = await stall(made, made.names[number % PEERS])
                shares.append(share)
                rates.append(rate)
                progress(f"stalled: {number + 1} of {rounds}")
    figures = [
        Figure("messages sent to nine peers in a second, p50", median(rates)),
        Figure(
            "the same while the tenth is stopped, as a share, p50",
            median(shares),
            bound=Bound("at least", KEPT),
        ),
        Figure("the least share of all rounds", min(shares)),
    ]
    return Outcome("stalled", time.monotonic() - begin, figures)


async def stall(made: Company, name: str) -> tuple[float, float]:
    """Return what the others keep while that one is stopped, and what they have without it.

    With ten that run they have less than without it, as a stopped process needs no processor:
    that would be no fair comparison.
    """
    refs = await sleepers(made)
    before = await throughput(without(refs, name))
    made.signal(name, signal.SIGSTOP)
    during = await throughput(refs)
    made.signal(name, signal.SIGCONT)
    await made.acquainted()
    after = await throughput(without(await sleepers(made), name))
    usual = (before.total() + after.total()) / 2
    return (during.total() - during[name]) / usual, usual / WINDOW


def without(refs: Refs, name: str) -> Refs:
    """Return all refs but that one."""
    return {other: ref for other, ref in refs.items() if other != name}


async def sleepers(made: Company) -> Refs:
    """Return whom to send to, on all nodes."""
    return {name: await made.node.resolve("sleeper", at=name) for name in made.names}


async def throughput(refs: Refs) -> Counter[str]:
    """Send to all for a while; return how many messages each has taken."""
    sent: Counter[str] = Counter()

    async def sender(name: str, ref: ActorRef[Any]) -> None:
        with contextlib.suppress(ActorsError):  # it was given up after all: that is one peer less
            while True:
                await ref.send(Nudge())
                sent[name] += 1

    tasks = [
        asyncio.create_task(sender(name, ref)) for name, ref in refs.items() for _ in range(SENDERS)
    ]
    await asyncio.wait(tasks, timeout=WINDOW)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return sent
