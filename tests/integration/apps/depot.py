"""What the tests of reliable delivery run: a depot with a list, and a shop with a journal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from actors import Actor, Message, Node, SqliteJournal, on


class Item(Message[None]):
    """One of many."""

    number: int


class Depot(Actor):
    """Writes what it handles into a file, a line each, and says so."""

    def __init__(self) -> None:
        self.path = Path(os.environ["DEPOT"])

    @on(Item)
    async def take(self, message: Item) -> None:
        """Write it down."""
        await asyncio.sleep(0.001)  # long enough for a kill to come in the midst of it
        with self.path.open("a") as file:
            file.write(f"{message.number} {self.message_id} {self.redelivered}\n")
        print(f"handled {message.number}", flush=True)


async def depot(node: Node) -> None:
    """Run the depot."""
    node.spawn(Depot, name="depot")


async def shop(node: Node) -> None:
    """Send the items that the environment asks for, after those of an earlier life."""
    consumer = await node.resolve("depot", at="depot", timeout=30)
    journal = SqliteJournal(os.environ["JOURNAL"])
    reliable = node.reliable(consumer, window=1000, journal=journal)
    numbers = range(int(os.environ["ITEMS"]))
    await asyncio.gather(*(reliable.send(Item(number)) for number in numbers))
    print(f"accepted {len(numbers)}", flush=True)
    await reliable.flush()
    await reliable.close()
    print("flushed", flush=True)
