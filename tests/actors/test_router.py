"""Routers: one ref in front of many actors."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStoppedError,
    Backoff,
    DeadLetter,
    Mailbox,
    Message,
    Node,
    NoRouteesError,
    OneForOne,
    Reason,
    Role,
    Router,
    SendTimeoutError,
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
    Notes,
    Puppet,
    Seen,
    begin,
    occupy,
)

WHO = Do(lambda actor: actor.ref)
"""Answers who handled it."""

ALL = [
    "round-robin",
    "weighted-round-robin",
    "least-connections",
    "random",
    "power-of-two",
    "consistent-hash",
    "broadcast",
    "scatter-gather",
]
CHOOSING = ALL[:6]


def options(strategy: str) -> dict[str, Any]:
    """What a strategy needs besides its name."""
    return {"key": lambda message: 1} if strategy == "consistent-hash" else {}


def pool(node: Node, size: int, strategy: str, **more: Any) -> ActorRef[Any]:
    props = Router.pool(Puppet.props(), size=size, strategy=strategy, **options(strategy), **more)
    return node.spawn(props)


def group(node: Node, size: int, strategy: str, **more: Any) -> tuple[Any, list[ActorRef[Any]]]:
    members = [node.spawn(Puppet) for _ in range(size)]
    chosen = {**options(strategy), **more}
    return node.spawn(Router.group(members, strategy=strategy, **chosen)), members


async def asked(router: ActorRef[Any], count: int) -> list[Any]:
    """Ask one after the other; return who answered."""
    return [await router.ask(WHO) for _ in range(count)]


async def held(router: ActorRef[Any], count: int) -> tuple[list[Gate], list[asyncio.Task[Any]]]:
    """Have that many messages in hand behind the router."""
    gates = [Gate() for _ in range(count)]
    asks = []
    for gate in gates:
        asks.append(await begin(router.ask(Hold(gate), timeout=None)))
        await gate.entered.wait()
    return gates, asks


# --- strategies


async def test_round_robin_goes_round() -> None:
    """Eight asks meet eight routees, and the next eight the same in the same order."""
    async with Node("n") as node:
        router = pool(node, 8, "round-robin")
        first, second = await asked(router, 8), await asked(router, 8)
        assert len(set(first)) == 8
        assert first == second


async def test_round_robin_over_a_group_keeps_its_order() -> None:
    """The members of a group are taken in the order in which they were given."""
    async with Node("n") as node:
        router, members = group(node, 3, "round-robin")
        assert await asked(router, 6) == members * 2


async def test_weights_are_smooth() -> None:
    """Weights 5, 1, 1 give a a b a c a a, as nginx does it."""
    async with Node("n") as node:
        router, [a, b, c] = group(node, 3, "weighted-round-robin", weights=[5, 1, 1])
        assert await asked(router, 14) == [a, a, b, a, c, a, a] * 2


async def test_a_pool_takes_weights_too() -> None:
    """In a pool the weights belong to its routees in their order."""
    async with Node("n") as node:
        router = pool(node, 2, "weighted-round-robin", weights=[3, 1])
        assert sorted(Counter(await asked(router, 40)).values()) == [10, 30]


async def test_least_connections_passes_over_the_busy() -> None:
    """Whoever holds a message gets none while another is free."""
    async with Node("n") as node:
        router, members = group(node, 3, "least-connections")
        gates, asks = await held(router, 2)
        free = set(await asked(router, 5))
        assert len(free) == 1
        for gate in gates:
            gate.open()
        await asyncio.gather(*asks)
        assert set(await asked(router, 3)) == set(members)


async def test_least_connections_counts_tells_as_well_as_asks() -> None:
    """A told message counts until it is handled."""
    async with Node("n") as node:
        router, members = group(node, 2, "least-connections")
        gate = await occupy(router)
        busy = [await router.ask(WHO) for _ in range(4)]
        assert len(set(busy)) == 1
        gate.open()
        await members[0].ask(Notes())
        await members[1].ask(Notes())
        assert len(set(await asked(router, 2))) == 2


async def test_least_connections_counts_what_waits_in_the_routees_queue() -> None:
    """Queued messages are in a routee's hands: the other gets all until both have as many."""
    async with Node("n") as node:
        router, [a, b] = group(node, 2, "least-connections")
        gates = [await occupy(a), await occupy(b)]
        for number in range(6):
            router.tell(Note(number))
        gates[0].open()
        gates[1].open()
        notes = [await a.ask(Notes()), await b.ask(Notes())]
        assert [len(note) for note in notes] == [3, 3]


async def test_least_connections_ties_go_round() -> None:
    """Idle routees take turns."""
    async with Node("n") as node:
        router, members = group(node, 4, "least-connections")
        assert await asked(router, 8) == members * 2


async def test_least_connections_forgets_what_failed_and_what_was_refused() -> None:
    """A message counts off however it ends: refused, failed, unhandled, timed out."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        router = pool(node, 2, "least-connections", supervision=OneForOne(max_restarts=1000))
        for _ in range(20):
            router.tell(Fail(ValueError("bad")))
            router.tell("unhandled")
            await clock.advance(0.5)
        await clock.advance(60)
        assert len(set(await asked(router, 2))) == 2


async def test_a_send_that_is_given_up_counts_no_more() -> None:
    """Least-connections forgets what never came into the mailbox."""
    clock = VirtualClock()

    class One(Puppet):
        mailbox = Mailbox(capacity=1)

    async with Node("n", clock=clock) as node:
        only = node.spawn(One)
        router = node.spawn(Router.group([only], strategy="least-connections"))
        gate = await occupy(only)
        await router.send(Note(1))
        waiting = await begin(router.send(Note(2), timeout=1.0))
        await clock.advance(2)
        with pytest.raises(SendTimeoutError):
            await waiting
        balancer = router._target._balancer  # type: ignore[attr-defined]
        assert balancer.load(only) == 1
        gate.open()
        await clock.settle()
        assert balancer.load(only) == 0


async def test_the_load_of_a_routee_survives_its_restart() -> None:
    """What waits for a routee that restarts still counts: the other one gets the next messages."""
    clock = VirtualClock()
    strategy = OneForOne(max_restarts=100, backoff=Backoff(0, 0))
    async with Node("n", clock=clock) as node:
        router = pool(node, 2, "least-connections", supervision=strategy)
        [first, second] = await asked(router, 2)
        gates = [await occupy(first), await occupy(second)]
        first.tell(Fail(ValueError("bad")))
        after = Gate()
        for _ in range(8):
            router.tell(Hold(after))
        gates[0].open()
        await clock.advance(0)
        gates[1].open()
        await clock.advance(0)
        again = [Journal(), Journal()]
        for _ in range(2):
            router.tell(Do(lambda actor: again[actor.ref == first].add("x")))
        after.open()
        await clock.advance(0)
        assert [len(journal.entries) for journal in again] == [1, 1]


async def test_random_reaches_everybody() -> None:
    """Over many asks all routees are met."""
    async with Node("n") as node:
        router = pool(node, 4, "random")
        assert len(set(await asked(router, 200))) == 4


async def test_power_of_two_avoids_the_busiest() -> None:
    """The only busy one of three is never the less loaded of two."""
    async with Node("n") as node:
        router = pool(node, 3, "power-of-two")
        gates, asks = await held(router, 1)
        assert len(set(await asked(router, 60))) == 2
        gates[0].open()
        await asyncio.gather(*asks)
        assert len(set(await asked(router, 60))) == 3


class Keyed(Message[Any]):
    key: Any


class Keeper(Actor):
    @on(Keyed)
    def keyed(self, message: Keyed) -> Any:
        return self.ref


@pytest.mark.parametrize("make", [str, lambda number: b"%d" % number, int])
async def test_equal_keys_meet_the_same_routee(make: Any) -> None:
    """Consistent hashing by str, bytes or int: one key, one routee; many keys, all routees."""
    async with Node("n") as node:
        props = Router.pool(
            Keeper.props(), size=4, strategy="consistent-hash", key=lambda message: message.key
        )
        router = node.spawn(props)
        met = [await router.ask(Keyed(make(number))) for number in range(100)]
        again = [await router.ask(Keyed(make(number))) for number in range(100)]
        assert met == again
        assert len(set(met)) == 4


async def test_a_key_that_is_none_is_an_error_of_the_ask_and_harms_nobody() -> None:
    """A key of a wrong type, or a key function that raises, fails the ask, and a tell is dead."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        props = Router.pool(
            Keeper.props(), size=2, strategy="consistent-hash", key=lambda message: message.key
        )
        router = node.spawn(props)
        with pytest.raises(TypeError):
            await router.ask(Keyed(1.5))
        with pytest.raises(AttributeError):
            await router.ask("no key")
        router.tell("no key")
        assert len(letters.entries) == 3
        assert await router.ask(Keyed("a")) == await router.ask(Keyed("a"))


async def test_broadcast_reaches_everybody_and_answers_the_list_of_all() -> None:
    """An ask answers all answers in routee order; a tell is told to each."""
    async with Node("n") as node:
        router, members = group(node, 3, "broadcast")
        assert await router.ask(WHO) == members
        router.tell(Note("all"))
        for member in members:
            assert await member.ask(Notes()) == ["all"]


async def test_broadcast_answers_in_routee_order_whoever_is_first() -> None:
    """A slow first routee is still the first in the list."""
    async with Node("n") as node:
        router, members = group(node, 3, "broadcast")
        gate = await occupy(members[0])
        waiting = await begin(router.ask(WHO))
        await members[1].ask(Notes())
        await members[2].ask(Notes())
        assert not waiting.done()
        gate.open()
        assert await waiting == members


async def test_broadcast_raises_the_first_failure() -> None:
    """One failure fails the ask, without waiting for the rest."""
    async with Node("n") as node:
        router, members = group(node, 3, "broadcast")
        gate = await occupy(members[0])

        def fail_in_the_last(actor: Any) -> None:
            if actor.ref == members[2]:
                raise ValueError("the last")

        with pytest.raises(ValueError, match="the last"):
            await router.ask(Do(fail_in_the_last), timeout=None)
        gate.open()


async def test_scatter_gather_answers_the_first_success() -> None:
    """The first answer wins; failures before it do not count."""
    async with Node("n") as node:
        router, members = group(node, 3, "scatter-gather")
        gate = await occupy(members[0])

        def fail_in_the_second(actor: Any) -> Any:
            if actor.ref == members[1]:
                raise ValueError("the second")
            return actor.ref

        assert await router.ask(Do(fail_in_the_second), timeout=None) == members[2]
        gate.open()


async def test_scatter_gather_raises_only_when_all_failed() -> None:
    """Where nobody succeeds the ask raises."""
    async with Node("n") as node:
        router, _ = group(node, 3, "scatter-gather")
        with pytest.raises(ValueError, match="bad"):
            await router.ask(Fail(ValueError("bad")))


# --- comings and goings


@pytest.mark.parametrize("strategy", ALL)
async def test_without_routees_messages_are_dead(strategy: str) -> None:
    """When all members of a group are gone a tell is a dead letter, an ask NoRouteesError."""
    async with Node("n") as node:
        router, members = group(node, 2, strategy)
        assert await router.ask(WHO)
        for member in members:
            await member.stop()
        letters = Seen(node, DeadLetter)
        router.tell(Note("nobody"))
        with pytest.raises(NoRouteesError):
            await router.ask(Note("nobody"))
        assert [letter.message for letter in letters.entries] == [Note("nobody")] * 2


@pytest.mark.parametrize("strategy", CHOOSING)
async def test_a_routee_that_dies_leaves_at_once(strategy: str) -> None:
    """No message after its end is routed to it."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        router, members = group(node, 3, strategy)
        await router.ask(WHO)
        await members[1].stop()
        met = await asked(router, 12)
        assert members[1] not in met
        assert letters.entries == []


async def test_asks_that_wait_for_a_dead_routee_fail_at_once() -> None:
    """When a routee is killed, what it had in hand and in its queue fails with it."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        router, [first, second] = group(node, 2, "round-robin")
        gates, asks = await held(router, 2)
        queued = [await begin(router.ask(WHO, timeout=None)) for _ in range(2)]
        await clock.advance(0)
        stopping = await begin(first.stop(timeout=1.0))
        await clock.advance(1.5)
        await stopping
        with pytest.raises(ActorStoppedError):
            await asks[0]
        with pytest.raises(ActorStoppedError):
            await queued[0]
        gates[1].open()
        assert await queued[1] == second


@pytest.mark.parametrize("strategy", CHOOSING)
async def test_a_routee_of_a_pool_that_fails_comes_back(strategy: str) -> None:
    """Pool routees are permanent children: failed or ended, each is started again."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        router = pool(node, 3, strategy)
        await router.ask(WHO)
        with pytest.raises(ValueError, match="bad"):
            await router.ask(Fail(ValueError("bad")))
        router.tell(Do(lambda actor: actor.stop()))
        await clock.advance(30)
        everyone = set(await asked(router, 60))
        assert len(everyone) == (1 if strategy == "consistent-hash" else 3)


async def test_each_routee_of_a_pool_is_counted_by_itself() -> None:
    """A routee that fails too often ends alone; the pool goes on with the others."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        failures = Seen(node, ActorFailed)
        router = pool(node, 3, "round-robin", supervision=OneForOne(max_restarts=2))
        [first, second, third] = await asked(router, 3)
        for routee in (second, third):
            for _ in range(2):
                routee.tell(Fail(ValueError("bad")))
        for _ in range(3):
            first.tell(Fail(ValueError("bad")))
        await clock.advance(60)
        assert await first.stopped() == Reason.ERROR
        assert router not in {event.ref for event in failures.entries}
        assert set(await asked(router, 6)) == {second, third}


async def test_a_pool_ends_with_its_router() -> None:
    """Stopping the router stops its routees, and the asks that wait there fail."""
    async with Node("n") as node:
        router = pool(node, 2, "round-robin")
        routees = await asked(router, 2)
        await router.stop()
        for routee in routees:
            assert await routee.stopped() == Reason.SHUTDOWN
        with pytest.raises(ActorStoppedError):
            await router.ask(WHO)


async def test_a_group_leaves_its_routees_alone() -> None:
    """Stopping the router of a group stops nobody else; a failing member is not its business."""
    async with Node("n") as node:
        router, members = group(node, 2, "round-robin")
        with pytest.raises(ValueError, match="bad"):
            await router.ask(Fail(ValueError("bad")))
        assert set(await asked(router, 2)) == set(members)
        await router.stop()
        for member in members:
            assert await member.ask(Notes()) == []


async def test_a_message_goes_to_a_routee_that_restarts_where_there_is_no_other() -> None:
    """A pool of one whose routee waits for its restart keeps what is sent meanwhile."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        router = pool(node, 1, "round-robin")
        for _ in range(2):
            router.tell(Fail(ValueError("bad")))
        await clock.advance(0)
        waiting = await begin(router.ask(Note(1), timeout=None))
        await clock.advance(5)
        assert await waiting == 1
        assert letters.entries == []


async def test_messages_told_right_after_the_spawn_wait_for_the_routees() -> None:
    """A pool loses nothing that is told before its routees have started."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        journal = Journal()
        props = Router.pool(Puppet.props(journal), size=3, strategy="round-robin")
        router = node.spawn(props)
        for number in range(9):
            router.tell(Note(number))
        await journal.has(*[("note", number) for number in range(9)])
        assert letters.entries == []


# --- a ref like any other


@pytest.mark.parametrize("strategy", ALL)
async def test_the_sender_stays_the_sender(strategy: str) -> None:
    """Behind a router a routee sees who told or asked, not the router."""
    async with Node("n") as node:
        router = pool(node, 2, strategy)
        asker = node.spawn(Puppet)
        look = Do(lambda actor: actor.sender)
        answer = await asker.ask(Do(lambda actor: router.ask(look)))
        assert answer in (asker, [asker, asker])


async def test_a_router_has_a_name_and_an_address() -> None:
    """It is resolved, compared and addressed like an actor."""
    async with Node("n") as node:
        router = node.spawn(Router.pool(Puppet, size=2, strategy="random"), name="pool")
        assert await node.resolve("pool") == router
        assert node.ref(router.address) == router


async def test_routing_costs_no_mailbox_hop() -> None:
    """What is told through a router is in the routee's mailbox before what is told next to it."""
    async with Node("n") as node:
        router, [only] = group(node, 1, "round-robin")
        await router.ask(WHO)
        for number in range(0, 10, 2):
            router.tell(Note(number))
            only.tell(Note(number + 1))
        assert await only.ask(Notes()) == list(range(10))


async def test_a_send_through_a_router_waits_for_room() -> None:
    """`send` is the backpressure call behind a router too."""
    clock = VirtualClock()

    class One(Puppet):
        mailbox = Mailbox(capacity=1)

    async with Node("n", clock=clock) as node:
        only = node.spawn(One)
        router = node.spawn(Router.group([only], strategy="round-robin"))
        gate = await occupy(only)
        await router.send(Note(1))
        waiting = await begin(router.send(Note(2)))
        await clock.advance(10)
        assert not waiting.done()
        gate.open()
        await waiting
        await clock.advance(0)
        assert await only.ask(Notes()) == [1, 2]


async def test_a_router_may_route_to_routers() -> None:
    """A router is a routee like any other."""
    async with Node("n") as node:
        inner = [group(node, 2, "round-robin") for _ in range(2)]
        outer = node.spawn(Router.group([router for router, _ in inner], strategy="round-robin"))
        members = [member for _, both in inner for member in both]
        assert Counter(await asked(outer, 8)) == dict.fromkeys(members, 2)


async def test_a_router_may_be_the_child_of_an_actor() -> None:
    """`self.spawn` takes a router, which ends with its parent."""
    async with Node("n") as node:
        top = node.spawn(Puppet)
        props = Router.pool(Puppet.props(), size=2, strategy="round-robin")
        router = await top.ask(Do(lambda actor: actor.spawn(props, name="pool")))
        routees = await asked(router, 2)
        assert len(set(routees)) == 2
        await top.stop()
        assert await routees[0].stopped() == Reason.SHUTDOWN


# --- over nodes


class Where(Message[str]):
    """Answers the name of the node."""


class Local(Actor):
    @on(Where)
    def where(self, message: Where) -> str:
        return self.node.name


async def test_a_pool_is_spread_evenly_over_a_role() -> None:
    """Four routees over two nodes of a role: two on each, and none elsewhere."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"],
             roles=["worker"]),
        Node("c", bind="tcp://c:1", transport=network.transport(), seeds=["tcp://a:1"],
             roles=["worker"]),
    ):  # fmt: skip
        await first.wait_for_members(3, timeout=10)
        router = first.spawn(
            Router.pool(Local.props(), size=4, at=Role("worker"), strategy="round-robin")
        )
        answers = [await router.ask(Where(), timeout=10) for _ in range(8)]
        assert Counter(answers) == {"b": 4, "c": 4}


async def test_routees_of_a_lost_node_move() -> None:
    """When a node of the role goes its routees start on the one that is left."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"],
             roles=["worker"]),
        Node("c", bind="tcp://c:1", transport=network.transport(), seeds=["tcp://a:1"],
             roles=["worker"]) as third,
    ):  # fmt: skip
        await first.wait_for_members(3, timeout=10)
        router = first.spawn(
            Router.pool(Local.props(), size=4, at=Role("worker"), strategy="round-robin")
        )
        assert {await router.ask(Where(), timeout=10) for _ in range(8)} == {"b", "c"}
        await third.shutdown(timeout=5)
        assert {await router.ask(Where(), timeout=10) for _ in range(8)} == {"b"}


# --- latency


class Slowly(Message[None]):
    """Work that takes its time."""


class Server(Actor):
    """Works 0.01 s on each message; the first of them 0.1 s."""

    def __init__(self, clock: VirtualClock, servers: list[Any]) -> None:
        self.clock = clock
        servers.append(self)
        self.seconds = 0.1 if len(servers) == 1 else 0.01

    @on(Slowly)
    async def slowly(self, message: Slowly) -> None:
        await self.clock.sleep(self.seconds)


async def latencies(strategy: str) -> list[float]:
    """Ask eight servers, one ten times slower, at half of what the pool can bear."""
    clock = VirtualClock()
    servers: list[Any] = []
    seconds: list[float] = []
    async with Node("n", clock=clock) as node:
        props = Router.pool(Server.props(clock, servers), size=8, strategy=strategy)
        router = node.spawn(props)
        await clock.advance(0)

        async def one() -> None:
            began = clock.now()
            await router.ask(Slowly(), timeout=None)
            seconds.append(clock.now() - began)

        asks = []
        for _ in range(600):
            asks.append(await begin(one()))
            await clock.advance(0.0025)
        for _ in range(2000):
            if all(ask.done() for ask in asks):
                break
            await clock.advance(0.01)
        await asyncio.gather(*asks)
    return sorted(seconds)


async def test_least_connections_halves_the_tail_of_one_slow_routee() -> None:
    """With one of eight routees ten times slower its p99 is below half that of round-robin."""
    round_robin = await latencies("round-robin")
    least = await latencies("least-connections")
    p99 = int(len(least) * 0.99)
    assert least[p99] < round_robin[p99] / 2


# --- arguments


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"size": 0}, ValueError),
        ({"size": -1}, ValueError),
        ({"size": 1.5}, TypeError),
        ({"strategy": "roundrobin"}, ValueError),
        ({"strategy": "weighted-round-robin", "weights": [1]}, ValueError),
        ({"strategy": "weighted-round-robin", "weights": [1, 0]}, ValueError),
        ({"strategy": "weighted-round-robin", "weights": [1, "2"]}, TypeError),
        ({"strategy": "consistent-hash"}, (TypeError, ValueError)),
        ({"strategy": "consistent-hash", "key": 5}, TypeError),
        ({"supervision": "one-for-one"}, TypeError),
    ],
)
def test_a_pool_is_checked_where_it_is_written(arguments: dict[str, Any], error: Any) -> None:
    """A wrong size, strategy, weight or key raises at `Router.pool`."""
    with pytest.raises(error):
        Router.pool(Puppet.props(), **{"size": 2, "strategy": "round-robin", **arguments})


async def test_a_group_is_checked_where_it_is_written() -> None:
    """Routees must be refs, and weights one a routee."""
    async with Node("n") as node:
        refs = [node.spawn(Puppet) for _ in range(2)]
        with pytest.raises(TypeError):
            Router.group([Puppet], strategy="round-robin")  # type: ignore[list-item]
        with pytest.raises(ValueError, match="weight"):
            Router.group(refs, strategy="weighted-round-robin", weights=[1, 2, 3])
        with pytest.raises(ValueError, match="strategy"):
            Router.group(refs, strategy="fastest")
