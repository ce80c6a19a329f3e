"""Groups: joined and left from anywhere, in one order everywhere, and followed by routers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from actors import (
    ActorRef,
    ActorRestarted,
    Backoff,
    Child,
    GroupJoined,
    GroupLeft,
    Node,
    NodeUnreachableError,
    NoRouteesError,
    OneForAll,
    RegistryFullError,
    Router,
)
from actors.registry import registry
from tests.actors.kit import Cluster, Do, Fail, Journal, Note, Notes, Puppet, Seen, adds_up, begin
from tests.actors.registry.kit import heal, two
from tests.actors.remote_kit import Echo, Far, Keep, Kept, Servant, Wait, Who, child

STRATEGIES = [
    "round-robin",
    "weighted-round-robin",
    "least-connections",
    "random",
    "power-of-two",
    "consistent-hash",
]


def arguments(strategy: str) -> dict[str, Any]:
    """What a router of this strategy needs besides."""
    return {"key": lambda message: message.value} if strategy == "consistent-hash" else {}


def members(*nodes: Node) -> list[tuple[ActorRef[Any], ...]]:
    """What each of the nodes thinks who is in the group."""
    return [node.groups.members("g") for node in nodes]


# --- joining and leaving


async def test_members_are_known_here_at_once() -> None:
    """Joining and leaving show when the call returns; doing it twice is doing it once."""
    async with Node("n") as node:
        one, other = node.spawn(Puppet), node.spawn(Puppet)
        assert node.groups.members("g") == ()
        for ref in (one, other, one):
            node.groups.join("g", ref)
        assert node.groups.members("g") == (one, other)
        node.groups.leave("g", one)
        node.groups.leave("g", one)
        assert node.groups.members("g") == (other,)
        assert node.groups.members("h") == ()


async def test_members_are_known_everywhere_in_one_order() -> None:
    """Whoever joined first stands first, on every node, also on one that comes later."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        refs = []
        for node in (b, a, b, a):
            refs.append(node.spawn(Servant))
            node.groups.join("g", refs[-1])
            await cluster.clock.advance(0.1)
        c = await cluster.start("c")
        await cluster.clock.advance(0.1)
        assert members(a, b, c) == [tuple(refs)] * 3


async def test_a_ref_from_elsewhere_joins_through_its_own_node() -> None:
    """Any node may let an actor join and leave; it goes with the actor's node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        far = a.spawn(Servant, at="b")
        a.groups.join("g", far)
        await cluster.clock.advance(0.1)
        assert members(a, b, c) == [(far,)] * 3
        c.groups.leave("g", far)
        await cluster.clock.advance(0.1)
        assert members(a, b, c) == [()] * 3
        c.groups.join("g", far)
        await cluster.clock.advance(0.1)
        await cluster.kill(b)
        assert members(a, c) == [()] * 2
        with pytest.raises(NodeUnreachableError):
            a.groups.join("g", far)
        a.groups.leave("g", far)


async def test_what_has_ended_joins_nothing() -> None:
    """Neither here nor elsewhere, and nobody is told."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        for at in (None, "b"):
            gone = a.spawn(Servant, at=at)
            await cluster.finish(gone.stop())
            a.groups.join("g", gone)
        await cluster.clock.advance(1)
        assert members(a, b) == [(), ()]


async def test_a_membership_goes_with_its_actor_and_survives_restarts() -> None:
    """The end of the actor is the end of all its memberships."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        puppet = a.spawn(Puppet)
        for group in ("g", "h"):
            a.groups.join(group, puppet)
        with pytest.raises(ValueError, match="oops"):
            await puppet.ask(Fail(ValueError("oops")))
        await cluster.clock.advance(0.1)
        assert members(a, b) == [(puppet,)] * 2
        await puppet.stop()
        assert members(a) == [()]
        await cluster.clock.advance(0.1)
        assert members(a, b) == [(), ()]
        assert b.groups.members("h") == ()


async def test_events_tell_of_members_that_come_and_go() -> None:
    """On each node when it hears of it: by joining, leaving, ending, and the loss of a node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        events = Seen(a, GroupJoined, GroupLeft)
        one, other, third = a.spawn(Servant), b.spawn(Servant), b.spawn(Servant)
        a.groups.join("g", one)
        b.groups.join("g", other)
        b.groups.join("h", third)
        await events.count(3)
        a.groups.leave("g", one)
        await other.stop()
        await events.count(5)
        await cluster.kill(b)
        assert events.entries == [
            GroupJoined("g", one),
            GroupJoined("g", other),
            GroupJoined("h", third),
            GroupLeft("g", one),
            GroupLeft("g", other),
            GroupLeft("h", third),
        ]


async def test_groups_heal_after_a_cut() -> None:
    """Each side forgets the other, both go on, and afterwards all know all that is so then."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        refs = {node.name: node.spawn(Servant) for node in cluster.nodes}
        for node in cluster.nodes:
            node.groups.join("g", refs[node.name])
        await cluster.clock.advance(0.1)
        await cluster.isolate(a)
        assert [set(view) for view in members(a, b, c)] == [
            {refs["a"]},
            {refs["b"], refs["c"]},
            {refs["b"], refs["c"]},
        ]
        late = a.spawn(Servant)
        a.groups.join("g", late)
        b.groups.leave("g", refs["b"])
        await heal(cluster)
        views = members(a, b, c)
        assert views == [views[0]] * 3
        assert set(views[0]) == {refs["a"], refs["c"], late}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_all_know_the_same_in_the_end(seed: int) -> None:
    """Joins, leaves, ends, cuts and healings by chance: when all is quiet the tables are right."""
    chance = random.Random(seed)
    async with Cluster() as cluster:
        nodes = [await cluster.start(name) for name in ("a", "b", "c")]
        living = [(node, node.spawn(Servant)) for node in nodes for _ in range(6)]
        joined: dict[str, set[ActorRef[Any]]] = {"g": set(), "h": set()}
        for _ in range(80):
            home, ref = chance.choice(living)
            group = chance.choice(list(joined))
            match chance.choice(["join"] * 3 + ["leave", "end", "cut", "heal", "wait"]):
                case "join":
                    home.groups.join(group, ref)
                    joined[group].add(ref)
                case "leave":
                    home.groups.leave(group, ref)
                    joined[group].discard(ref)
                case "end" if len(living) > 6:
                    living.remove((home, ref))
                    await ref.stop()
                    for members_then in joined.values():
                        members_then.discard(ref)
                case "cut":
                    one, other = chance.sample(nodes, 2)
                    cluster.network.cut(one.name, other.name)
                case "heal":
                    one, other = chance.sample(nodes, 2)
                    cluster.network.heal(one.name, other.name)
                case _:
                    await cluster.clock.advance(chance.choice([0.1, 3.0]))
        await heal(cluster)
        for group, expected in joined.items():
            views = [node.groups.members(group) for node in nodes]
            assert views == [views[0]] * 3
            assert set(views[0]) == expected


async def test_who_hears_of_a_later_entry_knows_the_earlier_ones() -> None:
    """What a node enters is known elsewhere in its order, and before what it tells afterwards."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        seen: list[Any] = []
        watcher = b.spawn(Puppet)
        far = a.ref(watcher.address)
        joiner = a.spawn(Servant)
        b.events.subscribe(lambda event: seen.append(b.groups.members("h")), GroupJoined)
        a.groups.join("h", joiner)
        a.groups.join("g", joiner)
        await cluster.finish(far.ask(Notes()))
        assert seen == [(joiner,), (joiner,)]
        assert b.groups.members("g") == (joiner,)


@pytest.mark.parametrize("group", ["", ".a", "a/b", "a b", "x" * 129])
async def test_a_bad_group_is_refused(group: str) -> None:
    """Groups have names as actors have; anything else is a ValueError."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        for call in (node.groups.join, node.groups.leave):
            with pytest.raises(ValueError, match="group"):
                call(group, puppet)
        with pytest.raises(ValueError, match="group"):
            node.groups.members(group)
        with pytest.raises(ValueError, match="group"):
            Router.group(group)


@pytest.mark.parametrize("wrong", [None, "a", 3, Note(1)])
async def test_only_refs_join(wrong: Any) -> None:
    """Anything else is a TypeError."""
    async with Node("n") as node:
        for call in (node.groups.join, node.groups.leave):
            with pytest.raises(TypeError):
                call("g", wrong)


async def test_a_node_has_room_for_so_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many raises RegistryFullError with the limit; what goes makes room again."""
    async with Node("n") as node:
        table = node._known().registry.table
        monkeypatch.setattr(table, "_limit", 2)
        monkeypatch.setattr(registry, "MAX_ENTRIES", 2)
        refs = [node.spawn(Puppet) for _ in range(3)]
        for ref in refs[:2]:
            node.groups.join("g", ref)
        with pytest.raises(RegistryFullError, match="2 names") as caught:
            node.groups.join("g", refs[2])
        assert (caught.value.node, caught.value.limit) == ("n", 2)
        with pytest.raises(RegistryFullError):
            await node.register("name", refs[2])
        await refs[0].stop()
        node.groups.join("g", refs[2])
        assert node.groups.members("g") == (refs[1], refs[2])


async def test_a_large_table_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one record carries is told in several."""
    async with Cluster() as cluster:
        a = await cluster.start("a")
        refs = [a.spawn(Servant) for _ in range(5)]
        for number in range(500):
            for ref in refs:
                a.groups.join(f"g{number}", ref)
        b = await cluster.start("b")
        await cluster.clock.advance(1)
        assert all(b.groups.members(f"g{number}") == tuple(refs) for number in range(500))


# --- routers


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_router_follows_its_group(strategy: str) -> None:
    """Members that join get messages, on whatever node; those that leave or end get none."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g", strategy, **arguments(strategy)))
        with pytest.raises(NoRouteesError):
            await router.ask(Echo(1))
        refs = [node.spawn(Servant, name="servant") for node in (a, b)]
        refs.append(b.spawn(Servant, name="another"))
        for node, ref in zip((a, b, b), refs, strict=True):
            node.groups.join("g", ref)
        await cluster.clock.advance(0.1)
        for number in range(60):
            await cluster.finish(router.ask(Keep(str(number))))
        kept = [len(await cluster.finish(a.ref(ref.address).ask(Kept()))) for ref in refs]
        assert sum(kept) == 60
        assert all(kept)
        b.groups.leave("g", refs[1])
        await refs[2].stop()
        await cluster.clock.advance(0.1)
        for number in range(10):
            await cluster.finish(router.ask(Keep(str(number))))
        assert len(await refs[0].ask(Kept())) == kept[0] + 10
        await refs[0].stop()
        with pytest.raises(NoRouteesError):
            await router.ask(Keep("x"))
        adds_up(a)
        adds_up(b)


async def test_a_router_of_a_group_may_be_anywhere() -> None:
    """It is spawned elsewhere like others, and follows the group from there."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g"), at="b")
        servant = a.spawn(Servant)
        a.groups.join("g", servant)
        await cluster.clock.advance(0.1)
        assert await cluster.finish(router.ask(Echo(1))) == 1
        assert router.node_name == b.name


async def test_broadcast_reaches_the_members_in_their_order() -> None:
    """An ask answers the list of all answers, in the order of joining."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g", "broadcast"))
        with pytest.raises(NoRouteesError):
            await router.ask(Kept())
        for index, node in enumerate((b, a, b)):
            node.groups.join("g", node.spawn(Servant.props(index + 1)))
            await cluster.clock.advance(0.1)
        assert await cluster.finish(router.ask(Kept())) == [[1], [2], [3]]
        first = a.spawn(Router.group("g", "scatter-gather"))
        assert await cluster.finish(first.ask(Echo("x"))) == "x"


async def test_asks_of_members_on_a_lost_node_fail_and_later_ones_go_elsewhere() -> None:
    """A member whose node is lost leaves at once."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g"))
        far = b.spawn(Servant)
        b.groups.join("g", far)
        await cluster.clock.advance(0.1)
        waiting = await begin(router.ask(Wait(), timeout=None))
        await cluster.kill(b)
        with pytest.raises(NodeUnreachableError):
            await waiting
        near = a.spawn(Servant)
        a.groups.join("g", near)
        for _ in range(4):
            await cluster.finish(router.ask(Keep(1)))
        assert await near.ask(Kept()) == [1] * 4


async def test_a_router_does_without_members_on_a_suspect() -> None:
    """Messages go to the others until the link stands again, or to it where there is no other."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g"))
        near, far = a.spawn(Servant), b.spawn(Servant)
        a.groups.join("g", near)
        b.groups.join("g", far)
        await cluster.clock.advance(0.1)
        cluster.network.cut("a", "b")
        cluster.network.sever("a", "b")
        await cluster.clock.advance(0.1)
        assert [member.status for member in a.members if member.name == "b"] == ["suspect"]
        for number in range(4):
            await router.ask(Keep(number))
        await near.stop()
        waiting = await begin(router.ask(Keep(4)))
        cluster.network.heal("a", "b")
        await cluster.clock.advance(2)
        assert await waiting == 1
        near = a.spawn(Servant)
        a.groups.join("g", near)
        for number in range(4):
            await cluster.finish(router.ask(Keep(number)))
        assert len(await near.ask(Kept())) == 2


async def test_a_router_that_restarts_follows_its_group_again() -> None:
    """Once: nothing of its last life is kept."""
    async with Node("n") as node:
        servant = node.spawn(Servant)
        node.groups.join("g", servant)

        class Pair(Far):
            supervision = OneForAll(backoff=Backoff(0, 0))

        specs = [Child(Puppet, name="puppet"), Child(Router.group("g"), name="router")]
        parent = node.spawn(Pair.props(*specs))
        puppet, router = await child(parent, "puppet"), await child(parent, "router")
        restarts = Seen(node, ActorRestarted)
        puppet.tell(Fail(ValueError("oops")))
        await restarts.count(2)
        assert await router.ask(Keep(1)) == 1
        followers = node._known().registry.groups._followers
        assert {group: len(each) for group, each in followers.items()} == {"g": 1}


async def test_a_router_sends_nobody_to_a_node_that_is_leaving() -> None:
    """From the start of its shutdown, while it finishes what it has."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g"))
        near, far = a.spawn(Servant), b.spawn(Servant)
        a.groups.join("g", near)
        b.groups.join("g", far)
        journal = Journal()

        class Slow(Puppet):
            async def on_stop(self, reason: Any) -> None:
                await cluster.clock.advance(0.5)
                for number in range(6):
                    router.tell(Keep(number))
                journal.add(await near.ask(Kept()))

        b.spawn(Slow)
        await cluster.clock.advance(0.1)
        await cluster.stop(b)
        assert journal.entries == [[0, 1, 2, 3, 4, 5]]


async def test_a_router_that_ends_follows_no_more() -> None:
    """Nothing of a router that has ended is kept by the group."""
    async with Node("n") as node:
        servants = [node.spawn(Servant) for _ in range(2)]
        router = node.spawn(Router.group("g"))
        for servant in servants:
            node.groups.join("g", servant)
        for number in range(4):
            router.tell(Keep(number))
        assert [await servant.ask(Kept()) for servant in servants] == [[0, 2], [1, 3]]
        await router.stop()
        assert node._known().registry.groups._followers == {}
        node.groups.leave("g", servants[0])


async def test_a_router_does_not_route_to_itself() -> None:
    """Even as a member of the group that it follows."""
    async with Node("n") as node:
        for strategy in ("round-robin", "broadcast"):
            router = node.spawn(Router.group("g", strategy))
            node.groups.join("g", router)
            with pytest.raises(NoRouteesError):
                await router.ask(Echo(1))
            await router.stop()


async def test_consistent_hashing_knows_members_of_one_path_apart() -> None:
    """Actors of the same path on different nodes all have their places on the ring."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        refs = [node.spawn(Servant, name="same") for node in (a, b)]
        props = Router.group(refs, "consistent-hash", key=lambda message: message.value)
        router = a.spawn(props)
        for number in range(40):
            await cluster.finish(router.ask(Keep(str(number))))
        assert all([await cluster.finish(ref.ask(Kept())) for ref in refs])


async def test_a_group_joined_from_inside_keeps_the_sender() -> None:
    """Actors join through `self.node`; a router of them leaves the sender as it is."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        puppets = [node.spawn(Puppet) for node in (a, b)]
        for puppet in puppets:
            await puppet.ask(Do(lambda actor: actor.node.groups.join("puppets", actor.ref)))
        servant = b.spawn(Servant)
        b.groups.join("g", servant)
        await cluster.clock.advance(0.1)
        router = a.spawn(Router.group("g"))
        asked = puppets[0].ask(Do(lambda _: router.ask(Who())))
        assert await cluster.finish(asked) == puppets[0]
        assert set(b.groups.members("puppets")) == set(puppets)


async def test_weights_are_for_lists() -> None:
    """Nobody knows how many join a group: a TypeError says so."""
    with pytest.raises(TypeError, match="weights are for a list of routees"):
        Router.group("g", "weighted-round-robin", weights=[1, 2])
    with pytest.raises(ValueError, match="strategy"):
        Router.group("g", "by-magic")
    with pytest.raises(TypeError, match="key"):
        Router.group("g", "consistent-hash")
    with pytest.raises(ValueError, match="key"):
        Router.group("g", "broadcast", key=lambda message: 1)


async def test_many_come_and_go_while_a_router_is_busy() -> None:
    """Every message is handled or accounted for, whoever joins, leaves and ends meanwhile."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        router = a.spawn(Router.group("g", "least-connections"))
        permanent = a.spawn(Servant)
        a.groups.join("g", permanent)
        counts: Counter[str] = Counter()
        for number in range(30):
            node = (a, b)[number % 2]
            ref = node.spawn(Servant)
            node.groups.join("g", ref)
            await cluster.clock.settle()
            for _ in range(5):
                router.tell(Keep(number))
                counts["told"] += 1
            if number % 3:
                await ref.stop()
            else:
                node.groups.leave("g", ref)
            await asyncio.sleep(0)
        await cluster.clock.advance(2)
        adds_up(a)
        adds_up(b)
        stats = [node.stats() for node in (a, b)]
        assert all(stat.queued == 0 and stat.waiting == 0 for stat in stats)
        assert sum(stat.handled + stat.dead for stat in stats) >= counts["told"]
