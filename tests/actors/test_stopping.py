"""Ends under pressure: no time to stop, a drain, a node that shuts down, a wait for an end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    ActorStoppedError,
    AskCycleError,
    Child,
    DeadLetter,
    Node,
    OneForAll,
    Reason,
    Supervisor,
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
    adds_up,
    begin,
    child_of,
    occupy,
    soon,
)


class Two(Puppet):
    """Handles two messages at once."""

    concurrency = 2


class Stubborn(Puppet):
    """Swallows every cancellation while it holds a message."""

    @on(Hold)
    async def hold(self, message: Hold) -> Any:
        message.gate.entered.set()
        while not message.gate.opened.is_set():
            try:
                await message.gate.opened.wait()
            except asyncio.CancelledError:
                self.write("swallowed")


class Defiant(Stubborn):
    """Raises something else when it is abandoned."""

    @on(Hold)
    async def hold(self, message: Hold) -> Any:
        try:
            return await super().hold(message)
        finally:
            raise KeyError("at the close")


class Pair(Supervisor):
    """Two children that restart together and get no time to stop."""

    supervision = OneForAll()

    def __init__(self, kind: type[Actor]) -> None:
        self.kind = kind

    def child_specs(self) -> list[Child]:
        return [Child(self.kind, name=name, shutdown=0) for name in ("a", "b")]

    @on(Do)
    def do(self, message: Do) -> Any:
        return message.action(self)


async def with_children(node: Node, **shutdowns: float | None) -> tuple[Any, dict[str, Any]]:
    """Spawn a parent of puppets that get so much time to stop."""
    top = node.spawn(Puppet, name="top")
    children = {}
    for name, seconds in shutdowns.items():
        spawning = Do(lambda actor, n=name, s=seconds: actor.spawn(Puppet, name=n, shutdown=s))
        children[name] = await top.ask(spawning)
        await children[name].ask(Notes())
    return top, children


# --- no time


@pytest.mark.parametrize("kind", [Puppet, Two])
async def test_an_idle_child_without_time_to_stop_restarts(kind: type[Puppet]) -> None:
    """`shutdown=0` is no hindrance to the restart of a child that failed."""
    async with Node("n") as node:
        ref = node.spawn(kind, shutdown=0)
        with pytest.raises(ValueError, match="bad"):
            await ref.ask(Fail(ValueError("bad")))
        assert await ref.ask(Note(1), timeout=None) == 1


async def test_idle_siblings_without_time_to_stop_restart_together() -> None:
    """A group restart ends an idle sibling with `shutdown=0` and starts it anew."""
    async with Node("n") as node:
        restarted = Seen(node, ActorRestarted)
        pair = node.spawn(Pair.props(Puppet))
        a, b = await child_of(pair, "a"), await child_of(pair, "b")
        await b.ask(Note("old"))
        a.tell(Fail(ValueError("bad")))
        await restarted.count(2)
        assert await a.ask(Notes()) == await b.ask(Notes()) == []


@pytest.mark.parametrize("kind", [Actor, Puppet, Two])
async def test_an_idle_child_without_time_to_stop_ends(kind: type[Actor]) -> None:
    """A parent ends although an idle child, with hooks or without, has `shutdown=0`."""
    async with Node("n") as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(kind, shutdown=0)))
        await top.stop(timeout=None)
        assert await child.stopped() == Reason.KILLED
        assert node.stats().actors == 0


async def test_the_idle_children_of_a_killed_parent_end() -> None:
    """Past its timeout a stop ends the parent, the child that hangs, and the idle one beside it."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        top, children = await with_children(node, a=5.0, b=None)
        await occupy(children["b"])
        stopping = await begin(top.stop(timeout=2.0))
        await clock.advance(1.9)
        assert not stopping.done()
        await clock.advance(0.2)
        await stopping
        for ref in (top, *children.values()):
            assert await ref.stopped() == Reason.KILLED
        assert node.stats().actors == 0


async def test_a_parent_that_is_killed_in_a_restart_comes_back() -> None:
    """A restart whose children do not end within `shutdown` cancels them, and goes on."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        top = node.spawn(Puppet, shutdown=2.0)
        idle = await top.ask(Do(lambda actor: actor.spawn(Puppet)))
        stuck = await top.ask(Do(lambda actor: actor.spawn(Puppet, shutdown=None)))
        await occupy(stuck)
        top.tell(Fail(ValueError("bad")))
        waiting = await begin(top.ask(Note(1), timeout=None))
        await clock.advance(2.1)
        assert await waiting == 1
        assert [await ref.stopped() for ref in (idle, stuck)] == [Reason.KILLED] * 2


async def test_a_shutdown_past_its_timeout_leaves_nobody() -> None:
    """Idle actors, busy ones and their children are all gone when `node.shutdown` returns."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        idle = node.spawn(Puppet)
        top, children = await with_children(node, a=0, b=None, c=5.0)
        await occupy(children["b"])
        stuck = node.spawn(Puppet, shutdown=None)
        await occupy(stuck)
        ending = await begin(node.shutdown(timeout=3))
        await clock.advance(3.5)
        assert ending.done()
        assert await ending is False
        assert node.stats().actors == 0
        for ref in (idle, top, stuck, *children.values()):
            assert await ref.stopped() == Reason.KILLED
        adds_up(node)


@pytest.mark.parametrize("turns", range(10))
async def test_a_kill_before_the_hands_have_begun_loses_nothing(turns: int) -> None:
    """Whenever a kill meets messages that are being taken up, their askers hear of it."""
    async with Node("n") as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Two, shutdown=0)))
        await child.ask(Notes())
        stopping = soon(top.stop(timeout=None))
        for _ in range(turns):
            await asyncio.sleep(0)
        asks = [soon(child.ask(Hold(Gate()), timeout=None)) for _ in range(3)]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        await stopping
        assert [type(outcome) for outcome in outcomes] == [ActorStoppedError] * 3
        stats = node.stats()
        assert stats.told == stats.handled + stats.failed + stats.dead
        assert stats.actors == 0


@pytest.mark.parametrize("kind", [Puppet, Two, Stubborn, Defiant])
async def test_an_ask_in_hand_says_that_its_actor_was_killed(kind: type[Puppet]) -> None:
    """Its ActorStoppedError has the reason `killed`, also where the handler swallows the end."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        ref = node.spawn(kind)
        gate = Gate()
        waiting = await begin(ref.ask(Hold(gate), timeout=None))
        await gate.entered.wait()
        stopping = await begin(ref.stop(timeout=1.0))
        await clock.advance(1.5)
        await stopping
        with pytest.raises(ActorStoppedError) as caught:
            await waiting
        assert caught.value.reason is Reason.KILLED
        await clock.advance(1)
        assert failures.entries == []
        adds_up(node)


async def test_a_permanent_child_that_stops_itself_restarts_without_an_error() -> None:
    """The `error` of its ActorRestarted is None: nothing failed."""
    async with Node("n") as node:
        restarted = Seen(node, ActorRestarted)
        ref = node.spawn(Puppet, restart="permanent")
        ref.tell(Do(lambda actor: actor.stop()))
        assert await restarted.count(1) == [ActorRestarted(ref, None)]


# --- drains


async def test_a_failure_while_draining_ends_the_drain() -> None:
    """What is queued behind a message that failed is dead, for nobody is left to handle it."""
    async with Node("n") as node:
        letters, journal = Seen(node, DeadLetter), Journal()
        puppet = node.spawn(Puppet.props(journal))
        gate = await occupy(puppet)
        for message in (Note(1), Fail(ValueError("bad")), Note(2), Note(3)):
            puppet.tell(message)
        stopping = await begin(puppet.stop(drain=True))
        gate.open()
        await stopping
        assert await puppet.stopped() == Reason.SHUTDOWN
        assert [entry[1] for entry in journal.entries if entry[0] == "note"] == [1]
        assert [letter.message for letter in letters.entries] == [Note(2), Note(3)]
        adds_up(node)


@pytest.mark.parametrize("drain", [False, True])
async def test_what_waits_in_a_backoff_is_dead_at_a_stop(drain: bool) -> None:
    """An actor that waits for its restart handles nothing any more, drained or not."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        for _ in range(2):
            puppet.tell(Fail(ValueError("bad")))
        await clock.advance(0)
        puppet.tell(Note(1))
        await puppet.stop(drain=drain)
        assert [letter.message for letter in letters.entries] == [Note(1)]


# --- the node's end


async def test_a_node_that_ends_hears_nobody_from_outside() -> None:
    """What comes from no actor is a dead letter, for an actor that has not been stopped yet too."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        last, first = node.spawn(Puppet), node.spawn(Puppet)
        gate = await occupy(first)
        ending = await begin(node.shutdown(timeout=5))
        await asyncio.sleep(0)
        last.tell(Note("outside"))
        with pytest.raises(ActorStoppedError):
            await last.ask(Notes())
        with pytest.raises(ActorStoppedError):
            await last.send(Note("sent"))
        assert [letter.message for letter in letters.entries] == [
            Note("outside"),
            Notes(),
            Note("sent"),
        ]
        gate.open()
        assert await ending


async def test_the_actors_of_a_node_that_ends_talk_to_each_other() -> None:
    """An actor that drains still tells and asks the others, and is answered."""
    async with Node("n") as node:
        journal = Journal()
        last, first = node.spawn(Puppet.props(journal)), node.spawn(Puppet)
        gate = await occupy(first)

        async def talk(actor: Any) -> list[Any]:
            last.tell(Note("told"))
            return [await last.ask(Note("asked")), await last.send(Note("sent"))]

        talking = await begin(first.ask(Do(talk)))
        ending = await begin(node.shutdown(timeout=5))
        await asyncio.sleep(0)
        gate.open()
        assert await talking == [2, None]
        assert await ending
        notes = [entry[1] for entry in journal.entries if entry[0] == "note"]
        assert notes == ["told", "asked", "sent"]


# --- waits for an end


async def test_awaiting_ones_own_end_in_on_stop_raises() -> None:
    """`await self.ref.stop()` in `on_stop` raises AskCycleError instead of hanging."""
    seen = Journal()

    class Vain(Actor):
        async def on_stop(self, reason: Reason) -> None:
            for wait in (self.ref.stop, self.ref.stopped):
                try:
                    await wait()
                except AskCycleError:
                    seen.add("cycle")

    async with Node("n") as node:
        vain = node.spawn(Vain)
        await vain.stop(timeout=None)
        assert seen.entries == ["cycle", "cycle"]
        assert await vain.stopped() == Reason.SHUTDOWN


async def test_a_dying_child_that_asks_its_waiting_parent_raises() -> None:
    """A parent awaits `child.stop()`; the child's `on_stop` asks it: a cycle, found at once."""
    clock = VirtualClock()
    outcome = Journal()

    class Clinging(Actor):
        async def on_stop(self, reason: Reason) -> None:
            assert self.parent is not None
            try:
                await self.parent.ask(Notes(), timeout=None)
            except AskCycleError:
                outcome.add("cycle")

    async def stop_child(actor: Any) -> str:
        await actor.spawn(Clinging).stop(timeout=None)
        return "stopped"

    async with Node("n", clock=clock) as node:
        top = node.spawn(Puppet)
        assert await top.ask(Do(stop_child), timeout=None) == "stopped"
        assert outcome.entries == ["cycle"]


@pytest.mark.parametrize("wait", ["stop", "stopped"])
async def test_a_child_with_a_message_in_hand_that_asks_its_waiting_parent_raises(
    wait: str,
) -> None:
    """The same where the child has a message in hand while its parent awaits its end."""
    clock = VirtualClock()
    gate = Gate()

    async def hold_and_ask(actor: Any) -> Any:
        await gate.pass_through()
        try:
            return await actor.parent.ask(Notes(), timeout=None)
        except AskCycleError:
            return "cycle"

    async with Node("n", clock=clock) as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet)))
        asking = await begin(child.ask(Do(hold_and_ask), timeout=None))
        await gate.entered.wait()
        waiting = await begin(top.ask(Do(lambda actor: getattr(child, wait)()), timeout=None))
        await clock.advance(0)
        gate.open()
        await clock.advance(0)
        assert asking.done()
        assert await asking == "cycle"
        await child.stop()
        await waiting


async def test_a_child_may_ask_a_parent_that_no_longer_waits_for_its_end() -> None:
    """Who gave up on `stopped()` is in no cycle any more."""
    clock = VirtualClock()

    async def give_up(actor: Any) -> None:
        waiting = asyncio.ensure_future(actor.child("c").stopped())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    async with Node("n", clock=clock) as node:
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="c")))
        await top.ask(Do(give_up))
        assert await child.ask(Do(lambda actor: actor.parent.ask(Note(1)))) == 1


# --- what outlives its actor


@pytest.mark.parametrize(
    "use",
    [
        lambda actor, _: actor.timers.once(1.0, Note(1)),
        lambda actor, _: actor.timers.every(1.0, Note(1)),
        lambda actor, _: setattr(actor, "receive_timeout", 1.0),
        lambda actor, other: actor.watch(other),
        lambda actor, _: actor.create_task(asyncio.Event().wait()),
        lambda actor, _: actor.spawn(Puppet),
    ],
    ids=["once", "every", "receive_timeout", "watch", "create_task", "spawn"],
)
async def test_code_that_outlives_its_actor_begins_nothing(use: Any) -> None:
    """Timers, watches, tasks and children of an actor that has ended raise ActorStoppedError."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        events = Seen(node, DeadLetter, ActorStopped)
        ref, other = node.spawn(Puppet), node.spawn(Puppet)
        actor = await ref.ask(Do(lambda actor: actor))
        await ref.stop()
        with pytest.raises(ActorStoppedError):
            use(actor, other)
        await other.stop()
        await clock.advance(10)
        assert events.entries == [
            ActorStopped(ref, Reason.SHUTDOWN),
            ActorStopped(other, Reason.SHUTDOWN),
        ]
