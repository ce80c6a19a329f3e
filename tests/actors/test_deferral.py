"""What becomes of a message that was stashed, forwarded or promised an answer, and then failed."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from actors import (
    ActorFailed,
    ActorRef,
    ActorRestarted,
    Directive,
    Node,
    OneForOne,
    Reason,
)
from actors.testing import VirtualClock
from tests.actors.kit import Do, Journal, Note, NotEnough, Notes, Puppet, Seen, adds_up

ALL = [Directive.RESUME, Directive.RESTART, Directive.STOP, Directive.ESCALATE]


async def judged(node: Node, directive: Directive, kind: type[Puppet] = Puppet) -> ActorRef[Any]:
    """Spawn an actor about whose ValueErrors its parent decides so."""
    strategy = OneForOne(decide={ValueError: directive})
    top = node.spawn(type("Judge", (Puppet,), {"supervision": strategy}))
    ref: ActorRef[Any] = await top.ask(Do(lambda actor: actor.spawn(kind)))
    return ref


# --- stash


@pytest.mark.parametrize("directive", ALL)
async def test_a_message_that_was_stashed_and_failed_is_handled_once(directive: Directive) -> None:
    """Its asker gets the error, it counts as failed, and it does not come back."""
    clock, journal = VirtualClock(), Journal()

    def stash_and_raise(actor: Any) -> None:
        journal.add("handled")
        actor.stash()
        raise ValueError("bad")

    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        ref = await judged(node, directive)
        message = Do(stash_and_raise)
        with pytest.raises(ValueError, match="bad"):
            await ref.ask(message, timeout=None)
        [failure] = (await failures.count(1))[:1]
        assert failure.message is message
        await clock.advance(1)
        if directive in (Directive.RESUME, Directive.RESTART):
            await ref.ask(Do(lambda actor: actor.unstash_all()))
            await ref.ask(Notes())
        assert journal.entries == ["handled"]
        assert node.stats().failed == 1
        adds_up(node)


async def test_a_failure_brings_back_what_was_stashed_before() -> None:
    """Only the message that failed is gone; earlier ones come back with the new instance."""
    clock = VirtualClock()

    class Picky(Puppet):
        ready = False

        async def on_restart(self, error: BaseException) -> None:
            type(self).ready = True

        async def receive(self, message: object) -> object:
            if not self.ready:
                self.stash()
            if message == "bad" and not self.ready:
                raise ValueError("bad")
            return self.notes.append(message)

    async with Node("n", clock=clock) as node:
        ref = node.spawn(Picky)
        for message in ("one", "two", "bad", "three"):
            ref.tell(message)
        await clock.advance(1)
        assert await ref.ask(Notes()) == ["one", "two", "three"]
        adds_up(node)


async def test_stashing_twice_is_an_error_of_the_handler() -> None:
    """The second `stash` of one message raises RuntimeError, which its asker gets."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        with pytest.raises(RuntimeError, match="message in hand"):
            await ref.ask(Do(lambda actor: (actor.stash(), actor.stash())), timeout=None)
        assert await ref.ask(Notes()) == []
        assert node.stats().failed == 1
        adds_up(node)


# --- defer_reply


async def test_a_refusal_answers_although_the_answer_was_deferred() -> None:
    """The asker gets the Refusal, and the actor is unharmed."""

    def defer_and_refuse(actor: Any) -> None:
        actor.defer_reply()
        raise NotEnough(3)

    async with Node("n") as node:
        troubles = Seen(node, ActorFailed, ActorRestarted)
        ref = node.spawn(Puppet)
        await ref.ask(Note("kept"))
        with pytest.raises(NotEnough):
            await ref.ask(Do(defer_and_refuse), timeout=None)
        assert await ref.ask(Notes()) == ["kept"]
        assert troubles.entries == []
        adds_up(node)


@pytest.mark.parametrize("directive", ALL)
async def test_a_failure_answers_although_the_answer_was_deferred(directive: Directive) -> None:
    """Whatever the parent decides, the asker gets what the handler raised."""
    clock = VirtualClock()

    def defer_and_raise(actor: Any) -> None:
        actor.defer_reply()
        raise ValueError("bad")

    async with Node("n", clock=clock) as node:
        ref = await judged(node, directive)
        with pytest.raises(ValueError, match="bad"):
            await ref.ask(Do(defer_and_raise), timeout=None)
        await clock.advance(1)
        if directive in (Directive.STOP, Directive.ESCALATE):
            assert await ref.stopped() in (Reason.ERROR, Reason.SHUTDOWN)
        else:
            assert await ref.ask(Notes()) == []
        adds_up(node)


@pytest.mark.parametrize("directive", [Directive.RESUME, Directive.RESTART])
async def test_a_failure_answers_only_its_own_message(directive: Directive) -> None:
    """Answers deferred by other messages are still owed after RESUME, and fail with a restart."""
    clock = VirtualClock()
    replies: list[Any] = []

    def bad(actor: Any) -> None:
        raise ValueError("bad")

    async with Node("n", clock=clock) as node:
        ref = await judged(node, directive)
        asker = node.spawn(Puppet)
        outcome = Journal()

        async def ask(actor: Any) -> None:
            try:
                deferring = Do(lambda there: replies.append(there.defer_reply()))
                outcome.add(await ref.ask(deferring, timeout=None))
            except ValueError as error:
                outcome.add(str(error))

        asker.tell(Do(ask))
        await clock.advance(0)
        with contextlib.suppress(ValueError):
            await ref.ask(Do(bad))
        await clock.advance(1)
        replies[0].send("late")
        expected = "late" if directive is Directive.RESUME else "bad"
        assert await outcome.count(1) == [expected]


# --- forward


@pytest.mark.parametrize("ref", [None, "actors://n/a#1.1", object()])
async def test_a_forward_to_no_ref_fails_its_asker(ref: Any) -> None:
    """TypeError at the call; unless it is caught the asker gets it, and not a timeout."""

    def catch(actor: Any) -> str:
        with pytest.raises(TypeError):
            actor.forward(ref, Notes())
        return "answered all the same"

    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(TypeError, match="ActorRef"):
            await puppet.ask(Do(lambda actor: actor.forward(ref, Notes())), timeout=None)
        assert await puppet.ask(Do(catch), timeout=None) == "answered all the same"
        adds_up(node)
