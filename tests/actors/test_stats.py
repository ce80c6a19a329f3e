"""The ledger of a node: `told == handled + failed + dead + queued`, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    ActorRef,
    ActorsError,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    Message,
    Node,
    OneForOne,
    Router,
    Terminated,
    on,
)
from actors.testing import MemoryNetwork, VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Gate,
    Hold,
    Journal,
    Note,
    NotEnough,
    Notes,
    Puppet,
    Seen,
    Unknown,
    adds_up,
    begin,
    occupy,
    soon,
)


def ledger(node: Node) -> dict[str, int]:
    """The four places where a told message can be, less those with nothing."""
    adds_up(node)
    stats = node.stats()
    places = {name: getattr(stats, name) for name in ("handled", "failed", "dead", "queued")}
    return {name: count for name, count in places.items() if count}


class Small(Puppet):
    mailbox = Mailbox(capacity=2)


class Newest(Puppet):
    mailbox = Mailbox(capacity=2, overflow="drop_old")


class Stasher(Puppet):
    @on(Note)
    def note(self, message: Note) -> int:
        self.stash()
        return 0


class Watcher(Puppet):
    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated")


async def test_a_new_node_has_told_nothing() -> None:
    """All counts begin at nothing."""
    async with Node("n") as node:
        stats = node.stats()
        assert (stats.told, stats.handled, stats.failed, stats.dead, stats.queued) == (0,) * 5
        assert (stats.outbound, stats.sent, stats.undelivered, stats.waiting) == (0,) * 4


async def test_tells_asks_and_sends_are_handled() -> None:
    """Every call counts once."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        puppet.tell(Note(1))
        await puppet.send(Note(2))
        await puppet.ask(Note(3))
        assert ledger(node) == {"handled": 3}


async def test_a_refusal_is_handled_and_a_failure_is_failed() -> None:
    """What the handler raised decides."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(NotEnough):
            await puppet.ask(Fail(NotEnough(1)))
        with pytest.raises(ValueError, match="bad"):
            await puppet.ask(Fail(ValueError("bad")))
        await puppet.ask(Notes())
        assert ledger(node) == {"handled": 2, "failed": 1}


async def test_what_nobody_handles_is_dead() -> None:
    """Told or asked, an unhandled message is dead."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        puppet.tell(Unknown())
        with pytest.raises(ActorsError):
            await puppet.ask(Unknown())
        assert ledger(node) == {"dead": 2}


async def test_in_hand_and_in_the_mailbox_is_queued() -> None:
    """A message in hand is queued like those behind it."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        puppet.tell(Note(1))
        puppet.tell(Note(2))
        assert ledger(node) == {"queued": 3}
        gate.open()
        await puppet.ask(Notes())
        assert ledger(node) == {"handled": 4}


async def test_stashed_is_queued_until_it_is_handled() -> None:
    """A stashed message is neither handled nor lost."""
    async with Node("n") as node:
        stasher = node.spawn(Stasher)
        stasher.tell(Note(1))
        stasher.tell(Note(2))
        await stasher.ask(Notes())
        assert ledger(node) == {"handled": 1, "queued": 2}
        await stasher.stop()
        assert ledger(node) == {"handled": 1, "dead": 2}


async def test_told_to_the_dead_is_dead() -> None:
    """Every call at a dead door counts as told and dead, with one DeadLetter each."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        await puppet.stop()
        puppet.tell(Note(1))
        for call in (puppet.ask, puppet.send):
            with pytest.raises(ActorsError):
                await call(Note(2))
        assert ledger(node) == {"dead": 3}
        assert len(letters.entries) == 3


async def test_a_full_mailbox_counts_its_refusals_as_dead() -> None:
    """Refused tells and asks, and the victims of `drop_old`, are dead."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        small, newest = node.spawn(Small), node.spawn(Newest)
        gates = [await occupy(small), await occupy(newest)]
        for ref in (small, newest):
            for number in range(5):
                ref.tell(Note(number))
        with pytest.raises(MailboxFullError):
            await small.ask(Notes())
        assert ledger(node) == {"queued": 6, "dead": 7}
        assert len(letters.entries) == 7
        for gate in gates:
            gate.open()


async def test_a_stop_makes_the_queue_dead() -> None:
    """Each message that was still queued is one dead letter."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        for number in range(5):
            puppet.tell(Note(number))
        stopping = await begin(puppet.stop())
        await asyncio.sleep(0)
        gate.open()
        await stopping
        assert ledger(node) == {"handled": 1, "dead": 5}
        assert len(letters.entries) == 5


async def test_what_a_killed_actor_had_in_hand_is_accounted_for() -> None:
    """A cancelled message is failed or dead, not lost."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await occupy(puppet)
        puppet.tell(Note(1))
        stopping = await begin(puppet.stop(timeout=1.0))
        await clock.advance(2)
        await stopping
        assert node.stats().told == 2
        assert node.stats().queued == 0
        adds_up(node)


async def test_a_timed_out_ask_is_still_handled() -> None:
    """The message of an asker that gave up is handled all the same, and counts once."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        waiting = await begin(puppet.ask(Note(1), timeout=1.0))
        await clock.advance(2)
        with pytest.raises(TimeoutError):
            await waiting
        assert ledger(node) == {"queued": 2}
        gate.open()
        await clock.advance(0)
        assert ledger(node) == {"handled": 2}


async def test_a_message_to_three_routees_counts_three_times() -> None:
    """Broadcast tells and asks count once for each routee."""
    async with Node("n") as node:
        router = node.spawn(Router.pool(Puppet.props(), size=3, strategy="broadcast"))
        await router.ask(Note(1))
        router.tell(Note(2))
        assert await router.ask(Notes()) == [[1, 2]] * 3
        assert ledger(node) == {"handled": 9}


@pytest.mark.parametrize("strategy", ["round-robin", "least-connections"])
async def test_a_routed_message_counts_once(strategy: str) -> None:
    """A router is no door of its own: only the routee's counts."""
    async with Node("n") as node:
        router = node.spawn(Router.pool(Puppet.props(), size=3, strategy=strategy))
        for _ in range(6):
            await router.ask(Note(1))
        assert ledger(node) == {"handled": 6}


async def test_without_routees_a_message_is_dead() -> None:
    """At a router with nobody behind it a message is told and dead."""
    async with Node("n") as node:
        member = node.spawn(Puppet)
        router = node.spawn(Router.group([member], strategy="round-robin"))
        await router.ask(Note(1))
        await member.stop()
        router.tell(Note(2))
        with pytest.raises(ActorsError):
            await router.ask(Note(3))
        assert ledger(node) == {"handled": 1, "dead": 2}


async def test_a_forwarded_message_counts_at_each_door() -> None:
    """The first handler handled it, and the second did."""
    async with Node("n") as node:
        last = node.spawn(Puppet)

        class Pass(Puppet):
            async def receive(self, message: object) -> object:
                self.forward(last, Notes())
                return None

        first = node.spawn(Pass)
        assert await first.ask("anything") == []
        assert ledger(node) == {"handled": 2}


async def test_terminated_counts_where_it_is_taken() -> None:
    """A Terminated that a handler takes is handled; the ledger adds up where none does, too."""
    async with Node("n") as node:
        journal = Journal()
        target, watcher, other = (
            node.spawn(Puppet),
            node.spawn(Watcher.props(journal)),
            node.spawn(Puppet),
        )
        for ref in (watcher, other):
            await ref.ask(Do(lambda actor: actor.watch(target)))
        await target.stop()
        await journal.has(("terminated",))
        await other.ask(Notes())
        adds_up(node)
        assert node.stats().handled == 4


async def test_timers_count_like_tells() -> None:
    """A timer's message is told and handled."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)
        await puppet.ask(Do(lambda actor: actor.timers.every(1.0, Note("tick")) and None))
        await clock.advance(3.5)
        assert ledger(node) == {"handled": 4}


async def test_a_shutdown_leaves_nothing_queued() -> None:
    """After the node's end all is handled, failed or dead."""
    async with Node("n") as node:
        puppets = [node.spawn(Puppet) for _ in range(10)]
        for puppet in puppets:
            for number in range(20):
                puppet.tell(Note(number))
    assert ledger(node) == {"handled": 200}


class Plain(Message[Any]):
    value: Any


class Far(Puppet):
    @on(Plain)
    def plain(self, message: Plain) -> Any:
        return message.value


async def test_the_outbound_ledger_adds_up() -> None:
    """What is meant for another node is sent, undelivered or waiting, and told there."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"]) as second,
    ):
        await first.wait_for_members(2, timeout=10)
        second.spawn(Far, name="far")
        far = await first.resolve("far", at="b")
        for number in range(100):
            far.tell(Plain(number))
        assert await far.ask(Plain("end")) == "end"
        adds_up(first)
        adds_up(second)
        assert first.stats().outbound == 101
        assert ledger(second) == {"handled": 101}
        letters = Seen(first, DeadLetter)
        await second.shutdown(timeout=5)
        far.tell(Plain("lost"))
        await letters.count(1)
        adds_up(first)
        assert first.stats().undelivered == 1


KINDS = st.sampled_from([Puppet, Small, Newest, Stasher])
COMMON = ["note", "note", "note", "ask", "send", "hold", "open", "route"]
ENDS = ["refuse", "fail", "unknown", "stop", "drain", "kill", "self-stop"]
RARE = ["stash", "unstash", "advance"]
STEPS = st.lists(
    st.tuples(st.sampled_from([*COMMON, *ENDS, *RARE]), st.integers(0, 4)), max_size=40
)


@settings(max_examples=40)
@given(kinds=st.lists(KINDS, min_size=1, max_size=4), steps=STEPS)
async def test_the_ledger_adds_up_under_everything(kinds: list[Any], steps: list[Any]) -> None:
    """Whatever is told, refused, failed, stashed, stopped or killed: at every step it adds up."""
    clock = VirtualClock()
    waiting: list[asyncio.Task[Any]] = []
    gates: list[Gate] = []
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        refs = [node.spawn(kind) for kind in kinds]
        router = node.spawn(
            Router.pool(
                Small.props(), size=3, strategy="broadcast", supervision=OneForOne(max_restarts=99)
            )
        )
        for what, which in steps:
            ref = router if what == "route" else refs[which % len(refs)]
            step(what, which, ref, gates, waiting)
            adds_up(node)
            await clock.advance(1.0 if what == "advance" else 0)
            adds_up(node)
        for gate in gates:
            gate.open()
        await clock.advance(100)
        adds_up(node)
        for ref in [*refs, router]:
            waiting.append(await begin(ref.stop(timeout=1.0)))
        await clock.advance(100)
        with contextlib.suppress(Exception):
            await asyncio.gather(*waiting, return_exceptions=True)
        adds_up(node)
        assert node.stats().queued == 0
        assert node.stats().dead == len(letters.entries)


def step(
    what: str,
    which: int,
    ref: ActorRef[Any],
    gates: list[Gate],
    waiting: list[asyncio.Task[Any]],
) -> None:
    """Do one thing without waiting for it."""
    told: dict[str, Any] = {
        "note": Note(which),
        "route": Note(which),
        "refuse": Fail(NotEnough(which)),
        "fail": Fail(ValueError("bad")),
        "unknown": Unknown(),
        "unstash": Do(lambda actor: actor.unstash_all()),
        "stash": Do(lambda actor: actor.stash()),
        "self-stop": Do(lambda actor: actor.stop()),
    }
    if what in told:
        ref.tell(told[what])
    elif what == "hold":
        gates.append(Gate())
        ref.tell(Hold(gates[-1]))
    elif what == "open":
        for gate in gates:
            gate.open()
    elif what in {"ask", "send"}:
        waiting.append(soon(getattr(ref, what)(Note(which), timeout=3.0)))
    elif what in {"stop", "drain", "kill"}:
        timeout = 0.5 if what == "kill" else 50.0
        waiting.append(soon(ref.stop(drain=what == "drain", timeout=timeout)))
