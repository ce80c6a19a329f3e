"""Who is in the cluster: joining, leaving, losing, coming back, and what is heard of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from actors import (
    ActorsError,
    ActorStoppedError,
    Child,
    DeadLetter,
    Member,
    MemberDown,
    MemberLeft,
    MemberSuspect,
    MemberUp,
    Node,
    NodeRefused,
    NodeUnreachableError,
    NoRouteesError,
    Reason,
    Role,
    Router,
)
from actors.cluster.membership import Membership, Precedence, metadata
from tests.actors.kit import Cluster, Do, Gate, Puppet, Seen, begin
from tests.actors.remote_kit import (
    Echo,
    Far,
    Keep,
    Kept,
    Linger,
    Lingering,
    Release,
    Servant,
    Wait,
    Who,
    child,
    notices,
    pair,
    watching,
)
from transport import Identity


def status(node: Node, name: str) -> str | None:
    """What a node thinks of another; None where it knows of none."""
    return next((each.status for each in node.members if each.name == name), None)


def disrupt(cluster: Cluster, one: str, other: str) -> None:
    """Break the connections of two nodes, and let none come about until they are healed."""
    cluster.network.cut(one, other)
    cluster.network.sever(one, other)


# --- coming and going


async def test_members_come_and_go_as_events() -> None:
    """MemberUp and MemberLeft, a MemberDown, say who; `node.members` agrees, itself included."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        events = Seen(here, MemberUp, MemberDown)
        there = await cluster.start("there", "worker")
        assert {member.name for member in here.members} == {"here", "there"}
        [member] = [member for member in here.members if member.name == "there"]
        assert member.status == "up"
        assert set(member.roles) == {"worker"}
        assert member.address == "tcp://there:1"
        await cluster.stop(there)
        await cluster.clock.advance(1)
        assert [(type(event), event.member.name) for event in events.entries] == [
            (MemberUp, "there"),
            (MemberLeft, "there"),
        ]
        assert {member.name for member in here.members if member.status == "up"} == {"here"}


async def test_a_leaving_node_finishes_what_it_has_and_its_children_move() -> None:
    """From the start of its shutdown nothing is placed there; what it was told is handled."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        there = await cluster.start("there", "worker")
        pool = here.spawn(Router.pool(Lingering.props(), size=2, at=Role("worker")))
        assert await cluster.finish(pool.ask(Echo(1))) == 1
        gate = Lingering.gate = Gate("rested")
        asks = [
            await begin(pool.ask(message)) for message in (Linger(), Linger(), Echo(2), Echo(3))
        ]
        await cluster.clock.advance(0.1)
        cluster.nodes.remove(there)
        leaving = await begin(there.shutdown(timeout=20))
        await cluster.clock.advance(0.1)
        [status] = [member.status for member in here.members if member.name == "there"]
        assert status == "leaving"
        with pytest.raises(NoRouteesError):
            await cluster.finish(pool.ask(Echo(4)))
        late = here.spawn(Servant.props(), at="there")
        assert await cluster.finish(late.stopped()) == Reason.ERROR
        gate.open()
        await cluster.finish(leaving)
        assert [await cluster.finish(ask) for ask in asks] == ["rested", "rested", 2, 3]
        await cluster.start("again", "worker")
        assert await cluster.finish(pool.ask(Echo(5))) == 5


# --- incarnations


async def test_a_restarted_node_is_a_new_incarnation() -> None:
    """What was meant for the old one never reaches the new one; its refs are dead."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        await cluster.kill(there)
        again = await cluster.start("there", "worker")
        new = again.spawn(Servant, name="servant")
        letters = Seen(here, DeadLetter)
        servant.tell(Keep("for the old one"))
        with pytest.raises(ActorsError):
            await cluster.finish(servant.ask(Kept(), timeout=5.0))
        await cluster.clock.advance(1)
        assert await new.ask(Kept()) == []
        assert Keep("for the old one") in [letter.message for letter in letters.entries]
        fresh = await cluster.finish(here.resolve("servant", at="there"))
        assert fresh == new
        assert fresh != servant
        assert notices(journal) == [(servant, Reason.NOCONNECTION)]


@pytest.mark.parametrize("end", ["killed", "cut off"])
async def test_a_lost_node_comes_back_at_another_address(end: str) -> None:
    """While the old one is not given up the newcomer is not refused: it waits its turn."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        if end == "killed":
            cluster.network.kill("there")
        else:
            cluster.network.cut("here", "there")
            cluster.network.sever("here", "there")
        cluster.nodes.remove(there)
        again = Node(
            "there",
            bind="tcp://elsewhere:1",
            seeds=["tcp://here:1"],
            clock=cluster.clock,
            transport=cluster.network.transport("elsewhere"),
        )
        refusals = Seen(here, NodeRefused)
        await cluster.finish(again.start())
        cluster.nodes.append(again)
        await cluster.finish(again.wait_for_members(2, timeout=10))
        [member] = [member for member in here.members if member.name == "there"]
        assert member.address == "tcp://elsewhere:1"
        assert refusals.entries == []
        await cluster.finish(there.shutdown(timeout=0.1))


# --- endpoints


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"bind": []}, ValueError),
        ({"bind": ()}, ValueError),
        ({"bind": ["tcp://127.0.0.1:0", 3]}, TypeError),
        ({"bind": b"x"}, TypeError),
        ({"bind": "tcp://127.0.0.1:0", "seeds": [3]}, TypeError),
        ({"bind": "tcp://127.0.0.1:0", "advertise": [None]}, TypeError),
        ({"bind": "tcp://127.0.0.1:0", "roles": [3]}, TypeError),
    ],
)
def test_the_endpoints_of_a_node_are_checked(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    """An empty list is no way to be local, and what is no text is named where the node is made."""
    with pytest.raises(error, match=r"bind|seeds|advertise|roles"):
        Node("n", **arguments)


# --- suspects


async def test_a_broken_link_makes_a_suspect() -> None:
    """MemberSuspect says so, and nobody counts on the node until MemberUp comes again."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        events = Seen(here, MemberUp, MemberSuspect, MemberDown)
        disrupt(cluster, "here", "there")
        await cluster.clock.advance(0.1)
        assert status(here, "there") == "suspect"
        waiting = await begin(here.wait_for_members(2, timeout=5))
        await cluster.clock.advance(0.1)
        assert not waiting.done()
        cluster.network.heal("here", "there")
        await cluster.finish(waiting)
        assert status(here, "there") == status(there, "here") == "up"
        assert [(type(event), event.member.status) for event in events.entries] == [
            (MemberSuspect, "suspect"),
            (MemberUp, "up"),
        ]


async def test_a_suspect_that_is_given_up_is_down() -> None:
    """MemberDown follows the MemberSuspect where the link does not come back."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        events = Seen(here, MemberUp, MemberSuspect, MemberDown)
        await cluster.kill(there)
        assert [type(event) for event in events.entries] == [MemberSuspect, MemberDown]
        assert status(here, "there") is None


async def test_what_is_told_to_a_suspect_waits_for_it() -> None:
    """Messages and spawns for a suspect are kept, and done when it is up again."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        disrupt(cluster, "here", "there")
        await cluster.clock.advance(0.1)
        assert status(here, "there") == "suspect"
        servant.tell(Keep("kept"))
        child = here.spawn(Servant.props("born"), at=Role("worker"))
        cluster.network.heal("here", "there")
        assert await cluster.finish(servant.ask(Kept())) == ["kept"]
        assert await cluster.finish(child.ask(Kept())) == ["born"]


# --- new lives


def part(cluster: Cluster, fault: str, name: str, others: Iterable[str]) -> None:
    """Part a node from others, in one of several ways."""
    if fault == "stalled":
        cluster.network.stall(name)
        return
    for other in others:
        cluster.network.cut(name, other)
        if fault == "cut off at once":
            cluster.network.sever(name, other)


def join(cluster: Cluster, name: str, others: Iterable[str]) -> None:
    """End that."""
    cluster.network.unstall(name)
    for other in others:
        cluster.network.heal(name, other)


def incarnations(node: Node) -> dict[str, int]:
    """The members that are up, each with its incarnation."""
    return {each.name: each.incarnation for each in node.members if each.status == "up"}


@pytest.mark.parametrize("lost", ["first", "second", "third"])
@pytest.mark.parametrize("fault", ["stalled", "cut off", "cut off at once"])
async def test_a_node_that_was_given_up_comes_back_as_a_new_incarnation(
    fault: str, lost: str
) -> None:
    """It joins again by itself; the others keep their incarnations and each other."""
    async with Cluster() as cluster:
        nodes = {name: await cluster.start(name) for name in ("first", "second", "third")}
        del nodes[lost]
        one, two = nodes.values()
        before = incarnations(one)
        between = Seen(one, MemberDown, MemberSuspect), Seen(two, MemberDown, MemberSuspect)
        part(cluster, fault, lost, nodes)
        await cluster.clock.advance(10)
        assert set(incarnations(one)) == set(nodes)
        join(cluster, lost, nodes)
        for node in cluster.nodes:
            await cluster.finish(node.wait_for_members(3, timeout=20))
        await cluster.clock.advance(30)
        after = incarnations(one)
        assert [incarnations(node) for node in cluster.nodes] == [after] * 3
        assert {name for name in after if after[name] != before[name]} == {lost}
        assert {event.member.name for seen in between for event in seen.entries} == {lost}


async def lost_and_back(cluster: Cluster, node: Node) -> None:
    """Stall a node until the others have given it up, and wait until all are together again."""
    cluster.network.stall(node.name)
    await cluster.clock.advance(10)
    cluster.network.unstall(node.name)
    for each in cluster.nodes:
        await cluster.finish(each.wait_for_members(len(cluster.nodes), timeout=20))


async def test_two_nodes_that_gave_each_other_up_agree_who_comes_back() -> None:
    """After a cut exactly one of them begins anew: the other is as good a cluster."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        before = incarnations(here)
        disrupt(cluster, "here", "there")
        await cluster.clock.advance(10)
        cluster.network.heal("here", "there")
        for node in cluster.nodes:
            await cluster.finish(node.wait_for_members(2, timeout=20))
        await cluster.clock.advance(30)
        after = incarnations(here)
        assert incarnations(there) == after
        assert len([name for name in after if after[name] != before[name]]) == 1


async def test_the_lesser_half_of_a_cluster_comes_back() -> None:
    """Who was in less company begins anew, whoever calls whom first."""
    async with Cluster() as cluster:
        few, many = ["b", "d"], ["a", "c", "e"]
        nodes = {name: await cluster.start(name) for name in "abcde"}
        before = incarnations(nodes["a"])
        for one in few:
            part(cluster, "cut off", one, many)
        await cluster.clock.advance(10)
        assert set(incarnations(nodes["a"])) == set(many)
        assert set(incarnations(nodes["b"])) == set(few)
        for one in few:
            join(cluster, one, many)
        for node in cluster.nodes:
            await cluster.finish(node.wait_for_members(5, timeout=30))
        await cluster.clock.advance(30)
        after = incarnations(nodes["a"])
        assert [incarnations(node) for node in cluster.nodes] == [after] * 5
        assert {name for name in after if after[name] != before[name]} == set(few)


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, []), (2, [7])), ((9, []), (2, [7])), ((1, []), (2, [])), ((1, [5, 6]), (2, [7, 8]))],
)
def test_of_two_lives_that_are_over_for_each_other_one_yields(
    one: tuple[int, list[int]], other: tuple[int, list[int]]
) -> None:
    """The one in less company, and of equals the one with the lesser incarnation."""
    lesser, greater = life("lesser", *one), life("greater", *other)
    lesser.down(identity(greater))
    greater.down(identity(lesser))
    assert lesser.precedence(identity(greater)) is Precedence.THEIRS
    assert greater.precedence(identity(lesser)) is Precedence.OURS


def test_who_has_not_noticed_yet_has_no_say() -> None:
    """A node that stalled still believes in all the others; they do not yield to that."""
    alone, stalled = life("alone", 1, []), life("stalled", 2, [1, 7, 8])
    alone.down(identity(stalled))
    assert alone.precedence(identity(stalled)) is None


def test_the_same_company_says_nothing() -> None:
    """One of the two has yet to learn that those it counts on have given it up."""
    one, other = life("one", 1, [7, 8]), life("other", 2, [7, 8])
    one.down(identity(other))
    other.down(identity(one))
    assert one.precedence(identity(other)) is Precedence.OPEN
    assert other.precedence(identity(one)) is Precedence.OPEN


def life(name: str, incarnation: int, company: list[int]) -> Membership:
    """What one node knows: itself, and others of these incarnations."""
    own = Member(name, f"tcp://{name}:1", frozenset(), "up", incarnation)
    membership = Membership(own)
    for each in company:
        membership.up(Identity(f"n{each}", each, (), metadata(own)))
    return membership


def identity(membership: Membership) -> Identity:
    """What a node says of itself."""
    own = membership.own
    return Identity(own.name, own.incarnation, (f"tcp://{own.name}:1",), membership.metadata)


async def test_actors_live_on_in_the_new_life_of_their_node() -> None:
    """They keep what they know and are found anew; refs of the life before are dead."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        await cluster.start("third")
        own = await there.resolve("servant")
        await cluster.finish(servant.ask(Keep("before")))
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        await lost_and_back(cluster, there)
        servant.tell(Keep("late"))
        with pytest.raises((NodeUnreachableError, ActorStoppedError)):
            await cluster.finish(servant.ask(Kept(), timeout=None))
        assert await cluster.finish(servant.stopped()) in {Reason.NOCONNECTION, Reason.NOPROC}
        fresh = await cluster.finish(here.resolve("servant", at="there"))
        assert fresh != servant
        assert await cluster.finish(fresh.ask(Kept())) == await own.ask(Kept()) == ["before"]
        assert await there.resolve("servant") == fresh
        assert there.ref(fresh.address) == fresh
        assert notices(journal) == [(servant, Reason.NOCONNECTION)]


async def test_a_new_life_is_watched_and_asked_like_any() -> None:
    """Refs of the new life travel, name it as sender, and are watched over nodes."""
    async with Cluster() as cluster:
        here, there, _ = await pair(cluster)
        await cluster.start("third")
        puppet = there.spawn(Puppet, name="puppet")
        target = here.spawn(Servant, name="target")
        await lost_and_back(cluster, there)
        far = await cluster.finish(here.resolve("puppet", at="there"))
        back = await cluster.finish(there.resolve("target", at="here"))
        assert await cluster.finish(puppet.ask(Do(lambda actor: back.ask(Who())))) == far
        journal = await watching(here, far)
        await cluster.clock.advance(1)
        await puppet.stop()
        await cluster.clock.advance(1)
        assert notices(journal) == [(far, Reason.SHUTDOWN)]
        assert await cluster.finish(target.ask(Echo(1))) == 1


async def test_guests_end_with_the_old_life_of_their_node() -> None:
    """Their parents elsewhere had lost them, and start them anew; so nobody lives twice."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        await cluster.start("third")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        guest = there.ref((await child(boss, "far")).address)
        ended = await begin(guest.stopped())
        await cluster.finish(guest.ask(Keep("before")))
        await lost_and_back(cluster, there)
        assert await cluster.finish(ended) == Reason.SHUTDOWN
        await cluster.clock.advance(1)
        anew = await child(boss, "far")
        assert anew != guest
        assert await cluster.finish(anew.ask(Kept())) == []


async def test_what_a_lost_node_had_elsewhere_is_started_anew() -> None:
    """A pool of the node that comes back has its routees on other nodes again, and only once."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        workers = [await cluster.start(name, "worker") for name in ("one", "two")]
        pool = here.spawn(Router.pool(Servant.props(), size=4, at=Role("worker")))
        keeps = [await cluster.finish(pool.ask(Keep("x"))) for _ in range(4)]
        assert keeps == [1, 1, 1, 1]
        await lost_and_back(cluster, here)
        await cluster.clock.advance(10)
        keeps = [await cluster.finish(pool.ask(Keep("y"))) for _ in range(4)]
        assert keeps == [1, 1, 1, 1]
        assert sum(worker.stats().actors for worker in workers) == 4


async def test_an_ask_of_the_lost_node_itself_ends_with_its_old_life() -> None:
    """Who asked from there hears that the other side is out of reach, and may ask again."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        await cluster.start("third")
        asking: Any = await begin(there.ref(servant.address).ask(Wait(), timeout=None))
        away = here.spawn(Servant, name="away")
        far = await cluster.finish(there.resolve("away", at="here"))
        waiting = await begin(far.ask(Wait(), timeout=None))
        await cluster.clock.advance(1)
        await lost_and_back(cluster, there)
        with pytest.raises(NodeUnreachableError):
            await cluster.finish(waiting)
        assert not asking.done()
        (await there.resolve("servant")).tell(Release("local"))
        assert await cluster.finish(asking) == "local"
        assert await cluster.finish(far.ask(Echo(1))) == 1
        away.tell(Release("nobody waits"))
