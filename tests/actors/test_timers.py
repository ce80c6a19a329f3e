"""`self.timers` and `self.receive_timeout`, on a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest

from actors import Actor, ActorRef, DeadLetter, Mailbox, Node, ReceiveTimeout, on
from actors.testing import VirtualClock
from tests.actors.kit import Do, Fail, Journal, Note, Notes, Puppet, Seen, occupy


class Quiet(Puppet):
    """Notes when nothing came for a while."""

    @on(ReceiveTimeout)
    def quiet(self, message: ReceiveTimeout) -> None:
        self.write("quiet")


async def do(ref: ActorRef[Any], action: Any) -> Any:
    return await ref.ask(Do(action))


async def test_a_timer_once_fires_once_in_its_time() -> None:
    """`once` delivers its message after the delay, and only once."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await do(puppet, lambda actor: actor.timers.once(3.0, Note("ring")) and None)
        await clock.advance(2.9)
        assert await puppet.ask(Notes()) == []
        await clock.advance(0.2)
        assert await puppet.ask(Notes()) == ["ring"]
        await clock.advance(100)
        assert await puppet.ask(Notes()) == ["ring"]


async def test_a_timer_of_no_delay_is_a_message_to_oneself() -> None:
    """`once(0, ...)` delivers without time passing, and not inside the handler."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))

        def begin(actor: Any) -> int:
            actor.timers.once(0, Note("now"))
            return len(actor.notes)

        assert await do(puppet, begin) == 0
        await clock.advance(0)
        await journal.has(("note", "now"))


async def test_a_timer_every_fires_again_and_again() -> None:
    """`every` delivers after each interval."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await do(puppet, lambda actor: actor.timers.every(2.0, Note("tick")) and None)
        await clock.advance(1.9)
        assert await puppet.ask(Notes()) == []
        for ticks in range(1, 6):
            await clock.advance(2.0)
            assert await puppet.ask(Notes()) == ["tick"] * ticks


async def test_timers_fire_in_order() -> None:
    """Timers that fall due during one turn of the clock fire in the order of their times."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)

        def begin(actor: Any) -> None:
            for delay in (3, 1, 2):
                actor.timers.once(delay, Note(delay))

        await do(puppet, begin)
        await clock.advance(5)
        assert await puppet.ask(Notes()) == [1, 2, 3]


async def test_a_timer_with_the_key_of_another_replaces_it() -> None:
    """Only the newer of two timers with one key fires; other keys and no key are untouched."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)

        def begin(actor: Any) -> None:
            actor.timers.once(1.0, Note("old"), key="k")
            actor.timers.once(1.0, Note("other"), key="other")
            actor.timers.once(1.0, Note("no key"))
            actor.timers.once(1.0, Note("no key either"))
            actor.timers.once(2.0, Note("new"), key="k")

        await do(puppet, begin)
        await clock.advance(10)
        assert await puppet.ask(Notes()) == ["other", "no key", "no key either", "new"]


async def test_a_once_replaces_an_every_of_its_key() -> None:
    """The key is what counts, not the kind of timer."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await do(puppet, lambda actor: actor.timers.every(1.0, Note("tick"), key="k") and None)
        await clock.advance(1.5)
        await do(puppet, lambda actor: actor.timers.once(1.0, Note("last"), key="k") and None)
        await clock.advance(10)
        assert await puppet.ask(Notes()) == ["tick", "last"]


async def test_a_cancelled_timer_does_not_fire() -> None:
    """`cancel(key)` ends a timer; an unknown key is no mistake."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)

        def begin(actor: Any) -> None:
            actor.timers.every(1.0, Note("tick"), key="k")
            actor.timers.cancel("unknown")

        await do(puppet, begin)
        await clock.advance(1.5)
        await do(puppet, lambda actor: actor.timers.cancel("k") and None)
        await clock.advance(10)
        assert await puppet.ask(Notes()) == ["tick"]


async def test_no_timer_fires_after_the_stop() -> None:
    """A stopped actor's timers are gone: no dead letters come of them."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)

        def begin(actor: Any) -> None:
            actor.timers.every(1.0, Note("tick"))
            actor.timers.once(5.0, Note("ring"))
            actor.receive_timeout = 2.0

        await do(puppet, begin)
        await puppet.stop()
        await clock.advance(60)
        assert letters.entries == []


async def test_a_restart_ends_timers() -> None:
    """A new instance has none of the timers of the old one, nor its receive timeout."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)

        def begin(actor: Any) -> None:
            actor.timers.every(1.0, Note("tick"))
            actor.receive_timeout = 2.0

        await do(puppet, begin)
        puppet.tell(Fail(ValueError("bad")))
        await clock.advance(60)
        assert await puppet.ask(Notes()) == []
        assert letters.entries == []


async def test_a_timer_waits_its_turn_in_the_mailbox() -> None:
    """A timer's message is handled like any other, after the one in hand."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await do(puppet, lambda actor: actor.timers.once(1.0, Note("ring")) and None)
        gate = await occupy(puppet)
        await clock.advance(2.0)
        puppet.tell(Note("told"))
        gate.open()
        assert await puppet.ask(Notes()) == ["ring", "told"]


async def test_a_receive_timeout_comes_after_each_quiet_period() -> None:
    """Nothing for that long delivers ReceiveTimeout, again after each quiet period."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        quiet = node.spawn(Quiet.props(journal))

        def begin(actor: Any) -> None:
            actor.receive_timeout = 2.0

        await do(quiet, begin)
        await clock.advance(1.9)
        assert ("quiet",) not in journal.entries
        await clock.advance(0.2)
        assert journal.entries.count(("quiet",)) == 1
        await clock.advance(2.1)
        assert journal.entries.count(("quiet",)) == 2


async def test_a_message_begins_the_quiet_period_anew() -> None:
    """As long as messages come in time no ReceiveTimeout does."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        quiet = node.spawn(Quiet.props(journal))

        def begin(actor: Any) -> None:
            actor.receive_timeout = 2.0

        await do(quiet, begin)
        for number in range(10):
            await clock.advance(1.5)
            await quiet.ask(Note(number))
        assert ("quiet",) not in journal.entries
        await clock.advance(2.1)
        assert journal.entries.count(("quiet",)) == 1


async def test_a_receive_timeout_can_be_taken_back() -> None:
    """With `receive_timeout = None` no more come."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        quiet = node.spawn(Quiet.props(journal))

        def begin(actor: Any) -> None:
            actor.receive_timeout = 2.0

        def end(actor: Any) -> None:
            actor.receive_timeout = None

        await do(quiet, begin)
        await do(quiet, end)
        await clock.advance(60)
        assert ("quiet",) not in journal.entries


async def test_a_receive_timeout_may_be_set_at_the_start() -> None:
    """It works from `on_start` too, before any message came."""
    clock = VirtualClock()

    class Impatient(Actor):
        async def on_start(self) -> None:
            self.receive_timeout = 1.0

        @on(ReceiveTimeout)
        def quiet(self, message: ReceiveTimeout) -> None:
            self.stop()

    async with Node("n", clock=clock) as node:
        impatient = node.spawn(Impatient)
        await clock.advance(0)
        await clock.advance(1.1)
        assert await impatient.stopped() == "normal"


@pytest.mark.parametrize(
    "action",
    [
        lambda actor: actor.timers.once(-1, Note(1)),
        lambda actor: actor.timers.once(float("nan"), Note(1)),
        lambda actor: actor.timers.every(0, Note(1)),
        lambda actor: actor.timers.every(-1, Note(1)),
        lambda actor: setattr(actor, "receive_timeout", 0),
        lambda actor: setattr(actor, "receive_timeout", -2.0),
    ],
)
async def test_a_time_that_makes_no_sense_raises_at_the_call(action: Any) -> None:
    """Delays are >= 0, intervals and timeouts > 0, and all are numbers."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)

        def attempt(actor: Any) -> str:
            try:
                action(actor)
            except ValueError:
                return "refused"
            return "taken"

        assert await do(puppet, attempt) == "refused"


@pytest.mark.parametrize("kind", ["once", "every"])
async def test_a_key_that_cannot_be_one_raises_at_the_call(kind: str) -> None:
    """An unhashable key is a TypeError, and no timer is left of it."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)

        def attempt(actor: Any) -> None:
            with pytest.raises(TypeError):
                getattr(actor.timers, kind)(1.0, Note("ring"), key=["unhashable"])

        await do(puppet, attempt)
        await clock.advance(10)
        assert await puppet.ask(Notes()) == []


async def test_a_message_in_hand_is_no_quiet_period() -> None:
    """With `concurrency` > 1 too no ReceiveTimeout comes while one message is in hand."""
    clock = VirtualClock()

    class Two(Quiet):
        concurrency = 2

    def begin(actor: Any) -> None:
        actor.receive_timeout = 2.0

    async with Node("n", clock=clock) as node:
        journal = Journal()
        two = node.spawn(Two.props(journal))
        await do(two, begin)
        gate = await occupy(two)
        await clock.advance(60)
        assert ("quiet",) not in journal.entries
        gate.open()
        await clock.advance(5)
        assert ("quiet",) in journal.entries


async def test_timer_messages_count_against_the_mailbox() -> None:
    """A bounded mailbox that is full refuses the message of a timer like any other."""
    clock = VirtualClock()

    class Small(Puppet):
        mailbox = Mailbox(capacity=1)

    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        small = node.spawn(Small)
        await do(small, lambda actor: actor.timers.every(1.0, Note("tick")) and None)
        gate = await occupy(small)
        await clock.advance(3.5)
        assert [letter.reason for letter in letters.entries] == ["mailbox full"] * 2
        gate.open()
        await clock.advance(0)
        assert await small.ask(Notes()) == ["tick"]
