"""Waiting for what is on the links, with a deadline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.transport.kit import VirtualClock, settle
from transport.flush import Flush


@dataclass
class Lane:
    """As much of a link as is looked at."""

    idle: bool = False


def is_idle(link: Any) -> bool:
    """What is waited for."""
    return link.idle


async def test_it_waits_for_all_links() -> None:
    """One that has made progress is not enough, and what was progress before counts again."""
    lanes: list[Any] = [Lane(), Lane()]
    flush = Flush(VirtualClock(), lambda: lanes)
    waiting = asyncio.ensure_future(flush.wait(is_idle, 10.0))
    for lane in lanes:
        await settle()
        assert not waiting.done()
        lane.idle = True
        flush.progressed()
    await waiting


async def test_a_link_that_goes_is_not_waited_for() -> None:
    """It is looked at which there are, as often as something happens."""
    lanes: list[Any] = [Lane()]
    flush = Flush(VirtualClock(), lambda: lanes)
    waiting = asyncio.ensure_future(flush.wait(is_idle, 10.0))
    await settle()
    lanes.clear()
    flush.progressed()
    await waiting


async def test_it_gives_up_at_its_deadline() -> None:
    """No link can hold it longer, and a deadline that has passed does not wait at all."""
    clock, lanes = VirtualClock(), [Lane()]
    links: Any = lanes
    flush = Flush(clock, lambda: links)
    waiting = asyncio.ensure_future(flush.wait(is_idle, 10.0))
    await clock.advance(9.9)
    assert not waiting.done()
    await clock.advance(0.2)
    await waiting
    late = asyncio.ensure_future(flush.wait(is_idle, -1.0))
    await clock.advance(0.0)
    await late


async def test_with_nothing_to_wait_for_it_does_not_wait() -> None:
    """Neither without links nor where all are done, and no timer stays behind."""
    clock = VirtualClock()
    links: list[Any] = []
    await Flush(clock, lambda: links).wait(is_idle, 10.0)
    links.append(Lane(idle=True))
    await Flush(clock, lambda: links).wait(is_idle, 10.0)
    assert all(timer.cancelled for _, _, timer in clock._timers)
