"""Names, groups and topics between processes: found, published to, lost, and healed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from actors import Actor, ActorRef, GroupLeft, MemberDown, NameConflict, Node, Router
from tests.integration.kit import shop

Start = Callable[..., Any]

pytestmark = [
    pytest.mark.timeout(120),  # processes start slowly on a busy machine
    pytest.mark.loops("asyncio"),  # of this process; the command has its own
]


class Stand(Actor):
    """Would like to have the name of another."""


async def till_of(node: Node, name: str) -> ActorRef[Any]:
    """Wait for the till of a shop: it joins its group and subscribes before it has its name."""
    till = await node.whereis(f"till-of-{name}", timeout=30.0)
    assert till is not None
    return till


async def test_processes_find_each_other(start: Start) -> None:
    """By name, in a group and by topic; a killed one is forgotten, a new one is found again."""
    first = start("shop:open_shop", "--name", "first")
    _, endpoint = first.ready()
    start("shop:open_shop", "--name", "second", "--seed", endpoint).ready()
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        tills = [await till_of(node, name) for name in ("first", "second")]
        assert set(node.groups.members("tills")) == set(tills)
        router = node.spawn(Router.group("tills", "broadcast"))
        assert set(await router.ask(shop().Where(), timeout=20.0)) == {"first", "second"}
        assert node.topics.publish("shop.any.deposits", shop().Add(5)) == 2
        assert node.topics.publish("shop.any.losses", shop().Add(5)) == 0
        assert [await till.ask(shop().Add(0), timeout=20.0) for till in tills] == [5, 5]
        left: asyncio.Queue[GroupLeft] = asyncio.Queue()
        node.events.subscribe(left.put_nowait, GroupLeft)
        first.send(signal.SIGKILL)
        assert (await left.get()).ref == tills[0]
        assert await node.whereis("till-of-first") is None
        assert node.groups.members("tills") == (tills[1],)
        assert await router.ask(shop().Where(), timeout=20.0) == ["second"]
        assert node.topics.publish("shop.any.deposits", shop().Add(5)) == 1
        again = start(
            "shop:open_shop", "--name", "first", "--bind", endpoint, "--seed", node.address
        )
        await asyncio.to_thread(again.ready)
        till = await till_of(node, "first")
        assert till != tills[0]
        assert await till.ask(shop().Add(1), timeout=20.0) == 1


async def test_a_name_has_one_holder_again_after_a_process_stalled(start: Start) -> None:
    """SIGSTOP frees the name, SIGCONT brings its holder back: the earlier one has it everywhere."""
    stalled = start("shop:open_shop", "--name", "first")
    _, endpoint = stalled.ready()
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        till = await till_of(node, "first")
        assert await till.ask(shop().Add(7), timeout=20.0) == 7
        downs: asyncio.Queue[MemberDown] = asyncio.Queue()
        node.events.subscribe(downs.put_nowait, MemberDown)
        stalled.send(signal.SIGSTOP)
        await downs.get()
        stand = node.spawn(Stand)
        await node.register("till-of-first", stand)
        conflicts: asyncio.Queue[NameConflict] = asyncio.Queue()
        node.events.subscribe(conflicts.put_nowait, NameConflict)
        stalled.send(signal.SIGCONT)
        conflict = await conflicts.get()
        assert (conflict.name, conflict.loser) == ("till-of-first", stand)
        assert await node.whereis("till-of-first") == conflict.winner
        assert await conflict.winner.ask(shop().Add(1), timeout=20.0) == 8
