"""Tasks that an actor or its handlers start: whose they are, and when they have ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorRestarted,
    AskCycleError,
    Node,
    Reason,
    Terminated,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Gate,
    Hold,
    Journal,
    Note,
    Notes,
    Puppet,
    Seen,
    Unknown,
    begin,
    occupy,
    soon,
)


def tidying(clock: VirtualClock, journal: Journal) -> Do:
    """Have the actor start a task that takes a number of turns to come to its end."""

    async def work() -> None:
        journal.add("began")
        try:
            await asyncio.Event().wait()
        finally:
            await clock.settle()
            journal.add("tidied up")

    return Do(lambda actor: actor.create_task(work()) and None)


class Watcher(Puppet):
    """Notes who ended."""

    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated")


# --- their end


async def test_tasks_have_ended_when_a_stop_returns() -> None:
    """What a task does at its end is done before `await ref.stop()` returns."""
    clock, journal = VirtualClock(), Journal()
    async with Node("n", clock=clock) as node:
        ref = node.spawn(Puppet)
        await ref.ask(tidying(clock, journal))
        await journal.has("began")
        await ref.stop()
        assert journal.entries == ["began", "tidied up"]


async def test_tasks_have_ended_before_the_end_is_known() -> None:
    """Watchers and `stopped()` hear of the end after the tasks' own."""
    clock, journal, tasks = VirtualClock(), Journal(), Journal()
    async with Node("n", clock=clock) as node:
        ref, watcher = node.spawn(Puppet), node.spawn(Watcher.props(journal))
        await watcher.ask(Do(lambda actor: actor.watch(ref)))
        await ref.ask(tidying(clock, tasks))
        await tasks.has("began")
        tasks.add = lambda entry: journal.add((entry,))  # type: ignore[method-assign]
        ended = await begin(ref.stopped())
        ended.add_done_callback(lambda _: journal.add(("stopped",)))
        ref.tell(Do(lambda actor: actor.stop()))
        entries = await journal.has(("terminated",), ("stopped",))
        assert entries.index(("tidied up",)) < entries.index(("stopped",))
        assert entries.index(("tidied up",)) < entries.index(("terminated",))


async def test_tasks_have_ended_before_the_next_instance_begins() -> None:
    """After a failure neither constructor nor `on_start` runs beside a task of the old instance."""
    clock, journal = VirtualClock(), Journal()

    class Lined(Puppet):
        def write(self, what: str, *more: Any) -> None:
            journal.add(what)

    async with Node("n", clock=clock) as node:
        ref = node.spawn(Lined)
        await ref.ask(tidying(clock, journal))
        await journal.has("began")
        ref.tell(Fail(ValueError("bad")))
        entries = await journal.has("start", "start")
        assert entries == ["init", "start", "began", "restart", "tidied up", "init", "start"]


async def test_tasks_are_cancelled_in_the_order_in_which_they_began() -> None:
    """Not in that of their addresses, which differs from run to run."""
    journal = Journal()

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            journal.add(number)

    async with Node("n") as node:
        ref = node.spawn(Puppet)
        for number in range(30):
            await ref.ask(Do(lambda actor, n=number: actor.create_task(work(n)) and None))
        await ref.stop()
    assert journal.entries == list(range(30))


async def test_a_task_that_fails_as_it_is_ended_is_not_the_next_instances() -> None:
    """The failure of an old task is logged; the new instance is not restarted for it."""
    clock = VirtualClock()
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("in the clean-up")

    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed, ActorRestarted)
        ref = node.spawn(Puppet)
        await ref.ask(Do(lambda actor: actor.create_task(work()) and None))
        await began.wait()
        ref.tell(Fail(KeyError("first")))
        await failures.count(2)
        await ref.ask(Note("new"))
        await clock.advance(60)
        assert await ref.ask(Notes()) == ["new"]
        assert [type(event) for event in failures.entries] == [ActorFailed, ActorRestarted]


@pytest.mark.parametrize("end", ["stop", "restart"])
async def test_a_task_that_takes_no_notice_of_its_end_is_abandoned(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is closed where it waits, and logged; its actor ends, or restarts, without it."""
    clock, journal = VirtualClock(), Journal()

    async def work() -> None:
        journal.add("began")
        try:
            for _ in range(2):  # so that a failure of this test ends
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    journal.add("swallowed")
        finally:
            journal.add("closed")

    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        ref = node.spawn(Puppet)
        await ref.ask(Do(lambda actor: actor.create_task(work()) and None))
        await journal.has("began")
        if end == "stop":
            waiting = await begin(ref.stop(timeout=None))
        else:
            ref.tell(Fail(ValueError("bad")))
            waiting = await begin(ref.ask(Note(1), timeout=None))
        await clock.advance(0)
        assert not waiting.done()
        await clock.advance(1)
        assert waiting.done()
        assert await waiting == (None if end == "stop" else 1)
        assert journal.entries == ["began", "swallowed", "closed"]
        assert "abandoned" in caplog.text
        assert len(failures.entries) == (0 if end == "stop" else 1)
    gc.collect()


async def test_no_task_outlives_a_stop_whose_time_is_short() -> None:
    """Where the timeout passes while its tasks are being ended, they are closed at once."""
    clock, journal = VirtualClock(), Journal()

    async def work() -> None:
        journal.add("began")
        try:
            for _ in range(2):  # so that a failure of this test ends
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
        finally:
            journal.add("closed")

    async with Node("n", clock=clock) as node:
        ref = node.spawn(Puppet)
        await ref.ask(Do(lambda actor: actor.create_task(work()) and None))
        await journal.has("began")
        stopping = await begin(ref.stop(timeout=0.05))
        await clock.advance(0.06)
        assert stopping.done()
        assert await ref.stopped() == Reason.KILLED
        assert journal.entries == ["began", "closed"]


async def test_a_task_that_cannot_even_be_closed_does_not_keep_its_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the code raises as it is closed, that is logged, and the actor ends."""
    clock = VirtualClock()
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            for _ in range(2):  # so that a failure of this test ends
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
        finally:
            raise KeyError("at the close")

    async with Node("n", clock=clock) as node:
        ref = node.spawn(Puppet)
        await ref.ask(Do(lambda actor: actor.create_task(work()) and None))
        await began.wait()
        stopping = await begin(ref.stop(timeout=None))
        await clock.advance(1)
        assert stopping.done()
        await stopping
        assert await ref.stopped() == Reason.SHUTDOWN
        assert "abandoned" in caplog.text
    gc.collect()


async def test_a_task_of_an_actor_that_stops_itself_at_once_is_no_warning() -> None:
    """`create_task` and then `stop` in one handler: the coroutine never runs, and is closed."""
    ran: list[str] = []

    async def work() -> None:
        ran.append("work")

    def start_and_stop(actor: Any) -> None:
        actor.create_task(work())
        actor.stop()

    async with Node("n") as node:
        ref = node.spawn(Puppet)
        ref.tell(Do(start_and_stop))
        assert await ref.stopped() == Reason.NORMAL
        gc.collect()  # where a coroutine that nobody awaited would warn
    assert ran == []


# --- tasks that are not the actor's


class Plain(Puppet):
    """Runs an action in a plain handler, which may return a coroutine."""

    @on(Unknown)
    def unknown(self, message: Unknown) -> None:
        self.begin_task()

    def begin_task(self) -> None:
        raise NotImplementedError

    @on(Hold)
    def hold(self, message: Hold) -> Any:
        return message.gate.pass_through()


class Async(Plain):
    """Does the same in an `async def` handler."""

    @on(Unknown)
    async def unknown(self, message: Unknown) -> None:
        self.begin_task()

    @on(Hold)
    async def hold(self, message: Hold) -> Any:
        return await message.gate.pass_through()


@pytest.mark.parametrize("kind", [Plain, Async])
async def test_a_raw_task_is_not_taken_for_a_later_message(kind: type[Plain]) -> None:
    """A task of asyncio's own, once its message was answered, acts for no message in hand."""
    clock, journal, start = VirtualClock(), Journal(), Gate()
    tasks: list[asyncio.Task[Any]] = []

    async with Node("n", clock=clock) as node:
        other = node.spawn(Puppet)

        class Straying(kind):  # type: ignore[misc, valid-type]
            def begin_task(self) -> None:
                tasks.append(soon(self.stray()))

            async def stray(self) -> None:
                await start.pass_through()
                journal.add(self.sender)
                try:
                    journal.add(await other.ask(Note("strayed"), timeout=None))
                except AskCycleError:
                    journal.add("cycle")

        ref: ActorRef[Any] = node.spawn(Straying)
        first, held = await occupy(ref), Gate("held")
        ref.tell(Unknown())
        waiting = await begin(
            other.ask(Do(lambda actor: ref.ask(Hold(held), timeout=None)), timeout=None)
        )
        await clock.settle()
        first.open()
        await held.entered.wait()
        await start.entered.wait()
        start.open()
        await clock.settle()
        assert journal.entries == [None]
        held.open()
        assert await waiting == "held"
        await journal.has(None, 1)
        await asyncio.gather(*tasks)


async def test_a_plain_handler_that_returns_a_coroutine_has_its_message_in_hand() -> None:
    """`sender`, `stash` and cycles work in such a coroutine as in an `async def` handler."""
    stashed: list[Any] = []

    class Returning(Actor):
        @on(Do)
        def do(self, message: Do) -> Any:
            return message.action(self)

        @on(Note)
        def note(self, message: Note) -> Any:
            if not stashed:
                stashed.append(message.value)
                self.stash()
            return self.later()

        async def later(self) -> str:
            return "later"

    async def sender(actor: Any) -> Any:
        return actor.sender

    async def ask_oneself(actor: Any) -> Any:
        return await actor.ref.ask(Do(sender), timeout=None)

    def unstash(actor: Any) -> None:
        actor.unstash_all()

    async with Node("n") as node:
        ref, other = node.spawn(Returning), node.spawn(Puppet)
        assert await other.ask(Do(lambda actor: ref.ask(Do(sender)))) == other
        with pytest.raises(AskCycleError):
            await ref.ask(Do(ask_oneself), timeout=None)
        waiting = await begin(ref.ask(Note(1)))
        await ref.ask(Do(unstash))
        assert await waiting == "later"


# --- pools


async def test_a_stop_iteration_of_a_blocking_function_is_a_runtime_error() -> None:
    """StopIteration, which no future can carry, fails the handler instead of hanging it."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await ref.ask(Do(lambda actor: actor.run_blocking(next, iter(()))), timeout=None)
        assert await ref.ask(Notes()) == []
