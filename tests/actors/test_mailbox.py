"""Bounded mailboxes, and `ref.send`, the call with backpressure."""

from __future__ import annotations

import asyncio

import pytest

from actors import (
    ActorStoppedError,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    Node,
    SendTimeoutError,
    Terminated,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Hold,
    Journal,
    Note,
    Notes,
    Puppet,
    Seen,
    adds_up,
    begin,
    occupy,
)


class Two(Puppet):
    """Two messages may wait for it."""

    mailbox = Mailbox(capacity=2)


class LastTwo(Puppet):
    """The two newest messages may wait for it."""

    mailbox = Mailbox(capacity=2, overflow="drop_old")


class Watcher(Puppet):
    """As small as can be, and it watches."""

    mailbox = Mailbox(capacity=1)

    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated", message.ref)


async def test_a_full_mailbox_refuses_a_tell_as_a_dead_letter() -> None:
    """The new message becomes the dead letter; the one in hand does not count."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        two = node.spawn(Two)
        gate = await occupy(two)
        for number in range(4):
            two.tell(Note(number))
        assert [letter.message for letter in letters.entries] == [Note(2), Note(3)]
        assert all(letter.recipient == two for letter in letters.entries)
        gate.open()
        await two.send(Note("later"))
        assert await two.ask(Notes()) == [0, 1, "later"]


async def test_a_full_mailbox_refuses_an_ask() -> None:
    """An ask that meets a full mailbox raises MailboxFullError and is one dead letter."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        two = node.spawn(Two)
        gate = await occupy(two)
        two.tell(Note(0))
        two.tell(Note(1))
        with pytest.raises(MailboxFullError):
            await two.ask(Notes())
        assert [letter.message for letter in letters.entries] == [Notes()]
        gate.open()


async def test_drop_old_gives_up_the_oldest() -> None:
    """With `drop_old` the oldest waiting message becomes the dead letter, the new one waits."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        journal = Journal()
        last = node.spawn(LastTwo.props(journal))
        gate = await occupy(last)
        for number in range(4):
            last.tell(Note(number))
        assert [letter.message for letter in letters.entries] == [Note(0), Note(1)]
        gate.open()
        await journal.has(("note", 3))
        assert await last.ask(Notes()) == [2, 3]


async def test_the_victim_of_drop_old_is_told() -> None:
    """An ask that gives way to a newer message raises MailboxFullError at its asker."""
    async with Node("n") as node:
        last = node.spawn(LastTwo)
        gate = await occupy(last)
        victim = await begin(last.ask(Notes(), timeout=None))
        await asyncio.sleep(0)
        last.tell(Note(1))
        last.tell(Note(2))
        with pytest.raises(MailboxFullError):
            await victim
        gate.open()


async def test_system_messages_do_not_count() -> None:
    """A full mailbox neither stops an actor from being stopped nor from hearing of the dead."""
    async with Node("n") as node:
        journal = Journal()
        watcher, target = node.spawn(Watcher.props(journal)), node.spawn(Puppet)
        await watcher.ask(Do(lambda actor: actor.watch(target)))
        gate = await occupy(watcher)
        watcher.tell(Note(1))
        await target.stop()
        gate.open()
        await journal.has(("note", 1), ("terminated", target))
        gate = await occupy(watcher)
        watcher.tell(Note(2))
        stopping = await begin(watcher.stop())
        gate.open()
        await stopping
        await watcher.stopped()


async def test_notices_leave_room_for_messages() -> None:
    """Terminated notices that wait take no room from user messages."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        journal = Journal()
        watcher = node.spawn(Watcher.props(journal))
        targets = [node.spawn(Puppet) for _ in range(3)]
        for target in targets:
            await watcher.ask(Do(lambda actor, target=target: actor.watch(target)))
        gate = await occupy(watcher)
        for target in targets:
            await target.stop()
        watcher.tell(Note("fits"))
        gate.open()
        await journal.has(("note", "fits"), *[("terminated", target) for target in targets])
        assert letters.entries == []


async def test_a_send_returns_when_the_message_is_in_the_mailbox() -> None:
    """With room `send` returns at once, before the message is handled."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        assert await puppet.send(Note(1)) is None  # type: ignore[func-returns-value]
        gate.open()
        assert await puppet.ask(Notes()) == [1]


async def test_a_send_waits_for_room() -> None:
    """A send to a full mailbox returns only when a message has been taken out."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        two = node.spawn(Two)
        gate = await occupy(two)
        two.tell(Note(0))
        two.tell(Note(1))
        sends = [await begin(two.send(Note(number))) for number in (2, 3)]
        await clock.advance(100)
        assert not any(send.done() for send in sends)
        gate.open()
        await asyncio.gather(*sends)
        await two.send(Note(4))
        await clock.advance(0)
        assert await two.ask(Notes()) == [0, 1, 2, 3, 4]


async def test_waiting_sends_keep_their_order() -> None:
    """Senders that wait are let in one by one, first come first served."""
    async with Node("n") as node:
        journal = Journal()
        two = node.spawn(Two.props(journal))
        gate = await occupy(two)
        sends = [await begin(two.send(Note(number))) for number in range(20)]
        gate.open()
        await asyncio.gather(*sends)
        await journal.has(("note", 19))
        assert await two.ask(Notes()) == list(range(20))


async def test_a_tell_does_not_overtake_a_waiting_send() -> None:
    """While a send waits the mailbox is full for everybody else."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        two = node.spawn(Two)
        gate = await occupy(two)
        sends = [await begin(two.send(Note(number))) for number in range(3)]
        await asyncio.sleep(0)
        two.tell(Note("told"))
        assert [letter.message for letter in letters.entries] == [Note("told")]
        gate.open()
        await asyncio.gather(*sends)


async def test_a_send_times_out() -> None:
    """A send that finds no room in time raises SendTimeoutError and is not sent."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        two = node.spawn(Two)
        gate = await occupy(two)
        two.tell(Note(0))
        two.tell(Note(1))
        waiting = await begin(two.send(Note(2), timeout=3.0))
        await clock.advance(2.9)
        assert not waiting.done()
        await clock.advance(0.2)
        with pytest.raises(SendTimeoutError) as caught:
            await waiting
        assert isinstance(caught.value, TimeoutError)
        assert str(two) in str(caught.value)
        gate.open()
        await clock.advance(0)
        assert await two.ask(Notes()) == [0, 1]


async def test_a_cancelled_send_is_not_sent() -> None:
    """Who gives up waiting for room has sent nothing."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        two = node.spawn(Two)
        gate = await occupy(two)
        two.tell(Note(0))
        two.tell(Note(1))
        waiting, next_one = await begin(two.send(Note(2))), await begin(two.send(Note(3)))
        await clock.advance(0)
        waiting.cancel()
        await clock.advance(0)
        gate.open()
        await next_one
        await clock.advance(0)
        assert await two.ask(Notes()) == [0, 1, 3]


async def test_a_waiting_send_fails_when_the_recipient_stops() -> None:
    """A send that waits when its recipient stops raises ActorStoppedError."""
    async with Node("n") as node:
        two = node.spawn(Two)
        gate = await occupy(two)
        two.tell(Note(0))
        two.tell(Note(1))
        waiting = await begin(two.send(Note(2)))
        await asyncio.sleep(0)
        stopping = await begin(two.stop())
        await asyncio.sleep(0)
        gate.open()
        with pytest.raises(ActorStoppedError):
            await waiting
        await stopping


async def test_a_send_to_the_dead_fails_at_once() -> None:
    """A send to a stopped actor raises ActorStoppedError."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        await puppet.stop()
        with pytest.raises(ActorStoppedError):
            await puppet.send(Note(1))


async def test_a_waiting_send_fails_when_a_drain_begins() -> None:
    """A draining stop handles what is in the mailbox, and lets nobody in who waits for room."""
    async with Node("n") as node:
        journal = Journal()
        two = node.spawn(Two.props(journal))
        gate = await occupy(two)
        sends = [await begin(two.send(Note(number), timeout=None)) for number in range(4)]
        stopping = await begin(two.stop(drain=True, timeout=None))
        for send in sends[2:]:
            with pytest.raises(ActorStoppedError):
                await send
        assert not stopping.done()
        gate.open()
        await stopping
        assert [entry[1] for entry in journal.entries if entry[0] == "note"] == [0, 1]
        adds_up(node)


async def test_the_mailbox_survives_a_restart() -> None:
    """What is queued, and who waits to send, is there for the new instance."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        two = node.spawn(Two.props(journal))
        gate = await occupy(two)
        two.tell(Fail(ValueError("bad")))
        two.tell(Note(1))
        sends = [await begin(two.send(Note(number))) for number in (2, 3)]
        gate.open()
        await asyncio.gather(*sends)
        await journal.has(("note", 1), ("note", 2), ("note", 3))
        assert journal.entries.index(("restart", ValueError)) < journal.entries.index(("note", 1))
        assert await two.ask(Notes()) == [1, 2, 3]


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_capacity_is_at_least_one(capacity: int) -> None:
    """A mailbox without room is refused where it is written."""
    with pytest.raises(ValueError, match="capacity"):
        Mailbox(capacity=capacity)


def test_a_mailbox_is_checked_by_name() -> None:
    """A wrong type or an unknown overflow is named."""
    with pytest.raises(TypeError, match="capacity"):
        Mailbox(capacity="2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="overflow"):
        Mailbox(capacity=2, overflow="drop_new")  # type: ignore[arg-type]
    assert Mailbox(capacity=2) == Mailbox(2, "reject")
    assert Mailbox() == Mailbox(capacity=None, overflow="reject")


async def test_an_unbounded_mailbox_takes_everything() -> None:
    """By default nothing is refused."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        for number in range(20_000):
            puppet.tell(Note(number))
        gate.open()
        assert len(await puppet.ask(Notes())) == 20_000
        assert letters.entries == []


async def test_a_hold_in_hand_is_not_in_the_mailbox() -> None:
    """A mailbox of one takes one message beside the one in hand."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        watcher = node.spawn(Watcher)
        gate = await occupy(watcher)
        second = await begin(watcher.ask(Note(1)))
        await asyncio.sleep(0)
        watcher.tell(Hold(gate))
        assert [type(letter.message) for letter in letters.entries] == [Hold]
        gate.open()
        assert await second == 1
