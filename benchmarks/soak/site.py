"""The nodes of a soak: this one, two that live as long, and some that come and go."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from random import Random
from typing import Any

from actors import ActorRef, Node, Role, Router
from benchmarks.processes import READY_WITHIN, node_process
from benchmarks.soak.actors import OFTEN, Calculator, populate
from benchmarks.soak.probe import Look, Probe

HOME = "home"
LASTING = ("east", "west")
ROUTEES = 4
STEADY, CASUAL = Role("steady"), Role("casual")
"""The roles of the nodes that last, and of those that are killed now and then."""


class Site:
    """What the strands of a soak work with."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.chance = Random(1)
        self.probes: dict[str, ActorRef[Probe]] = {}
        self.pools: dict[str, ActorRef[Any]] = {}
        self._numbers = itertools.count(1)

    def somewhere(self) -> str:
        """Return the name of a node that lasts."""
        return self.chance.choice((HOME, *LASTING))

    def elsewhere(self, here: str) -> str:
        """Return the name of another one."""
        return self.chance.choice([name for name in (HOME, *LASTING) if name != here])

    def pool(self, strategy: str, at: Role) -> ActorRef[Any]:
        """Return a router, made when first asked for."""
        name = f"{strategy}-{at.name}"
        if name not in self.pools:
            props = Router.pool(
                Calculator, size=ROUTEES, strategy=strategy, at=at, supervision=OFTEN
            )
            self.pools[name] = self.node.spawn(props, name=name)
        return self.pools[name]

    @contextlib.asynccontextmanager
    async def another_node(self, role: Role) -> AsyncGenerator[tuple[str, Process], None]:
        """Run a node until the block is left; gives its name and its process."""
        name = f"{role.name}-{next(self._numbers)}"
        async with self._process(name, role) as process:
            await self.node.resolve("probe", at=name, timeout=READY_WITHIN)
            yield name, process

    def _process(self, name: str, role: Role) -> contextlib.AbstractAsyncContextManager[Process]:
        more = ["benchmarks.soak.actors:populate", "--role", role.name, "--log-level", "critical"]
        return node_process(self.node, name, more=more)

    async def begin(self, stack: contextlib.AsyncExitStack) -> None:
        """Start what lasts, and wait until all know each other."""
        await populate(self.node)
        for name in LASTING:
            await stack.enter_async_context(self._process(name, STEADY))
        for name in (HOME, *LASTING):
            self.probes[name] = await self.node.resolve("probe", at=name, timeout=READY_WITHIN)
        for probe in self.probes.values():
            await self._acquainted(probe)

    async def _acquainted(self, probe: ActorRef[Probe]) -> None:
        """Wait until a node knows all others that last."""
        while True:
            look = await probe.ask(Look())
            if look.tables["members"] > len(LASTING):
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def opened() -> AsyncGenerator[Site, None]:
    """Open a site: its lasting nodes are up, and know each other."""
    async with contextlib.AsyncExitStack() as stack:
        site = Site(await stack.enter_async_context(Node(HOME, bind="tcp://127.0.0.1:0")))
        await site.begin(stack)
        yield site
