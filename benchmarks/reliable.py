"""`python -m benchmarks.reliable`: reliable messages between two processes, handled per second.

`--count N` messages each time. The journal is in a temporary folder: its figures are the disk's.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import uvloop

from actors import ActorRef, Node, SqliteJournal
from actors.reliable.sqlite import Synchronous
from benchmarks.actors_under_test import TEXT, Counter, Reading
from benchmarks.processes import second_node

WINDOWS = (50, 1000)
JOURNALS: tuple[Synchronous | None, ...] = (None, "NORMAL", "FULL")
SENDERS = 128
"""Tasks that send at once, where a journal is to have more than one message to write."""


async def rate(
    node: Node, ref: ActorRef[Counter], window: int, count: int, journal: Synchronous | None
) -> float:
    """Return how many messages a second were handled."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        made = SqliteJournal(path, synchronous=journal) if journal else None
        async with node.reliable(ref, window=window, journal=made) as reliable:
            begin = time.perf_counter()

            async def sender(share: int) -> None:
                for number in range(share):
                    await reliable.send(Reading(number, TEXT))

            senders = 1 if made is None else min(SENDERS, window)
            await asyncio.gather(*(sender(count // senders) for _ in range(senders)))
            await reliable.flush()
            return count // senders * senders / (time.perf_counter() - begin)


async def main(count: int) -> None:
    """Print a line for each window and journal."""
    async with Node("bench", bind="tcp://127.0.0.1:0") as node, second_node(node) as other:
        ref = node.spawn(Counter, at=other)
        await rate(node, ref, 50, 2000, None)
        for journal in JOURNALS:
            for window in WINDOWS:
                figure = await rate(node, ref, window, count, journal)
                kind = journal or "none"
                print(f"journal {kind:6} window {window:5} {figure:10,.0f} messages/s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="messages")
    uvloop.run(main(parser.parse_args().count))
