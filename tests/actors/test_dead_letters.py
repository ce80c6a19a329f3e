"""Dead letters: in the log, and in the hands of subscribers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from actors import Actor, ActorRef, DeadLetter, Mailbox, Node
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Gate,
    Hold,
    Journal,
    Note,
    Puppet,
    Seen,
    Unknown,
    adds_up,
    begin,
    occupy,
)


class Two(Puppet):
    """Handles two messages at once."""

    concurrency = 2


class Small(Puppet):
    """Two messages may wait for it."""

    mailbox = Mailbox(capacity=2)


class Newest(Puppet):
    """The two newest messages may wait for it."""

    mailbox = Mailbox(capacity=2, overflow="drop_old")


async def test_dead_letters_leave_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """Each dead letter leaves a trace; a flood of them is one line a second, which counts them."""
    clock = VirtualClock()
    with caplog.at_level(logging.WARNING, "actors.dead_letters"):
        async with Node("n", clock=clock) as node:
            ref = node.spawn(Actor, name="gone")
            await ref.stop()
            for number in range(5):
                ref.tell(number)
            await clock.advance(1.5)
            ref.tell("late")
    lines = [record.getMessage() for record in caplog.records if "dead letter" in record.msg]
    assert lines == [
        "dead letter: int for gone (stopped)",
        "dead letter: str for gone (stopped); 4 more since the last of these lines",
    ]


# --- the ledger, as a subscriber sees it


async def stopped_in_the_queue(ref: ActorRef[Any], clock: VirtualClock) -> None:
    gate = await occupy(ref)
    for number in range(5):
        ref.tell(Note(number))
    stopping = await begin(ref.stop())
    gate.open()
    await stopping


async def killed(ref: ActorRef[Any], clock: VirtualClock) -> None:
    await occupy(ref)
    for _ in range(5):
        ref.tell(Hold(Gate()))
    stopping = await begin(ref.stop(timeout=1.0))
    await clock.advance(2)
    await stopping


async def stopped_with_a_stash(ref: ActorRef[Any], clock: VirtualClock) -> None:
    for _ in range(3):
        ref.tell(Do(lambda actor: actor.stash()))
    await clock.advance(0)
    await ref.stop()


async def flooded(ref: ActorRef[Any], clock: VirtualClock) -> None:
    gate = await occupy(ref)
    for number in range(6):
        ref.tell(Note(number))
    gate.open()
    await ref.stop(drain=True)


async def failed_for_good(ref: ActorRef[Any], clock: VirtualClock) -> None:
    for number in range(3):
        for _ in range(3):
            ref.tell(Fail(ValueError("bad")))
        ref.tell(Note(number))
    await clock.advance(60)
    assert await ref.stopped() == "error"
    ref.tell(Note("late"))


async def not_understood(ref: ActorRef[Any], clock: VirtualClock) -> None:
    for _ in range(3):
        ref.tell(Unknown())
    await clock.advance(0)


@pytest.mark.parametrize(
    ("kind", "life"),
    [
        (Puppet, stopped_in_the_queue),
        (Puppet, killed),
        (Two, killed),
        (Puppet, stopped_with_a_stash),
        (Small, flooded),
        (Newest, flooded),
        (Puppet, failed_for_good),
        (Puppet, not_understood),
        (Two, not_understood),
    ],
)
async def test_the_ledger_adds_up_within_a_dead_letter(kind: type[Puppet], life: Any) -> None:
    """Who looks at the ledger from a subscription sees each message in one place only."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        seen = Journal()

        def look(letter: DeadLetter) -> None:
            adds_up(node)
            seen.add(letter)

        node.events.subscribe(look, DeadLetter)
        letters = Seen(node, DeadLetter)
        await life(node.spawn(kind), clock)
        assert letters.entries
        assert seen.entries == letters.entries


# --- what subscribers do


async def test_a_subscriber_may_tell_the_dead_of_their_dead_letters() -> None:
    """It does not end in itself: what it brings about is handed on in the next turn."""
    async with Node("n") as node:
        ref = node.spawn(Actor)
        await ref.stop()
        seen = Journal()

        def again(letter: DeadLetter) -> None:
            seen.add(letter.message)
            if letter.message:
                ref.tell(letter.message - 1)

        node.events.subscribe(again, DeadLetter)
        ref.tell(3000)
        assert await seen.has(0) == list(range(3000, -1, -1))
        adds_up(node)


async def test_what_subscribers_bring_about_comes_in_order() -> None:
    """Events come as they happened, although some of them were brought about by others."""
    async with Node("n") as node:
        ref = node.spawn(Actor)
        await ref.stop()
        seen = Journal()
        follow = {"a": ["b", "c"], "b": ["d"], "c": ["e"]}

        def more(letter: DeadLetter) -> None:
            for message in follow.get(letter.message, []):
                ref.tell(message)

        node.events.subscribe(more, DeadLetter)
        node.events.subscribe(lambda letter: seen.add(letter.message), DeadLetter)
        ref.tell("a")
        assert seen.entries == ["a"]
        ref.tell("after")
        assert await seen.has("e") == ["a", "b", "c", "after", "d", "e"]


async def test_a_subscriber_that_raises_a_cancellation_harms_nobody() -> None:
    """`tell` does not raise for it, and the other subscribers hear of the event."""
    async with Node("n") as node:
        ref = node.spawn(Actor)
        await ref.stop()

        def cancel(letter: DeadLetter) -> None:
            raise asyncio.CancelledError

        node.events.subscribe(cancel, DeadLetter)
        letters = Seen(node, DeadLetter)
        ref.tell("x")
        assert [letter.message for letter in letters.entries] == ["x"]
