"""The shop: takes orders from customers and sends them to the depot, whatever happens.

Run by `python -m examples.orders`. An order that `send` has accepted is in the journal; a shop that
is started again goes on with what the journal has.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from actors import ActorsError, MemberUp, Node, Reliable, SqliteJournal
from examples.orders.depot import Order


async def follow(node: Node, reliable: Reliable) -> None:
    """Each time the depot's node is there again, go on with the depot that lives there now."""
    back: asyncio.Queue[MemberUp] = asyncio.Queue()
    node.events.subscribe(back.put_nowait, MemberUp)
    while True:
        event = await back.get()
        if event.member.name == "depot":
            try:
                reliable.redirect(await node.resolve("depot", at="depot"))
            except (ActorsError, TimeoutError) as error:
                print(f"shop: the depot is gone again ({error})", flush=True)


async def main(endpoint: str, path: Path, count: int) -> None:
    """Accept so many new orders, and wait until all are handled, those of before included."""
    async with Node("shop", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        depot = await node.resolve("depot", at="depot", timeout=30)
        journal = SqliteJournal(path)
        async with node.reliable(
            depot, window=1000, journal=journal, producer="shop", wait=True
        ) as reliable:
            following = asyncio.create_task(follow(node, reliable))
            print(f"shop: {reliable.pending} orders of before are not handled", flush=True)
            customers = [f"customer-{number}" for number in range(count)]
            await asyncio.gather(*(reliable.send(Order(each, 1)) for each in customers))
            print(f"shop: {count} new orders accepted", flush=True)
            await reliable.flush()
            print("shop: all are handled", flush=True)
            following.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
