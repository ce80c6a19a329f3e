"""Waiting for nodes to be up: for so many of them, or for one by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.durations import time_limit
from actors.errors import NodeRefusedError
from actors.events import MemberUp

if TYPE_CHECKING:
    from actors.runtime import Runtime

__all__ = ["check_count", "wait_for_member", "wait_for_members"]


def check_count(n: int) -> None:
    """Raise TypeError or ValueError where so many nodes cannot be waited for."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n must be an int, not {n!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")


async def wait_for_member(node: Runtime, name: str) -> None:
    """Wait until the node of that name is up."""
    await _until(node, lambda: node.membership.is_up(name))


async def wait_for_members(
    node: Runtime, n: int, timeout: float | None, refusal: Callable[[], NodeRefusedError | None]
) -> None:
    """Wait until `n` nodes are up, this one included. `timeout` in seconds.

    Raises TimeoutError, or in its place the `refusal` that this node met, if there is one.
    """
    try:
        async with time_limit(node.clock, timeout):
            await _until(node, lambda: len(_up(node)) >= n)
    except TimeoutError:
        refused, up = refusal(), _up(node)
        if refused is not None:
            raise refused from None
        raise TimeoutError(
            f"{len(up)} of {n} nodes were up after {timeout} s: {', '.join(up)}"
        ) from None


def _up(node: Runtime) -> list[str]:
    return [member.name for member in node.membership.members if member.status == "up"]


async def _until(node: Runtime, condition: Callable[[], bool]) -> None:
    changed = asyncio.Event()
    unsubscribe = node.events.subscribe(lambda _: changed.set(), MemberUp)
    try:
        while not condition():
            changed.clear()
            await changed.wait()
    finally:
        unsubscribe()
