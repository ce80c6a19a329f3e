"""Names in the cluster: registered, found, taken away, lost with their actors, and contested."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import (
    ActorRef,
    ActorStoppedError,
    MemberUp,
    NameConflict,
    NameTakenError,
    Node,
    NodeClosedError,
    NodeUnreachableError,
    Role,
    Router,
)
from actors.registry.table import Section
from tests.actors.kit import Cluster, Do, Fail, Note, Notes, Puppet, Seen, adds_up, begin
from tests.actors.registry.kit import heal, two
from tests.actors.remote_kit import Echo, Keep, Kept, Servant


async def named(cluster: Cluster, node: Node, name: str) -> ActorRef[Any]:
    """A servant of a node, under this name."""
    ref = node.spawn(Servant)
    await cluster.finish(node.register(name, ref))
    return ref


async def test_a_name_is_found_on_its_own_node() -> None:
    """`register` and `whereis` work without any cluster."""
    async with Node("n") as node:
        assert await node.whereis("service") is None
        puppet = node.spawn(Puppet)
        await node.register("service", puppet)
        assert await node.whereis("service") == puppet


async def test_a_registered_name_is_known_everywhere_when_the_call_returns() -> None:
    """No other node needs to wait: what `whereis` gives there works."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        servant = a.spawn(Servant)
        await cluster.finish(a.register("service", servant))
        for node in (a, b, c):
            found = await node.whereis("service")
            assert found == servant
            assert await cluster.finish(found.ask(Echo(node.name))) == node.name


async def test_a_node_that_joins_learns_all_names() -> None:
    """It is told the whole table when it connects."""
    async with Cluster() as cluster:
        a, _ = await two(cluster)
        service = await named(cluster, a, "service")
        c = await cluster.start("c")
        assert await cluster.finish(c.whereis("service", timeout=5)) == service


async def test_a_taken_name_is_refused() -> None:
    """Wherever its holder lives; the error names the holder, who keeps it."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        first = await named(cluster, a, "service")
        for node in (a, b):
            with pytest.raises(NameTakenError, match="service") as caught:
                await cluster.finish(node.register("service", node.spawn(Servant)))
            assert caught.value.holder == first.address
            assert await node.whereis("service") == first


async def test_registering_twice_is_registering_once() -> None:
    """The holder itself may have the name again, and several names."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        service = await named(cluster, a, "one")
        await cluster.finish(a.register("one", service))
        await cluster.finish(b.register("one", service))
        await cluster.finish(a.register("two", service))
        assert await b.whereis("one") == await b.whereis("two") == service


async def test_an_unregistered_name_is_free_everywhere_when_the_call_returns() -> None:
    """Any node may end it; the actor lives on. Ending what is not there is nothing."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        for ender in (a, b):
            service = await named(cluster, a, "service")
            await cluster.finish(ender.unregister("service"))
            assert await a.whereis("service") is None
            assert await b.whereis("service") is None
            assert await service.ask(Echo(1)) == 1
            await cluster.finish(ender.unregister("service"))


async def test_a_name_goes_with_its_actor() -> None:
    """When the actor has ended its name is free, here at once and elsewhere soon."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        service = await named(cluster, a, "service")
        await service.stop()
        assert await a.whereis("service") is None
        await cluster.clock.advance(1)
        assert await b.whereis("service") is None
        again = await named(cluster, b, "service")
        assert await a.whereis("service") == again


async def test_a_name_survives_a_restart_of_its_actor() -> None:
    """The ref stays the same, and so does its name."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        await node.register("service", puppet)
        with pytest.raises(ValueError, match="oops"):
            await puppet.ask(Fail(ValueError("oops")))
        assert await puppet.ask(Notes()) == []
        assert await node.whereis("service") == puppet


async def test_a_name_goes_with_its_node() -> None:
    """When the node is lost, or leaves, its names are free."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        await named(cluster, b, "killed")
        await named(cluster, c, "left")
        await cluster.kill(b)
        assert await a.whereis("killed") is None
        assert await a.whereis("left") is not None
        await cluster.stop(c)
        await cluster.clock.advance(1)
        assert await a.whereis("left") is None


async def test_nobody_is_sent_to_a_node_that_is_leaving() -> None:
    """From the start of its shutdown its names are unknown elsewhere; its own actors know them."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        service = await named(cluster, b, "service")
        seen: list[Any] = []

        async def last_words(actor: Any) -> None:
            await asyncio.sleep(0)
            seen.extend([await a.whereis("service"), await actor.node.whereis("service")])

        class Dying(Puppet):
            async def on_stop(self, reason: Any) -> None:
                await cluster.clock.advance(0.5)
                await last_words(self)

        b.spawn(Dying)
        await cluster.stop(b)
        assert seen == [None, service]


async def test_the_node_of_an_actor_owns_its_name() -> None:
    """Any node may register a ref; the name lives and dies with the actor's node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        far = a.spawn(Servant, at="b")
        await cluster.finish(a.register("far", far))
        assert await a.whereis("far") == await b.whereis("far") == far
        with pytest.raises(NameTakenError):
            await cluster.finish(b.register("far", b.spawn(Servant)))
        await cluster.finish(far.stop())
        await cluster.clock.advance(1)
        assert await a.whereis("far") is None
        assert await b.whereis("far") is None


async def test_the_node_of_an_actor_says_why_it_gets_no_name() -> None:
    """Its error travels, with the holder of the name."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        far, holder = a.spawn(Servant, "far", at="b"), b.spawn(Servant, "holder")
        attempt = await begin(a.register("service", far))
        b._known().registry.add(Section.NAMES, "service", holder)  # while that is on its way
        with pytest.raises(NameTakenError, match="service") as caught:
            await cluster.finish(attempt)
        assert (caught.value.path, caught.value.holder) == ("service", holder.address)


async def test_only_the_living_get_a_name() -> None:
    """A ref of an actor that has ended raises ActorStoppedError, here or elsewhere."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        for node, at in ((a, None), (a, "b")):
            gone = node.spawn(Servant, at=at)
            await cluster.finish(gone.stop())
            with pytest.raises(ActorStoppedError):
                await cluster.finish(node.register("gone", gone))
        assert await a.whereis("gone") is await b.whereis("gone") is None


async def test_an_actor_of_a_lost_node_gets_no_name() -> None:
    """There is nobody to ask for it."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        far = a.spawn(Servant, at="b")
        await cluster.clock.advance(1)
        await cluster.kill(b)
        with pytest.raises(NodeUnreachableError):
            await cluster.finish(a.register("far", far))


async def test_whereis_waits_for_a_name() -> None:
    """With a timeout it returns as soon as somebody has the name, or None when that is over."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        early = [await begin(node.whereis("late", timeout=30)) for node in (a, b)]
        vain = await begin(a.whereis("never", timeout=3))
        for_ever = await begin(a.whereis("late", timeout=None))
        await cluster.clock.advance(4)
        assert vain.done()
        assert await vain is None
        assert not any(task.done() for task in early)
        late = await named(cluster, b, "late")
        await cluster.clock.advance(0.1)
        assert [await task for task in (*early, for_ever)] == [late] * 3
        assert a._known().registry.names._waiting == {}


async def test_of_two_that_register_at_once_one_has_the_name() -> None:
    """One call returns and the other raises NameTakenError: never both, never neither."""
    async with Cluster() as cluster:
        nodes = [await cluster.start(name) for name in ("a", "b", "c")]
        for round_number in range(5):
            name = f"service-{round_number}"
            refs = [node.spawn(Servant) for node in nodes]
            attempts = [
                asyncio.ensure_future(node.register(name, ref))
                for node, ref in zip(nodes, refs, strict=True)
            ]
            results = await cluster.finish(asyncio.gather(*attempts, return_exceptions=True))
            await cluster.clock.advance(1)
            [winner] = [ref for ref, error in zip(refs, results, strict=True) if error is None]
            assert [type(error) for error in results if error is not None] == [NameTakenError] * 2
            assert [await node.whereis(name) for node in nodes] == [winner] * 3


def newcomer(cluster: Cluster) -> Node:
    """A node that has yet to start, and will know b but never meet a."""
    cluster.network.cut("a", "c")
    return Node(
        "c",
        bind="tcp://c:1",
        seeds=["tcp://b:1"],
        clock=cluster.clock,
        transport=cluster.network.transport("c"),
    )


async def test_of_two_that_never_met_one_has_the_name() -> None:
    """A member that knows both says who was earlier, before anybody is told that it succeeded."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        async with newcomer(cluster) as c:
            await cluster.clock.advance(1)
            attempts = [node.register("service", node.spawn(Servant)) for node in (a, c)]
            results = await cluster.finish(asyncio.gather(*attempts, return_exceptions=True))
            assert [type(result) for result in results] == [type(None), NameTakenError]
            assert await b.whereis("service") == await a.whereis("service")
            await cluster.finish(c.shutdown(timeout=2))


async def test_a_newcomer_takes_no_name_from_who_has_had_it_for_long() -> None:
    """Even before it knows the holder's node, or how late it is: any member that does tells it."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        for name in ("x", "y", "z"):
            await named(cluster, a, name)
        service = await named(cluster, a, "service")
        c = newcomer(cluster)
        attempts: list[asyncio.Task[None]] = []

        def register(_: MemberUp) -> None:
            for name in ("service", "other"):
                attempts.append(asyncio.ensure_future(c.register(name, c.spawn(Servant))))

        c.events.subscribe(register, MemberUp)
        async with c:
            await cluster.clock.advance(1)
            taken, free = await asyncio.gather(*attempts, return_exceptions=True)
            assert {member.name for member in c.members} == {"b", "c"}
            assert isinstance(taken, NameTakenError)
            assert taken.holder == service.address
            assert free is None
            assert await b.whereis("service") == service
            assert await b.whereis("other") is not None
            await cluster.finish(c.shutdown(timeout=2))


async def test_the_earlier_of_two_sides_of_a_cut_keeps_the_name() -> None:
    """When a cut heals the same actor has the name everywhere, and the loser's node says so."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        await named(cluster, c, "something-earlier")
        await cluster.isolate(a)
        late = await named(cluster, a, "x")
        later = await named(cluster, a, "service")
        earlier = await named(cluster, b, "service")
        assert await c.whereis("service") == earlier
        assert await a.whereis("service") == later
        events = {node.name: Seen(node, NameConflict) for node in cluster.nodes}
        await heal(cluster)
        assert [await node.whereis("service") for node in (a, b, c)] == [earlier] * 3
        assert [await node.whereis("x") for node in (a, b, c)] == [late] * 3
        assert events["a"].entries == [NameConflict("service", earlier, later)]
        assert events["b"].entries == events["c"].entries == []
        assert await later.ask(Echo("alive")) == "alive"
        await cluster.finish(a.unregister("service"))  # nobody falls back to the loser
        assert [await node.whereis("service") for node in (a, b, c)] == [None] * 3


async def test_of_equal_times_the_smaller_node_name_wins() -> None:
    """So all agree, whichever side of a cut they were on."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        await cluster.isolate(a)
        ours, theirs = await named(cluster, a, "service"), await named(cluster, b, "service")
        lost = Seen(b, NameConflict)
        await heal(cluster)
        assert await a.whereis("service") == await b.whereis("service") == ours
        assert [(event.winner, event.loser) for event in lost.entries] == [(ours, theirs)]


async def test_names_live_on_in_a_new_life_of_their_node() -> None:
    """A node that was given up comes back as a new incarnation, with all its names."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        await cluster.start("c")
        service = await named(cluster, a, "service")
        before = service.address
        await cluster.isolate(a)
        assert await b.whereis("service") is None
        await heal(cluster)
        assert service.address != before
        assert await b.whereis("service") == service
        found = await b.whereis("service")
        assert found is not None
        assert await cluster.finish(found.ask(Echo(1))) == 1


@pytest.mark.parametrize("timeout", [0.7, 1.4])  # when asked first, and when told
async def test_a_name_that_not_all_learn_in_time_is_not_registered(timeout: float) -> None:
    """A TimeoutError names who did not answer, and nobody has the name afterwards."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        c = await cluster.start("c")
        service = a.spawn(Servant)
        cluster.network.delay("a", "b", 0.5)
        attempt = await begin(a.register("service", service, timeout=timeout))
        await cluster.clock.advance(1.5)
        with pytest.raises(TimeoutError, match=r"'service'.* b;"):
            await attempt
        assert await a.whereis("service") is None
        await cluster.clock.advance(10)
        assert await b.whereis("service") is None
        assert await c.whereis("service") is None


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.5])  # after which it is given up
async def test_a_registration_that_is_given_up_is_undone(seconds: float) -> None:
    """Cancelled before all know the name, it leaves none; elsewhere neither."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        cluster.network.delay("a", "b", 0.2)
        for ref in (a.spawn(Servant), a.spawn(Servant, at="b")):
            attempt = await begin(a.register("service", ref))
            await cluster.clock.advance(seconds)
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            await cluster.clock.advance(1)
            assert await a.whereis("service") is await b.whereis("service") is None


@pytest.mark.parametrize("seconds", [0.1, 0.5])  # after which it ends
async def test_an_actor_that_ends_while_it_is_registered_has_no_name(seconds: float) -> None:
    """The call raises ActorStoppedError."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        service = a.spawn(Servant)
        cluster.network.delay("a", "b", 0.2)
        attempt = await begin(a.register("service", service))
        await cluster.clock.advance(seconds)
        await service.stop()
        with pytest.raises(ActorStoppedError):
            await cluster.finish(attempt)
        assert await b.whereis("service") is None


async def test_a_lost_node_holds_no_registration_up() -> None:
    """Who waits for its answer goes on when it is given up."""
    async with Cluster() as cluster:
        a, _ = await two(cluster)
        cluster.network.stall("b")
        service = a.spawn(Servant)
        await cluster.finish(a.register("service", service, timeout=30))
        assert await a.whereis("service") == service
        assert {member.name for member in a.members if member.status == "up"} == {"a"}


async def test_actors_find_each_other_through_their_node() -> None:
    """`self.node` inside an actor is the same node."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        await named(cluster, b, "service")
        puppet = a.spawn(Puppet)

        async def use(actor: Any) -> Any:
            service = await actor.node.whereis("service")
            service.tell(Keep("from an actor"))
            await actor.node.register("puppet", actor.ref)
            return await service.ask(Kept())

        assert await cluster.finish(puppet.ask(Do(use))) == ["from an actor"]
        assert await b.whereis("puppet") == puppet
        adds_up(a)
        adds_up(b)


async def test_a_router_can_have_a_name() -> None:
    """It is a ref like any other."""
    async with Cluster() as cluster:
        a, b = await two(cluster)
        pool = a.spawn(Router.pool(Servant.props(), size=2, at=Role("worker")))
        await cluster.finish(a.register("pool", pool))
        found = await b.whereis("pool")
        assert found is not None
        assert await cluster.finish(found.ask(Echo(1))) == 1


@pytest.mark.parametrize("name", ["", ".a", "a/b", "a b", "ä", "x" * 129])
async def test_a_bad_name_is_refused(name: str) -> None:
    """Names follow the rules of those of actors."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        with pytest.raises(ValueError, match="name"):
            await node.register(name, ref)
        with pytest.raises(ValueError, match="name"):
            await node.unregister(name)
        with pytest.raises(ValueError, match="name"):
            await node.whereis(name)


@pytest.mark.parametrize("wrong", [None, "a", 3, Note(1)])
async def test_only_refs_are_registered(wrong: Any) -> None:
    """Anything else is a TypeError, as a name that is no str."""
    async with Node("n") as node:
        with pytest.raises(TypeError):
            await node.register("a", wrong)
        with pytest.raises(TypeError):
            await node.register(wrong if not isinstance(wrong, str) else 3, node.spawn(Puppet))


@pytest.mark.parametrize("timeout", [-1, float("nan"), True, "1"])
async def test_a_bad_timeout_is_refused(timeout: Any) -> None:
    """Where the call is; `whereis` alone takes 0: do not wait."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        for call in (
            lambda: node.register("a", ref, timeout),
            lambda: node.unregister("a", timeout),
            lambda: node.whereis("a", timeout),
        ):
            with pytest.raises((TypeError, ValueError)):
                await call()
        with pytest.raises(ValueError, match="timeout"):
            await node.register("a", ref, timeout=0)


async def test_a_node_that_is_shut_down_registers_nothing() -> None:
    """It says that it is not running."""
    node = Node("n")
    with pytest.raises(NodeClosedError):
        await node.whereis("a")
    async with node:
        ref = node.spawn(Puppet)
    with pytest.raises(NodeClosedError):
        await node.register("a", ref)
    assert await node.whereis("a") is None
