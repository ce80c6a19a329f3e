"""Supervision, after the cases of OTP's `supervisor_SUITE`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorRestarted,
    ActorStoppedError,
    Backoff,
    Child,
    DeadLetter,
    Directive,
    Node,
    OneForAll,
    OneForOne,
    Reason,
    RestForOne,
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
    begin,
    child_of,
    children_of,
    occupy,
)

NO_WAIT = Backoff(0, 0)
"""Restarts at once, however many."""


class Boss(Supervisor):
    """Supervises the children it is given, and does what the test says."""

    def __init__(self, journal: Journal, *specs: Child) -> None:
        self.journal = journal
        self.specs = list(specs)
        self.seen = 0

    def child_specs(self) -> list[Child]:
        return self.specs

    async def on_stop(self, reason: Reason) -> None:
        self.journal.add(("stop", "boss", reason))

    async def on_restart(self, error: BaseException) -> None:
        self.journal.add(("restart", "boss", type(error)))

    @on(Do)
    async def do(self, message: Do) -> Any:
        return message.action(self)

    @on(Fail)
    def fail(self, message: Fail) -> None:
        raise message.error


def boss_class(strategy: OneForOne | OneForAll | RestForOne) -> type[Boss]:
    return type("Boss", (Boss,), {"supervision": strategy})


def child(journal: Journal, label: str, kind: type[Actor] = Puppet, **options: Any) -> Child:
    return Child(kind.props(journal, label), name=label, **options)


async def spawned(
    node: Node,
    clock: VirtualClock,
    strategy: OneForOne | OneForAll | RestForOne,
    *specs: Child,
    journal: Journal,
) -> tuple[ActorRef[Any], dict[str, ActorRef[Any]]]:
    """Spawn a supervisor of these children, wait until all run, and empty the journal."""
    boss = node.spawn(boss_class(strategy).props(journal, *specs), name="boss")
    await clock.advance(0)
    refs = {ref.address.split("/")[-1].split("#")[0]: ref for ref in await children_of(boss)}
    journal.clear()
    return boss, refs


def labels(journal: Journal, what: str) -> list[str]:
    return [entry[1] for entry in journal.entries if entry[0] == what]


async def crash(
    ref: ActorRef[Any], clock: VirtualClock, error: BaseException | None = None
) -> None:
    """Make the actor fail and let everything settle without time passing."""
    ref.tell(Fail(error if error is not None else ValueError("crash")))
    await clock.advance(0)


# --- start and stop


async def test_children_start_left_to_right() -> None:
    """A child is started when the one before it has started."""
    clock = VirtualClock()
    journal = Journal()
    gate = Gate()

    class Slow(Puppet):
        async def on_start(self) -> None:
            await gate.pass_through()
            self.write("start")

    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", Slow), child(journal, "c")]
        boss = node.spawn(boss_class(OneForOne()).props(journal, *specs))
        await gate.entered.wait()
        await clock.advance(0)
        assert labels(journal, "start") == ["a"]
        gate.open()
        await journal.has(("start", "c"))
        assert labels(journal, "start") == ["a", "b", "c"]
        refs = await children_of(boss)
        assert [ref.address.split("/")[-1].split("#")[0] for ref in refs] == ["a", "b", "c"]


async def test_children_stop_right_to_left_before_their_supervisor() -> None:
    """Stopping a supervisor stops its children in reverse order, each with `shutdown`."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "abc"]
        boss, _ = await spawned(node, clock, OneForOne(), *specs, journal=journal)
        await boss.stop()
        assert journal.entries == [
            ("stop", "c", Reason.SHUTDOWN),
            ("stop", "b", Reason.SHUTDOWN),
            ("stop", "a", Reason.SHUTDOWN),
            ("stop", "boss", Reason.SHUTDOWN),
        ]


async def test_a_child_that_does_not_stop_in_time_is_cancelled() -> None:
    """Past its `shutdown` a child is cancelled, with reason `killed`; the others go on stopping."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", shutdown=2.0)]
        boss, refs = await spawned(node, clock, OneForOne(), *specs, journal=journal)
        await occupy(refs["b"])
        stopping = await begin(boss.stop(timeout=None))
        await clock.advance(1.9)
        assert labels(journal, "stop") == []
        await clock.advance(0.2)
        await stopping
        assert await refs["b"].stopped() == Reason.KILLED
        assert await refs["a"].stopped() == Reason.SHUTDOWN


async def test_a_shutdown_of_zero_cancels_at_once() -> None:
    """`shutdown=0` is OTP's brutal_kill: no time passes."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        spec = child(journal, "a", shutdown=0)
        boss, refs = await spawned(node, clock, OneForOne(), spec, journal=journal)
        await occupy(refs["a"])
        await boss.stop()
        assert await refs["a"].stopped() == Reason.KILLED


async def test_a_shutdown_of_none_waits_for_ever() -> None:
    """`shutdown=None` is OTP's infinity."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        spec = child(journal, "a", shutdown=None)
        boss, refs = await spawned(node, clock, OneForOne(), spec, journal=journal)
        gate = await occupy(refs["a"])
        stopping = await begin(boss.stop(timeout=None))
        await clock.advance(100_000)
        assert not stopping.done()
        gate.open()
        await stopping
        assert await refs["a"].stopped() == Reason.SHUTDOWN


async def test_the_default_shutdown_is_five_seconds() -> None:
    """A child of `spawn` or `Child` has 5 s to stop."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        boss, refs = await spawned(node, clock, OneForOne(), child(journal, "a"), journal=journal)
        await occupy(refs["a"])
        stopping = await begin(boss.stop(timeout=None))
        await clock.advance(4.9)
        assert not stopping.done()
        await clock.advance(0.2)
        await stopping


async def test_a_supervisor_needs_no_init_of_its_base() -> None:
    """A Supervisor without a constructor works, like `Boss`, which does not call its base's."""
    clock = VirtualClock()

    class Bare(Supervisor):
        def child_specs(self) -> list[Child]:
            return [Child(Puppet.props(), name="only")]

    async with Node("n", clock=clock) as node:
        node.spawn(Bare, name="bare")
        await clock.advance(0)
        only = await node.resolve("bare/only")
        assert await only.ask(Notes()) == []


async def test_child_specs_that_raise_are_a_failure_of_the_supervisor() -> None:
    """The supervisor is restarted, and its second attempt counts."""
    clock = VirtualClock()
    attempts = Journal()

    class Moody(Supervisor):
        def child_specs(self) -> list[Child]:
            attempts.add("attempt")
            if len(attempts.entries) == 1:
                raise ValueError("not yet")
            return [Child(Puppet, name="only")]

    async with Node("n", clock=clock) as node:
        node.spawn(Moody, name="moody")
        await clock.advance(1)
        assert await (await node.resolve("moody/only")).ask(Notes()) == []


# --- who restarts


@pytest.mark.parametrize(
    ("strategy", "failed", "siblings"),
    [
        (OneForOne(), "b", []),
        (OneForAll(), "b", ["a", "c", "d"]),
        (RestForOne(), "b", ["c", "d"]),
        (RestForOne(), "a", ["b", "c", "d"]),
        (RestForOne(), "d", []),
    ],
)
async def test_a_failure_restarts_those_that_the_strategy_says(
    strategy: Any, failed: str, siblings: list[str]
) -> None:
    """Siblings get `on_stop(SHUTDOWN)` right to left, then all start anew left to right."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        restarted = Seen(node, ActorRestarted)
        specs = [child(journal, label) for label in "abcd"]
        _, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs[failed], clock)
        stops = [entry for entry in journal.entries if entry[0] == "stop" and entry[1] != failed]
        assert stops == [("stop", label, Reason.SHUTDOWN) for label in reversed(siblings)]
        together = sorted([failed, *siblings])
        assert labels(journal, "restart") == [failed]
        assert labels(journal, "start") == together
        assert {event.ref for event in restarted.entries} == {refs[label] for label in together}


@pytest.mark.parametrize("strategy", [OneForOne(), OneForAll(), RestForOne()])
async def test_refs_survive_a_group_restart(strategy: Any) -> None:
    """After a restart of several the old refs are those of the new instances."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "abc"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        assert await children_of(boss) == tuple(refs.values())
        for ref in refs.values():
            assert await ref.ask(Note("x")) == 1


async def test_siblings_finish_the_message_in_hand_and_keep_their_queue() -> None:
    """A group restart waits for what siblings have in hand; their queues survive it."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "ab"]
        _, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        gate = Gate("finished")
        held = await begin(refs["b"].ask(Hold(gate)))
        await gate.entered.wait()
        queued = await begin(refs["b"].ask(Note("queued")))
        await crash(refs["a"], clock)
        assert labels(journal, "start") == []
        gate.open()
        assert await held == "finished"
        assert await queued == 1
        assert labels(journal, "start") == ["a", "b"]
        assert journal.entries.index(("stop", "b", Reason.SHUTDOWN)) < journal.entries.index(
            ("start", "b")
        )


async def test_a_sibling_that_hangs_is_cancelled_in_a_group_restart() -> None:
    """A sibling has its `shutdown` to finish; past it, it is cancelled and starts anew."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", shutdown=2.0)]
        _, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await occupy(refs["b"])
        await crash(refs["a"], clock)
        await clock.advance(2.1)
        assert await refs["b"].ask(Notes()) == []
        assert labels(journal, "start") == ["a", "b"]


async def test_plain_actors_supervise_their_children_too() -> None:
    """`supervision` of any actor is how it treats what it spawned."""
    clock = VirtualClock()
    journal = Journal()

    class Parent(Puppet):
        supervision = OneForAll()

    async with Node("n", clock=clock) as node:
        parent = node.spawn(Parent)

        def family(actor: Any) -> Any:
            return [actor.spawn(Puppet.props(journal, label), name=label) for label in "ab"]

        [first, _] = await parent.ask(Do(family))
        await clock.advance(0)
        journal.clear()
        await crash(first, clock)
        assert labels(journal, "start") == ["a", "b"]


async def test_a_failure_while_a_group_restarts_is_another_restart() -> None:
    """A sibling whose `on_start` fails during the group restart does not leave anybody dead."""
    clock = VirtualClock()
    journal = Journal()
    troubles = [ValueError("second"), ValueError("first")]

    class Fragile(Puppet):
        starts = 0

        async def on_start(self) -> None:
            Fragile.starts += 1
            if Fragile.starts > 1 and troubles:
                raise troubles.pop()
            self.write("start")

    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", Fragile), child(journal, "c")]
        boss, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await crash(refs["a"], clock)
        await clock.advance(5)
        assert troubles == []
        assert await children_of(boss) == tuple(refs.values())
        for ref in refs.values():
            assert await ref.ask(Notes()) == []


@pytest.mark.parametrize("strategy", [OneForOne(), OneForAll(), RestForOne()])
async def test_failures_at_the_same_time_leave_nobody_dead(strategy: Any) -> None:
    """When all children fail at once all of them run again, with whatever was queued."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "abc"]
        _, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        for ref in refs.values():
            ref.tell(Fail(ValueError("all at once")))
        answers = [await begin(ref.ask(Note("queued"), timeout=None)) for ref in refs.values()]
        await clock.advance(5)
        assert await asyncio.gather(*answers) == [1, 1, 1]


# --- kinds of child


@pytest.mark.parametrize(
    ("restart", "end", "comes_back"),
    [
        ("permanent", "failure", True),
        ("permanent", "own stop", True),
        ("permanent", "stopped", False),
        ("transient", "failure", True),
        ("transient", "own stop", False),
        ("transient", "stopped", False),
        ("temporary", "failure", False),
        ("temporary", "own stop", False),
        ("temporary", "stopped", False),
    ],
)
async def test_the_kind_of_child_says_whether_it_comes_back(
    restart: str, end: str, comes_back: bool
) -> None:
    """Permanent after any end of its own, transient after a failure, temporary never."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        spec = child(journal, "a", restart=restart)
        boss, refs = await spawned(node, clock, OneForOne(), spec, journal=journal)
        if end == "failure":
            await crash(refs["a"], clock)
        elif end == "own stop":
            refs["a"].tell(Do(lambda actor: actor.stop()))
        else:
            await refs["a"].stop()
        await clock.advance(20)
        assert labels(journal, "start") == (["a"] if comes_back else [])
        assert await children_of(boss) == ((refs["a"],) if comes_back else ())
        if comes_back:
            assert await refs["a"].ask(Note(1)) == 1
        else:
            with pytest.raises(ActorStoppedError):
                await refs["a"].ask(Note(1))


async def test_the_default_kind_of_a_child_is_permanent_and_of_a_spawn_transient() -> None:
    """`Child` restarts after a normal end, `spawn` does not."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        boss, refs = await spawned(node, clock, OneForOne(), child(journal, "a"), journal=journal)
        loose = await boss.ask(Do(lambda actor: actor.spawn(Puppet.props(journal, "loose"))))
        await clock.advance(0)
        journal.clear()
        for ref in (refs["a"], loose):
            ref.tell(Do(lambda actor: actor.stop()))
        await clock.advance(1)
        assert labels(journal, "start") == ["a"]
        assert await loose.stopped() == Reason.NORMAL


async def test_what_a_permanent_child_has_queued_survives_its_own_stop() -> None:
    """A restart after a normal end keeps ref and queue like any restart."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        _, refs = await spawned(node, clock, OneForOne(), child(journal, "a"), journal=journal)
        gate = await occupy(refs["a"])
        refs["a"].tell(Do(lambda actor: actor.stop()))
        queued = await begin(refs["a"].ask(Note("queued"), timeout=None))
        gate.open()
        await clock.advance(1)
        assert await queued == 1


async def test_a_temporary_child_that_fails_affects_nobody() -> None:
    """Under one-for-all the failure of a temporary child is the end of it alone."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", restart="temporary")]
        boss, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await crash(refs["b"], clock)
        await clock.advance(20)
        assert labels(journal, "start") == []
        assert await refs["b"].stopped() == Reason.ERROR
        assert await children_of(boss) == (refs["a"],)


async def test_a_temporary_sibling_is_not_started_again_with_its_group() -> None:
    """When a group restarts its temporary members end, as in OTP."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", restart="temporary")]
        boss, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await crash(refs["a"], clock)
        await clock.advance(20)
        assert labels(journal, "start") == ["a"]
        assert await refs["b"].stopped() == Reason.SHUTDOWN
        assert await children_of(boss) == (refs["a"],)


async def test_a_normal_end_of_a_transient_child_affects_nobody() -> None:
    """Under one-for-all a transient child may end normally without a restart of the others."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", restart="transient")]
        _, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        refs["b"].tell(Do(lambda actor: actor.stop()))
        await clock.advance(20)
        assert labels(journal, "start") == []
        assert await refs["b"].stopped() == Reason.NORMAL


# --- intensity and back-off


async def test_restarts_wait_for_the_backoff() -> None:
    """The first restart is made at once, then after 0.1, 0.2 and 0.4 seconds."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=100, backoff=Backoff(0.1, 10.0, jitter=0))
    async with Node("n", clock=clock) as node:
        _, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        for wait in (0.0, 0.1, 0.2, 0.4):
            journal.clear()
            await crash(refs["a"], clock)
            if wait:
                await clock.advance(wait - 0.01)
                assert labels(journal, "start") == []
                await clock.advance(0.02)
            assert labels(journal, "start") == ["a"]


async def test_the_backoff_falls_back_after_a_quiet_period() -> None:
    """After `within` quiet seconds the next restart is at once again."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=100, within=5.0, backoff=Backoff(1.0, 10.0, jitter=0))
    async with Node("n", clock=clock) as node:
        _, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        await clock.advance(20)
        journal.clear()
        await crash(refs["a"], clock)
        assert labels(journal, "start") == ["a"]


async def test_messages_wait_out_the_backoff() -> None:
    """What is asked while a restart waits is answered by the new instance."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        _, refs = await spawned(node, clock, OneForOne(), child(journal, "a"), journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        waiting = await begin(refs["a"].ask(Note("patient")))
        await clock.advance(0)
        assert not waiting.done()
        await clock.advance(0.2)
        assert await waiting == 1


async def test_more_restarts_than_allowed_escalate() -> None:
    """The supervisor stops its children in reverse order and fails itself."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=2, within=5.0, backoff=NO_WAIT)
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        specs = [child(journal, label) for label in "abc"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["b"], clock)
        await crash(refs["b"], clock)
        assert [event.ref for event in failures.entries] == [refs["b"], refs["b"]]
        journal.clear()
        await crash(refs["b"], clock)
        stops = [entry for entry in journal.entries if entry[0] == "stop" and entry[1] in "ac"]
        assert stops == [("stop", "c", Reason.SHUTDOWN), ("stop", "a", Reason.SHUTDOWN)]
        assert [event.ref for event in failures.entries][2:] == [refs["b"], boss]
        assert await refs["b"].stopped() == Reason.ERROR


async def test_a_supervisor_that_failed_starts_its_children_anew() -> None:
    """Restarted by its own parent, a supervisor has the children of its specs, under new refs."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "ab"]
        boss, refs = await spawned(node, clock, OneForOne(max_restarts=0), *specs, journal=journal)
        await crash(refs["a"], clock)
        await clock.advance(1)
        assert labels(journal, "start") == ["a", "b"]
        again = await children_of(boss)
        assert len(again) == 2
        assert not set(again) & set(refs.values())


async def test_the_intensity_is_counted_over_all_children() -> None:
    """Two failures of one child and one of another are three restarts of their parent."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=2, within=5.0, backoff=NO_WAIT)
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        specs = [child(journal, label) for label in "ab"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        for label in "aab":
            await crash(refs[label], clock)
        assert boss in {event.ref for event in failures.entries}


async def test_old_restarts_are_forgotten() -> None:
    """Failures further apart than `within` allows never add up."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=1, within=5.0)
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        boss, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        for _ in range(10):
            await crash(refs["a"], clock)
            await clock.advance(5.5)
        assert boss not in {event.ref for event in failures.entries}
        assert await refs["a"].ask(Notes()) == []


async def test_a_group_restart_counts_once() -> None:
    """Under one-for-all of four children two failures are two restarts, not eight."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForAll(max_restarts=2, within=5.0, backoff=NO_WAIT)
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        specs = [child(journal, label) for label in "abcd"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["d"], clock)
        assert boss not in {event.ref for event in failures.entries}
        await crash(refs["b"], clock)
        assert boss in {event.ref for event in failures.entries}


async def test_ends_of_permanent_children_count_too() -> None:
    """A permanent child that keeps stopping itself is restarted too often in the end."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=3, within=5.0, backoff=NO_WAIT)
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        boss, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        for _ in range(4):
            refs["a"].tell(Do(lambda actor: actor.stop()))
            await clock.advance(0)
        assert boss in {event.ref for event in failures.entries}


async def test_with_no_restarts_the_first_failure_escalates() -> None:
    """`max_restarts=0`: the child ends with `error`, and its parent fails."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        boss, refs = await spawned(
            node, clock, OneForOne(max_restarts=0), child(journal, "a"), journal=journal
        )
        await crash(refs["a"], clock)
        assert [event.ref for event in failures.entries] == [refs["a"], boss]
        assert await refs["a"].stopped() == Reason.ERROR


async def test_an_escalation_stops_where_it_is_handled() -> None:
    """A subtree that fails is restarted by the one above it; the rest of the tree goes on."""
    clock = VirtualClock()
    journal = Journal()
    weak = boss_class(OneForOne(max_restarts=0))
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        specs = [
            Child(weak.props(journal, child(journal, "leaf")), name="sub"),
            child(journal, "other"),
        ]
        boss, refs = await spawned(node, clock, OneForOne(), *specs, journal=journal)
        leaf = await child_of(refs["sub"], "leaf")
        await crash(leaf, clock)
        await clock.advance(1)
        assert [event.ref for event in failures.entries] == [leaf, refs["sub"]]
        assert await children_of(boss) == (refs["sub"], refs["other"])
        new_leaf = await child_of(refs["sub"], "leaf")
        assert new_leaf != leaf
        assert await new_leaf.ask(Notes()) == []
        assert ("stop", "other", Reason.SHUTDOWN) not in journal.entries


async def test_an_actor_right_under_the_node_is_counted_by_itself() -> None:
    """Ten actors under the node may each fail five times; the sixth failure ends only its own."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppets = [node.spawn(Puppet) for _ in range(10)]
        for puppet in puppets:
            for _ in range(5):
                puppet.tell(Fail(ValueError("bad")))
        await clock.advance(3)
        for puppet in puppets:
            assert await puppet.ask(Notes()) == []
        puppets[0].tell(Fail(ValueError("once too often")))
        await clock.advance(0)
        assert await puppets[0].stopped() == Reason.ERROR
        for puppet in puppets[1:]:
            assert await puppet.ask(Notes()) == []


async def test_what_is_queued_when_an_actor_ends_in_error_is_dead() -> None:
    """An actor over its limit leaves dead letters and failed asks, no silence."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        puppet = node.spawn(Puppet)
        for _ in range(6):
            puppet.tell(Fail(ValueError("bad")))
        puppet.tell(Note("queued"))
        waiting = await begin(puppet.ask(Notes(), timeout=None))
        await clock.advance(60)
        assert [letter.message for letter in letters.entries] == [Note("queued"), Notes()]
        with pytest.raises(ActorStoppedError):
            await waiting


# --- decide


async def test_resume_keeps_the_instance_and_does_not_count() -> None:
    """RESUME goes on with the next message, as often as it takes; the asker gets the error."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=1, decide={ValueError: Directive.RESUME})
    async with Node("n", clock=clock) as node:
        events = Seen(node, ActorFailed, ActorRestarted)
        _, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        await refs["a"].ask(Note("kept"))
        for _ in range(20):
            with pytest.raises(ValueError, match="again"):
                await refs["a"].ask(Fail(ValueError("again")))
        assert await refs["a"].ask(Notes()) == ["kept"]
        assert {type(event) for event in events.entries} == {ActorFailed}


async def test_stop_is_final_even_for_a_permanent_child() -> None:
    """STOP ends the child with `error`, and its siblings go on."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForAll(decide={ValueError: Directive.STOP})
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b")]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        await clock.advance(60)
        assert await refs["a"].stopped() == Reason.ERROR
        assert labels(journal, "start") == []
        assert await children_of(boss) == (refs["b"],)


async def test_escalate_fails_the_parent_with_the_childs_error() -> None:
    """ESCALATE ends the child with `error` and is a failure of the parent."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(decide={ValueError: Directive.ESCALATE})
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        boss, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        error = ValueError("too big for me")
        await crash(refs["a"], clock, error)
        assert [(event.ref, event.error) for event in failures.entries] == [
            (refs["a"], error),
            (boss, error),
        ]
        assert await refs["a"].stopped() == Reason.ERROR


async def test_decide_takes_the_most_specific_class() -> None:
    """A subclass is treated as its nearest ancestor in `decide`; what is not there restarts."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(
        decide={LookupError: Directive.STOP, KeyError: Directive.RESUME}, backoff=NO_WAIT
    )
    async with Node("n", clock=clock) as node:
        _, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        await refs["a"].ask(Note("kept"))
        await crash(refs["a"], clock, KeyError("k"))
        assert await refs["a"].ask(Notes()) == ["kept"]
        await crash(refs["a"], clock, ValueError("v"))
        assert await refs["a"].ask(Notes()) == []
        await crash(refs["a"], clock, IndexError("i"))
        assert await refs["a"].stopped() == Reason.ERROR


# --- ends


async def test_a_supervisor_that_stops_restarts_nobody() -> None:
    """A child that fails while its supervisor stops is not started again."""
    clock = VirtualClock()
    journal = Journal()

    class Sore(Puppet):
        async def on_stop(self, reason: Reason) -> None:
            raise ValueError("sore")

    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a", Sore), child(journal, "b", Sore)]
        boss, _ = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await boss.stop()
        await clock.advance(60)
        assert labels(journal, "start") == []


async def test_a_supervisor_can_be_stopped_during_a_backoff() -> None:
    """A waiting restart neither delays the stop nor comes after it."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForAll(max_restarts=100, backoff=Backoff(10, 100))
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "ab"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        journal.clear()
        await boss.stop()
        await clock.advance(500)
        assert labels(journal, "start") == []
        assert await refs["a"].stopped() == Reason.SHUTDOWN
        assert await refs["b"].stopped() == Reason.SHUTDOWN


async def test_a_supervisor_that_fails_itself_stops_and_restarts_its_children() -> None:
    """The children of a supervisor that raises in its own handler end and are started anew."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "ab"]
        boss, refs = await spawned(node, clock, OneForOne(), *specs, journal=journal)
        await crash(boss, clock)
        assert labels(journal, "stop")[:2] == ["b", "a"]
        assert labels(journal, "start") == ["a", "b"]
        assert await refs["a"].stopped() == Reason.SHUTDOWN


async def test_a_supervisor_handles_messages_while_its_children_restart() -> None:
    """A back-off of a child does not keep its supervisor from answering."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=100, backoff=Backoff(10, 100))
    async with Node("n", clock=clock) as node:
        boss, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        assert await boss.ask(Do(lambda actor: "here")) == "here"


async def test_a_child_that_waits_for_its_restart_is_still_a_child() -> None:
    """During the back-off `children` and `child(name)` still give its ref."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForOne(max_restarts=100, backoff=Backoff(10, 100))
    async with Node("n", clock=clock) as node:
        boss, refs = await spawned(node, clock, strategy, child(journal, "a"), journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        assert await children_of(boss) == (refs["a"],)
        assert await child_of(boss, "a") == refs["a"]


async def test_a_stopped_child_can_be_replaced_under_its_name() -> None:
    """After somebody else's stop the name of a permanent child is free again."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        boss, refs = await spawned(node, clock, OneForOne(), child(journal, "a"), journal=journal)
        await refs["a"].stop()
        again = await boss.ask(Do(lambda actor: actor.spawn(Puppet, name="a")))
        assert again != refs["a"]
        assert await again.ask(Notes()) == []


# --- groups under strain


async def test_a_group_starts_without_the_member_that_is_stopped_for_good() -> None:
    """Where a member fails in its restart and is given up, the rest of the group starts."""
    clock = VirtualClock()
    journal = Journal()

    class Doomed(Puppet):
        starts = 0

        async def on_start(self) -> None:
            Doomed.starts += 1
            if Doomed.starts > 1:
                raise KeyError("doomed")

    strategy = OneForAll(decide={KeyError: Directive.STOP})
    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a", Doomed), child(journal, "b"), child(journal, "c")]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        await clock.advance(10)
        assert await refs["a"].stopped() == Reason.ERROR
        assert await children_of(boss) == (refs["b"], refs["c"])
        for label in "bc":
            waiting = await begin(refs[label].ask(Notes(), timeout=None))
            await clock.advance(1)
            assert waiting.done(), label


async def test_a_group_starts_without_the_member_that_somebody_kills() -> None:
    """Where a member is stopped while it restarts, the rest of the group starts."""
    clock = VirtualClock()
    journal = Journal()
    gate = Gate()

    class Slow(Puppet):
        starts = 0

        async def on_start(self) -> None:
            Slow.starts += 1
            if Slow.starts > 1:
                await gate.pass_through()

    async with Node("n", clock=clock) as node:
        specs = [child(journal, "a"), child(journal, "b", Slow), child(journal, "c")]
        boss, refs = await spawned(node, clock, OneForAll(), *specs, journal=journal)
        await crash(refs["a"], clock)
        await gate.entered.wait()
        stopping = await begin(refs["b"].stop(timeout=1.0))
        await clock.advance(5)
        assert stopping.done()
        assert await children_of(boss) == (refs["a"], refs["c"])
        waiting = await begin(refs["c"].ask(Notes(), timeout=None))
        await clock.advance(1)
        assert waiting.done()


async def test_a_group_starts_with_a_replaced_member() -> None:
    """A child that is stopped and replaced while its group waits does not hold up the rest."""
    clock = VirtualClock()
    journal = Journal()
    strategy = OneForAll(max_restarts=100, backoff=Backoff(10, 10, jitter=0))
    async with Node("n", clock=clock) as node:
        specs = [child(journal, label) for label in "abc"]
        boss, refs = await spawned(node, clock, strategy, *specs, journal=journal)
        await crash(refs["a"], clock)
        await crash(refs["a"], clock)
        await refs["b"].stop()
        again = await boss.ask(Do(lambda actor: actor.spawn(Puppet, name="b")))
        await clock.advance(20)
        for ref in (refs["a"], again, refs["c"]):
            waiting = await begin(ref.ask(Notes(), timeout=None))
            await clock.advance(1)
            assert waiting.done()


async def test_a_child_restarts_while_its_parent_waits_for_it() -> None:
    """A parent that asks its child in a handler does not keep it from being restarted."""
    clock = VirtualClock()

    async def ask_twice(actor: Any) -> Any:
        fragile = actor.spawn(Puppet)
        with pytest.raises(ValueError, match="bad"):
            await fragile.ask(Fail(ValueError("bad")), timeout=None)
        return await fragile.ask(Note("after"), timeout=None)

    async with Node("n", clock=clock) as node:
        parent = node.spawn(Puppet)
        waiting = await begin(parent.ask(Do(ask_twice), timeout=None))
        await clock.advance(5)
        assert waiting.done()
        assert await waiting == 1


async def test_a_parent_that_waits_for_a_child_that_escalates_does_not_hang() -> None:
    """The ask of a child that has failed for good ends, so that its parent can fail."""
    clock = VirtualClock()

    class Strict(Puppet):
        supervision = OneForOne(max_restarts=0)

    async def ask_twice(actor: Any) -> Any:
        fragile = actor.spawn(Puppet)
        with pytest.raises(ValueError, match="bad"):
            await fragile.ask(Fail(ValueError("bad")), timeout=None)
        with pytest.raises(ActorStoppedError):
            await fragile.ask(Note("after"), timeout=None)
        return "done"

    async with Node("n", clock=clock) as node:
        parent = node.spawn(Strict)
        waiting = await begin(parent.ask(Do(ask_twice), timeout=None))
        await clock.advance(5)
        assert waiting.done()
        assert await waiting == "done"
