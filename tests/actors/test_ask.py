"""What `await ref.ask(message, timeout=5.0)` promises."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRestarted,
    ActorsError,
    ActorStoppedError,
    AskTimeoutError,
    DeadLetter,
    Message,
    Node,
    RemoteError,
    SerializationError,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Gate,
    Hold,
    Note,
    NotEnough,
    Notes,
    Puppet,
    Seen,
    StrangeError,
    begin,
    occupy,
)


class Deposit(Message[int]):
    amount: int


class Withdraw(Message[int]):
    amount: int


class Account(Actor):
    def __init__(self, opening: int = 0) -> None:
        self.balance = opening

    @on(Deposit)
    async def deposit(self, message: Deposit) -> int:
        self.balance += message.amount
        return self.balance

    @on(Withdraw)
    def withdraw(self, message: Withdraw) -> int:
        if message.amount > self.balance:
            raise NotEnough(message.amount - self.balance)
        self.balance -= message.amount
        return self.balance


async def test_an_ask_answers_what_the_handler_returns() -> None:
    """The handler's return value is the answer, from `async def` and plain `def` alike."""
    async with Node("n") as node:
        account = node.spawn(Account.props(opening=10))
        assert await account.ask(Deposit(5)) == 15
        assert await account.ask(Withdraw(3)) == 12


async def test_an_answer_may_be_none() -> None:
    """A handler that returns nothing answers None."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        assert await puppet.ask(Do(lambda actor: None)) is None


async def test_local_answers_and_messages_pass_by_reference() -> None:
    """On one node the very object arrives, without a copy."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        thing = object()
        assert await puppet.ask(Do(lambda actor: thing)) is thing


async def test_many_asks_at_once_each_get_their_own_answer() -> None:
    """A thousand asks in flight answer in the order in which they were made."""
    async with Node("n") as node:
        account = node.spawn(Account)
        answers = await asyncio.gather(*[account.ask(Deposit(1)) for _ in range(1000)])
        assert answers == list(range(1, 1001))


async def test_a_refusal_answers_the_asker_and_leaves_the_actor_unharmed() -> None:
    """A Refusal reaches the asker with its data; no failure, no restart, state kept."""
    async with Node("n") as node:
        troubles = Seen(node, ActorFailed, ActorRestarted)
        account = node.spawn(Account.props(opening=2))
        with pytest.raises(NotEnough) as caught:
            await account.ask(Withdraw(5))
        assert caught.value.missing == 3
        assert await account.ask(Withdraw(2)) == 0
        assert troubles.entries == []


@pytest.mark.parametrize("error", [KeyError("k"), NotEnough(3), StrangeError("odd")])
async def test_an_error_reaches_the_asker_as_itself_on_one_node(error: Exception) -> None:
    """Builtin, refusal or registered nowhere: on one node the error arrives as it was raised."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(type(error)) as caught:
            await puppet.ask(Fail(error))
        assert caught.value.args == error.args


async def test_a_failure_answers_the_asker_and_restarts_the_actor() -> None:
    """The asker gets the error; the next ask meets a new instance under the same ref."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        await puppet.ask(Note("old"))
        with pytest.raises(ValueError, match="bad"):
            await puppet.ask(Fail(ValueError("bad")))
        assert await puppet.ask(Notes()) == []


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_no_exception_of_a_handler_ends_the_node(error: BaseException) -> None:
    """SystemExit and its like are failures of the actor: the asker hears of it, all goes on."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        puppet = node.spawn(Puppet)
        with pytest.raises(RemoteError) as caught:
            await puppet.ask(Fail(error))
        assert caught.value.type_name.endswith(type(error).__name__)
        assert [failure.ref for failure in failures.entries] == [puppet]
        assert await puppet.ask(Notes()) == []


async def test_a_handlers_cancelled_error_is_not_the_askers_cancellation() -> None:
    """A handler that raises CancelledError fails; its asker gets an error, and is not cancelled."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(ActorsError):
            await puppet.ask(Fail(asyncio.CancelledError()))
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0
        assert await puppet.ask(Notes()) == []


@pytest.mark.parametrize("error", [StopIteration(1), StopAsyncIteration()])
async def test_an_error_that_a_future_cannot_carry_still_answers(error: Exception) -> None:
    """StopIteration does not travel as itself; the asker gets a RemoteError that names it."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(RemoteError) as caught:
            await puppet.ask(Fail(error))
        assert caught.value.type_name.endswith(type(error).__name__)


async def test_an_ask_times_out_with_all_that_is_known() -> None:
    """The AskTimeoutError is a TimeoutError that names recipient, message type and depth."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet, name="slow")
        gate = await occupy(puppet)
        puppet.tell(Note(1))
        waiting = await begin(puppet.ask(Notes(), timeout=2.0))
        await clock.advance(1.9)
        assert not waiting.done()
        await clock.advance(0.2)
        with pytest.raises(AskTimeoutError) as caught:
            await waiting
        assert isinstance(caught.value, TimeoutError)
        assert str(puppet) in str(caught.value)
        assert "Notes" in str(caught.value)
        assert "2" in str(caught.value)
        gate.open()


async def test_the_default_timeout_is_five_seconds() -> None:
    """Without a timeout an ask waits 5 s."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        waiting = await begin(puppet.ask(Notes()))
        await clock.advance(4.9)
        assert not waiting.done()
        await clock.advance(0.2)
        with pytest.raises(AskTimeoutError):
            await waiting
        gate.open()


async def test_no_timeout_waits_for_ever() -> None:
    """`timeout=None` never times out."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        waiting = await begin(puppet.ask(Note("x"), timeout=None))
        await clock.advance(1_000_000)
        assert not waiting.done()
        gate.open()
        assert await waiting == 1


async def test_an_ask_that_timed_out_does_no_harm_when_it_is_answered() -> None:
    """The late answer goes nowhere; the actor and later asks are as before."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        puppet = node.spawn(Puppet)
        gate = Gate("late")
        waiting = await begin(puppet.ask(Hold(gate), timeout=1.0))
        await gate.entered.wait()
        await clock.advance(1.5)
        with pytest.raises(AskTimeoutError):
            await waiting
        gate.open()
        assert await puppet.ask(Note("x")) == 1
        assert failures.entries == []


async def test_an_asker_that_gives_up_does_no_harm() -> None:
    """A cancelled ask is cancelled at once; the actor goes on."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        gate = Gate()
        waiting = await begin(puppet.ask(Hold(gate)))
        await gate.entered.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.open()
        assert await puppet.ask(Note("x")) == 1


async def test_asking_the_dead_fails_at_once() -> None:
    """An ask of a stopped actor raises ActorStoppedError, without time passing."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await puppet.stop()
        with pytest.raises(ActorStoppedError):
            await puppet.ask(Notes())


async def test_an_ask_in_the_queue_fails_as_soon_as_the_actor_stops() -> None:
    """What waits in the mailbox of an actor that stops is answered with ActorStoppedError."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        waiting = await begin(puppet.ask(Notes()))
        stopping = await begin(puppet.stop())
        await clock.advance(0)
        gate.open()
        await stopping
        with pytest.raises(ActorStoppedError):
            await waiting


async def test_an_ask_in_hand_fails_as_soon_as_the_actor_is_killed() -> None:
    """What a cancelled actor had in hand is answered with ActorStoppedError."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = Gate()
        waiting = await begin(puppet.ask(Hold(gate), timeout=None))
        await gate.entered.wait()
        stopping = await begin(puppet.stop(timeout=1.0))
        await clock.advance(1.5)
        await stopping
        with pytest.raises(ActorStoppedError):
            await waiting


async def test_a_deferred_ask_fails_when_the_actor_stops() -> None:
    """An answer that was put off and never given ends with the actor, not with the timeout."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        waiting = await begin(puppet.ask(Do(lambda actor: actor.defer_reply()), timeout=None))
        await clock.advance(0)
        assert not waiting.done()
        await puppet.stop()
        with pytest.raises(ActorStoppedError):
            await waiting


async def test_the_error_of_a_stopped_recipient_says_who_and_why() -> None:
    """The ActorStoppedError names the address of the recipient."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet, name="gone")
        await puppet.stop()
        with pytest.raises(ActorStoppedError, match="gone"):
            await puppet.ask(Notes())


async def test_an_ask_with_a_dead_recipient_leaves_one_dead_letter() -> None:
    """An ask that meets a dead actor counts as dead, with one DeadLetter."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        await puppet.stop()
        message = Notes()
        with pytest.raises(ActorStoppedError):
            await puppet.ask(message)
        assert [(letter.message, letter.recipient) for letter in letters.entries] == [
            (message, puppet)
        ]


async def test_the_sender_is_who_asked() -> None:
    """Inside a handler `self.sender` is the asking actor, and None where it came from outside."""
    async with Node("n") as node:
        one, other = node.spawn(Puppet, name="one"), node.spawn(Puppet, name="other")

        async def ask_other(actor: Any) -> Any:
            return await other.ask(Do(lambda there: there.sender))

        assert await one.ask(Do(ask_other)) == one
        assert await other.ask(Do(lambda actor: actor.sender)) is None


async def test_a_refusal_of_somebody_else_passes_through() -> None:
    """A Refusal that a handler met in an ask of its own, and did not catch, is its own answer."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        one, other = node.spawn(Puppet), node.spawn(Puppet)
        with pytest.raises(NotEnough):
            await one.ask(Do(lambda actor: other.ask(Fail(NotEnough(1)))))
        assert failures.entries == []


class Odd(Message[object]):
    """Answered with something that cannot be sent."""


class Oddity(Actor):
    def __init__(self) -> None:
        self.count = 0

    @on(Odd)
    def odd(self, message: Odd) -> object:
        self.count += 1
        return object() if self.count == 1 else self.count


async def test_an_answer_that_cannot_be_sent_reaches_the_asker_as_that_error() -> None:
    """Under `serialize_local` the asker gets a SerializationError, and the actor is unharmed."""
    async with Node("n", serialize_local=True) as node:
        oddity = node.spawn(Oddity)
        with pytest.raises(SerializationError):
            await oddity.ask(Odd())
        assert await oddity.ask(Odd()) == 2


async def test_serialize_local_sends_through_the_codec() -> None:
    """With `serialize_local` an equal copy arrives, on the way there and back."""
    async with Node("n", serialize_local=True) as node:
        puppet = node.spawn(Puppet)
        value = [1, (2, "x"), {"k": {3, 4}}]
        await puppet.ask(Note(value))
        [kept] = await puppet.ask(Notes())
        assert kept == value
        assert kept is not value
        assert kept[1] == (2, "x")
        assert isinstance(kept[1], tuple)


@pytest.mark.parametrize("error", [NotEnough, StrangeError])
async def test_an_error_that_was_answered_is_let_go(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback holds the frames of the handler, and these must not hold the asker."""
    caplog.set_level(logging.CRITICAL)  # what is logged is kept by pytest
    raised: list[weakref.ref[Exception]] = []

    def fail(_: object) -> None:
        made = error(1)
        raised.append(weakref.ref(made))
        raise made

    async def fail_later(_: object) -> None:
        fail(_)

    async with Node("n") as node:
        for action in (fail, fail_later) * 5:
            puppet = node.spawn(Puppet)
            with pytest.raises(error):
                await puppet.ask(Do(action))
            await puppet.stop()
    gc.collect()
    alive = [made for made in raised if made() is not None]
    assert len(alive) <= 1  # the last one may be in the hands of the loop
