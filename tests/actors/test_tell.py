"""What `ref.tell(message)` promises."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorFailed, ActorRestarted, DeadLetter, Node, SerializationError
from tests.actors.kit import (
    Do,
    Fail,
    Journal,
    Note,
    NotEnough,
    Notes,
    Puppet,
    Seen,
    Unknown,
    occupy,
)


async def test_a_tell_returns_before_the_message_is_handled() -> None:
    """Nothing is handled before the teller gives way to the loop."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        assert puppet.tell(Note(1)) is None  # type: ignore[func-returns-value]
        assert ("note", 1) not in journal.entries
        await journal.has(("note", 1))


async def test_tells_of_one_sender_arrive_in_order() -> None:
    """A thousand tells are handled in the order in which they were told, an ask among them too."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        for number in range(1000):
            puppet.tell(Note(number))
        assert await puppet.ask(Notes()) == list(range(1000))


async def test_messages_told_at_once_queue_behind_the_start() -> None:
    """What is told right after `spawn` waits for `on_start` and is handled after it."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        puppet.tell(Note("early"))
        await journal.has(("note", "early"))
        assert journal.entries == [("init",), ("start",), ("note", "early")]


async def test_a_tell_never_raises_for_the_dead() -> None:
    """What is told to a dead actor becomes a DeadLetter that says what, to whom, from whom, why."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        dead, teller = node.spawn(Puppet), node.spawn(Puppet)
        await dead.stop()
        message = Note("lost")
        dead.tell(message)
        await teller.ask(Do(lambda actor: dead.tell(message)))
        first, second = await letters.count(2)
        assert (first.message, first.recipient, first.sender) == (message, dead, None)
        assert (second.message, second.recipient, second.sender) == (message, dead, teller)
        assert isinstance(first.reason, str)
        assert first.reason


async def test_what_nobody_handles_is_a_dead_letter() -> None:
    """A told message without a handler becomes a DeadLetter `unhandled`; the actor is unharmed."""
    async with Node("n") as node:
        events = Seen(node, DeadLetter, ActorFailed)
        puppet = node.spawn(Puppet)
        puppet.tell(Note(1))
        puppet.tell(Unknown())
        assert await puppet.ask(Notes()) == [1]
        [letter] = events.entries
        assert letter.message == Unknown()
        assert letter.recipient == puppet
        assert "unhandled" in letter.reason


async def test_a_failure_of_a_told_message_is_an_event() -> None:
    """ActorFailed carries ref, error and message; ActorRestarted follows."""
    async with Node("n") as node:
        events = Seen(node, ActorFailed, ActorRestarted)
        puppet = node.spawn(Puppet)
        error = ValueError("bad")
        message = Fail(error)
        puppet.tell(message)
        failed, restarted = await events.count(2)
        assert (failed.ref, failed.error, failed.message) == (puppet, error, message)
        assert (restarted.ref, restarted.error) == (puppet, error)


async def test_a_refusal_of_a_told_message_harms_nobody() -> None:
    """Where nobody asked, a Refusal ends with the message: no failure, no dead letter."""
    async with Node("n") as node:
        events = Seen(node, ActorFailed, DeadLetter)
        puppet = node.spawn(Puppet)
        puppet.tell(Note(1))
        puppet.tell(Fail(NotEnough(1)))
        assert await puppet.ask(Notes()) == [1]
        assert events.entries == []


async def test_the_sender_is_who_told() -> None:
    """Inside a handler `self.sender` is the telling actor; from outside it is None."""
    async with Node("n") as node:
        seen = Journal()
        one, other = node.spawn(Puppet), node.spawn(Puppet)
        look = Do(lambda actor: seen.add(actor.sender))
        other.tell(look)
        one.tell(Do(lambda actor: other.tell(look)))
        assert await seen.count(2) == [None, one]


async def test_an_actor_may_tell_itself() -> None:
    """A tell to oneself is handled after what is queued already, and never waits."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        gate = await occupy(puppet)
        puppet.tell(Do(lambda actor: actor.ref.tell(Note("to myself"))))
        puppet.tell(Note("queued"))
        gate.open()
        await journal.has(("note", "to myself"))
        assert await puppet.ask(Notes()) == ["queued", "to myself"]


async def test_untyped_values_are_messages_too() -> None:
    """Whatever Python value is told reaches `receive`; by default it is unhandled."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        values: list[Any] = [None, 7, "text", {"a": [1]}, (1, 2), object()]
        for value in values:
            puppet.tell(value)
        assert [letter.message for letter in await letters.count(len(values))] == values


async def test_what_cannot_be_sent_raises_where_the_call_is() -> None:
    """Under `serialize_local` an unsendable message raises SerializationError, a TypeError."""
    async with Node("n", serialize_local=True) as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(SerializationError) as caught:
            puppet.tell(object())
        assert isinstance(caught.value, TypeError)
        with pytest.raises(SerializationError):
            await puppet.ask(object())
        with pytest.raises(SerializationError):
            await puppet.send(object())


async def test_an_incarnation_that_is_gone_is_dead() -> None:
    """A new actor under the same name does not get what was meant for the old one."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        old = node.spawn(Puppet, name="a")
        await old.stop()
        new = node.spawn(Puppet, name="a")
        assert old != new
        old.tell(Note("for the old one"))
        await letters.count(1)
        assert await new.ask(Notes()) == []
