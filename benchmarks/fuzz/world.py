"""A node under fire in this process: a healthy peer beside it, and an impostor that fires."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from actors import ActorRef, Node
from actors.cluster.arrivals import wait_for_member
from actors.testing import MemoryNetwork, VirtualClock
from benchmarks.fuzz.actors_under_fire import Echo, Target
from benchmarks.fuzz.impostor import Call, Impostor
from benchmarks.ledger import adds_up

T = TypeVar("T")

VICTIM = "tcp://victim:1"
TURNS = 50
"""Turns of the loop before the clock is turned too."""

PATIENCE = 30.0
"""Seconds of the virtual clock that anything may take that must come about."""


class World:
    """Three ends of a network in this process, on a clock that is turned.

    Args:
        seed: all chance of the network and of the nodes comes from it.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = VirtualClock()
        self.network = MemoryNetwork(self.clock)
        self.victim = self._node("victim")
        self.friend = self._node("friend", VICTIM)
        self._lives = 0
        self.sentinel: ActorRef[Target]
        """An actor of the victim that nothing is fired at, as the friend knows it."""
        self.exposed: ActorRef[Target]
        """One that is fired at."""
        self.expendable: ActorRef[Target]
        """Another one, that may end."""

    async def __aenter__(self) -> World:
        for node in (self.victim, self.friend):
            await self.finish(node.start())
        self.victim.spawn(Target, name="sentinel")
        self.exposed = self.victim.spawn(Target, name="target")
        self.expendable = self.victim.spawn(Target, name="expendable")
        self.sentinel = await self.finish(self.friend.resolve("sentinel", at="victim"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in (self.friend, self.victim):
            await self.finish(node.shutdown(timeout=5.0))

    def _node(self, name: str, *seeds: str) -> Node:
        return Node(
            name,
            bind=f"tcp://{name}:1",
            seeds=seeds,
            transport=self.network.transport(name),
            clock=self.clock,
            rng=random.Random(self.chance.random()),
        )

    async def impostor(self) -> Impostor:
        """Return a new one; nothing that an earlier one did is held against it."""
        self._lives += 1
        name = f"impostor-{self._lives}"
        made = Impostor(name, self.network.transport(name), self._lives)
        await made.start(f"tcp://{name}:1")
        return made

    async def member(self) -> tuple[Impostor, Call]:
        """Return one that has become a member, and its connection."""
        made = await self.impostor()
        call = await self.finish(made.join(VICTIM))
        await self.finish(wait_for_member(self.victim._running(), made.name))
        return made, call

    async def settle(self) -> None:
        """Let a message that was sent arrive, and what it brings about at once."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def healthy(self) -> None:
        """Have the peer ask; raises where there is no answer, or the ledger does not add up."""
        question = self.chance.random()
        answer = await self.finish(self.sentinel.ask(Echo(question)))
        assert answer == question, f"{question} was answered with {answer!r}"
        assert adds_up(self.victim.stats()), self.victim.stats()

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Turn the clock until it is done; return its result."""
        task = asyncio.ensure_future(work)
        for _ in range(TURNS):  # most things take no time, and to turn the clock takes long
            if task.done():
                return await task
            await asyncio.sleep(0)
        until = self.clock.now() + PATIENCE
        while not task.done() and self.clock.now() < until:
            await self.clock.advance(0.05)
        if not task.done():
            task.cancel()
            raise AssertionError(f"not done within {PATIENCE:g} s: {work!r}")
        return await task
