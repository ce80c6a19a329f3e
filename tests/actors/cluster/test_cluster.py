"""Members that fall silent, are cut off or busy, and find each other again."""

from __future__ import annotations

from actors import (
    KeepMajority,
    MemberBusy,
    MemberDown,
    MemberSuspect,
    MemberUp,
    Node,
    ReadinessChanged,
)
from actors.cluster.member import Life
from tests.actors.kit import Cluster, Seen


def statuses(node: Node) -> dict[str, str]:
    """Return what a node thinks of the others."""
    return {each.name: each.status for each in node.members if each.name != node.name}


async def trio(cluster: Cluster) -> tuple[Node, Node, Node]:
    """Start three nodes that know each other."""
    return await cluster.start("a"), await cluster.start("b"), await cluster.start("c")


async def test_a_cut_between_two_condemns_nobody_while_a_third_reaches_both() -> None:
    """They are suspects for each other, however long it lasts, and members again afterwards."""
    async with Cluster() as cluster:
        one, other, third = await trio(cluster)
        events = Seen(one, MemberUp, MemberSuspect, MemberDown)
        cluster.network.cut("a", "b")
        await cluster.clock.advance(30)
        assert statuses(one) == {"b": "suspect", "c": "up"}
        assert statuses(other) == {"a": "suspect", "c": "up"}
        assert statuses(third) == {"a": "up", "b": "up"}
        cluster.network.heal("a", "b")
        await cluster.clock.advance(3)
        assert statuses(one) == {"b": "up", "c": "up"}
        assert [type(event) for event in events.entries] == [MemberSuspect, MemberUp]


async def test_a_frozen_node_is_down_within_seconds_and_comes_back() -> None:
    """Nothing is heard of it, by anybody: it is down after 5.5 s at the latest."""
    async with Cluster() as cluster:
        one, _, third = await trio(cluster)
        downs = Seen(one, MemberDown)
        before = next(m.incarnation for m in one.members if m.name == "c")
        cluster.network.stall("c")
        await cluster.clock.advance(5.5)
        assert [event.member.name for event in downs.entries] == ["c"]
        cluster.network.unstall("c")
        await cluster.finish(one.wait_for_members(3, timeout=20))
        after = next(m.incarnation for m in one.members if m.name == "c")
        assert after != before
        assert third.members[0].incarnation == after


async def test_a_node_that_was_alone_for_a_while_has_not_stood_still() -> None:
    """Whoever joins it then does not hear that it was busy."""
    async with Cluster() as cluster:
        await cluster.start("a")
        await cluster.clock.advance(3)
        other = await cluster.start("b")
        busy = Seen(other, MemberBusy)
        await cluster.clock.advance(5)
        assert busy.entries == []


async def test_who_is_told_of_its_own_death_comes_back_as_a_new_incarnation() -> None:
    """It does not wait until somebody refuses it."""
    async with Cluster() as cluster:
        one, other, third = await trio(cluster)
        before = other.members[0].incarnation
        life = Life("b", before)
        one._cluster.declare_down(life, "because of a test")
        await cluster.clock.advance(10)
        await cluster.finish(third.wait_for_members(3, timeout=20))
        assert other.members[0].incarnation != before
        assert statuses(one) == {"b": "up", "c": "up"}


async def test_two_halves_find_each_other_again_though_no_seed_is_left() -> None:
    """Whoever was lost is called again for a while: a healed cut needs nobody's help."""
    async with Cluster() as cluster:
        first, seed = await cluster.start("first"), await cluster.start("seed")
        late = Node(
            "late",
            bind="tcp://late:1",
            seeds=["tcp://seed:1"],
            clock=cluster.clock,
            transport=cluster.network.transport("late"),
        )
        await cluster.finish(late.start())
        cluster.nodes.append(late)
        await cluster.finish(first.wait_for_members(3, timeout=10))
        await cluster.stop(seed)
        cluster.network.cut("first", "late")
        await cluster.clock.advance(20)
        assert statuses(first) == statuses(late) == {}
        cluster.network.heal("first", "late")
        await cluster.finish(first.wait_for_members(2, timeout=20))
        assert statuses(late) == {"first": "up"}


async def test_a_restarted_first_node_is_found_by_the_others() -> None:
    """It has no seeds, and the others need no restart: they call it at its address."""
    async with Cluster() as cluster:
        one, other, _ = await trio(cluster)
        await cluster.kill(one)
        again = Node(
            "a",
            bind="tcp://a:1",
            clock=cluster.clock,
            transport=cluster.network.transport("a"),
        )
        await cluster.finish(again.start())
        cluster.nodes.append(again)
        await cluster.finish(again.wait_for_members(3, timeout=20))
        assert statuses(other) == {"a": "up", "c": "up"}


async def test_nonsense_among_the_gossip_spoils_nothing() -> None:
    """It is refused with a word in the log; the member stays."""
    async with Cluster() as cluster:
        one, _, _ = await trio(cluster)
        peer = next(iter(one._runtime.remote.peers.values()))
        for nonsense in (None, b"", b"\xc1", b"\x93\xa4ping", ["ping"], b"\x80" * 1000):
            one._runtime.remote.signal(peer, 21, "", None, 0, nonsense)
        await cluster.clock.advance(5)
        assert statuses(one) == {"b": "up", "c": "up"}


async def test_the_lesser_side_of_a_partition_is_not_ready_until_it_is_healed() -> None:
    """With keep-majority it says so once that is stable; the other side goes on all the time."""
    policy = KeepMajority(stable_after=2.0)
    async with Cluster() as cluster:
        one, other, third = [await cluster.start(name, partition=policy) for name in "abc"]
        changes = Seen(third, ReadinessChanged)
        cluster.network.cut("a", "c")
        cluster.network.cut("b", "c")
        await cluster.clock.advance(12)
        assert (one.is_ready, other.is_ready, third.is_ready) == (True, True, False)
        cluster.network.heal("a", "c")
        cluster.network.heal("b", "c")
        await cluster.finish(one.wait_for_members(3, timeout=30))
        await cluster.clock.advance(5)
        assert third.is_ready
        assert [event.ready for event in changes.entries if not event.ready] == [False]
        assert changes.entries[-1].ready
