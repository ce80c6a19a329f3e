"""Refs, ends, stops and spawns between two nodes, by the rules of the one."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from actors import (
    ActorNotFoundError,
    ActorStoppedError,
    Allow,
    Child,
    NotAuthorizedError,
    Reason,
    Role,
    Router,
    Terminated,
)
from actors.wire import Kind
from serialization import pack
from tests.actors.authorisation.kit import guarded
from tests.actors.kit import Journal, adds_up
from tests.actors.remote_kit import (
    Echo,
    End,
    Far,
    Keep,
    Kept,
    Lingering,
    Pass,
    Servant,
    child,
    notices,
    watching,
)

KEEP = "tests.actors.remote_kit.Keep"
SERVANT = "tests.actors.remote_kit.Servant"
READ = Allow("client", "vault", messages=[Kept, Echo])


# --- refs, ends and stops -----------------------------------------------------------------------


async def test_whom_one_may_do_nothing_to_cannot_be_found() -> None:
    """As if nobody were there: so nothing is learnt of who is."""
    async with guarded(READ) as all_:
        assert await all_.finish(all_.client.resolve("vault", at="bank")) == all_.vault
        all_.bank.spawn(Servant, name="safe")
        for path in ("safe", "nobody"):
            with pytest.raises(ActorNotFoundError, match=f"no actor '{path}' on node 'bank'"):
                await all_.finish(all_.client.resolve(path, at="bank"))
        assert all_.deeds() == [("resolve", "")] * 2


async def test_a_watch_that_no_rule_allows_ends_at_once() -> None:
    """With `noproc` and a detail that says why; the same whether anybody lives there."""
    async with guarded(READ) as all_:
        nobody = all_.client.ref(all_.vault.address.replace("vault", "nobody"))
        details = []
        for target in (all_.vault, nobody):
            journal = Journal()
            watcher = all_.client.spawn(Noter.props(journal, target))
            [notice] = await all_.finish(journal.count(1))
            assert (notice.ref, notice.reason) == (target, Reason.NOPROC)
            assert "NotAuthorizedError: node 'client' may not watch" in notice.detail
            details.append(notice.detail.replace("nobody", "vault"))
            await all_.finish(watcher.stop())
        assert details[0] == details[1]
        with pytest.raises(NotAuthorizedError, match="watch=True"):
            await all_.finish(all_.vault.stopped())
        assert all_.deeds() == [("watch", "")] * 3


class Noter(Servant):
    """Watches one, and notes the whole notice."""

    def __init__(self, journal: Journal, target: Any) -> None:
        super().__init__()
        self.journal = journal
        self.target = target

    async def on_start(self) -> None:
        self.watch(self.target)

    async def receive(self, message: object) -> object:
        assert isinstance(message, Terminated)
        self.journal.add(message)
        return None


async def test_a_watch_that_a_rule_allows_gives_the_end() -> None:
    """And waiting for it, too; stopping is another right."""
    async with guarded(Allow("client", watch=True)) as all_:
        journal = await watching(all_.client, all_.vault)
        with pytest.raises(NotAuthorizedError, match="may not stop"):
            await all_.finish(all_.vault.stop())
        ended = asyncio.ensure_future(all_.vault.stopped())
        await all_.cluster.clock.advance(0.1)
        await all_.finish((await all_.bank.resolve("vault")).stop())
        assert await all_.finish(ended) is Reason.SHUTDOWN
        assert notices(journal) == [(all_.vault, Reason.SHUTDOWN)]
        assert all_.deeds() == [("stop", "")]


async def test_a_stop_that_a_rule_allows_stops() -> None:
    """Without one it raises, and the actor is unharmed."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError, match=r"may not stop .*stop=True"):
            await all_.finish(all_.vault.stop())
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        all_.bank.replace_rules([Allow("client", "vault", stop=True)])
        await all_.finish(all_.vault.stop())
        with pytest.raises(ActorNotFoundError):
            await all_.bank.resolve("vault")


async def test_a_stop_that_nobody_waits_for_is_an_event_there() -> None:
    """`self.stop(ref)` returns at once, and its refusal harms nobody."""
    async with guarded(READ) as all_:
        stopper = all_.client.spawn(Stopper)
        stopper.tell(Pass(all_.vault, None))
        await all_.finish(all_.refused.count(1))
        assert all_.deeds() == [("stop", "")]
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        await all_.cluster.clock.advance(10)
        gc.collect()  # what was not looked at is an error of the loop by now


class Stopper(Servant):
    """Stops whom it is told to."""

    def hand_on(self, message: Pass) -> None:
        self.stop(message.to)


@pytest.mark.parametrize("order", [["resume"], ["halt", None, None], ["start", True, None]])
async def test_who_may_stop_an_actor_may_not_restart_it(order: list[Any]) -> None:
    """The other orders are those of its parent."""
    async with guarded(READ, Allow("client", stop=True)) as all_:
        encoded = all_.client._runtime.codec.encode(order)
        key = all_.vault._key
        all_.push(pack(Kind.COMMAND, key, None, 7, encoded.tag, encoded.body, 0))
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        assert all_.deeds() == [("stop", order[0])]


async def test_a_node_speaks_of_its_own_actors_alone() -> None:
    """It neither ends a watch of somebody else's, nor says that theirs have ended."""
    async with guarded(Allow("*", messages="*", watch=True)) as all_:
        third = await all_.cluster.start("third")
        helper = all_.bank.ref(third.spawn(Servant).address)
        watched, journal = await all_.bank.resolve("vault"), Journal()
        watcher = all_.bank.spawn(Noter.props(journal, helper))
        await all_.finish(watcher.ask(Echo(1)))
        codec = all_.client._runtime.codec
        for kind, target, value in (
            (Kind.TERMINATED, watcher._key, ["error", ""]),
            (Kind.UNWATCH, watched._key, None),
            (Kind.WATCH, watched._key, None),
        ):
            encoded = codec.encode(value)
            address = helper.address
            all_.push(pack(kind, target, address, 0, encoded.tag, encoded.body, 0))
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        assert all_.deeds() == [("watch", "for another node's actor")] * 3
        assert journal.entries == []


# --- spawning -----------------------------------------------------------------------------------

SPAWN = Allow("client", "client/**", spawn=[Servant])
TALK = Allow("client", "client/**", messages=[Echo])


async def test_a_spawn_that_no_rule_allows_ends_with_an_error_that_says_why() -> None:
    """Asks raise as soon as that is known; nothing of it is built."""
    async with guarded(Allow("client", messages=[Echo], watch=True)) as all_:
        actors = all_.bank.stats().actors
        ref = all_.client.spawn(Servant, name="mine", at="bank")
        with pytest.raises(ActorStoppedError, match="NotAuthorizedError: node 'client' may not sp"):
            await all_.finish(ref.ask(Echo(1)))
        assert await all_.finish(ref.stopped()) is Reason.ERROR
        assert all_.bank.stats().actors == actors
        assert all_.deeds() == [("spawn", "")]


async def test_another_class_than_those_that_a_rule_names_is_refused() -> None:
    """By its name; and so is another place than the rule names."""
    async with guarded(Allow("client", "mine", spawn=[Servant], messages=[Echo])) as all_:
        lingering = all_.client.spawn(Lingering, name="mine", at="bank")
        with pytest.raises(ActorStoppedError, match=r"may not spawn tests\..*Lingering as"):
            await all_.finish(lingering.ask(Echo(1)))
        all_.client.spawn(Servant, name="other", at="bank")
        mine = all_.client.spawn(Servant, name="mine", at="bank")
        assert await all_.finish(mine.ask(Echo(1))) == 1
        assert all_.deeds() == [("spawn", "tests.actors.remote_kit.Lingering"), ("spawn", "")]


async def test_a_parent_keeps_its_child_by_the_right_to_spawn_alone() -> None:
    """It is restarted, stopped and its end is heard of; messages need a rule of their own."""
    async with guarded(SPAWN, TALK) as all_:
        boss = all_.client.spawn(Far.props(Child(Servant.props(), name="far", at="bank")), "boss")
        far = await all_.finish(child(boss, "far"))
        assert await all_.finish(far.ask(Echo(1))) == 1
        with pytest.raises(NotAuthorizedError, match="messages="):
            await all_.finish(far.ask(End()))
        guest = await all_.bank.resolve("client/boss/far")
        guest.tell(End())
        await all_.cluster.clock.advance(0.2)
        assert await all_.finish(far.ask(Echo(2))) == 2  # a permanent child is back
        journal = await watching(all_.client, far)
        await all_.finish(boss.stop())
        assert notices(journal) == [(far, Reason.SHUTDOWN)]
        assert all_.deeds() == [("send", "tests.actors.remote_kit.End")]


async def test_a_child_that_may_not_be_spawned_is_no_failure_of_its_parent() -> None:
    """It ends as where its class is not known there."""
    async with guarded() as all_:
        boss = all_.client.spawn(Far.props(Child(Servant.props(), name="far", at="bank")), "boss")
        await all_.finish(all_.refused.count(1))
        await all_.cluster.clock.advance(0.2)
        assert await all_.finish(child(boss, "far")) is None
        assert all_.deeds() == [("spawn", "")]


async def test_what_was_spawned_right_under_the_node_is_the_nodes_own() -> None:
    """Its spawner needs a rule to stop it, as any other."""
    async with guarded(Allow("client", spawn=[Servant], messages=[Echo])) as all_:
        mine = all_.client.spawn(Servant, name="mine", at="bank")
        assert await all_.finish(mine.ask(Echo(1))) == 1
        with pytest.raises(NotAuthorizedError, match="may not stop"):
            await all_.finish(mine.stop())


async def test_a_pool_at_a_role_needs_its_class_and_its_messages() -> None:
    """With both it works as it does without rules, counted messages too."""
    async with guarded(SPAWN, TALK) as all_:
        props = Router.pool(Servant.props(), 2, "least-connections", at=Role("worker"))
        pool = all_.client.spawn(props, name="pool")
        await all_.cluster.clock.advance(0.2)
        assert [await all_.finish(pool.ask(Echo(n))) for n in range(4)] == [0, 1, 2, 3]
        pool.tell(Keep(1))
        await all_.finish(all_.refused.count(1))
        await all_.cluster.clock.advance(0.2)
        assert [await all_.finish(pool.ask(Echo(n))) for n in range(4)] == [0, 1, 2, 3]
        assert all_.deeds() == [("send", KEEP)]
        assert not all_.client_side().tallies._by_number  # the refused one is over, too
        adds_up(all_.client)
        adds_up(all_.bank)


SPAWNS: list[tuple[str, str | None, Any]] = [
    ("client/x/y#{own}-1", "bank", None),
    ("elsewhere/boss/y#{own}-1", "client", None),
    ("x/y#{own}-1", None, "child of nobody"),
]


@pytest.mark.parametrize(("key", "parent", "_why"), SPAWNS)
async def test_a_node_spawns_for_its_own_actors_in_their_place(
    key: str, parent: str | None, _why: Any
) -> None:
    """A guest's path says whose it is, and no node may say that for another."""
    async with guarded(Allow("*", messages="*", spawn="*")) as all_:
        boss = {"client": all_.client.spawn(Servant, name="boss").address, None: None}
        boss["bank"] = all_.vault.address
        value = [SERVANT, [], {}, "transient", 5.0, boss[parent]]
        target = key.format(own=f"{all_.peer.incarnation:x}")
        encoded = all_.client._runtime.codec.encode(value)
        actors = all_.bank.stats().actors
        all_.push(pack(Kind.SPAWN, target, None, 0, encoded.tag, encoded.body, 0))
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        assert all_.bank.stats().actors == actors


async def test_a_spawn_takes_nobodys_place() -> None:
    """Under the key of a living actor whose path could be a guest's: it stays who it was."""
    async with guarded(Allow("*", messages="*", spawn="*")) as all_:
        boss = all_.client.spawn(Servant, name="boss")
        below = Far.props(Child(Servant.props(), name="x"))
        all_.bank.spawn(Far.props(Child(below, name="boss")), name="client")
        await all_.cluster.clock.advance(0.1)
        victim = await all_.bank.resolve("client/boss/x")
        assert await all_.finish(victim.ask(Keep(1))) == 1
        value = [SERVANT, [], {}, "transient", 5.0, boss.address]
        encoded = all_.client._runtime.codec.encode(value)
        all_.push(pack(Kind.SPAWN, victim._key, None, 0, encoded.tag, encoded.body, 0))
        assert await all_.finish(all_.client.ref(victim.address).ask(Kept())) == [1]
