"""Nodes in processes of their own: killed, started again, stopped for a while."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from actors import MemberDown, Node, NodeUnreachableError
from tests.integration.kit import shop

Start = Callable[..., Any]


def incarnation(node: Node, name: str) -> int:
    """Return which life of a node another one knows."""
    [member] = [member for member in node.members if member.name == name]
    return member.incarnation


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")  # of this process; the command has its own
async def test_a_node_that_was_killed_counts_when_it_is_back(start: Start) -> None:
    """`wait_for_members` counts the new life and not the dead one, and it can be used at once."""
    command = start("--name", "branch", "--import", "shop")
    _, endpoint = command.ready()
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        await node.wait_for_members(2, timeout=20.0)
        for _ in range(3):
            command.send(signal.SIGKILL)
            await asyncio.to_thread(command.code)
            command = start("--name", "branch", "--import", "shop", "--bind", endpoint)
            await asyncio.to_thread(command.ready)
            await node.wait_for_members(2, timeout=20.0)
            till = node.spawn(shop().Till, at="branch")
            assert await till.ask(shop().Where(), timeout=20.0) == "branch"


@pytest.mark.timeout(120)
@pytest.mark.loops("asyncio")
@pytest.mark.parametrize("stopped_first", [True, False])
async def test_a_node_that_was_stopped_for_long_comes_back(
    start: Start, stopped_first: bool
) -> None:
    """SIGSTOP until it is given up, SIGCONT: it joins anew, and the innocent go on as they were."""
    first = start("shop:setup", "--name", "first")
    _, endpoint = first.ready()
    second = start("shop:setup", "--name", "second", "--seed", endpoint)
    second.ready()
    stalled, innocent = (first, second) if stopped_first else (second, first)
    name, other = ("first", "second") if stopped_first else ("second", "first")
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        await node.wait_for_members(3, timeout=20.0)
        till = await node.resolve("till", at=name, timeout=20.0)
        assert await till.ask(shop().Add(7), timeout=20.0) == 7
        before = {each: incarnation(node, each) for each in ("head", name, other)}
        downs: asyncio.Queue[MemberDown] = asyncio.Queue()
        node.events.subscribe(downs.put_nowait, MemberDown)
        stalled.send(signal.SIGSTOP)
        assert (await downs.get()).member.name == name
        await asyncio.to_thread(innocent.err.wait_for, f"node {name!r} at .* is down")
        stalled.send(signal.SIGCONT)
        await asyncio.to_thread(stalled.err.wait_for, "comes back as a new incarnation")
        await node.wait_for_members(3, timeout=30.0)
        after = {each: incarnation(node, each) for each in before}
        assert [each for each in before if before[each] != after[each]] == [name]
        assert downs.empty()
        till = await node.resolve("till", at=name, timeout=20.0)
        assert await till.ask(shop().Add(1), timeout=20.0) == 8
        for command in (stalled, innocent):
            assert await asyncio.to_thread(command.terminate) == 0


async def test_nobody_at_an_address_is_known_soon() -> None:
    """The operating system refuses the connection: an ask says so at once, in its words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with Node("head", bind="tcp://127.0.0.1:0") as node:
        ref = node.ref(f"actors://ghost@127.0.0.1:{port}/it#1.1")
        with pytest.raises(NodeUnreachableError, match="connection refused"):
            await ref.ask(shop().Where(), timeout=None)
