"""The depot: takes orders, each of them once. Run by `python -m examples.orders`.

Reliable delivery hands an order over at least once. What makes it *effectively* once is the table:
the order and its message id are written in one transaction, and an id that is there already says
that the order is a repetition.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

from actors import Actor, Message, Node, Reason, on


class Order(Message[None]):
    """Send so many to a customer."""

    customer: str
    amount: int


class Depot(Actor):
    """Writes orders into its table."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT, amount INTEGER)"
        )

    async def on_stop(self, reason: Reason) -> None:
        self.db.close()

    @on(Order)
    async def take(self, order: Order) -> None:
        await asyncio.sleep(0.01)  # it is a long way to the shelf
        with self.db:
            known = self.db.execute(
                "INSERT OR IGNORE INTO orders VALUES (?, ?, ?)",
                (str(self.message_id), order.customer, order.amount),
            )
        word = "taken" if known.rowcount else "known already"
        print(f"depot: {self.message_id} {word}", flush=True)


async def main(endpoint: str, path: Path) -> None:
    """Be open until the end of the process."""
    async with Node("depot", bind=endpoint) as node:
        node.spawn(Depot.props(path), name="depot")
        print(f"depot: open at {node.address}", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
