"""Routers over nodes: used from afar, with routees elsewhere, and spawned elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from actors import (
    ActorStoppedError,
    NodeUnreachableError,
    OneForOne,
    Role,
    Router,
    SendTimeoutError,
    SerializationError,
)
from tests.actors.kit import Cluster, Gate, Journal, Note, Notes, begin, occupy
from tests.actors.remote_kit import (
    Echo,
    Keep,
    Kept,
    Linger,
    Lingering,
    Narrow,
    Release,
    Servant,
    Wait,
    pair,
)


async def test_a_router_is_used_from_another_node() -> None:
    """Its ref travels, and asks from afar are routed as at home."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        props = Router.pool(Servant.props(), size=3, strategy="broadcast")
        there.spawn(props, name="pool")
        far = await cluster.finish(here.resolve("pool", at="there"))
        assert await cluster.finish(far.ask(Echo("x"))) == ["x"] * 3
        far.tell(Keep(1))
        assert await cluster.finish(far.ask(Kept())) == [[1]] * 3


async def test_routers_are_spawned_on_other_nodes() -> None:
    """Pools and groups are actors like others: their recipes travel."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        pool = here.spawn(Router.pool(Servant.props("given"), size=2), name="pool", at="there")
        assert [await cluster.finish(pool.ask(Keep("x"))) for _ in range(4)] == [2, 2, 3, 3]
        assert await there.resolve("pool") == pool
        local = here.spawn(Servant)
        plan = Router.group([servant, local], strategy="weighted-round-robin", weights=[2, 1])
        group = here.spawn(plan, at=Role("worker"))
        for _ in range(3):
            await cluster.finish(group.ask(Keep("y")))
        assert await local.ask(Kept()) == ["y"]
        assert await cluster.finish(servant.ask(Kept())) == ["y", "y"]


async def test_a_pool_elsewhere_may_have_its_routees_here() -> None:
    """Where the routees of a pool live is a matter of its own."""
    async with Cluster() as cluster:
        here = await cluster.start("here", "home")
        there = await cluster.start("there")
        strategy = OneForOne(max_restarts=1)
        plan = Router.pool(Servant.props(), size=3, at=Role("home"), supervision=strategy)
        pool = here.spawn(plan, at="there")
        assert await cluster.finish(pool.ask(Keep("x"))) == 1
        assert here.stats().actors == 3
        assert there.stats().actors == 1


async def test_a_key_that_cannot_be_sent_is_named_at_the_spawn() -> None:
    """A function stays where it is: SerializationError says so where the call is."""
    async with Cluster() as cluster:
        here, there, _ = await pair(cluster)
        plan = Router.pool(
            Servant.props(), size=2, strategy="consistent-hash", key=lambda message: "k"
        )
        with pytest.raises(SerializationError, match=r"key.*function"):
            here.spawn(plan, at="there")
        assert there.stats().actors == 1


async def test_least_connections_counts_remote_routees_too() -> None:
    """A routee on another node that holds a message is passed over."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        local = here.spawn(Servant)
        router = here.spawn(Router.group([servant, local], strategy="least-connections"))
        there.spawn(Servant, name="unused")
        waiting = await begin(router.ask(Wait(), timeout=None))
        for _ in range(3):
            await cluster.finish(router.ask(Keep("x")))
        assert await local.ask(Kept()) == ["x"] * 3
        servant.tell(Release("done"))
        assert await cluster.finish(waiting) == "done"
        met = [await cluster.finish(router.ask(Keep("y"))) for _ in range(2)]
        assert sorted(met) == [1, 4]


async def test_the_ends_of_tells_and_sends_elsewhere_are_counted() -> None:
    """Each is in its routee's hands until it was handled there, or its node is lost."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        Lingering.gate = Gate()
        far = here.spawn(Lingering, at="there")
        router = here.spawn(Router.group([far], strategy="least-connections"))
        balancer = router._target._balancer  # type: ignore[attr-defined]
        for _ in range(3):
            router.tell(Linger())
        await cluster.finish(router.send(Keep(1)))
        await cluster.finish(Lingering.gate.entered.wait())
        assert balancer.load(far) == 4
        Lingering.gate.open()
        await cluster.finish(far.ask(Kept()))
        await cluster.clock.advance(0.1)
        assert balancer.load(far) == 0
        Lingering.gate = Gate()
        router.tell(Linger())
        router.tell(Keep(2))
        sending = await begin(router.send(Keep(3)))
        await cluster.finish(Lingering.gate.entered.wait())
        held = balancer._loads[far]
        assert held.count == 3
        await cluster.kill(there)
        await cluster.finish(sending)
        assert held.count == 0


async def test_a_send_elsewhere_that_is_given_up_counts_no_more() -> None:
    """It never came into the mailbox, so nobody has it in hand."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        journal = Journal()
        target = there.spawn(Narrow.props(journal), name="narrow")
        far = await cluster.finish(here.resolve("narrow", at="there"))
        router = here.spawn(Router.group([far], strategy="least-connections"))
        gate = await occupy(target)
        await cluster.finish(router.send(Note(1)))
        with pytest.raises(SendTimeoutError):
            await cluster.finish(router.send(Note(2), timeout=1.0))
        balancer = router._target._balancer  # type: ignore[attr-defined]
        assert balancer.load(far) == 1
        gate.open()
        await cluster.finish(far.ask(Notes()))
        await cluster.clock.advance(0.1)
        assert balancer.load(far) == 0


async def test_asks_through_a_router_fail_with_the_node_of_the_routee() -> None:
    """A lost routee leaves at once: its waiting asks fail, the next go to the others."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        local = here.spawn(Servant)
        router = here.spawn(Router.group([servant, local], strategy="round-robin"))
        waiting = await begin(router.ask(Wait(), timeout=None))
        await cluster.clock.advance(0.1)
        await cluster.kill(there)
        with pytest.raises((NodeUnreachableError, ActorStoppedError)):
            await waiting
        assert [await cluster.finish(router.ask(Echo(n))) for n in range(4)] == list(range(4))


async def test_a_pool_does_without_its_routees_on_a_suspect() -> None:
    """Messages go to the others until the link stands again; no routee is restarted."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        await cluster.start("one", "worker")
        await cluster.start("two", "worker")
        pool = here.spawn(Router.pool(Servant.props(), size=2, at=Role("worker")))
        keeps = [await cluster.finish(pool.ask(Keep("x"))) for _ in range(2)]
        assert keeps == [1, 1]
        cluster.network.cut("here", "one")
        cluster.network.sever("here", "one")
        await cluster.clock.advance(0.1)
        asks = await asyncio.gather(*[begin(pool.ask(Keep("x"))) for _ in range(4)])
        await cluster.clock.advance(0.1)
        assert [ask.result() for ask in asks] == [2, 3, 4, 5]
        cluster.network.heal("here", "one")
        await cluster.clock.advance(2)
        after = [await cluster.finish(pool.ask(Keep("x"))) for _ in range(2)]
        assert sorted(after) == [2, 6]
