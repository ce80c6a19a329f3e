"""Actors on other nodes: spawned from afar, and supervised over the network."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorFailed,
    ActorRef,
    ActorRestarted,
    ActorStoppedError,
    Backoff,
    Child,
    DeadLetter,
    Directive,
    Node,
    OneForOne,
    Reason,
    RemoteError,
    RestForOne,
    Role,
    Router,
    SerializationError,
)
from actors.actor import class_name, hosted
from serialization import default_registry
from tests.actors.kit import Cluster, Do, Journal, Puppet, Seen, begin
from tests.actors.remote_kit import (
    Echo,
    Far,
    Keep,
    Kept,
    KnownError,
    Picky,
    Raise,
    Servant,
    UnknownError,
    child,
    notices,
    pair,
    watching,
)

# --- spawning elsewhere


async def test_an_actor_is_spawned_on_another_node() -> None:
    """`spawn(at=...)` returns at once, what is sent queues behind it, and it lives there."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        by_name = here.spawn(Servant.props("given"), name="a", at="there")
        by_role = here.spawn(Servant.props(), at=Role("worker"))
        by_name.tell(Keep("queued"))
        assert await cluster.finish(by_name.ask(Kept())) == ["given", "queued"]
        assert await cluster.finish(by_role.ask(Echo(1))) == 1
        assert by_name.address.startswith("actors://there@there:1/a#")
        assert await there.resolve("a") == by_name


@pytest.mark.parametrize("place", ["nowhere", Role("nobody")])
async def test_a_place_that_is_not_there_ends_the_ref(place: Any) -> None:
    """No such node or role: `error`, asks say why, and what was told is dead letters."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        letters = Seen(here, DeadLetter)
        ref = here.spawn(Servant.props(), at=place)
        ref.tell(Keep(1))
        with pytest.raises(ActorStoppedError):
            await cluster.finish(ref.ask(Kept(), timeout=None))
        assert await cluster.finish(ref.stopped()) == Reason.ERROR
        assert Keep(1) in [letter.message for letter in letters.entries]


async def test_a_remote_spawn_that_fails_says_why() -> None:
    """A constructor that raises and a name that is taken end the ref with `error` and why."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        picky = here.spawn(Picky.props(), at="there", restart="temporary")
        taken = here.spawn(Servant.props(), name="servant", at="there")
        for ref, why in ((picky, "not today"), (taken, "servant")):
            with pytest.raises(ActorStoppedError, match=why):
                await cluster.finish(ref.ask(Kept(), timeout=None))
            assert await cluster.finish(ref.stopped()) == Reason.ERROR


class Elsewhere(Servant):
    """Is not known on the other node."""


@pytest.mark.parametrize("props", [Elsewhere.props(), Router.pool(Elsewhere.props(), size=1)])
async def test_a_class_that_is_not_imported_there_is_named(
    props: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what is spawned or among its arguments: the ref ends with `error`, and says the class."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        monkeypatch.delitem(hosted, class_name(Elsewhere))
        ref = here.spawn(props, at="there")
        boss = here.spawn(Puppet)
        far = await boss.ask(Do(lambda actor: actor.spawn(props, name="far", at="there")))
        for each in (ref, far):
            with pytest.raises(ActorStoppedError, match=r"--import") as caught:
                await cluster.finish(each.ask(Kept(), timeout=None))
            assert class_name(Elsewhere) in caught.value.detail
            assert await cluster.finish(each.stopped()) == Reason.ERROR
        assert await child(boss, "far") is None


async def test_unsendable_props_raise_at_the_spawn() -> None:
    """What cannot travel is a SerializationError where the call is."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        with pytest.raises(SerializationError):
            here.spawn(Servant.props(object()), at="there")


# --- supervision over nodes


async def test_a_remote_child_is_restarted_where_it_lives() -> None:
    """Its parent's strategy decides over the network; ref and queue survive."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        restarted = Seen(there, ActorRestarted)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")), name="boss")
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        assert "here" in far.address.partition("/boss")[0] + far.address
        await cluster.finish(far.ask(Keep("old")))
        far.tell(Raise("key"))
        far.tell(Keep("queued"))
        assert await cluster.finish(far.ask(Kept())) == ["queued"]
        assert [event.ref for event in restarted.entries] == [far]
        assert await child(boss, "far") == far


async def test_a_remote_child_that_fails_too_often_fails_its_parent() -> None:
    """The intensity is counted at the parent, wherever the child lives."""
    async with Cluster() as cluster:
        here, _ = await cluster.start("here"), await cluster.start("there", "worker")
        failures = Seen(here, ActorFailed)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        for _ in range(4):
            far.tell(Raise("key"))
            await cluster.clock.advance(1)
        assert boss in [event.ref for event in failures.entries]


async def test_children_elsewhere_end_with_their_parent() -> None:
    """Stopping the parent stops its remote children, with `shutdown`."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        at_home = there.ref(far.address)
        await cluster.finish(boss.stop())
        assert await cluster.finish(at_home.stopped()) == Reason.SHUTDOWN


async def test_children_end_when_their_parents_node_is_lost() -> None:
    """Nobody is left behind without a parent."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        at_home = there.ref((await child(boss, "far")).address)
        assert await cluster.finish(at_home.ask(Echo(1))) == 1
        await cluster.isolate(here)
        with pytest.raises(ActorStoppedError):
            await cluster.finish(at_home.ask(Echo(1), timeout=None))


async def test_a_child_placed_by_role_moves_when_its_node_is_lost() -> None:
    """It is started on another node of the role, under a new ref."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        one = await cluster.start("one", "worker")
        two = await cluster.start("two", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at=Role("worker"))))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        home, other = (one, two) if "actors://one@" in far.address else (two, one)
        journal = await watching(here, far)
        await cluster.clock.advance(1)
        await cluster.kill(home)
        moved = await child(boss, "far")
        assert moved != far
        assert moved.address.startswith(f"actors://{other.name}@")
        assert await cluster.finish(moved.ask(Kept())) == []
        assert notices(journal) == [(far, Reason.NOCONNECTION)]


async def test_a_child_waits_for_a_node_of_its_role() -> None:
    """`child(name)` is None until one is up, and waiting is no restart."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        failures = Seen(here, ActorFailed)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at=Role("worker"))))
        await cluster.clock.advance(200)
        assert await child(boss, "far") is None
        await cluster.start("late", "worker")
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        assert await cluster.finish(far.ask(Echo(1))) == 1
        assert failures.entries == []


async def test_a_child_placed_by_name_comes_back_with_its_node() -> None:
    """While its node is away there is none; when the node is back it is started anew."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        await cluster.kill(there)
        await cluster.clock.advance(100)
        assert await child(boss, "far") is None
        await cluster.start("there")
        await cluster.clock.advance(5)
        again = await child(boss, "far")
        assert again is not None
        assert again != far
        assert await cluster.finish(again.ask(Echo(1))) == 1


class Rest(Far):
    supervision = RestForOne(max_restarts=3, within=60.0, backoff=Backoff(0, 0))


async def test_losing_a_node_restarts_its_group() -> None:
    """The loss of a child's node is its failure: those after it restart, and it counts once."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        one = await cluster.start("one", "worker")
        await cluster.start("two", "worker")
        journal = Journal()
        specs = [
            Child(Puppet.props(journal, "first"), name="first"),
            Child(Servant.props(), name="far", at="one"),
            Child(Servant.props(), name="far2", at="one"),
            Child(Puppet.props(journal, "last"), name="last"),
        ]
        here.spawn(Rest.props(*specs))
        await cluster.clock.advance(1)
        journal.clear()
        await cluster.kill(one)
        await cluster.clock.advance(1)
        starts = [entry[1] for entry in journal.entries if entry[0] == "start"]
        assert starts == ["last"]


# --- decisions by errors that cannot travel


async def judged(here: Node, directive: Directive) -> tuple[ActorRef[Any], ActorRef[Any]]:
    """A parent that decides so about an error class that is registered nowhere, and its child."""

    class Judge(Far):
        supervision = OneForOne(
            max_restarts=0, decide={UnknownError: directive, Exception: Directive.RESTART}
        )

    judge = here.spawn(Judge.props(Child(Servant.props("kept"), name="far", at="there")))
    return judge, await child(judge, "far")


@pytest.mark.parametrize("what", ["unknown", "stranger"])
async def test_stop_is_decided_by_an_error_that_cannot_travel(what: str) -> None:
    """Its class and its base classes are known by name: STOP is final."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        failures = Seen(here, ActorFailed)
        judge, far = await judged(here, Directive.STOP)
        far.tell(Raise(what))
        assert await cluster.finish(far.stopped()) == Reason.ERROR
        await cluster.clock.advance(60)
        assert await child(judge, "far") is None
        assert failures.entries == []


@pytest.mark.parametrize("what", ["unknown", "stranger"])
async def test_resume_is_decided_by_an_error_that_cannot_travel(what: str) -> None:
    """RESUME keeps the instance, and does not count."""
    async with Cluster() as cluster:
        here, there, _ = await pair(cluster)
        restarts = Seen(there, ActorRestarted)
        _, far = await judged(here, Directive.RESUME)
        for _ in range(3):
            with pytest.raises(RemoteError):
                await cluster.finish(far.ask(Raise(what)))
        assert await cluster.finish(far.ask(Keep("after"))) == 2
        assert restarts.entries == []


@pytest.mark.parametrize("what", ["unknown", "stranger"])
async def test_escalate_is_decided_by_an_error_that_cannot_travel(what: str) -> None:
    """ESCALATE fails the parent with what is known of the error."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        failures = Seen(here, ActorFailed)
        judge, far = await judged(here, Directive.ESCALATE)
        far.tell(Raise(what))
        assert await cluster.finish(far.stopped()) == Reason.ERROR
        [failure] = [event for event in failures.entries if event.ref == judge]
        assert isinstance(failure.error, RemoteError)
        assert "UnknownError" in " ".join((failure.error.type_name, *failure.error.bases))


async def test_a_failure_that_is_unknown_to_the_parent_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error class that only the child's node has registered keeps nobody suspended."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        boss = here.spawn(Far.props(Child(Servant.props("new"), name="far", at="there")))
        far = await child(boss, "far")
        await cluster.finish(far.ask(Keep("old")))
        monkeypatch.delitem(default_registry.by_tag, class_name(KnownError))
        far.tell(Raise("known"))
        assert await cluster.finish(far.ask(Kept())) == ["new"]


async def test_a_parent_whose_child_hangs_with_its_node_stops_in_time() -> None:
    """The `shutdown` of a child holds at its parent too: a node that hangs keeps nobody alive."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        spec = Child(Servant.props(), name="far", at="there", shutdown=1.0)
        boss = here.spawn(Far.props(spec))
        far = await child(boss, "far")
        assert await cluster.finish(far.ask(Echo(1))) == 1
        cluster.network.stall("there")
        stopping = await begin(boss.stop(timeout=30))
        await cluster.clock.advance(0.9)
        assert not stopping.done()
        await cluster.clock.advance(0.7)
        assert stopping.done()
        cluster.network.unstall("there")


async def test_a_parent_that_is_stopped_in_time_does_not_wait_for_a_node_that_hangs() -> None:
    """The timeout of the parent's own stop comes first."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        far = await child(boss, "far")
        assert await cluster.finish(far.ask(Echo(1))) == 1
        cluster.network.stall("there")
        stopping = await begin(boss.stop(timeout=1))
        await cluster.clock.advance(1.6)
        assert stopping.done()
        assert await cluster.finish(boss.stopped()) == Reason.KILLED
        cluster.network.unstall("there")
