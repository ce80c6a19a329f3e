"""What a node takes from whoever makes it, for tests: chance, and a context for its actors."""

from __future__ import annotations

import random
from contextvars import Context, ContextVar
from typing import Any

from actors import Actor, Message, Node, on

shade: ContextVar[str] = ContextVar("shade", default="none")


class Look(Message[str]):
    pass


class Painter(Actor):
    @on(Look)
    async def look(self, message: Look) -> str:
        return shade.get()


async def looked(**arguments: Any) -> str:
    async with Node("n", **arguments) as node:
        return await node.spawn(Painter).ask(Look())


async def test_actors_see_the_context_that_the_node_was_given() -> None:
    """And nothing of that of whoever made the node."""
    context = Context()
    context.run(shade.set, "red")
    shade.set("blue")
    assert await looked(context=context) == "red"
    assert await looked() == "none"


async def test_session_numbers_come_from_the_system() -> None:
    """A peer that has seen many can work out nobody else's; a test may give another source."""
    async with Node("n", bind="tcp://127.0.0.1:0") as node:
        assert node._mesh is not None
        assert isinstance(node._mesh._context.rng, random.SystemRandom)
    rng = random.Random(1)
    async with Node("n", bind="tcp://127.0.0.1:0", rng=rng) as node:
        assert node._mesh is not None
        assert node._mesh._context.rng is rng


async def test_with_a_random_source_the_incarnation_comes_from_it() -> None:
    """So that the same seed gives the same life, and another seed another."""
    lives = []
    for seed in (1, 1, 2):
        async with Node("n", rng=random.Random(seed)) as node:
            lives.append(node.members[0].incarnation)
    assert lives[0] == lives[1] != lives[2]
    async with Node("n") as one, Node("n") as other:
        assert one.members[0].incarnation != other.members[0].incarnation
