"""Singletons: one instance in the cluster, that moves, and never two where it matters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from actors import (
    Actor,
    ActorRef,
    DeadLetter,
    KeepMajority,
    Message,
    Node,
    NodeUnreachableError,
    Reason,
    Singleton,
    on,
)
from tests.actors.kit import Cluster, Seen, adds_up


class Where(Message[str]):
    """Answers the node that it runs on."""


class Add(Message[int]):
    """Answers how many there have been on this instance."""


class End(Message[None]):
    """Ends it."""


class Break(Message[None]):
    """Fails it."""


class Fence(Message[int]):
    """Answers its fencing token."""


class Job(Actor):
    """Knows which of its kind run."""

    running: ClassVar[list[str]] = []
    most: ClassVar[int] = 0

    def __init__(self, fencing_token: int = 0) -> None:
        self.count = 0
        self.token = fencing_token
        Job.running.append(self.node.name)
        Job.most = max(Job.most, len(Job.running))

    async def on_stop(self, reason: Reason) -> None:
        Job.running.remove(self.node.name)

    @on(Where)
    def where(self, message: Where) -> str:
        return self.node.name

    @on(Add)
    def add(self, message: Add) -> int:
        self.count += 1
        return self.count

    @on(End)
    def end(self, message: End) -> None:
        self.stop()

    @on(Break)
    def break_down(self, message: Break) -> None:
        raise ValueError("broken")

    @on(Fence)
    def fence(self, message: Fence) -> int:
        return self.token


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Nobody runs yet."""
    Job.running.clear()
    Job.most = 0


def manage(node: Node, **more: Any) -> ActorRef[Any]:
    """Have the singleton managed on a node."""
    return node.spawn(Singleton(Job, **more), name="job")


async def three(cluster: Cluster, **more: Any) -> tuple[list[Node], list[ActorRef[Any]]]:
    """Start three nodes with a manager each, the oldest first."""
    nodes = []
    for name in "abc":
        nodes.append(await cluster.start(name, "worker", **more))
        await cluster.clock.advance(1)
    refs = [manage(node, role="worker") for node in nodes]
    await cluster.clock.advance(3)
    return nodes, refs


async def test_one_instance_runs_and_all_refs_lead_to_it() -> None:
    """On the oldest node; its state is one, whoever asks from where."""
    async with Cluster() as cluster:
        _, refs = await three(cluster)
        assert Job.running == ["a"]
        assert [await cluster.finish(ref.ask(Add())) for ref in refs] == [1, 2, 3]


async def test_it_moves_when_its_node_leaves() -> None:
    """The next oldest runs it once the other has stopped."""
    async with Cluster() as cluster:
        nodes, refs = await three(cluster)
        await cluster.stop(nodes[0])
        assert await cluster.finish(refs[2].ask(Where(), timeout=20)) == "b"
        assert Job.running == ["b"]
        assert Job.most == 1


async def test_it_moves_soon_when_its_node_leaves() -> None:
    """A node that leaves does not answer any more; nobody waits for that."""
    async with Cluster() as cluster:
        nodes, refs = await three(cluster)
        await cluster.stop(nodes[0])
        left = cluster.clock.now()
        assert await cluster.finish(refs[2].ask(Where(), timeout=20)) == "b"
        assert cluster.clock.now() - left < 1.0


async def test_it_moves_when_its_node_dies() -> None:
    """An ask that it did not answer fails at once; the next one waits for the new instance."""
    async with Cluster() as cluster:
        nodes, refs = await three(cluster)
        cluster.nodes.remove(nodes[0])
        cluster.network.kill("a")
        Job.running.remove("a")
        with pytest.raises(NodeUnreachableError):
            await cluster.finish(refs[2].ask(Where(), timeout=20))
        assert await cluster.finish(refs[2].ask(Where(), timeout=20)) == "b"
        assert Job.running == ["b"]
        adds_up(nodes[2])
        Job.running.append("a")
        await cluster.finish(nodes[0].shutdown(timeout=0.1))


async def test_a_younger_node_that_joins_changes_nothing() -> None:
    """It stays where it is."""
    async with Cluster() as cluster:
        await three(cluster)
        late = await cluster.start("0-first-by-name", "worker")
        ref = manage(late, role="worker")
        await cluster.clock.advance(3)
        assert await cluster.finish(ref.ask(Where())) == "a"
        assert Job.most == 1


async def test_a_node_without_the_role_only_passes_on() -> None:
    """Also as the oldest; and what comes before there is an instance waits."""
    async with Cluster() as cluster:
        client = await cluster.start("client")
        ref = manage(client, role="worker")
        asking = asyncio.ensure_future(ref.ask(Where(), timeout=30))
        await cluster.clock.advance(2)
        worker = await cluster.start("worker", "worker")
        manage(worker, role="worker")
        assert await cluster.finish(asking) == "worker"


async def test_an_instance_that_stops_itself_runs_again() -> None:
    """On the same node."""
    async with Cluster() as cluster:
        _, refs = await three(cluster)
        await cluster.finish(refs[1].ask(Add()))
        refs[1].tell(End())
        assert await cluster.finish(refs[1].ask(Add())) == 1
        assert Job.running == ["a"]


async def test_it_ends_with_its_managers() -> None:
    """The manager's end on one node moves it to the next."""
    async with Cluster() as cluster:
        _, refs = await three(cluster)
        await cluster.finish(refs[0].stop())
        assert await cluster.finish(refs[2].ask(Where(), timeout=20)) == "b"
        await cluster.finish(refs[1].stop())
        await cluster.finish(refs[2].stop())
        assert Job.running == []


async def test_with_a_policy_a_partition_leaves_one() -> None:
    """The lesser side stops its own before the other side starts another, and they merge again."""
    async with Cluster() as cluster:
        nodes, refs = await three(cluster, partition=KeepMajority(stable_after=2.0))
        await cluster.clock.advance(5)
        cluster.network.cut("a", "b")
        cluster.network.cut("a", "c")
        await cluster.clock.advance(15)
        assert Job.running == ["b"]
        assert Job.most == 1
        assert await cluster.finish(refs[2].ask(Where())) == "b"
        cluster.network.heal("a", "b")
        cluster.network.heal("a", "c")
        await cluster.finish(nodes[1].wait_for_members(3, timeout=30))
        await cluster.clock.advance(10)
        assert Job.most == 1
        assert {await cluster.finish(ref.ask(Where(), timeout=20)) for ref in refs} == {"b"}


async def test_without_a_policy_each_side_has_one_until_they_merge() -> None:
    """Then one of the two stops."""
    async with Cluster() as cluster:
        nodes, refs = await three(cluster)
        cluster.network.cut("a", "b")
        cluster.network.cut("a", "c")
        await cluster.clock.advance(10)
        assert sorted(Job.running) == ["a", "b"]
        cluster.network.heal("a", "b")
        cluster.network.heal("a", "c")
        await cluster.finish(nodes[1].wait_for_members(3, timeout=30))
        await cluster.clock.advance(10)
        assert len(Job.running) == 1
        assert {await cluster.finish(ref.ask(Where(), timeout=20)) for ref in refs} == {
            Job.running[0]
        }


class Permits:
    """A coordinator in the test: one permission at a time, numbered."""

    def __init__(self) -> None:
        self.number = 0
        self.waiting = 0
        self.lost: Callable[[], None] | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        self.waiting += 1
        try:
            await self.free.wait()
        finally:
            self.waiting -= 1
        self.free.clear()
        self.number += 1
        self.lost = lost
        return self.number

    async def release(self, name: str) -> None:
        self.free.set()


async def test_a_lease_is_held_while_it_runs_and_its_token_grows() -> None:
    """The constructor gets it; a lost lease stops the instance until it is held again."""
    async with Cluster() as cluster:
        permits = Permits()
        one = await cluster.start("one")
        ref = manage(one, lease=permits)
        await cluster.clock.advance(2)
        assert await cluster.finish(ref.ask(Fence())) == 1
        assert permits.lost is not None
        permits.lost()
        assert await cluster.finish(ref.ask(Fence())) == 2
        await cluster.finish(ref.stop())
        assert permits.free.is_set()


async def test_two_sides_of_a_partition_share_one_lease() -> None:
    """Whoever does not hold it waits, whatever its membership says."""
    async with Cluster() as cluster:
        permits = Permits()
        one, other = await cluster.start("one"), await cluster.start("other")
        for node in (one, other):
            manage(node, lease=permits)
        await cluster.clock.advance(3)
        cluster.network.cut("one", "other")
        await cluster.clock.advance(10)
        assert len(Job.running) == 1
        assert Job.most == 1


class Doubtful(Permits):
    """The first permission is lost before anybody knows that it was given."""

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        token = await super().acquire(name, lost)
        if token == 1:
            lost()
        return token


async def test_a_lease_that_is_lost_while_it_is_acquired_starts_nothing() -> None:
    """It is given back, and acquired again."""
    async with Cluster() as cluster:
        ref = manage(await cluster.start("one"), lease=Doubtful())
        assert await cluster.finish(ref.ask(Fence())) == 2
        assert Job.most == 1


class Stubborn(Job):
    """Does not come to an end."""

    async def on_stop(self, reason: Reason) -> None:
        await super().on_stop(reason)
        await asyncio.Event().wait()


async def test_a_killed_manager_does_not_keep_the_lease() -> None:
    """Though it has no time for its last words; the instance has ended before."""
    async with Cluster() as cluster:
        permits = Permits()
        one = await cluster.start("one")
        ref = one.spawn(Singleton(Stubborn, lease=permits), name="job")
        assert await cluster.finish(ref.ask(Fence())) == 1
        await cluster.finish(ref.stop(timeout=0.5))
        assert await ref.stopped() is Reason.KILLED
        assert permits.free.is_set()


async def test_a_manager_that_fails_gives_the_lease_back() -> None:
    """As where the instance fails too often: the next one acquires it anew."""
    async with Cluster() as cluster:
        permits = Permits()
        ref = manage(await cluster.start("one"), lease=permits)
        assert await cluster.finish(ref.ask(Fence())) == 1
        while permits.number == 1:
            Job.running.clear()  # a broken one has no last words
            ref.tell(Break())
            await cluster.clock.advance(0.1)
        Job.running.clear()
        assert await cluster.finish(ref.ask(Fence())) == 2


async def test_a_side_that_does_not_go_on_waits_for_no_lease() -> None:
    """Where its policy says so nothing starts there, though the lease comes free."""
    async with Cluster() as cluster:
        permits = Permits()
        nodes = []
        for name in "abc":
            policy = KeepMajority(stable_after=2.0)
            nodes.append(await cluster.start(name, partition=policy))
            await cluster.clock.advance(1)
        await cluster.clock.advance(5)
        permits.free.clear()
        manage(nodes[0], lease=permits)
        await cluster.clock.advance(2)
        cluster.network.cut("a", "b")
        cluster.network.cut("a", "c")
        await cluster.clock.advance(15)
        assert not nodes[0].is_ready
        permits.free.set()
        await cluster.clock.advance(5)
        assert Job.most == 0
        assert permits.number == 0


async def test_who_waits_for_the_lease_asks_whoever_comes_to_make_way() -> None:
    """The junior ran it before they met: it makes way for the senior, who waited already."""
    async with Cluster() as cluster:
        permits = Permits()
        senior = await cluster.start("a")
        await cluster.clock.advance(1)
        cluster.nodes.clear()  # the next one does not know it
        junior = await cluster.start("b")
        refs = [manage(junior, lease=permits)]
        await cluster.clock.advance(3)
        refs.append(manage(senior, lease=permits))
        await cluster.clock.advance(3)
        assert Job.running == ["b"]
        cluster.nodes.insert(0, senior)
        await cluster.start("c")
        assert {await cluster.finish(ref.ask(Where(), timeout=20)) for ref in refs} == {"a"}
        assert Job.running == ["a"]
        assert Job.most == 1


async def test_who_is_not_to_run_it_any_more_waits_for_no_lease() -> None:
    """An older node has a manager now: the lease that comes free is not taken by the younger."""
    async with Cluster() as cluster:
        permits = Permits()
        permits.free.clear()
        senior = await cluster.start("a")
        await cluster.clock.advance(1)
        junior = await cluster.start("b")
        manage(junior, lease=permits)
        await cluster.clock.advance(3)
        assert permits.waiting == 1
        manage(senior, lease=permits)
        await cluster.clock.advance(3)
        assert permits.waiting == 1
        permits.free.set()
        await cluster.clock.advance(1)
        assert Job.running == ["a"]
        assert permits.number == 1


@pytest.mark.parametrize("is_free", [True, False])
async def test_a_node_that_ends_keeps_no_lease(is_free: bool) -> None:
    """It gives back what it has, and does not wait for what it has not."""
    async with Cluster() as cluster:
        permits = Permits()
        if not is_free:
            permits.free.clear()
        one = await cluster.start("one")
        manage(one, lease=permits)
        await cluster.clock.advance(3)
        assert (permits.number, permits.waiting) == ((1, 0) if is_free else (0, 1))
        await cluster.stop(one)
        assert permits.free.is_set() is is_free
        assert permits.waiting == 0
        assert Job.running == []


async def test_what_cannot_be_kept_is_a_dead_letter() -> None:
    """While nobody runs it, only so many messages wait."""
    async with Cluster() as cluster:
        client = await cluster.start("client")
        letters = Seen(client, DeadLetter)
        ref = manage(client, role="worker")
        for _ in range(10_001):
            ref.tell(Add())
        await cluster.clock.advance(1)
        assert len(letters.entries) == 1
        adds_up(client)


@pytest.mark.parametrize("arguments", [{"role": "no role!"}, {"role": 3}])
def test_its_arguments_are_checked(arguments: dict[str, Any]) -> None:
    """Where the recipe is made."""
    with pytest.raises((TypeError, ValueError), match="role"):
        Singleton(Job, **arguments)
