"""Handlers that hold the event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from actors import Actor, HandlerBlocked, Node, on


class Block:
    """Asks for a handler that blocks until the event is set."""

    def __init__(self, until: threading.Event) -> None:
        self.until = until


class Blocking(Actor):
    @on(Block)
    async def block(self, message: Block) -> None:
        message.until.wait(10)


class PlainlyBlocking(Actor):
    """An ask of it, when it is idle, is handled within the asker's call."""

    @on(Block)
    def block(self, message: Block) -> None:
        message.until.wait(10)


@pytest.mark.parametrize("actor_class", [Blocking, PlainlyBlocking])
async def test_a_handler_that_blocks_is_reported_with_actor_and_message_type(
    actor_class: type[Actor], caplog: pytest.LogCaptureFixture
) -> None:
    """Over 100 ms without giving the loop back: an event and a warning, while it still blocks."""
    release = threading.Event()
    seen: list[HandlerBlocked] = []

    class Release:
        """Ends the block when the warning has come, from the watching thread."""

        def filter(self, record: object) -> bool:
            release.set()
            return True

    import logging

    watched = logging.getLogger("actors.watchdog")
    noticed = Release()
    watched.addFilter(noticed)
    try:
        async with Node("n") as node:
            reported = asyncio.Event()
            node.events.subscribe(
                lambda event: (seen.append(event), reported.set()), HandlerBlocked
            )
            ref = node.spawn(actor_class, name="slow")
            await ref.ask(Block(release), timeout=15)
            await asyncio.wait_for(reported.wait(), 5)
    finally:
        watched.removeFilter(noticed)
    assert seen[0].ref == ref
    assert seen[0].message_type == "Block"
    assert seen[0].seconds >= 0.1
    assert release.is_set()
    assert "slow has held the event loop" in caplog.text


class Spin:
    """Asks for a tenth of a millisecond of work."""


class Busy(Actor):
    @on(Spin)
    async def spin(self, message: Spin) -> None:
        end = time.perf_counter() + 0.0001
        while time.perf_counter() < end:
            pass


async def test_many_short_handlers_are_not_taken_for_a_long_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Together they hold the loop for longer than one may, but none of them does."""
    async with Node("n") as node:
        busy = [node.spawn(Busy) for _ in range(3_000)]
        for ref in busy:
            ref.tell(Spin())
        await busy[-1].ask(Spin(), timeout=30)
        assert node.stats().handled == 3_001
    assert "has held the event loop" not in caplog.text
