"""A tenure: whatever happens in whatever order, no instance runs without the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actors.singleton.tenure import HASTE, Tenure, Unconditional
from tests.actors.kit import begin


class Desk:
    """A lease that the test gives and takes, and an instance; what they do is written down."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.granted = asyncio.Event()
        self.stopped = asyncio.Event()
        self.released = asyncio.Event()
        self.stopped.set()
        self.released.set()
        self.lost: Callable[[], None] = lambda: None
        self.tenure = Tenure(self, "job", self.start, lambda: self.log.append("lost"))  # type: ignore[arg-type]

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        self.lost = lost
        await self.granted.wait()
        return 7

    async def release(self, name: str) -> None:
        self.log.append("release")
        await self.released.wait()
        self.log.append("released")

    def start(self, token: int) -> Desk:
        self.log.append(("start", token))
        return self

    async def stop(self, drain: bool = False, timeout: float = 5.0) -> None:
        self.log.append(("drain" if drain else "stop", timeout))
        await self.stopped.wait()


DRAIN, HURRY = ("drain", 5.0), ("stop", HASTE)


async def held(desk: Desk) -> asyncio.Task[None]:
    """Begin, and have the instance run."""
    desk.granted.set()
    running = await begin(desk.tenure.run())
    await asyncio.sleep(0)
    assert desk.log == [("start", 7)]
    return running


async def test_the_instance_runs_between_acquire_and_release() -> None:
    """It handles what it has queued, and stops before the lease is given back."""
    desk = Desk()
    running = await held(desk)
    await desk.tenure.end()
    assert running.done()
    assert desk.log == [("start", 7), DRAIN, "release", "released"]
    assert desk.tenure.has_run


async def test_a_lost_lease_stops_the_instance_in_haste() -> None:
    """What is queued is not handled any more; the manager hears of it at once, and once."""
    desk = Desk()
    running = await held(desk)
    desk.lost()
    desk.lost()
    assert desk.log[1:] == ["lost"]
    await running
    assert desk.log[1:] == ["lost", HURRY, "release", "released"]


async def test_a_lease_lost_before_it_was_known_to_be_held_starts_nothing() -> None:
    """It is given back, lost as it is."""
    desk = Desk()
    running = await begin(desk.tenure.run())
    desk.granted.set()
    desk.lost()
    await running
    assert desk.log == ["lost", "release", "released"]
    assert not desk.tenure.has_run


async def test_a_lease_lost_while_the_instance_drains_makes_it_hurry() -> None:
    """There is no time any more for what is queued."""
    desk = Desk()
    await held(desk)
    desk.stopped.clear()
    ending = await begin(desk.tenure.end())
    await asyncio.sleep(0)
    desk.lost()
    await asyncio.sleep(0)
    assert desk.log[1:] == [DRAIN, "lost", HURRY]
    desk.stopped.set()
    await ending
    assert desk.log[4:] == ["release", "released"]


async def test_an_end_while_it_waits_gives_up_the_wait() -> None:
    """There is nothing to give back: a cancelled `acquire` leaves nothing behind."""
    desk = Desk()
    running = await begin(desk.tenure.run())
    await desk.tenure.end()
    assert running.cancelled()
    assert desk.log == []


async def test_an_end_before_the_beginning_acquires_nothing() -> None:
    """As where a handler ends it in the same turn of the loop."""
    desk = Desk()
    desk.granted.set()
    await desk.tenure.end()
    await desk.tenure.run()
    assert desk.log == []


async def test_a_lease_that_comes_in_spite_of_the_end_is_given_back() -> None:
    """Where an `acquire` does not heed that it is cancelled."""

    class Heedless(Desk):
        async def acquire(self, name: str, lost: Callable[[], None]) -> int:
            try:
                await self.granted.wait()
            except asyncio.CancelledError:
                return 7
            raise AssertionError("never granted")

    desk = Heedless()
    await begin(desk.tenure.run())
    await desk.tenure.end()
    assert desk.log == ["release", "released"]


async def test_who_kills_the_manager_does_not_keep_the_lease() -> None:
    """The task is cancelled, once the children have ended, and again while it gives back."""
    desk = Desk()
    desk.released.clear()
    running = await held(desk)
    running.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.log[1:] == ["release"]
    running.cancel()
    await asyncio.wait({running})
    desk.released.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.log[1:] == ["release", "released"]


async def test_a_loss_after_the_end_is_nobodys() -> None:
    """A late word from the coordinator."""
    desk = Desk()
    await held(desk)
    await desk.tenure.end()
    desk.lost()
    assert "lost" not in desk.log


async def test_an_end_waits_for_the_release() -> None:
    """And does not cancel it: who is told to make way says so when the lease is free."""
    desk = Desk()
    desk.released.clear()
    await held(desk)
    ending = await begin(desk.tenure.end())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not ending.done()
    desk.released.set()
    await ending
    assert desk.log[-1] == "released"


async def test_a_failing_lease_fails_the_tenure() -> None:
    """The manager fails with it, and its supervision decides."""

    class Broken(Desk):
        async def release(self, name: str) -> None:
            raise OSError("the coordinator is gone for good")

    desk = Broken()
    running = await held(desk)
    await desk.tenure.end()
    with pytest.raises(OSError, match="for good"):
        await running


async def test_without_a_lease_it_is_held_at_once() -> None:
    """The word of the membership is enough."""
    nothing = Unconditional()
    assert await nothing.acquire("job", lambda: None) == 0
    await nothing.release("job")
