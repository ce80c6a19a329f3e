"""Topics: who gets what is published, in which order, how often, and what is accounted for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors import (
    DeadLetter,
    Message,
    Node,
    NodeUnreachableError,
    Reason,
    SerializationError,
    Undecodable,
)
from actors.wire import Kind
from tests.actors.kit import (
    Cluster,
    Do,
    Fail,
    Journal,
    Note,
    Notes,
    Puppet,
    Seen,
    Unknown,
    adds_up,
)
from tests.actors.registry.kit import heal, two
from tests.actors.remote_kit import Echo, Keep, Kept, Servant


async def kept(cluster: Cluster, *refs: Any) -> list[Any]:
    """What each of these servants has got."""
    await cluster.clock.advance(0.1)
    return [await cluster.finish(ref.ask(Kept())) for ref in refs]


async def test_subscribers_get_what_is_published() -> None:
    """On a topic that their pattern matches; the result says how many they are."""
    async with Node("n") as node:
        exact, star, rest, other = (node.spawn(Servant) for _ in range(4))
        node.topics.subscribe("prices.eu", exact)
        node.topics.subscribe("prices.*", star)
        node.topics.subscribe("prices.#", rest)
        node.topics.subscribe("news", other)
        assert node.topics.publish("prices.eu", Keep(1)) == 3
        assert node.topics.publish("prices.us", Keep(2)) == 2
        assert node.topics.publish("prices.us.steel", Keep(3)) == 1
        assert node.topics.publish("prices", Keep(4)) == 1
        assert [await ref.ask(Kept()) for ref in (exact, star, rest, other)] == [
            [1],
            [1, 2],
            [1, 2, 3, 4],
            [],
        ]


async def test_nobody_there_is_zero_and_no_dead_letter() -> None:
    """The caller is told: a topic without subscribers is nothing unusual."""
    async with Node("n") as node:
        dead = Seen(node, DeadLetter)
        before = node.stats()
        assert node.topics.publish("prices.eu", Keep(1)) == 0
        assert dead.entries == []
        assert node.stats() == before


async def test_each_gets_it_once() -> None:
    """However many of its patterns match, and however often it subscribed."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        near, far = a.spawn(Servant), b.spawn(Servant)
        for node, ref in ((a, near), (b, far)):
            for pattern in ("x.y", "x.*", "#", "x.y", "#.y"):
                node.topics.subscribe(pattern, ref)
        await cluster.clock.advance(0.1)
        assert a.topics.publish("x.y", Keep(1)) == 2
        assert await kept(cluster, near, far) == [[1], [1]]


async def test_one_record_goes_to_each_node() -> None:
    """However many have subscribed there: that node hands it on to its own."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        refs = [b.spawn(Servant) for _ in range(20)]
        for ref in refs:
            b.topics.subscribe("x", ref)
        await cluster.clock.advance(0.1)
        before = a.stats().outbound, b.stats().told
        for number in range(3):
            assert a.topics.publish("x", Keep(number)) == 20
        await cluster.clock.advance(1)
        assert (a.stats().outbound - before[0], b.stats().told - before[1]) == (3, 60)
        assert await kept(cluster, *refs) == [[0, 1, 2]] * 20
        adds_up(a)
        adds_up(b)


async def test_messages_of_one_publisher_come_in_order() -> None:
    """To each subscriber, here and elsewhere, and in order with what it tells it directly."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        near, far = a.spawn(Servant), b.spawn(Servant)
        a.topics.subscribe("x.#", near)
        b.topics.subscribe("x.*", far)
        await cluster.clock.advance(0.1)
        direct = a.ref(far.address)
        for number in range(0, 300, 3):
            a.topics.publish("x.a", Keep(number))
            direct.tell(Keep(number + 1))
            near.tell(Keep(number + 1))
            a.topics.publish("x.b", Keep(number + 2))
        assert await kept(cluster, near, far) == [list(range(300))] * 2


async def test_the_sender_is_who_published() -> None:
    """As with `ref.tell`: the actor in whose handler it was, None from outside."""
    async with Cluster() as cluster:
        a, b = await two(cluster)

        class Witness(Puppet):
            async def receive(self, message: object) -> object:
                self.write("from", self.sender)
                return None

        journal = Journal()
        publisher = a.spawn(Puppet)
        for node in (a, b):
            node.topics.subscribe("x", node.spawn(Witness.props(journal)))
        await cluster.clock.advance(0.1)
        journal.clear()
        a.topics.publish("x", "outside")
        await cluster.finish(publisher.ask(Do(lambda actor: actor.node.topics.publish("x", "in"))))
        await cluster.finish(journal.count(4))
        assert journal.entries.count(("from", None)) == 2
        assert journal.entries.count(("from", publisher)) == 2


async def test_subscriptions_end() -> None:
    """By unsubscribing from the very pattern, with the actor, and with its node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        stays, leaves, dies, far = a.spawn(Servant), b.spawn(Servant), b.spawn(Servant), None
        far = c.spawn(Servant)
        for node, ref in ((a, stays), (b, leaves), (b, dies), (c, far)):
            node.topics.subscribe("x.*", ref)
        b.topics.subscribe("x.y", leaves)
        await cluster.clock.advance(0.1)
        assert a.topics.publish("x.z", Keep(1)) == 4
        await cluster.clock.advance(0.1)
        b.topics.unsubscribe("x.*", leaves)
        b.topics.unsubscribe("never", leaves)
        await dies.stop()
        await cluster.kill(c)
        assert a.topics.publish("x.z", Keep(2)) == 1
        assert a.topics.publish("x.y", Keep(3)) == 2
        assert await kept(cluster, stays, leaves) == [[1, 2, 3], [1, 3]]
        a.topics.unsubscribe("x.*", stays)
        b.topics.unsubscribe("x.y", leaves)
        await cluster.clock.advance(0.1)
        assert a.topics.publish("x.y", Keep(4)) == 0
        for node in (a, b):
            assert node._known().registry.topics._patterns._root.next == {}


async def test_a_subscription_survives_restarts() -> None:
    """It is the actor's, not the instance's."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        node.topics.subscribe("x", puppet)
        with pytest.raises(ValueError, match="oops"):
            await puppet.ask(Fail(ValueError("oops")))
        assert node.topics.publish("x", Note(1)) == 1
        assert await puppet.ask(Notes()) == [1]


async def test_any_node_subscribes_any_actor() -> None:
    """An actor elsewhere is subscribed, and unsubscribed, by its own node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        far = a.spawn(Servant, at="b")
        a.topics.subscribe("x", far)
        await cluster.clock.advance(0.1)
        assert a.topics.publish("x", Keep(1)) == b.topics.publish("x", Keep(2)) == 1
        assert sorted((await kept(cluster, far))[0]) == [1, 2]
        a.topics.unsubscribe("x", far)
        await cluster.clock.advance(0.1)
        assert b.topics.publish("x", Keep(3)) == 0
        await cluster.kill(b)
        with pytest.raises(NodeUnreachableError):
            a.topics.subscribe("x", far)


async def test_topics_heal_after_a_cut() -> None:
    """Each side serves its own meanwhile; afterwards all get everything."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        refs = []
        for node in (a, b, c):
            refs.append(node.spawn(Servant))
            node.topics.subscribe("x.#", refs[-1])
        await cluster.clock.advance(0.1)
        await cluster.isolate(c)
        assert a.topics.publish("x", Keep("ab")) == 2
        assert c.topics.publish("x", Keep("c")) == 1
        await heal(cluster)
        assert a.topics.publish("x", Keep("all")) == 3
        await cluster.clock.advance(0.1)
        assert [await ref.ask(Kept()) for ref in refs] == [
            ["ab", "all"],
            ["ab", "all"],
            ["c", "all"],
        ]
        for node in (a, b, c):
            adds_up(node)


# --- what does not arrive


async def test_what_cannot_be_sent_reaches_nobody() -> None:
    """SerializationError where the call is, where somebody elsewhere has subscribed."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        near, far = a.spawn(Servant), b.spawn(Servant)
        a.topics.subscribe("x", near)
        assert a.topics.publish("x", Keep(object())) == 1
        b.topics.subscribe("x", far)
        await cluster.clock.advance(0.1)
        with pytest.raises(SerializationError):
            a.topics.publish("x", Keep(object()))
        assert [len(each) for each in await kept(cluster, near, far)] == [1, 0]
        adds_up(a)


async def test_what_is_on_its_way_to_a_lost_node_is_one_dead_letter() -> None:
    """It names the topic and the node, and the ledger adds up."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        dead = Seen(a, DeadLetter)
        for _ in range(3):
            b.topics.subscribe("x.y", b.spawn(Servant))
        await cluster.clock.advance(0.1)
        cluster.network.stall("b")
        assert a.topics.publish("x.y", Keep(1)) == 3
        await cluster.kill(b)
        [letter] = dead.entries
        assert letter.message == Keep(1)
        assert (letter.recipient.node_name, letter.recipient.path) == ("b", "topics/x.y")
        assert "noconnection" in letter.reason
        adds_up(a)
        assert a.stats().undelivered == 1


async def test_what_comes_when_the_last_subscriber_has_ended_is_a_dead_letter_there() -> None:
    """The publisher counted on somebody, so it is not lost silently."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        dead = Seen(b, DeadLetter)
        brief = b.spawn(Servant)
        b.topics.subscribe("x", brief)
        await cluster.clock.advance(0.1)
        cluster.network.delay("a", "b", 0.3)
        assert a.topics.publish("x", Keep(1)) == 1
        await brief.stop()
        await cluster.clock.advance(1)
        [letter] = dead.entries
        assert (letter.message, letter.reason) == (Keep(1), "no subscriber")
        assert letter.recipient.path == "topics/x"
        adds_up(a)
        adds_up(b)


async def test_a_subscriber_that_cannot_take_it_has_a_dead_letter_of_its_own() -> None:
    """As with `ref.tell`: each is a message of its own, for all that becomes of it."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        dead = Seen(b, DeadLetter)
        servants = [b.spawn(Servant), b.spawn(Servant)]
        for servant in servants:
            b.topics.subscribe("x", servant)
        await cluster.clock.advance(0.1)
        assert a.topics.publish("x", Unknown()) == 2
        await cluster.clock.advance(0.1)
        assert [(each.recipient, each.reason) for each in dead.entries] == [
            (servant, "unhandled") for servant in servants
        ]
        adds_up(b)


async def test_what_cannot_be_read_is_one_dead_letter_there() -> None:
    """Its recipient is the topic."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        dead = Seen(b, DeadLetter)
        b.topics.subscribe("x", b.spawn(Servant))
        await cluster.clock.advance(0.1)
        remote = a._known().remote
        [peer] = remote.peers.values()
        unknown = msgspec.structs.replace(a._known().codec.encode(Echo(1)), tag="?")
        remote.publish(peer, "topics/x#0", None, None, unknown)
        await cluster.clock.advance(0.1)
        [letter] = dead.entries
        assert isinstance(letter.message, Undecodable)
        assert letter.recipient.path == "topics/x"
        adds_up(b)


async def test_a_full_link_leaves_a_dead_letter() -> None:
    """What a link has no room for goes nowhere, and is accounted for; others get it."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        near, far = a.spawn(Servant), b.spawn(Servant)
        a.topics.subscribe("x", near)
        b.topics.subscribe("x", far)
        await cluster.clock.advance(0.1)
        dead = Seen(a, DeadLetter)
        [peer] = a._known().remote.peers.values()
        assert peer.link is not None
        peer.link._capacity = 1000
        for number in range(40):
            a.topics.publish("x", Keep(f"{number:0400}"))
        assert dead.entries
        assert all("full" in letter.reason for letter in dead.entries)
        assert len(await near.ask(Kept())) == 40
        adds_up(a)
        assert [len(each) for each in await kept(cluster, far)] == [40 - len(dead.entries)]
        adds_up(a)


async def test_a_publisher_in_on_stop_is_heard() -> None:
    """A node that ends publishes what its actors still have to say."""
    async with Cluster() as cluster:
        a, b = await two(cluster)

        class Last(Puppet):
            async def on_stop(self, reason: Reason) -> None:
                self.node.topics.publish("end", Keep(str(reason)))

        servant = a.spawn(Servant)
        a.topics.subscribe("end", servant)
        await cluster.clock.advance(0.1)
        b.spawn(Last)
        await cluster.stop(b)
        assert await kept(cluster, servant) == [["shutdown"]]


# --- arguments, and what others say


@pytest.mark.parametrize("topic", ["", "a..b", ".a", "a.", "a b", "x" * 129])
async def test_a_bad_topic_is_refused(topic: str) -> None:
    """A ValueError where the call is; a pattern is no topic."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        for call in (node.topics.subscribe, node.topics.unsubscribe):
            with pytest.raises(ValueError, match="pattern"):
                call(topic, puppet)
        for wrong in (topic, "a.*", "#"):
            with pytest.raises(ValueError, match="topic"):
                node.topics.publish(wrong, Note(1))


@pytest.mark.parametrize("wrong", [None, "a", 3, Note(1)])
async def test_only_refs_subscribe(wrong: Any) -> None:
    """Anything else is a TypeError."""
    async with Node("n") as node:
        for call in (node.topics.subscribe, node.topics.unsubscribe):
            with pytest.raises(TypeError):
                call("x", wrong)
        with pytest.raises(TypeError):
            node.topics.publish(3, Note(1))  # type: ignore[arg-type]


NONSENSE = [
    None,
    3,
    [],
    [1],
    ["now", []],
    [-1, []],
    [2**60, []],
    [1, [[]]],
    [1, [[9, "x", "a#1", 1]]],
    [1, [[2, 5, "a#1", 1]]],
    [1, [[2, "x", "a", 1]]],
    [1, [[2, "x", "a#zz", 1]]],
    [1, [[2, "x", "../a#1", 1]]],
    [1, [[2, "x", "a#1", 0]]],
    [1, [[2, "x", "a#1", 2**60]]],
    [1, [[2, "not a name", "a#1", 1]]],
    [1, [[3, "a..b", "a#1", 1]]],
    [1, [[2, "x" * 200, "a#1", 1]]],
    [1, [[2, "x", "a" * 5000 + "#1", 1]]],
    [1, [[2, "x", "a#1", 1]] * 1001],
]


@pytest.mark.parametrize("value", NONSENSE)
async def test_nonsense_of_another_node_is_not_taken(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so; neither the table nor the link is harmed."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        remote = a._known().remote
        [peer] = remote.peers.values()
        remote.signal(peer, Kind.ENTRIES, "", None, 0, value)
        await cluster.clock.advance(0.1)
        [record] = [r for r in caplog.records if r.name == "actors.registry"]
        assert "not taken" in record.getMessage()
        assert b.groups.members("x") == ()
        servant = a.spawn(Servant)
        a.groups.join("x", servant)
        await cluster.clock.advance(0.1)
        assert b.groups.members("x") == (servant,)


ORDERS = [None, [], [2, "x"], [9, "x", True, None], [2, "a b", True, None], [1, "x", True, -1.0]]


@pytest.mark.parametrize("value", ORDERS)
async def test_a_nonsensical_order_is_not_obeyed(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so, and who asked is answered."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        servant = b.spawn(Servant)
        [peer] = a._known().remote.peers.values()
        answer = a._known().registry._question(peer, Kind.ENROL, servant._key, servant, value)
        with pytest.raises(ValueError, match=r"sense|must be"):
            await cluster.finish(answer)
        assert "not obeyed" in caplog.text
        assert b.groups.members("x") == ()


async def test_a_topic_that_is_none_is_not_published(caplog: pytest.LogCaptureFixture) -> None:
    """What another node calls a topic is checked, too."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        b.topics.subscribe("#", servant := b.spawn(Servant))
        await cluster.clock.advance(0.1)
        remote, codec = a._known().remote, a._known().codec
        [peer] = remote.peers.values()
        for key in ("topics/a..b#0", "topics/#0", "topics/*#0", ""):
            remote.publish(peer, key, None, Keep(1), codec.encode(Keep(1)))
        await cluster.clock.advance(0.1)
        assert await servant.ask(Kept()) == []
        assert caplog.text.count("nobody gets") == 4


class Big(Message[None]):
    """Large enough to travel beside its record."""

    data: Any


async def test_large_messages_are_published_too() -> None:
    """Buffers beside the record arrive with it, at every subscriber there."""
    numpy = pytest.importorskip("numpy")
    async with Cluster() as cluster:
        a, b = await two(cluster)
        got: list[Any] = []

        class Sink(Puppet):
            async def receive(self, message: object) -> object:
                got.append(message)
                return None

        for _ in range(2):
            b.topics.subscribe("x", b.spawn(Sink))
        await cluster.clock.advance(0.1)
        array = numpy.arange(1_000_000)
        a.topics.publish("x", Big(array))
        await cluster.clock.advance(1)
        assert [numpy.array_equal(each.data, array) for each in got] == [True, True]
        adds_up(a)
        adds_up(b)
