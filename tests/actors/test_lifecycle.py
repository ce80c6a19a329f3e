"""Start, restart, stop: what happens in which order, and why an actor ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRestarted,
    ActorsError,
    ActorStopped,
    ActorStoppedError,
    AskCycleError,
    DeadLetter,
    Node,
    Reason,
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
    begin,
    child_of,
    occupy,
)


class SlowStart(Puppet):
    """Starts when the gate opens."""

    def __init__(self, gate: Gate, journal: Journal) -> None:
        super().__init__(journal)
        self.gate = gate

    async def on_start(self) -> None:
        await self.gate.pass_through()
        self.write("start")


class SlowStop(Puppet):
    """Stops when the gate opens."""

    def __init__(self, gate: Gate, journal: Journal | None = None) -> None:
        super().__init__(journal)
        self.gate = gate

    async def on_stop(self, reason: Reason) -> None:
        await self.gate.pass_through()
        self.write("stop", reason)


class Stubborn(Puppet):
    """Swallows every cancellation that comes while it holds a message."""

    @on(Hold)
    async def hold(self, message: Hold) -> Any:
        message.gate.entered.set()
        while not message.gate.opened.is_set():
            try:
                await message.gate.opened.wait()
            except asyncio.CancelledError:
                self.write("swallowed")


# --- start


async def test_on_start_runs_before_the_first_message() -> None:
    """Nothing is handled before `on_start` is done, however long it takes."""
    async with Node("n") as node:
        journal, gate = Journal(), Gate()
        slow = node.spawn(SlowStart.props(gate, journal))
        slow.tell(Note(1))
        await gate.entered.wait()
        assert journal.entries == [("init",)]
        gate.open()
        await journal.has(("note", 1))
        assert journal.entries == [("init",), ("start",), ("note", 1)]


async def test_an_actor_starts_without_being_sent_anything() -> None:
    """`spawn` alone starts it."""
    async with Node("n") as node:
        journal = Journal()
        node.spawn(Puppet.props(journal))
        await journal.has(("start",))


async def test_an_actor_may_use_itself_in_on_start() -> None:
    """In `on_start` ref, node, children, timers and tell work as in a handler."""
    clock = VirtualClock()
    journal = Journal()

    class Eager(Puppet):
        async def on_start(self) -> None:
            self.spawn(Puppet.props(journal, "child"), name="child")
            self.ref.tell(Note("self"))
            self.timers.once(1.0, Note("timer"))

    async with Node("n", clock=clock) as node:
        eager = node.spawn(Eager)
        await journal.has(("start", "child"))
        await clock.advance(1.5)
        assert await eager.ask(Notes()) == ["self", "timer"]


async def test_a_constructor_that_fails_is_a_failure_like_others() -> None:
    """`spawn` does not raise for it: the actor is restarted, and stops with `error` in the end."""
    clock = VirtualClock()
    attempts = Journal()

    class Broken(Actor):
        def __init__(self) -> None:
            attempts.add("attempt")
            raise ValueError("broken")

    async with Node("n", clock=clock) as node:
        events = Seen(node, ActorFailed)
        broken = node.spawn(Broken)
        broken.tell("queued")
        await clock.advance(60)
        assert await broken.stopped() == Reason.ERROR
        assert len(attempts.entries) == 6
        assert {type(event.error) for event in events.entries} == {ValueError}
        with pytest.raises(ActorStoppedError):
            await broken.ask("x")


async def test_a_failure_in_on_start_restarts() -> None:
    """An actor whose `on_start` fails twice and then works handles what was queued."""
    clock = VirtualClock()
    failures = [ValueError("one"), ValueError("two")]

    class Shy(Puppet):
        async def on_start(self) -> None:
            if failures:
                raise failures.pop()

    async with Node("n", clock=clock) as node:
        shy = node.spawn(Shy)
        answer = await begin(shy.ask(Note("queued"), timeout=None))
        await clock.advance(5)
        assert await answer == 1


async def test_props_are_used_anew_at_every_restart() -> None:
    """Each instance is built from the same class and arguments."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal, label="same"))
        puppet.tell(Fail(ValueError("bad")))
        await journal.has(("start", "same"), ("start", "same"))
        assert journal.entries.count(("init", "same")) == 2


# --- restart


async def test_a_restart_runs_on_restart_on_the_old_instance() -> None:
    """`on_restart(error)` runs on the instance that failed, before the new one is built."""
    seen = Journal()

    class Marked(Puppet):
        async def on_restart(self, error: BaseException) -> None:
            seen.add(("restart", self.notes, error))

        async def on_start(self) -> None:
            seen.add(("start", list(self.notes)))

    async with Node("n") as node:
        marked = node.spawn(Marked)
        await marked.ask(Note("old"))
        error = ValueError("bad")
        marked.tell(Fail(error))
        entries = await seen.count(3)
        assert entries == [("start", []), ("restart", ["old"], error), ("start", [])]


async def test_ref_name_and_queue_survive_a_restart() -> None:
    """Queued messages are handled by the new instance; the one that failed is not tried again."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal), name="same")
        address = puppet.address
        gate = await occupy(puppet)
        puppet.tell(Note(1))
        puppet.tell(Fail(ValueError("bad")))
        puppet.tell(Note(2))
        gate.open()
        await journal.has(("note", 2))
        assert await puppet.ask(Notes()) == [2]
        assert puppet.address == address
        assert await node.resolve("same") == puppet
        assert journal.entries.count(("restart", ValueError)) == 1


async def test_the_children_of_what_restarts_are_stopped() -> None:
    """A restarted actor begins without children; the old ones end with `shutdown`."""
    async with Node("n") as node:
        journal = Journal()
        top = node.spawn(Puppet)
        child = await top.ask(
            Do(lambda actor: actor.spawn(Puppet.props(journal, "child"), name="child"))
        )
        await journal.has(("start", "child"))
        top.tell(Fail(ValueError("bad")))
        assert await child.stopped() == Reason.SHUTDOWN
        assert ("stop", "child", Reason.SHUTDOWN) in journal.entries
        assert await top.ask(Do(lambda actor: actor.children)) == ()
        again = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="child")))
        assert again != child


async def test_a_failing_on_restart_does_not_stop_the_restart() -> None:
    """An error in `on_restart` is no reason to leave the actor dead or hanging."""
    clock = VirtualClock()

    class Clumsy(Puppet):
        async def on_restart(self, error: BaseException) -> None:
            raise RuntimeError("clumsy")

    async with Node("n", clock=clock) as node:
        clumsy = node.spawn(Clumsy)
        clumsy.tell(Fail(ValueError("bad")))
        answer = await begin(clumsy.ask(Note(1), timeout=None))
        await clock.advance(10)
        assert await answer == 1


# --- stop


async def test_stopping_itself_is_normal() -> None:
    """`self.stop()` ends the actor after the message in hand, with `normal`."""
    async with Node("n") as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        answer = await puppet.ask(Do(lambda actor: (actor.stop(), "still answered")[1]))
        assert answer == "still answered"
        assert await puppet.stopped() == Reason.NORMAL
        assert journal.entries[-1] == ("stop", Reason.NORMAL)


async def test_being_stopped_is_a_shutdown() -> None:
    """`ref.stop()` ends it with `shutdown`, which `on_stop`, `stopped` and the event all say."""
    async with Node("n") as node:
        events = Seen(node, ActorStopped)
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        await puppet.stop()
        assert await puppet.stopped() == Reason.SHUTDOWN
        assert journal.entries[-1] == ("stop", Reason.SHUTDOWN)
        assert events.entries == [ActorStopped(puppet, Reason.SHUTDOWN)]


async def test_a_child_can_be_stopped_by_its_parent() -> None:
    """`self.stop(child)` ends the child with `shutdown`; the parent goes on."""
    async with Node("n") as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="child")))
        await top.ask(Do(lambda actor: actor.stop(child) and None))
        assert await child.stopped() == Reason.SHUTDOWN
        assert await top.ask(Do(lambda actor: actor.children)) == ()


async def test_a_stop_lets_the_current_message_finish_and_drops_the_rest() -> None:
    """What is in hand is answered; what is queued becomes dead letters, in order."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        gate = Gate("finished")
        held = await begin(puppet.ask(Hold(gate)))
        await gate.entered.wait()
        puppet.tell(Note(1))
        puppet.tell(Note(2))
        stopping = await begin(puppet.stop())
        await asyncio.sleep(0)
        gate.open()
        await stopping
        assert await held == "finished"
        assert [letter.message for letter in letters.entries] == [Note(1), Note(2)]


async def test_a_draining_stop_handles_what_is_queued() -> None:
    """With `drain=True` all queued messages are handled first; what arrives meanwhile is dead."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        gate = await occupy(puppet)
        puppet.tell(Note(1))
        answer = await begin(puppet.ask(Note(2)))
        await asyncio.sleep(0)
        stopping = await begin(puppet.stop(drain=True))
        await asyncio.sleep(0)
        puppet.tell(Note("too late"))
        with pytest.raises(ActorStoppedError):
            await puppet.ask(Note("too late to ask"))
        gate.open()
        await stopping
        assert await answer == 2
        assert journal.entries[-3:] == [("note", 1), ("note", 2), ("stop", Reason.SHUTDOWN)]
        assert [letter.message for letter in letters.entries] == [
            Note("too late"),
            Note("too late to ask"),
        ]


async def test_children_stop_first() -> None:
    """Children end before their parent's `on_stop`, the youngest first."""
    async with Node("n") as node:
        journal = Journal()
        top = node.spawn(Puppet.props(journal, "top"))

        def family(actor: Any) -> None:
            for name in ("first", "second"):
                actor.spawn(Puppet.props(journal, name), name=name)

        await top.ask(Do(family))
        second = await child_of(top, "second")
        await second.ask(Do(lambda actor: actor.spawn(Puppet.props(journal, "grandchild"))))
        await top.stop()
        stops = [entry[1] for entry in journal.entries if entry[0] == "stop"]
        assert stops == ["grandchild", "second", "first", "top"]


async def test_a_stop_past_its_timeout_kills() -> None:
    """A message that does not end in time is cancelled, and the reason is `killed`."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await occupy(puppet)
        stopping = await begin(puppet.stop(timeout=2.0))
        await clock.advance(1.9)
        assert not stopping.done()
        await clock.advance(0.2)
        await stopping
        assert await puppet.stopped() == Reason.KILLED


async def test_giving_up_on_a_stop_does_not_undo_it() -> None:
    """Who is cancelled while it awaits a stop changes nothing for the actor, nor for others."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        first = await begin(puppet.stop(timeout=2.0))
        first.cancel()
        second = await begin(puppet.stop(timeout=50.0))
        await clock.advance(3)
        assert second.done()
        assert await puppet.stopped() == Reason.KILLED
        assert not gate.opened.is_set()


async def test_giving_up_on_the_end_changes_nothing() -> None:
    """A cancelled `stopped()` neither stops the actor nor keeps others from hearing of its end."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        first, second = await begin(puppet.stopped()), await begin(puppet.stopped())
        first.cancel()
        assert await puppet.ask(Note(1)) == 1
        await puppet.stop()
        assert await second == Reason.SHUTDOWN


async def test_an_on_stop_that_hangs_is_cancelled() -> None:
    """The time-out covers `on_stop` too."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        slow = node.spawn(SlowStop.props(Gate()))
        stopping = await begin(slow.stop(timeout=2.0))
        await clock.advance(2.1)
        await stopping
        assert await slow.stopped() == Reason.KILLED


async def test_a_failing_on_stop_does_not_keep_the_actor_alive() -> None:
    """An error in `on_stop` is seen, and the actor ends all the same."""

    class Sore(Puppet):
        async def on_stop(self, reason: Reason) -> None:
            raise ValueError("sore")

    async with Node("n") as node:
        sore = node.spawn(Sore)
        await sore.stop()
        assert await sore.stopped() in {Reason.SHUTDOWN, Reason.ERROR}
        with pytest.raises(ActorStoppedError):
            await sore.ask(Notes())


async def test_swallowing_the_cancellation_does_not_survive_the_stop() -> None:
    """A handler that swallows CancelledError does not keep its actor alive."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        stubborn = node.spawn(Stubborn)
        gate = await occupy(stubborn)
        stopping = await begin(stubborn.stop(timeout=1.0))
        await clock.advance(30)
        assert stopping.done()
        assert await stubborn.stopped() == Reason.KILLED
        with pytest.raises(ActorStoppedError):
            await stubborn.ask(Notes())
        gate.open()
        await clock.advance(0)


async def test_an_actor_in_its_slow_start_can_be_stopped() -> None:
    """A stop during `on_start` waits for it no longer than its time-out."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        gate = Gate()
        slow = node.spawn(SlowStart.props(gate, Journal()))
        await gate.entered.wait()
        stopping = await begin(slow.stop(timeout=1.0))
        await clock.advance(1.5)
        await stopping
        assert await slow.stopped() == Reason.KILLED


async def test_an_actor_that_waits_for_its_restart_can_be_stopped() -> None:
    """A stop during the back-off ends it at once; the restart never comes."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        for _ in range(2):
            with pytest.raises(ValueError, match="bad"):
                await puppet.ask(Fail(ValueError("bad")))
            await clock.advance(0)
        await puppet.stop()
        await clock.advance(60)
        assert journal.entries.count(("start",)) == 2
        assert await puppet.stopped() == Reason.SHUTDOWN


async def test_stopping_the_dead_returns_at_once() -> None:
    """A stop of a dead ref does nothing and raises nothing."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        await puppet.stop()
        await puppet.stop()
        await puppet.stop(drain=True, timeout=None)


async def test_a_second_stop_waits_for_the_first() -> None:
    """Two stops at once both return when the actor has ended, and it ends once."""
    async with Node("n") as node:
        journal, gate = Journal(), Gate()
        slow = node.spawn(SlowStop.props(gate, journal))
        first, second = await begin(slow.stop()), await begin(slow.stop())
        await gate.entered.wait()
        assert not first.done()
        assert not second.done()
        gate.open()
        await asyncio.gather(first, second)
        assert journal.entries.count(("stop", Reason.SHUTDOWN)) == 1


async def test_stopped_waits_and_remembers() -> None:
    """`stopped()` waits for the end, and says the reason of a dead one, or `noproc`."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        waiting = await begin(puppet.stopped())
        await asyncio.sleep(0)
        assert not waiting.done()
        await puppet.ask(Do(lambda actor: actor.stop() and None))
        assert await waiting == Reason.NORMAL
        assert await puppet.stopped() in {Reason.NORMAL, Reason.NOPROC}


async def test_what_never_lived_is_noproc() -> None:
    """A ref made from an address that nobody has, has stopped with `noproc`."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet, name="a")
        never = node.ref(puppet.address.replace("/a#", "/b#"))
        assert await never.stopped() == Reason.NOPROC
        with pytest.raises(ActorsError):
            await never.ask(Notes())


async def test_awaiting_ones_own_end_in_a_handler_raises() -> None:
    """An actor that awaits its own stop or end would wait for ever: AskCycleError at once."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(AskCycleError):
            await puppet.ask(Do(lambda actor: actor.ref.stop()))
        with pytest.raises(AskCycleError):
            await puppet.ask(Do(lambda actor: actor.ref.stopped()))
        assert await puppet.ask(Notes()) == []


async def test_awaiting_an_ancestors_end_in_a_handler_raises() -> None:
    """The same for a parent or grandparent, whose stop waits for its children."""
    async with Node("n") as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet)))
        grandchild = await child.ask(Do(lambda actor: actor.spawn(Puppet)))
        for ancestor in (top, child):

            async def stop_it(actor: Any, ancestor: Any = ancestor) -> str:
                with pytest.raises(AskCycleError):
                    await ancestor.stop()
                return "alive"

            assert await grandchild.ask(Do(stop_it)) == "alive"


async def test_a_parent_may_await_the_stop_of_its_child() -> None:
    """There is no cycle downward."""
    async with Node("n") as node:
        top = node.spawn(Puppet)

        async def stop_child(actor: Any) -> Any:
            child = actor.spawn(Puppet)
            await child.stop()
            return await child.stopped()

        assert await top.ask(Do(stop_child)) == Reason.SHUTDOWN


async def test_a_stopped_actor_is_gone_from_its_name() -> None:
    """Once `stop` has returned the name is free."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet, name="a")
        await puppet.stop()
        again = node.spawn(Puppet, name="a")
        assert again != puppet
        assert await again.ask(Notes()) == []


async def test_an_actor_may_stop_itself_in_on_start() -> None:
    """`self.stop()` in `on_start` ends it before the first message, with `normal`."""

    class Brief(Puppet):
        async def on_start(self) -> None:
            self.stop()

    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        brief = node.spawn(Brief)
        brief.tell(Note("too late"))
        assert await brief.stopped() == Reason.NORMAL
        assert [letter.message for letter in letters.entries] == [Note("too late")]


async def test_a_handler_that_stops_and_raises_ends_the_actor() -> None:
    """After `self.stop()` an error of the same handler answers its asker and changes no more."""
    clock = VirtualClock()

    def stop_and_raise(actor: Any) -> None:
        actor.stop()
        raise ValueError("and bad")

    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(ValueError, match="and bad"):
            await puppet.ask(Do(stop_and_raise))
        await clock.advance(20)
        assert await puppet.stopped() in {Reason.NORMAL, Reason.ERROR}


async def test_a_child_that_is_spawned_in_the_last_hook_does_not_outlive_its_parent() -> None:
    """`spawn` in `on_stop` or `on_restart` is refused, or the child ends with the instance."""
    clock = VirtualClock()
    born: list[Any] = []

    class Late(Puppet):
        def bear(self) -> None:
            try:
                born.append(self.spawn(Puppet))
            except ActorsError:
                born.append(None)

        async def on_stop(self, reason: Reason) -> None:
            self.bear()

        async def on_restart(self, error: BaseException) -> None:
            self.bear()

    async with Node("n", clock=clock) as node:
        late = node.spawn(Late)
        late.tell(Fail(ValueError("bad")))
        await clock.advance(1)
        assert await late.ask(Do(lambda actor: actor.children)) == ()
        await late.stop()
        await clock.advance(1)
        assert len(born) == 2
        for child in born:
            assert child is None or await child.stopped() == Reason.SHUTDOWN


# --- the node's end


async def test_a_node_stops_its_actors_in_reverse_order() -> None:
    """`shutdown` stops what was spawned last first, with `shutdown`."""
    async with Node("n") as node:
        journal = Journal()
        for label in ("a", "b", "c"):
            node.spawn(Puppet.props(journal, label))
        await journal.has(("start", "c"))
        await node.shutdown(timeout=5)
        stops = [entry for entry in journal.entries if entry[0] == "stop"]
        assert stops == [("stop", label, Reason.SHUTDOWN) for label in "cba"]


async def test_a_node_handles_what_is_queued_before_it_ends() -> None:
    """What was told before the shutdown is handled; what comes after is a dead letter."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        journal = Journal()
        puppet = node.spawn(Puppet.props(journal))
        gate = await occupy(puppet)
        for number in range(10):
            puppet.tell(Note(number))
        ending = await begin(node.shutdown(timeout=5))
        await asyncio.sleep(0)
        gate.open()
        await ending
        assert [entry[1] for entry in journal.entries if entry[0] == "note"] == list(range(10))
        puppet.tell(Note("late"))
        assert [letter.message for letter in letters.entries] == [Note("late")]


async def test_a_shutdown_kills_what_does_not_end_in_time() -> None:
    """The shutdown's own time-out bounds everything."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await occupy(puppet)
        ending = await begin(node.shutdown(timeout=3))
        await clock.advance(3.5)
        assert await ending is False
        assert await puppet.stopped() == Reason.KILLED


async def test_a_node_may_be_shut_down_twice() -> None:
    """A second shutdown, at once or later, does no harm; nor does leaving `async with` after it."""
    async with Node("n") as node:
        node.spawn(Puppet)
        both = await asyncio.gather(node.shutdown(timeout=5), node.shutdown(timeout=5))
        assert both == [True, True]
        assert await node.shutdown(timeout=5)


async def test_a_node_takes_nothing_new_in_while_it_ends() -> None:
    """`spawn` on a node that was shut down raises an ActorsError."""
    async with Node("n") as node:
        await node.shutdown(timeout=5)
        with pytest.raises(ActorsError):
            node.spawn(Puppet)


async def test_leaving_the_node_ends_its_actors() -> None:
    """`async with` ends as `shutdown` does."""
    journal = Journal()
    async with Node("n") as node:
        puppet = node.spawn(Puppet.props(journal))
        puppet.tell(Note(1))
    assert journal.entries[-2:] == [("note", 1), ("stop", Reason.SHUTDOWN)]


async def test_two_nodes_live_in_one_process() -> None:
    """Nodes share nothing: a message told on one is handled there, whichever actor told it."""
    async with Node("a") as first, Node("b") as second:
        one, other = first.spawn(Puppet, name="same"), second.spawn(Puppet, name="same")
        assert one != other
        assert await one.ask(Note(1)) == 1
        assert await other.ask(Notes()) == []


async def test_events_of_a_life_come_in_order() -> None:
    """Failed, restarted, stopped: as they happen, each once."""
    async with Node("n") as node:
        events = Seen(node, ActorFailed, ActorRestarted, ActorStopped)
        puppet = node.spawn(Puppet)
        with pytest.raises(ValueError, match="bad"):
            await puppet.ask(Fail(ValueError("bad")))
        await puppet.ask(Notes())
        await puppet.stop()
        assert [type(event) for event in events.entries] == [
            ActorFailed,
            ActorRestarted,
            ActorStopped,
        ]
