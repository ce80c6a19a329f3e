"""Orders that survive `kill -9`: `python -m examples.orders`.

A shop sends orders to a depot, in another process. In the midst of it the shop is killed and
started again, then the depot. In the end each order is in the depot's table once.

    shop.py     the producer: `node.reliable(depot, journal=SqliteJournal(...))`
    depot.py    the consumer: tells repetitions by `self.message_id`
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

ORDERS = 200


async def start(module: str, *arguments: object) -> Process:
    """Start a part of it in a process of its own."""
    words = [sys.executable, "-m", f"examples.orders.{module}", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*words, stdout=PIPE)


async def lines(process: Process, text: str, count: int = 1, *, show: bool = True) -> str:
    """Read until so many lines with that text have come; return the last one."""
    assert process.stdout is not None
    line = ""
    while count:
        line = (await process.stdout.readline()).decode().strip()
        if not line:
            raise RuntimeError(f"a process ended before it said {text!r}")
        if text in line:
            count -= 1
            if show:
                print(f"    {line}", flush=True)
    return line


async def kill(process: Process) -> None:
    """As a power cut would."""
    process.kill()
    await process.wait()


async def run(folder: Path, running: list[Process]) -> None:
    """Go through it."""
    journal, table = folder / "journal.db", folder / "depot.db"

    print(f"1. The shop accepts {ORDERS} orders, and the depot begins to take them.")
    depot = await start("depot", "tcp://127.0.0.1:0", table)
    running.append(depot)
    endpoint = (await lines(depot, "open at")).split()[-1]
    shop = await start("shop", endpoint, journal, ORDERS)
    running.append(shop)
    await lines(shop, "accepted")
    await lines(depot, "taken", ORDERS // 4, show=False)

    print("2. The shop is killed, and started again: it goes on with its journal.")
    await kill(shop)
    shop = await start("shop", endpoint, journal, 0)
    running.append(shop)
    await lines(shop, "of before")
    await lines(depot, "taken", ORDERS // 4, show=False)

    print("3. The depot is killed, and started again: it goes on with its table.")
    await kill(depot)
    depot = await start("depot", endpoint, table)
    running.append(depot)
    await lines(depot, "open at")
    rest = asyncio.create_task(lines(depot, "nothing", show=False))  # lest its pipe fills up
    await lines(shop, "all are handled")
    await shop.wait()
    await kill(depot)
    with contextlib.suppress(RuntimeError):
        await rest

    with contextlib.closing(sqlite3.connect(table)) as db:
        [[rows, customers]] = db.execute("SELECT count(*), count(DISTINCT customer) FROM orders")
    print(f"In the depot's table: {rows} orders of {customers} customers.")


async def main() -> None:
    """Go through it in a temporary folder, and leave nothing behind."""
    running: list[Process] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            await run(Path(folder), running)
        finally:
            for process in running:
                if process.returncode is None:
                    await kill(process)


if __name__ == "__main__":
    asyncio.run(main())
