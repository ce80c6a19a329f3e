"""The event loop of a simulation: virtual time, and what it does where that cannot go on."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from typing import Any

import pytest

from actors.testing.errors import DeadlockError, StandstillError, TimeLimitError
from actors.testing.loop import VirtualLoop


@pytest.fixture
def loop() -> Any:
    loop = VirtualLoop()  # type: ignore[abstract]
    yield loop
    loop.close()


def test_sleeping_moves_virtual_time_and_takes_none(loop: VirtualLoop) -> None:
    """An hour passes at once, to the second."""

    async def sleep() -> float:
        await asyncio.sleep(3600.0)
        return loop.time()

    began = time.perf_counter()
    assert loop.run_until_complete(sleep()) == 3600.0
    assert time.perf_counter() - began < 60.0


def test_a_timeout_expires_in_virtual_time(loop: VirtualLoop) -> None:
    """`asyncio.timeout` and `wait_for` go by the same time."""

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2.0)
        return loop.time()

    assert loop.run_until_complete(wait()) == 7.0


def test_timers_fire_in_their_order_and_equal_ones_as_they_were_set(loop: VirtualLoop) -> None:
    """Due time first, then the order of setting; time is what the timer said."""
    fired: list[tuple[str, float]] = []

    async def wait() -> None:
        for name, delay in (("late", 2.0), ("first", 1.0), ("second", 1.0)):
            loop.call_later(delay, lambda name=name: fired.append((name, loop.time())))
        await asyncio.sleep(3.0)

    loop.run_until_complete(wait())
    assert fired == [("first", 1.0), ("second", 1.0), ("late", 2.0)]


def test_a_cancelled_timer_neither_fires_nor_moves_the_time(loop: VirtualLoop) -> None:
    """Nobody waits for it, so time does not go there."""

    async def wait() -> None:
        loop.call_later(1.0, pytest.fail, "it fired").cancel()
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError) as caught:
        loop.run_until_complete(wait())
    assert caught.value.now == 0.0


def test_time_moves_only_when_nothing_is_ready(loop: VirtualLoop) -> None:
    """However much there is to do, it takes no time."""

    async def work() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return loop.time()

    assert loop.run_until_complete(work()) == 0.0


def test_a_deadlock_is_noticed_and_names_who_waits(loop: VirtualLoop) -> None:
    """Nothing ready and no timer: that cannot change any more."""

    async def wait() -> None:
        task = asyncio.create_task(asyncio.Event().wait(), name="the one that waits")
        await task

    with pytest.raises(DeadlockError, match="the one that waits"):
        loop.run_until_complete(wait())


def test_a_circle_without_waiting_is_noticed(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callbacks that call each other at the same moment do not go on for ever."""
    monkeypatch.setattr("actors.testing.loop.MOMENT", 1000)

    async def turn() -> None:
        await asyncio.sleep(1.0)
        for _ in itertools.count():
            await asyncio.sleep(0)

    with pytest.raises(StandstillError) as caught:
        loop.run_until_complete(turn())
    assert caught.value.now == 1.0


def test_a_timer_that_is_set_for_now_again_and_again_is_noticed(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each comes at a moment of its own, and the time of all is the same."""
    monkeypatch.setattr("actors.testing.loop.MOMENT", 1000)

    async def turn() -> None:
        await asyncio.sleep(1.0)
        for _ in itertools.count():
            await asyncio.sleep(1e-30)

    with pytest.raises(StandstillError) as caught:
        loop.run_until_complete(turn())
    assert caught.value.now == 1.0


def test_it_gives_up_past_its_limit(loop: VirtualLoop) -> None:
    """What waits for ever, with timers that go on and on, does not run for ever."""
    loop.limit = 10.0

    async def tick() -> None:
        for _ in itertools.count():
            await asyncio.sleep(1.0)

    with pytest.raises(TimeLimitError, match="10 virtual s"):
        loop.run_until_complete(tick())


def test_what_would_run_in_a_thread_runs_at_once(loop: VirtualLoop) -> None:
    """A result and an error come back as from a pool."""

    async def work() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 42)

    assert loop.run_until_complete(work()) == 42


def test_what_nobody_catches_is_kept(loop: VirtualLoop) -> None:
    """Errors of callbacks reach the handler, and the loop goes on."""

    async def work() -> None:
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1.0)

    loop.run_until_complete(work())
    assert [type(context["exception"]) for context in loop.unhandled] == [ZeroDivisionError]


def test_a_task_group_cancels_in_the_order_of_starting(loop: VirtualLoop) -> None:
    """Its set of tasks is in no order of addresses, which would differ from run to run."""
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def fail() -> None:
        await asyncio.sleep(1.0)
        raise ValueError("the end")

    async def work() -> None:
        padding = [bytearray(size) for size in range(0, 4000, 100)]
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(wait(number))
                padding.pop()
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        loop.run_until_complete(work())
    assert ended == list(range(20))


def test_it_does_not_run_within_another_loop() -> None:
    """Two loops in one thread would be one too many."""

    async def outer() -> None:
        inner = VirtualLoop()  # type: ignore[abstract]
        with pytest.raises(RuntimeError, match="plain function"):
            inner.run_until_complete(inner.create_future())
        inner.close()

    asyncio.run(outer())


def test_what_waits_when_it_closes_is_closed_and_not_heard_of(loop: VirtualLoop) -> None:
    """No task is left to complain that it was destroyed, and nothing is done for it."""
    ended = itertools.count()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            next(ended)
            await asyncio.sleep(1.0)

    async def work() -> None:
        for _ in range(3):
            loop.create_task(wait())
        await asyncio.sleep(1.0)

    loop.run_until_complete(work())
    assert next(ended) == 0
    loop.close()
    assert next(ended) == 4
    gc.collect()  # what would complain does so now, and warnings are errors
    assert loop.unhandled == []


def test_what_ends_with_it_begins_nothing_new(loop: VirtualLoop) -> None:
    """A `finally` block that would start a task starts none, which nobody would run or close."""
    refused: list[str] = []

    async def clean_up() -> None:
        refused.append("ran")

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            try:
                asyncio.ensure_future(clean_up())  # noqa: RUF006 - it raises
            except RuntimeError as error:
                refused.append(str(error))

    async def work() -> None:
        tasks.append(loop.create_task(wait()))
        await asyncio.sleep(1.0)

    tasks: list[asyncio.Task[Any]] = []
    loop.run_until_complete(work())
    loop.close()
    gc.collect()  # a coroutine that nobody awaits says so now, and warnings are errors
    assert refused == ["the simulation is over: nothing runs any more"]
