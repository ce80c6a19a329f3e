"""Messages between two nodes, allowed and refused by the rules of the one."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from actors import (
    ActorsError,
    Allow,
    DeadLetter,
    Node,
    NotAuthorized,
    NotAuthorizedError,
    Reason,
    Role,
    Undecodable,
)
from actors.authorisation.judge import MAX_REMEMBERED, REMEMBERED, UNJUDGED, Judge
from actors.authorisation.policy import Policy
from actors.wire import Kind
from serialization import pack
from tests.actors.authorisation.kit import guarded
from tests.actors.kit import Cluster, Seen, adds_up
from tests.actors.remote_kit import (
    Echo,
    Keep,
    Kept,
    Pass,
    Release,
    Servant,
    Who,
    notices,
    watching,
)

KEEP = "tests.actors.remote_kit.Keep"
SERVANT = "tests.actors.remote_kit.Servant"
READ = Allow("client", "vault", messages=[Kept, Echo])
WRITE = Allow("client", "vault", messages=[Keep])


async def test_an_ask_that_no_rule_allows_raises() -> None:
    """It names who wanted what of whom, and the rule that would allow it; nobody handles it."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError) as caught:
            await all_.finish(all_.vault.ask(Keep(1)))
        error = caught.value
        assert isinstance(error, ActorsError | PermissionError)
        assert (error.recipient, error.node) == (all_.vault.address, "client")
        assert (error.action, error.what) == ("send", KEEP)
        assert f"Allow('client', 'vault', messages=['{KEEP}'])" in str(error)
        assert "node 'bank'" in str(error)
        assert await all_.finish(all_.vault.ask(Kept())) == []
        [event] = all_.refused.entries
        assert event == NotAuthorized("client", all_.vault.address, "send", KEEP)
        adds_up(all_.bank)


async def test_a_tell_that_no_rule_allows_is_a_dead_letter_there() -> None:
    """Its body is not read, it counts as told and dead, and its sender is not harmed."""
    async with guarded(READ) as all_:
        letters = Seen(all_.bank, DeadLetter)
        before = all_.bank.stats()
        all_.vault.tell(Keep(1))
        all_.vault.tell(Keep(2))
        assert await all_.finish(all_.vault.ask(Kept())) == []
        assert [letter.reason for letter in letters.entries] == ["not authorised"] * 2
        assert all(isinstance(each.message, Undecodable) for each in letters.entries)
        assert all(each.recipient == all_.vault for each in letters.entries)
        after = all_.bank.stats()
        assert (after.told - before.told, after.dead - before.dead) == (3, 2)
        assert all_.deeds() == [("send", KEEP)] * 2
        adds_up(all_.bank)
        adds_up(all_.client)


async def test_what_a_rule_allows_is_as_it_was_without() -> None:
    """Tells, asks, sends and untyped values, one after the other and all alike."""
    async with guarded(READ, WRITE) as all_:
        for number in range(20):
            all_.vault.tell(Keep(number))
        await all_.finish(all_.vault.send(Keep(20)))
        assert await all_.finish(all_.vault.ask(Keep(21))) == 22
        assert await all_.finish(all_.vault.ask(Kept())) == list(range(22))
        assert all_.deeds() == []


async def test_repeats_are_judged_as_their_envelope_is() -> None:
    """Nothing of a run of refused messages comes through, and the run after it is whole."""
    async with guarded(READ, WRITE) as all_:
        for number in range(50):
            all_.vault.tell(Release(str(number)))
        for number in range(50):
            all_.vault.tell(Keep(number))
        assert await all_.finish(all_.vault.ask(Kept())) == list(range(50))
        assert len(all_.deeds()) == 50


async def test_a_send_that_no_rule_allows_raises() -> None:
    """As soon as the other node says so, and nothing waits there."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.send(Keep(1)))
        assert await all_.finish(all_.vault.ask(Kept())) == []
        adds_up(all_.bank)
        adds_up(all_.client)


async def test_an_untyped_value_needs_the_rule_for_all() -> None:
    """The error says so."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError, match=r"untyped value .*messages=\['\*'\]"):
            await all_.finish(all_.vault.ask({"any": "thing"}))
    async with guarded(Allow("client", messages="*")) as all_:
        all_.vault.tell("unhandled, and read")
        assert await all_.finish(all_.vault.ask(Kept())) == []
        assert all_.deeds() == []


async def test_an_empty_list_of_rules_allows_nothing() -> None:
    """No rules at all are another thing."""
    async with guarded() as all_:
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.ask(Echo(1)))
        all_.bank.replace_rules(None)
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1


async def test_actors_of_the_node_itself_need_no_rule() -> None:
    """Rules are about other nodes."""
    async with guarded() as all_:
        vault = await all_.bank.resolve("vault")
        assert await all_.finish(vault.ask(Keep(1))) == 1


async def test_the_answers_to_what_a_node_asked_are_not_judged() -> None:
    """Whom the bank asks may answer, and raise, and end; though it may ask the bank nothing."""
    async with guarded() as all_:
        helper = all_.bank.ref(all_.client.spawn(Servant, name="helper").address)
        assert await all_.finish(helper.ask(Echo(1))) == 1
        journal = await watching(all_.bank, helper)
        await all_.finish(helper.stop())
        await all_.finish(journal.until(lambda entries: entries[-1][0] == "terminated"))
        assert notices(journal) == [(helper, Reason.SHUTDOWN)]
        assert await all_.finish(helper.stopped()) is Reason.SHUTDOWN
        assert all_.deeds() == []


async def test_who_hands_a_message_on_answers_for_it() -> None:
    """A forward counts as its node's; the one who asked first gets the refusal."""
    async with guarded(READ) as all_:
        helper = all_.client.spawn(Servant)
        stranger = await all_.cluster.start("stranger")
        ref = stranger.ref(helper.address)
        assert await all_.finish(ref.ask(Pass(all_.vault, Echo(1)))) == 1
        with pytest.raises(NotAuthorizedError, match="node 'client' may not send"):
            await all_.finish(ref.ask(Pass(all_.vault, Who())))


async def test_a_role_that_a_member_claims_counts_where_nothing_is_proven() -> None:
    """By its name, or any."""
    async with guarded(Allow(Role("clerk"), messages=[Echo])) as all_:
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        stranger = await all_.cluster.start("stranger")
        with pytest.raises(NotAuthorizedError):
            await all_.finish(stranger.ref(all_.vault.address).ask(Echo(1)))


async def test_only_trusted_roles_count() -> None:
    """Who decides which they are is asked again when the rules are replaced."""
    async with guarded(rule := Allow("clerk", messages=[Echo])) as all_:
        all_.bank._runtime.trusted_roles = lambda _: frozenset()
        all_.bank.replace_rules([rule])
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.ask(Echo(1)))


async def test_rules_can_be_replaced_while_the_node_runs() -> None:
    """What was decided before counts no more, in either direction."""
    async with guarded(READ) as all_:
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.ask(Keep(1)))
        all_.bank.replace_rules([WRITE])
        assert await all_.finish(all_.vault.ask(Keep(1))) == 1
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.ask(Echo(1)))
        with pytest.raises(TypeError, match="allow must be a list"):
            all_.bank.replace_rules("everything")  # type: ignore[arg-type]
        assert await all_.finish(all_.vault.ask(Keep(2))) == 2


async def test_rules_can_come_to_a_node_without_any() -> None:
    """Before it starts and while it runs."""
    async with Cluster() as cluster:
        client, bank = await cluster.start("client"), await cluster.start("bank")
        vault = client.ref(bank.spawn(Servant, name="vault").address)
        assert await cluster.finish(vault.ask(Echo(1))) == 1
        bank.replace_rules([])
        with pytest.raises(NotAuthorizedError):
            await cluster.finish(vault.ask(Echo(1)))
        fresh = Node("fresh")
        fresh.replace_rules([READ])
        assert fresh._settings.allow == (READ,)


@pytest.mark.parametrize("wrong", ["READ", READ, [READ, "client"], {"a": 1}, 3])
def test_what_is_no_list_of_rules_is_refused(wrong: Any) -> None:
    """Where the node is made."""
    with pytest.raises(TypeError, match="allow must be a list of Allow"):
        Node("n", allow=wrong)


async def test_a_flood_of_refusals_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """One a minute for each node and action, whatever it sends; and each is an event."""
    caplog.set_level(logging.WARNING)
    async with guarded() as all_:
        for number in range(500):
            all_.vault.tell(Keep(number))
        with pytest.raises(NotAuthorizedError):
            await all_.finish(all_.vault.ask(Kept()))
        assert len(all_.deeds()) == 501
        lines = [record for record in caplog.records if record.name == "actors.authorisation"]
        assert len(lines) == 1
        assert "node 'client' may not send" in lines[0].getMessage()


async def test_addresses_that_a_node_makes_up_fill_no_memory() -> None:
    """What was decided is forgotten when it is too much, and never kept of what is too long."""
    async with guarded(READ) as all_:
        for number in range(REMEMBERED + 10):
            all_.push(pack(Kind.TELL, f"made/up#{number:x}", None, 0, KEEP, b"", 0))
        all_.push(pack(Kind.TELL, "x" * MAX_REMEMBERED + "#1", None, 0, KEEP, b"", 0))
        assert await all_.finish(all_.vault.ask(Echo(1))) == 1
        assert 0 < len(all_.peer.rights) < REMEMBERED
        assert all(len(target) < MAX_REMEMBERED for target, _ in all_.peer.rights)
        assert len(all_.deeds()) == REMEMBERED + 11


async def test_without_rules_nothing_stands_before_what_takes_records() -> None:
    """They cost nothing where there are none."""
    async with Cluster() as cluster:
        node = await cluster.start("a")
        assert node._cluster is not None
        inbound = node._cluster._inbound
        assert inbound._take == inbound.handle
        assert inbound._shortcut == inbound.repeats.shortcut
        assert inbound.signals.handlers == inbound.signals.plain


async def test_each_kind_of_record_is_judged_or_known_to_need_no_judgement() -> None:
    """A new one has to be thought about."""
    async with guarded() as all_:
        judge = Judge(all_.bank._runtime, Policy((), lambda _: frozenset()))
        messages = {kind for kind in Kind if kind <= Kind.COUNTED_SEND}
        judged = {*judge.rulings, Kind.PUBLISH, *messages}
        assert judged | UNJUDGED == set(Kind)
        assert not judged & UNJUDGED


# --- hostile records ----------------------------------------------------------------------------


async def test_no_record_of_any_kind_gets_past_an_empty_list() -> None:
    """Whatever is in it: nothing raises, no actor hears of it, and the bank goes on."""
    async with guarded() as all_:
        codec = all_.client._runtime.codec
        values = [codec.encode(each) for each in (None, [], ["stop"], [SERVANT], {"a": 1}, "x")]
        targets = [all_.vault._key, "vault", "", "a#b#c", "topics/x#0", "x" * 10_000]
        for kind in (*(k for k in Kind if k not in UNJUDGED), 0, -1, 99):
            for target in targets:
                for tag, body, _ in values:
                    all_.push(pack(kind, target, None, 0, tag, body, 0))
        await all_.cluster.clock.advance(1)
        vault = await all_.bank.resolve("vault")
        assert await all_.finish(vault.ask(Kept())) == []
        assert all_.bank.stats().actors == 1
        adds_up(all_.bank)
