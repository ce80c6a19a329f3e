"""Names, topics, reliable delivery and singletons between nodes that have rules."""

from __future__ import annotations

import pytest

from actors import (
    ActorNotFoundError,
    Allow,
    DeadLetter,
    NameTakenError,
    NotAuthorizedError,
    Props,
    Singleton,
)
from actors.singleton.manager import Resign, SingletonManager
from actors.wire import Kind
from serialization import pack
from tests.actors.authorisation.kit import guarded
from tests.actors.kit import Cluster, Seen, adds_up
from tests.actors.remote_kit import (
    Echo,
    Keep,
    Kept,
    Pass,
    Servant,
)

KEEP = "tests.actors.remote_kit.Keep"
READ = Allow("client", "vault", messages=[Kept, Echo])
WRITE = Allow("client", "vault", messages=[Keep])


# --- names, groups and topics -------------------------------------------------------------------


async def test_a_name_from_afar_needs_the_right_to_enrol() -> None:
    """What others enter for their own actors is theirs, and what they look up is no secret."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError, match=r"may not enrol .*enrol=True"):
            await all_.finish(all_.client.register("treasure", all_.vault))
        assert await all_.bank.whereis("treasure") is None
        own = all_.client.spawn(Servant)
        await all_.finish(all_.client.register("treasure", own))
        assert await all_.bank.whereis("treasure") == own
        all_.bank.replace_rules([Allow("client", "vault", enrol=True)])
        with pytest.raises(NameTakenError):
            await all_.finish(all_.client.register("treasure", all_.vault))
        await all_.finish(all_.client.register("gold", all_.vault))
        assert await all_.bank.whereis("gold") == all_.vault
        all_.bank.replace_rules([])
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.client.unregister("gold"))
        assert await all_.bank.whereis("gold") == all_.vault


async def test_groups_and_topics_from_afar_need_it_too() -> None:
    """Who calls hears nothing, as of other refusals there; it is an event and a line in the log."""
    async with guarded(READ) as all_:
        all_.client.groups.join("tellers", all_.vault)
        all_.client.topics.subscribe("prices.#", all_.vault)
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        assert all_.bank.groups.members("tellers") == ()
        assert all_.bank.topics.publish("prices.eu", Keep(1)) == 0
        assert all_.deeds() == [("enrol", "")] * 2


async def test_what_is_published_reaches_those_to_whom_it_may_be_sent() -> None:
    """For each of the others it is a dead letter; both ledgers add up."""
    async with guarded(READ, WRITE, Allow("client", "open/*", messages=[Keep])) as all_:
        vault, safe = await all_.bank.resolve("vault"), all_.bank.spawn(Servant, name="safe")
        all_.bank.topics.subscribe("prices.*", vault)
        all_.bank.topics.subscribe("prices.eu", safe)
        all_.bank.topics.subscribe("news", safe)
        letters = Seen(all_.bank, DeadLetter)
        await all_.cluster.clock.advance(0.1)
        assert all_.client.topics.publish("prices.eu", Keep(1)) == 2
        assert all_.client.topics.publish("prices.us", Keep(2)) == 1
        assert all_.client.topics.publish("news", Keep(3)) == 1
        assert await all_.finish(all_.vault.ask(Kept())) == [1, 2]
        assert await all_.finish(safe.ask(Kept())) == []
        assert [(each.recipient, each.reason) for each in letters.entries] == [
            (safe, "not authorised")
        ] * 2
        assert all_.deeds() == [("send", KEEP)] * 2
        adds_up(all_.bank)
        adds_up(all_.client)


async def test_what_is_published_and_makes_no_sense_is_for_nobody() -> None:
    """A topic that is none, or a body that cannot be read, harms nobody who may not have it."""
    async with guarded(READ, WRITE) as all_:
        vault, safe = await all_.bank.resolve("vault"), all_.bank.spawn(Servant, name="safe")
        for ref in (vault, safe):
            all_.bank.topics.subscribe("prices", ref)
        letters = Seen(all_.bank, DeadLetter)
        for key in ("topics/...#0", "topics/prices#0"):
            all_.push(pack(Kind.PUBLISH, key, None, 0, KEEP, b"\xc1", 0))
        assert await all_.finish(all_.vault.ask(Kept())) == []
        reasons = {each.reason for each in letters.entries}
        assert reasons == {"not authorised", "undecodable"}
        adds_up(all_.bank)


# --- reliable delivery --------------------------------------------------------------------------


async def test_a_reliable_producer_hears_that_it_may_not() -> None:
    """It neither waits nor tries again, with `wait=True` neither."""
    async with guarded() as all_:
        for wait in (False, True):
            reliable = all_.client.reliable(all_.vault, wait=wait)
            await all_.cluster.clock.advance(0.2)
            with pytest.raises(NotAuthorizedError, match="may not send anything"):
                await all_.finish(reliable.send(Keep(1)))
            await reliable.close()
        count = len(all_.deeds())
        await all_.cluster.clock.advance(60)
        assert len(all_.deeds()) == count


async def test_a_reliable_message_that_no_rule_allows_ends_the_producer_and_is_kept() -> None:
    """Those before it are handled; with the rule, `redirect` goes on behind them."""
    async with guarded(READ, WRITE) as all_:
        reliable = all_.client.reliable(all_.vault)
        other = all_.client.reliable(all_.vault)
        await all_.finish(reliable.send(Keep(1)))
        await all_.finish(reliable.send(Pass(all_.vault, Keep(2))))
        with pytest.raises(NotAuthorizedError, match=r"may not send tests\..*Pass to"):
            await all_.finish(reliable.flush())
        assert await all_.finish(all_.vault.ask(Kept())) == [1]
        await all_.finish(other.send(Keep(10)))
        await all_.finish(other.flush())
        count = len(all_.deeds())
        await all_.cluster.clock.advance(60)
        assert len(all_.deeds()) == count
        all_.bank.replace_rules([READ, WRITE, Allow("client", messages=[Pass])])
        reliable.redirect(all_.vault)
        await all_.finish(reliable.flush())
        assert await all_.finish(all_.vault.ask(Kept())) == [1, 10, 2]
        await reliable.close()
        await other.close()


# --- singletons ---------------------------------------------------------------------------------


async def test_a_singleton_moves_between_nodes_that_allow_nothing() -> None:
    """Its managers make way for each other; what they pass on needs a rule."""
    async with Cluster() as cluster:
        first, second = [await cluster.start(name, allow=()) for name in ("first", "second")]
        refs = [node.spawn(Singleton(Servant.props()), name="one") for node in (first, second)]
        assert await cluster.finish(refs[0].ask(Echo(1))) == 1
        with pytest.raises(NotAuthorizedError, match="node 'second' may not send"):
            await cluster.finish(refs[1].ask(Echo(1)))
        first.replace_rules([Allow("second", "one", messages=[Echo])])
        assert await cluster.finish(refs[1].ask(Echo(1))) == 1
        await cluster.stop(first)
        assert await cluster.finish(refs[1].ask(Echo(2))) == 2


async def test_only_who_may_run_a_singleton_has_its_managers_make_way() -> None:
    """A node without its role can neither find its manager nor send it away."""
    async with guarded() as all_:
        all_.bank.spawn(Singleton(Servant.props(), role="worker"), name="one")
        all_.client.spawn(Singleton(Servant.props(), role="worker"), name="one")
        with pytest.raises(ActorNotFoundError):
            await all_.finish(all_.client.resolve("one", at="bank"))
        manager = all_.client.ref((await all_.bank.resolve("one")).address)
        with pytest.raises(NotAuthorizedError):
            await all_.finish(manager.ask(Resign(0.0, "client", 1)))
        stranger = await all_.cluster.start("stranger", "worker")
        found = await all_.finish(stranger.resolve("one", at="bank"))
        assert found == manager


async def test_a_manager_that_was_made_by_keyword_has_its_role_too() -> None:
    """However the recipe was written: its node's role decides who may send it away."""
    async with guarded() as all_:
        recipe = Props(SingletonManager, (), {"props": Props(Servant), "role": "x", "lease": None})
        manager = all_.client.ref(all_.bank.spawn(recipe, name="one").address)
        with pytest.raises(NotAuthorizedError):
            await all_.finish(manager.ask(Resign(0.0, "client", 1)))
