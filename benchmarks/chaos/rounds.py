"""Rounds in which one node is lost to all others, and comes back, under steady traffic.

In each round all others follow an actor of that node, and posts that are placed by role are held
there: everybody must hear of the loss, once and soon, and the posts must be taken up elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors import ActorRef
from benchmarks.chaos.accounts import account
from benchmarks.chaos.company import SELF, Company, company
from benchmarks.chaos.findings import Findings, figures_of
from benchmarks.chaos.harm import Harm
from benchmarks.chaos.posts import Ledger, Office, Start, Starts
from benchmarks.chaos.traffic import Drain
from benchmarks.chaos.witness import Census, Follow
from benchmarks.figures import Outcome

SIZE = 4
POSTS = 8
RATE = 320.0
"""Messages a second from each node to each other one: 12 streams."""

CALM = 1.0
"""Seconds of ordinary life at the end of each round."""

DRAINED_WITHIN = 120.0


class Stage:
    """A company with posts, and what it takes to go through a round."""

    def __init__(self, company: Company, harm: Harm) -> None:
        self.company = company
        self.harm = harm
        self.ledger: ActorRef[Ledger] = company.node.spawn(Ledger)
        self.office: ActorRef[Office] = company.node.spawn(Office.props(POSTS, self.ledger))
        self.found = Findings()

    async def homes(self) -> dict[int, str]:
        """Return where each post is held, once each is held on exactly one node."""
        homes: dict[int, str] = {}

        async def settled() -> bool:
            census = await self.company.ask_all(self.company.witnesses, Census)
            held = [(post, name) for name, posts in census.items() for post in posts]
            homes.update(held)
            return sorted(post for post, _ in held) == list(range(POSTS))

        await self.company.until(settled, "each post is held on one node")
        return homes

    async def round(self, name: str) -> None:
        """Lose a node, and have it back."""
        homes = await self.homes()
        lost = [post for post, home in homes.items() if home == name]
        await self.follow(name)
        struck = await self.harm.strike(self.company, name)
        down = await self.company.seen("MemberDown", name, struck)
        await self.replaced(lost, struck)
        healed = await self.harm.heal(self.company, name)
        up = await self.company.seen("MemberUp", name, healed)
        await self.company.attend(name)
        await self.company.acquainted()
        await asyncio.sleep(CALM)  # whatever comes twice may come late
        await self.homes()
        self.found.rounds += 1
        self.found.down += [at - struck for at in down.values()]
        self.found.rejoin += [at - healed for at in up.values()]
        self.found.count_starts(name, lost, await self.starts(struck), down[SELF])
        for seen in (await self.company.sightings(self.others(name), struck)).values():
            self.found.examine(name, seen)

    def others(self, name: str) -> Sequence[str]:
        """Return the names of all but that one, the director's included."""
        return tuple(self.company.others(name))

    async def follow(self, name: str) -> None:
        """Have all others watch an actor there, and ask it what it does not answer."""
        ref = await self.company.node.resolve("sleeper", at=name)
        await self.company.ask_all(self.others(name), lambda: Follow(name, ref))

    async def starts(self, since: float) -> list[Start]:
        """Return what the ledger has since then."""
        return await self.ledger.ask(Starts(since))

    async def replaced(self, lost: Sequence[int], since: float) -> None:
        """Wait until each lost post has been started again."""

        async def all_are() -> bool:
            return {start.number for start in await self.starts(since)} >= set(lost)

        await self.company.until(all_are, f"the posts {lost} are started elsewhere")


async def play(scene: str, harm: Harm, rounds: int, progress: Callable[[str], None]) -> Outcome:
    """Go through so many rounds, and then through the books."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with company(SIZE, Path(folder), rate=RATE, proxies=harm.proxies) as made:
            stage = Stage(made, harm)
            opened = time.monotonic()
            await asyncio.sleep(CALM)
            for number, name in enumerate(victims(made.names, rounds), 1):
                await stage.round(name)
                progress(f"{scene}: {number} of {rounds}")
            busy = time.monotonic() - opened
            await drain(made)
        books = await asyncio.to_thread(account, Path(folder))
    figures = figures_of(stage.found, harm, books, busy)
    return Outcome(scene, time.monotonic() - begin, figures, stage.found.faults)


def victims(names: Sequence[str], rounds: int) -> list[str]:
    """Return whom each round is about: all equally often, in an order that chance makes."""
    chance = random.Random(1)
    order: list[str] = []
    while len(order) < rounds:
        order += chance.sample(names, len(names))
    return order[:rounds]


async def drain(made: Company) -> None:
    """Have all shops send no more, and wait until all is handled."""
    shops = [await made.node.resolve("shop", at=name) for name in made.names]
    asks: Any = (shop.ask(Drain(), timeout=DRAINED_WITHIN) for shop in shops)
    await asyncio.gather(*asks)
