"""`self.watch(ref)` gives exactly one `Terminated`."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRef,
    DeathPactError,
    Node,
    OneForOne,
    Reason,
    Terminated,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Journal,
    Note,
    Notes,
    Puppet,
    Seen,
    Unknown,
    begin,
    occupy,
)


class Watcher(Puppet):
    """Notes who ended, and why."""

    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated", message.ref, message.reason)


async def watching(node: Node, *targets: ActorRef[Any]) -> tuple[ActorRef[Any], Journal]:
    """Spawn a watcher of these targets; return it with its journal."""
    journal = Journal()
    watcher = node.spawn(Watcher.props(journal))
    for target in targets:
        await watch(watcher, target)
    return watcher, journal


async def watch(watcher: ActorRef[Any], target: ActorRef[Any]) -> None:
    await watcher.ask(Do(lambda actor: actor.watch(target)))


def notices(journal: Journal) -> list[tuple[Any, Any]]:
    return [(entry[1], entry[2]) for entry in journal.entries if entry[0] == "terminated"]


async def ended_normally(target: ActorRef[Any], clock: VirtualClock) -> None:
    target.tell(Do(lambda actor: actor.stop()))


async def ended_by_somebody(target: ActorRef[Any], clock: VirtualClock) -> None:
    await target.stop()


async def ended_by_failures(target: ActorRef[Any], clock: VirtualClock) -> None:
    for _ in range(6):
        target.tell(Fail(ValueError("bad")))
    await clock.advance(60)


async def ended_by_force(target: ActorRef[Any], clock: VirtualClock) -> None:
    await occupy(target)
    stopping = await begin(target.stop(timeout=1.0))
    await clock.advance(2)
    await stopping


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (ended_normally, Reason.NORMAL),
        (ended_by_somebody, Reason.SHUTDOWN),
        (ended_by_failures, Reason.ERROR),
        (ended_by_force, Reason.KILLED),
    ],
)
async def test_a_watcher_hears_once_how_its_target_ended(end: Any, reason: Reason) -> None:
    """Whatever the end, exactly one Terminated comes, with ref and reason."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        await end(target, clock)
        await journal.has(("terminated", target, reason))
        await watcher.ask(Notes())
        await clock.advance(10)
        assert notices(journal) == [(target, reason)]


async def test_watching_the_dead_gives_noproc() -> None:
    """A target that was dead already gives its one Terminated at once, with `noproc`."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        await target.stop()
        watcher, journal = await watching(node, target)
        await journal.has(("terminated", target, Reason.NOPROC))
        await watcher.ask(Notes())
        assert notices(journal) == [(target, Reason.NOPROC)]


async def test_watching_what_never_lived_gives_noproc() -> None:
    """So does an address that nobody ever had."""
    async with Node("n") as node:
        target = node.spawn(Puppet, name="a")
        never = node.ref(target.address.replace("/a#", "/b#"))
        _, journal = await watching(node, never)
        await journal.has(("terminated", never, Reason.NOPROC))


async def test_watching_twice_is_watching_once() -> None:
    """Two watches of one target give one Terminated."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target, target)
        await target.stop()
        await journal.has(("terminated", target, Reason.SHUTDOWN))
        await watcher.ask(Notes())
        assert len(notices(journal)) == 1


async def test_unwatching_ends_it() -> None:
    """After `unwatch` nothing comes; a later watch counts anew."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        await watcher.ask(Do(lambda actor: actor.unwatch(target)))
        await watcher.ask(Do(lambda actor: actor.unwatch(target)))
        await target.stop()
        await watcher.ask(Notes())
        assert notices(journal) == []


async def test_unwatching_takes_back_a_notice_that_waits() -> None:
    """After `unwatch` no Terminated is handled, even one that was in the mailbox already."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)

        async def stop_and_unwatch(actor: Any) -> None:
            await target.stop()
            actor.unwatch(target)

        await watcher.ask(Do(stop_and_unwatch))
        await watcher.ask(Notes())
        assert notices(journal) == []


async def test_all_watchers_hear_of_it() -> None:
    """Ten watchers of one target get one Terminated each."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        journals = [(await watching(node, target))[1] for _ in range(10)]
        await target.stop()
        for journal in journals:
            await journal.has(("terminated", target, Reason.SHUTDOWN))


async def test_a_restart_tells_watchers_nothing() -> None:
    """A restart keeps ref and incarnation; only the end is news."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        with pytest.raises(ValueError, match="bad"):
            await target.ask(Fail(ValueError("bad")))
        assert await target.ask(Note(1)) == 1
        await watcher.ask(Notes())
        assert notices(journal) == []
        await target.stop()
        await journal.has(("terminated", target, Reason.SHUTDOWN))


async def test_a_restart_of_the_watcher_ends_its_watches() -> None:
    """A new instance watches nobody."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        with pytest.raises(ValueError, match="bad"):
            await watcher.ask(Fail(ValueError("bad")))
        await watcher.ask(Notes())
        await target.stop()
        await watcher.ask(Notes())
        assert notices(journal) == []


async def test_nothing_of_the_dead_comes_after_its_terminated() -> None:
    """What the target told before its end is handled before the Terminated."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)

        def flood_and_stop(actor: Any) -> None:
            for number in range(300):
                watcher.tell(Note(number))
            actor.stop()

        target.tell(Do(flood_and_stop))
        entries = await journal.has(("terminated", target, Reason.NORMAL))
        assert entries[-301:] == [
            *[("note", number) for number in range(300)],
            ("terminated", target, Reason.NORMAL),
        ]
        await watcher.ask(Notes())
        assert journal.entries[-1][0] == "terminated"


async def test_without_a_handler_the_watcher_fails() -> None:
    """Who watches and does not handle Terminated fails with DeathPactError."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        target, watcher = node.spawn(Puppet), node.spawn(Puppet)
        await watch(watcher, target)
        await target.stop()
        [failure] = await failures.count(1)
        assert failure.ref == watcher
        assert isinstance(failure.error, DeathPactError)


async def test_an_overridden_receive_takes_terminated() -> None:
    """An own `receive` that takes it is a handler; one that passes it on to the default is none."""
    journal = Journal()

    class Own(Puppet):
        async def receive(self, message: object) -> object:
            if isinstance(message, Terminated):
                journal.add(message.reason)
                return None
            return await super().receive(message)

    class PassedOn(Puppet):
        async def receive(self, message: object) -> object:
            return await super().receive(message)

    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        target, own, passed = node.spawn(Puppet), node.spawn(Own), node.spawn(PassedOn)
        await watch(own, target)
        await watch(passed, target)
        await target.stop()
        await journal.has(Reason.SHUTDOWN)
        [failure] = await failures.count(1)
        assert failure.ref == passed
        assert isinstance(failure.error, DeathPactError)


async def test_a_parent_does_not_watch_its_children_by_itself() -> None:
    """Without `watch` the end of a child is no message to its parent."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        top = node.spawn(Puppet)
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet)))
        child.tell(Do(lambda actor: actor.stop()))
        await child.stopped()
        await top.ask(Notes())
        assert failures.entries == []


async def test_a_parent_may_watch_its_child() -> None:
    """A watching parent hears of the end that supervision did not prevent."""
    clock = VirtualClock()

    class Parent(Watcher):
        supervision = OneForOne(max_restarts=100, within=1.0)

    async with Node("n", clock=clock) as node:
        journal = Journal()
        parent = node.spawn(Parent.props(journal))

        def begin(actor: Any) -> Any:
            child = actor.spawn(Puppet, restart="temporary")
            actor.watch(child)
            return child

        child = await parent.ask(Do(begin))
        child.tell(Fail(ValueError("bad")))
        await journal.has(("terminated", child, Reason.ERROR))


async def test_terminated_says_more_in_words() -> None:
    """The `detail` of an end by failure names the error."""
    clock = VirtualClock()
    seen = Journal()

    class Curious(Actor):
        def __init__(self, target: ActorRef[Any]) -> None:
            self.target = target

        async def on_start(self) -> None:
            self.watch(self.target)

        @on(Terminated)
        def terminated(self, message: Terminated) -> None:
            seen.add(message)

    async with Node("n", clock=clock) as node:
        target = node.spawn(Puppet, restart="temporary")
        node.spawn(Curious.props(target))
        await clock.advance(0)
        target.tell(Fail(ValueError("no more ink")))
        [notice] = await seen.count(1)
        assert notice.reason == Reason.ERROR
        assert "no more ink" in notice.detail


async def test_watching_itself_or_a_stopping_actor_does_not_hang() -> None:
    """A watch of an actor that is just stopping gives its Terminated when it has ended."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        gate = await occupy(target)
        stopping = await begin(target.stop())
        watcher, journal = await watching(node, target)
        await watcher.ask(Notes())
        assert notices(journal) == []
        gate.open()
        await stopping
        await journal.until(lambda entries: any(entry[0] == "terminated" for entry in entries))
        assert [ref for ref, _ in notices(journal)] == [target]


async def test_a_watcher_that_is_unharmed_handles_terminated_as_a_message() -> None:
    """Terminated queues behind what came before it, and the watcher goes on afterwards."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        gate = await occupy(watcher)
        watcher.tell(Note("before"))
        watcher.tell(Unknown())
        await target.stop()
        watcher.tell(Note("after"))
        gate.open()
        await journal.has(("note", "after"))
        order = [entry[1] for entry in journal.entries if entry[0] in {"note", "terminated"}]
        assert order == ["before", target, "after"]


async def test_watching_the_same_dead_again_gives_another_notice() -> None:
    """Each Terminated ends its watch: a new watch of the dead ref is answered with `noproc`."""
    async with Node("n") as node:
        target = node.spawn(Puppet)
        watcher, journal = await watching(node, target)
        await target.stop()
        await journal.has(("terminated", target, Reason.SHUTDOWN))
        for times in range(1, 4):
            await watch(watcher, target)
            await journal.has(*[("terminated", target, Reason.NOPROC)] * times)
        await watcher.ask(Notes())
        assert len(notices(journal)) == 4


async def test_a_watch_that_has_ended_is_forgotten() -> None:
    """A watcher of many short lives keeps nothing of them."""
    async with Node("n") as node:
        watcher, journal = await watching(node)
        for number in range(20):
            target = node.spawn(Puppet)
            await watch(watcher, target)
            await target.stop()
            await journal.until(lambda _, n=number: len(notices(journal)) == n + 1)
        assert await watcher.ask(Do(lambda actor: len(actor._cell.watching))) == 0


@pytest.mark.parametrize("call", ["watch", "unwatch", "stop"])
@pytest.mark.parametrize("target", [3, "actors://n/a#1.1", Puppet])
async def test_only_refs_are_watched_and_stopped(call: str, target: Any) -> None:
    """Anything else is a TypeError at the call, and the actor can still restart and stop."""

    def attempt(actor: Any) -> None:
        with pytest.raises(TypeError, match="ActorRef"):
            getattr(actor, call)(target)

    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        await puppet.ask(Do(attempt))
        with pytest.raises(ValueError, match="bad"):
            await puppet.ask(Fail(ValueError("bad")))
        await puppet.ask(Do(attempt))
        assert await puppet.ask(Notes()) == []
        await puppet.stop(timeout=None)
        assert await puppet.stopped() == Reason.SHUTDOWN
