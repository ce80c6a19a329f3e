"""Encrypted nodes on real sockets: who gets in, as whom, and until when."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.transport.kit import Member, Puppet, ZmqFabric
from tests.transport.security.kit import SecureFabric, pair, recorded, roster
from transport import RecordTooLargeError, wire
from transport.revocation import UNLISTED
from transport.security.roster import Key

if TYPE_CHECKING:
    from pathlib import Path

DENIED = "our key is not on its roster"


async def test_nodes_on_one_roster_meet(tmp_path: Path) -> None:
    """Over tcp, ipc and a wildcard; records and buffers arrive, both ways."""
    async with SecureFabric(roster("one", "other", "third")) as fabric:
        one, other = await fabric.pair()
        third = await fabric.member("third", binds=[f"ipc://{tmp_path}/third", "tcp://*:0"])
        await fabric.join(one, third)
        await one.handler.event("connected", 2)
        for here, there in ((one, other), (other, one), (third, one)):
            here.link(there).push(b"encrypted;", [b"b" * 200_000])
        await one.handler.until(lambda: one.handler.count == 2)
        await other.handler.until(lambda: other.handler.count == 1)
        assert one.handler.buffers == [b"b" * 200_000] * 2


async def test_a_key_on_no_roster_is_refused() -> None:
    """The dialler is told in words what to do, and the listener has it in its log and counters."""
    async with SecureFabric(roster("one", "stranger")) as fabric:
        fabric.rosters["one"] = roster("one")
        one, stranger = await fabric.member("one"), await fabric.member("stranger")
        stranger.mesh.dial(one.endpoint)
        _, endpoint, peer, code, reason = await stranger.handler.event("refused")
        assert (endpoint, peer, code) == (one.endpoint, None, "not-authorised")
        assert reason.startswith(DENIED)
        assert one.mesh.stats().rejected["unlisted-key"] >= 1
        assert one.handler.events == []


async def test_the_log_says_which_key_was_refused_and_says_it_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The public key, so that it can be listed; however often it comes back."""
    async with SecureFabric(roster("one", "stranger")) as fabric:
        fabric.rosters["one"] = roster("one")
        one, stranger = await fabric.member("one"), await fabric.member("stranger")
        with caplog.at_level(logging.WARNING, "actors.transport"):
            stranger.mesh.dial(one.endpoint)
            await stranger.handler.event("refused", 3)
        key = pair("stranger").public
        said = [r.getMessage() for r in caplog.records]
        assert said.count(f"refused 127.0.0.1: the key {key} is not on the roster") == 1
        assert len([line for line in said if line.startswith("refused at")]) == 1
        assert not any(pair(name).secret in line for line in said for name in ("one", "stranger"))


async def test_an_expired_key_is_refused() -> None:
    """As if it were not there."""
    expired = roster("one", stranger=[Key(pair("stranger").public, time.time() - 1)])
    async with SecureFabric(expired) as fabric:
        one, stranger = await fabric.member("one"), await fabric.member("stranger")
        stranger.mesh.dial(one.endpoint)
        _, _, _, code, _ = await stranger.handler.event("refused")
        assert code == "not-authorised"


async def test_a_listener_with_a_wrong_key_is_not_spoken_to() -> None:
    """Who dials asks for the key first: not a word of its hand-shake goes out."""
    async with SecureFabric(roster("one", "other")) as fabric:
        fabric.keys["other"] = pair("wrong")
        one, other = await fabric.member("one"), await fabric.member("other")
        one.mesh.dial(other.endpoint)
        _, endpoint, reason = await one.handler.event("unreachable")
        assert (endpoint, reason) == (
            other.endpoint,
            "nobody there has a key of anybody on the roster, or it uses no keys",
        )
        one.mesh.forget(other.endpoint)
        one.mesh.dial(other.endpoint, "other")
        await one.handler.until(lambda: "of 'other'" in one.handler.events[-1][2])


async def test_nobody_who_is_not_listed_is_dialled_by_name() -> None:
    """There is no key to ask for, so nothing is sent."""
    async with SecureFabric(roster("one")) as fabric:
        one = await fabric.member("one")
        one.mesh.dial("tcp://127.0.0.1:9", "nobody")
        _, _, reason = await one.handler.event("unreachable")
        assert reason.startswith("nobody there has a key of 'nobody'")


async def test_a_plain_node_and_an_encrypted_one_do_not_meet() -> None:
    """Whichever dials; both say what the matter is."""
    async with SecureFabric(roster("one", "other")) as fabric, ZmqFabric() as open_:
        one, other = await fabric.member("one"), await open_.member("other")
        one.mesh.dial(other.endpoint)
        other.mesh.dial(one.endpoint)
        for member in (one, other):
            _, _, reason = await member.handler.event("unreachable")
            # Who notices first hangs up, and the other one can only guess.
            assert "uses no keys" in reason or "uses keys" in reason or "asks for a key" in reason
            assert member.handler.all("connected") == []


async def test_without_its_zap_handler_a_node_lets_nobody_in() -> None:
    """It fails closed: also those who are on the roster."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        one.transport._zap.close()  # type: ignore[attr-defined]
        other.mesh.dial(one.endpoint, "one")
        await other.handler.event("unreachable", 2)
        assert other.handler.all("connected") == []


async def test_a_dialler_cannot_pose_as_another_node() -> None:
    """A valid key with another's name is refused, counted, reported; its owner comes in."""
    listed = roster("one", "bank", "thief")
    async with SecureFabric(listed) as fabric:
        fabric.keys["bank"] = pair("thief")
        one, thief = await fabric.member("one"), await fabric.member("bank")
        thief.mesh.dial(one.endpoint)
        _, _, peer, code, reason = await thief.handler.event("refused")
        assert (peer.name, code) == ("one", "not-authorised")
        assert reason == "its key is not on the roster under the name 'bank'"
        _, who, code, _ = await one.handler.event("rejected")
        assert (who.name, code) == ("bank", "not-authorised")
        assert one.mesh.stats().rejected["not-authorised"] >= 1
        del fabric.keys["bank"]
        bank = await fabric.member("bank", 2)
        await fabric.join(bank, one)
        assert one.handler.all("connected")[0][1].incarnation == 2


async def test_a_listener_cannot_pose_as_another_node() -> None:
    """Its WELCOME is not believed, whether somebody or anybody was expected there."""
    async with SecureFabric(roster("one", "bank", "thief")) as fabric:
        fabric.keys["bank"] = pair("thief")
        one, thief = await fabric.member("one"), await fabric.member("bank")
        one.mesh.dial(thief.endpoint)
        _, who, code, _ = await one.handler.event("rejected")
        assert (who.name, code) == ("bank", "not-authorised")
        _, _, reason = await one.handler.event("unreachable")
        assert reason.startswith("bank answers there: its key is not on the roster")
        one.mesh.forget(thief.endpoint)
        seen = len(one.handler.all("rejected"))
        one.mesh.dial(thief.endpoint, "bank")
        await one.handler.until(lambda: "'bank'" in one.handler.events[-1][2])
        assert one.handler.all("connected") == []
        assert len(one.handler.all("rejected")) == seen


async def test_an_address_of_somebody_else_is_dialled_for_him_alone() -> None:
    """A node that says it lives where a third one does: that one hears nothing of it."""
    async with SecureFabric(roster("one", "liar", "third")) as fabric:
        third = await fabric.member("third")
        one = await fabric.member("one")
        asked = _asked_of(third)
        liar = await fabric.member("liar", advertise=[third.endpoint])
        liar.mesh.dial(one.endpoint)
        await liar.handler.until(lambda: liar.handler.events)
        assert asked == [], "nobody called by the third one's key"
        assert one.handler.all("connected") == liar.handler.all("connected") == []
        assert third.handler.events == []


def _asked_of(member: Member) -> list[str]:
    """The keys about which a member's ZAP handler is asked from now on."""
    access, asked = member.mesh.access, list[str]()
    assert access is not None
    names_of = access.names_of

    def note(public: str) -> frozenset[str]:
        asked.append(public)
        return names_of(public)

    access.names_of = note  # type: ignore[method-assign]
    return asked


async def test_a_session_needs_its_key_to_be_opened() -> None:
    """HELLO in time does not help who was struck from the roster before OPEN."""
    async with SecureFabric(roster("one", "puppet")) as fabric:
        one, puppet = await fabric.member("one"), await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        assert (await call.hear())[0] == wire.WELCOME
        one.mesh.go_by(roster("one"))
        await call.say(wire.encode_open(puppet.session, 0))
        kind, frame = await call.hear()
        assert (kind, wire.decode_refused(frame).code) == (wire.REFUSED, "not-authorised")
        assert await call.answers.get() is None, "the connection is ended as well"


async def connected(fabric: SecureFabric) -> tuple[Member, Puppet, Any]:
    one, puppet = await fabric.member("one"), await fabric.puppet("puppet")
    call, _ = await puppet.connect(one)
    return one, puppet, call


async def test_who_is_struck_from_the_roster_is_dropped_at_once() -> None:
    """Within the call; what was on its way is handed back, and the connection is ended."""
    async with SecureFabric(roster("one", "puppet")) as fabric:
        one, puppet, call = await connected(fabric)
        one.link("puppet").push(b"not acknowledged;")
        one.mesh.go_by(roster("one"))
        _, peer, reason, undelivered = one.handler.all("disconnected")[0]
        assert (peer.name, reason, len(undelivered)) == ("puppet", UNLISTED, 1)
        _, frame = await puppet.expect(wire.GOODBYE)
        assert wire.decode_goodbye(frame) == wire.Goodbye("dropped", UNLISTED)
        assert await call.answers.get() is None, "the connection that it dialled is ended"
        assert not one.mesh.is_reachable("puppet")
        again = puppet.call(one.endpoint)
        await again.up.wait()
        assert again.ended.startswith(DENIED)


async def test_a_key_that_expires_ends_its_connections() -> None:
    """By itself, when the time comes."""
    soon = time.time() + 0.4
    listed = roster("one", other=[Key(pair("other").public, soon)])
    async with SecureFabric(listed) as fabric:
        one, other = await fabric.pair()
        _, peer, reason, _ = await one.handler.event("disconnected")
        assert (peer.name, reason) == ("other", UNLISTED)
        assert time.time() >= soon
        await other.handler.event("disconnected")
        other.mesh.dial(one.endpoint)
        await other.handler.event("refused")


async def test_only_who_lost_his_key_is_dropped() -> None:
    """Others stay, also those whose names and keys were given more."""
    everybody = roster("one", "other", "third")
    async with SecureFabric(everybody) as fabric:
        one, other = await fabric.pair()
        third = await fabric.member("third")
        await fabric.join(third, one)
        await one.handler.event("connected", 2)
        one.mesh.go_by(roster("one", other=["other-2", "other"]))
        assert [e[1].name for e in one.handler.all("disconnected")] == ["third"]
        other.link(one).push(b"still here;")
        await one.handler.until(lambda: one.handler.count)


async def test_a_name_whose_key_went_to_another_is_dropped() -> None:
    """The key alone does not do: it has to be the name's."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, _ = await fabric.pair()
        one.mesh.go_by(roster("one", heir=["other"], other=["other-2"]))
        assert [e[2] for e in one.handler.all("disconnected")] == [UNLISTED]


async def test_who_is_listed_again_comes_back() -> None:
    """Its dials went on all the while."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, other = await fabric.pair()
        one.mesh.go_by(roster("one"))
        await other.handler.event("disconnected")
        other.mesh.dial(one.endpoint)
        await other.handler.event("refused")
        one.mesh.go_by(roster("one", "other"))
        await other.handler.event("connected", 2)


async def test_keys_are_changed_while_nodes_run() -> None:
    """The new key is listed, its node restarts with it, the old one is struck: nobody else
    notices, and who comes with the old key is a stranger."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, other = await fabric.pair()
        both = roster("one", other=["other", "other-2"])
        one.mesh.go_by(both)
        assert one.handler.all("disconnected") == []
        await other.mesh.close(0.2)
        fabric.common = both
        fabric.keys["other"] = pair("other-2")
        renewed = await fabric.member("other", 2)
        await fabric.join(renewed, one)
        await one.handler.event("connected", 2)
        for member in (one, renewed):
            member.mesh.go_by(roster("one", other=["other-2"]))
        renewed.link(one).push(b"with the new key;")
        await one.handler.until(lambda: one.handler.count)
        fabric.keys["other"] = pair("other")
        late = await fabric.member("other", 3)
        late.mesh.dial(one.endpoint)
        assert (await late.handler.event("refused"))[3] == "not-authorised"


async def test_an_unknown_seed_is_found_among_many_keys() -> None:
    """One key after the other, at once and without a pause; the next time the right one first."""
    names = [f"node-{number}" for number in range(60)]
    async with SecureFabric(roster(*names, "one", "other")) as fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        one.mesh.dial(other.endpoint)
        await one.handler.event("connected")
        assert one.handler.all("unreachable") == []
        tried = one.transport._server_keys.attempt(other.endpoint, None)  # type: ignore[attr-defined]
        assert tried.key == pair("other").public


async def test_a_record_as_large_as_a_frame_may_be_passes() -> None:
    """What encryption adds is not the record's fault."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, other = await fabric.pair(max_frame=65_536)
        largest = 65_536 - wire.HEADER_SIZE
        one.link(other).push(b"x" * largest)
        await other.handler.until(lambda: other.handler.count)
        one.link(other).push(b"", [b"y" * largest])
        await other.handler.until(lambda: other.handler.count == 2)
        with pytest.raises(RecordTooLargeError):
            one.link(other).push(b"x" * (largest + 1))
        assert one.handler.broken == []


SECRETS = (b"the quick brown fox", b"one", b"other")


async def passed(fabric: ZmqFabric, metadata: bytes) -> bytes:
    """All that went from one to the other while they met and talked."""
    one, other, proxy = await recorded(fabric, metadata=metadata)
    for _ in range(20):
        one.link(other).push(SECRETS[0] + b";", [SECRETS[0] * 100])
    await other.handler.until(lambda: other.handler.count == 20)
    return bytes(proxy.passed)


async def test_nothing_readable_passes_between_encrypted_nodes() -> None:
    """Neither messages nor names nor what nodes say of themselves, nor where they live."""
    words = (*SECRETS, b"metadata-of-it", b"tcp://", b"ACTS")
    async with SecureFabric(roster("one", "other")) as fabric:
        encrypted = await passed(fabric, b"metadata-of-it")
    async with ZmqFabric() as fabric:
        plain = await passed(fabric, b"metadata-of-it")
    assert all(word in plain for word in words), "the recording shows what there is to see"
    assert not any(word in encrypted for word in words if len(word) > 3)
    assert len(encrypted) > 20 * 100 * len(SECRETS[0])


async def test_a_cut_line_heals_encrypted_too() -> None:
    """Nothing is lost or doubled, and the peer is dialled by its own key."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one, other, line = await fabric.wired_pair(disconnect_grace=30.0)
        one.link(other).push(b"before;")
        await other.handler.until(lambda: other.handler.count == 1)
        line.cut()
        await one.handler.until(lambda: one.handler.broken)
        one.link(other).push(b"meanwhile;")
        line.heal()
        await other.handler.until(lambda: other.handler.count == 2)
        assert other.handler.records == [b"before", b"meanwhile"]
        assert one.handler.all("disconnected") == []


async def test_many_strangers_at_once_keep_no_member_out() -> None:
    """Each is refused by itself."""
    async with SecureFabric(roster("one", "other")) as fabric:
        one = await fabric.member("one")
        fabric.rosters["stranger"] = roster("one", "stranger")
        puppet = await fabric.puppet("stranger")
        calls = [puppet.call(one.endpoint) for _ in range(50)]
        other = await fabric.member("other")
        await fabric.join(other, one)
        async with asyncio.timeout(10):
            for call in calls:
                await call.up.wait()
        # A puppet does not say whom it calls: its own key is tried before the right one.
        assert {call.ended.partition(":")[0] for call in calls} == {DENIED}
