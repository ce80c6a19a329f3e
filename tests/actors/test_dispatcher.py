"""Turns without tasks: what plain functions handle, and who else runs meanwhile."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import Any

import pytest

from actors import Actor, Message, Node, on
from actors.dispatcher import SLICE
from tests.actors.kit import Note, Puppet

setting: ContextVar[str] = ContextVar("setting", default="untouched")


class Touch(Message[str]):
    """Answers what the setting was, and changes it."""


class Special(Touch):
    """A subclass, which the base's handler takes."""


class Later(Message[int]):
    """A plain function that answers with a coroutine."""

    value: int


class Plain(Actor):
    """Handles all it gets in plain functions."""

    @on(Touch)
    def touch(self, message: Touch) -> str:
        was = setting.get()
        setting.set("touched")
        return was

    @on(Later)
    def later(self, message: Later) -> Any:
        async def answer() -> int:
            await asyncio.sleep(0)
            return message.value

        return answer()


async def test_asks_in_a_loop_let_others_run() -> None:
    """An ask of an idle actor may be answered within the call, but not for ever."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count_turns())
        asked = 0
        while turns < 3 and asked < 10_000:
            asked += 1
            assert await puppet.ask(Note(asked)) == asked
        counting.cancel()
        assert turns == 3


def spin() -> None:
    """Work for longer than a slice of time."""
    end = time.perf_counter() + 2 * SLICE
    while time.perf_counter() < end:
        pass


class Slow(Actor):
    """Works in a plain function."""

    count = 0

    @on(Touch)
    def touch(self, message: Touch) -> int:
        spin()
        self.count += 1
        return self.count


class SlowlyAsync(Slow):
    """Works in a function that could wait, but never does."""

    @on(Touch)
    async def touch(self, message: Touch) -> int:  # type: ignore[override]
        return super().touch(message)


@pytest.mark.parametrize("slow_class", [Slow, SlowlyAsync])
async def test_slow_messages_end_a_turn(slow_class: type[Actor]) -> None:
    """Time ends a turn, and not the number of messages alone."""
    async with Node("n") as node:
        slow = node.spawn(slow_class)
        for _ in range(20):
            slow.tell(Touch())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 0 < node.stats().handled < 20
        assert await slow.ask(Touch()) == 21


async def test_the_turns_of_many_end_with_the_slice() -> None:
    """However many are ready, others run before all of them have had their turn."""
    async with Node("n") as node:
        slow = [node.spawn(Slow) for _ in range(100)]
        for ref in slow:
            ref.tell(Touch())
        await asyncio.sleep(0)
        assert 0 < node.stats().handled < 100
        assert await asyncio.gather(*(ref.ask(Touch()) for ref in slow)) == [2] * 100


async def test_an_actor_that_tells_itself_lets_others_run() -> None:
    """However much there is to do, everybody gets a turn."""

    class Again(Message[None]):
        pass

    class Restless(Actor):
        @on(Again)
        def again(self, message: Again) -> None:
            self.ref.tell(message)

    async with Node("n") as node:
        restless, puppet = node.spawn(Restless), node.spawn(Puppet)
        restless.tell(Again())
        for number in range(20):
            puppet.tell(Note(number))
            await asyncio.sleep(0)
        assert await puppet.ask(Note("last")) == 21


async def test_context_variables_stay_with_their_actor() -> None:
    """What one function sets is seen neither by the next message, nor by others, nor the asker."""
    async with Node("n") as node:
        one, other = node.spawn(Plain), node.spawn(Plain)
        assert await one.ask(Touch()) == "untouched"
        assert await other.ask(Touch()) == "untouched"
        assert await one.ask(Special()) == "untouched"
        assert await one.ask(Special()) == "untouched"
        assert setting.get() == "untouched"


async def test_a_plain_function_may_answer_with_a_coroutine() -> None:
    """It is awaited like an `async def`, and nothing overtakes it."""
    async with Node("n") as node:
        plain = node.spawn(Plain)
        asks = [asyncio.create_task(plain.ask(Later(number))) for number in range(5)]
        assert await asyncio.gather(*asks) == [0, 1, 2, 3, 4]


async def test_an_ask_does_not_overtake_what_was_told() -> None:
    """An actor with something queued is not idle."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        for number in range(3):
            puppet.tell(Note(number))
        assert await puppet.ask(Note("asked")) == 4
