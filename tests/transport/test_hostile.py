"""What others may send: nonsense is dropped and counted, and the mesh goes on."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from tests.transport.kit import Fabric, Member, settle
from transport import wire

NONSENSE = [
    b"",
    b"x",
    b"ACTS",
    b"ACTS\x01\x63\x00\x00",
    b"\x00" * 8,
    bytes(range(256)),
    b"ACTS\x01\x01\x00\x00" + b"\x91" * 10_000,
]


async def rejected(member: Member, code: str, number: int = 1) -> None:
    """Wait until so many messages were rejected for that reason."""
    async with asyncio.timeout(10):
        while member.mesh.stats().rejected.get(code, 0) < number:
            await asyncio.sleep(0.001)


async def works(fabric: Fabric, member: Member) -> None:
    """A well-behaved node can still join and talk."""
    friend = await fabric.member("friend")
    await fabric.join(friend, member)
    before = member.handler.count
    friend.link(member).push(b"still alive;")
    await member.handler.until(lambda: member.handler.count > before)


async def test_nonsense_from_strangers_is_dropped_and_counted(fabric: Fabric) -> None:
    """Short, foreign, malformed, nested and random messages, of one and of several frames."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        chance = random.Random(1)
        messages = [[frame] for frame in NONSENSE] + [[frame, b"more"] for frame in NONSENSE]
        messages += [[chance.randbytes(chance.randrange(64))] for _ in range(200)]
        call = puppet.call(one.endpoint)
        for message in messages:
            await call.say(*message)
        async with asyncio.timeout(10):
            while sum(one.mesh.stats().rejected.values()) < len(messages):
                await asyncio.sleep(0.001)
        assert {"short", "magic", "malformed", "frames"} <= set(one.mesh.stats().rejected)
        await works(fabric, one)


async def test_endless_small_messages_leave_room_for_others(fabric: Fabric) -> None:
    """Thousands of them are counted; a friend joins meanwhile."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)

        async def flood() -> None:
            for _ in range(3_000):
                await call.say(b"x")

        await asyncio.gather(flood(), works(fabric, one))
        await rejected(one, "short", 3_000)


async def test_complaints_are_rare(fabric: Fabric, caplog: pytest.LogCaptureFixture) -> None:
    """One line in a minute, however many messages."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        for _ in range(100):
            await call.say(b"x")
        await rejected(one, "short", 100)
        lines = [r for r in caplog.records if "short" in r.getMessage()]
        assert len(lines) == 1
        assert lines[0].name == "actors.transport"
        assert lines[0].levelno == logging.WARNING


async def test_a_source_without_a_session_is_told_to_begin_anew(fabric: Fabric) -> None:
    """BATCH, ACK and OPEN of strangers: counted, answered with `reset`."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        for frame in (
            puppet.batch(1, 1, b"x"),
            wire.encode_acknowledgement(1, 2, 3),
            wire.encode_open(1, 2),
        ):
            await call.say(frame)
            kind, answer = await call.hear()
            assert kind == wire.REFUSED
            assert wire.decode_refused(answer).code == "reset"
        assert one.mesh.stats().rejected == {"unknown-source": 3}
        assert one.handler.events == []


async def test_another_version_is_refused_with_words(fabric: Fabric) -> None:
    """The refusal says so, in a form that every version reads."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        hello = bytearray(wire.encode_hello(puppet.node))
        hello[4] = 9
        await call.say(bytes(hello))
        _, answer = await call.hear()
        refusal = wire.decode_refused(answer)
        assert refusal.code == "version"
        assert "version 9" in refusal.reason
        assert one.mesh.stats().rejected == {"version": 1}


async def test_a_listener_of_another_version_shows_as_refused(fabric: Fabric) -> None:
    """Whether it says so itself, or answers in its own tongue; the dial goes on."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        one.mesh.dial(puppet.endpoint)
        source, _ = await puppet.expect(wire.HELLO)
        refused = bytearray(wire.encode_refused("version", "I speak 9", None))
        refused[4] = 9
        puppet.transport.answer(source, [bytes(refused)])
        event = await one.handler.event("refused")
        assert event[1:] == (puppet.endpoint, None, "version", "I speak 9")
        source, _ = await puppet.expect(wire.HELLO)
        welcome = bytearray(wire.encode_welcome(puppet.node, b""))
        welcome[4] = 9
        puppet.transport.answer(source, [bytes(welcome)])
        event = await one.handler.event("refused", 2)
        assert event[3] == "version"


async def test_nobody_joins_by_halves(fabric: Fabric) -> None:
    """Who says HELLO and OPEN and never answers ours is not connected, and given up."""
    async with fabric:
        one = await fabric.member("one", handshake_timeout=0.3)
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        assert (await call.hear())[0] == wire.WELCOME
        await call.say(wire.encode_open(5, 0))
        assert (await call.hear())[0] == wire.OPENED
        kind, answer = await call.hear()
        assert kind == wire.REFUSED
        assert wire.decode_refused(answer).code == "unreachable"
        assert one.handler.events == []
        assert one.mesh.stats().peers == 0


async def test_a_listener_that_never_answers_is_unreachable(fabric: Fabric) -> None:
    """Each attempt is given up in time, and the next one made."""
    async with fabric:
        one = await fabric.member("one", handshake_timeout=0.2)
        puppet = await fabric.puppet("puppet")
        one.mesh.dial(puppet.endpoint)
        for number in (1, 2):
            await puppet.expect(wire.HELLO)
            _, endpoint, reason = await one.handler.event("unreachable", number)
            assert endpoint == puppet.endpoint
            assert "no answer within 0.2 s" in reason


async def test_batches_of_another_session_are_stale(fabric: Fabric) -> None:
    """Wrong numbers on either side: dropped, counted, and the session goes on."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        await call.say(puppet.batch(other + 1, 1, b"meant for an earlier life;"))
        await call.say(puppet.batch(other, 1, b"from an earlier life;", own=76))
        await call.say(wire.encode_acknowledgement(76, other, 0))
        await call.say(wire.encode_goodbye(76, other, 0, "left", ""))
        await call.say(puppet.batch(other, 1, b"fresh;"))
        await one.handler.until(lambda: one.handler.count)
        assert one.handler.records == [b"fresh"]
        assert one.mesh.stats().rejected["stale"] >= 3


async def test_replayed_batches_are_dropped(fabric: Fabric) -> None:
    """Delivered once, counted as duplicates, acknowledged again."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        for sequence in (1, 1, 2, 1, 2):
            await call.say(puppet.batch(other, sequence, b"%d;" % sequence))
        await rejected(one, "duplicate", 3)
        assert one.handler.records == [b"1", b"2"]
        _, frame = await puppet.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame).received in {1, 2}


async def test_a_gap_is_asked_for_once(fabric: Fabric) -> None:
    """Batches behind it are dropped and counted, one request goes out, the session goes on."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        for sequence in (1, 3, 4, 5):
            await call.say(puppet.batch(other, sequence, b"%d;" % sequence))
        await rejected(one, "gap", 3)
        requests = [await puppet.expect(wire.ACK)]
        asked = wire.decode_acknowledgement(requests[0][1])
        assert (asked.received, asked.resend) == (1, True)
        for sequence in (2, 3):
            await call.say(puppet.batch(other, sequence, b"%d;" % sequence))
        _, frame = await puppet.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame)[2:] == (3, False)
        assert one.handler.records == [b"1", b"2", b"3"]
        assert one.handler.kinds() == ["connected"]


async def test_a_gap_is_asked_for_again_on_a_new_connection(fabric: Fabric) -> None:
    """What OPENED promised to go on with may be lost as well."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        await call.say(puppet.batch(other, 2, b"late;"))
        _, frame = await puppet.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame)[2:] == (0, True)
        again = puppet.call(one.endpoint)
        await again.say(wire.encode_hello(puppet.node))
        await again.hear()
        await again.say(wire.encode_open(puppet.session, other))
        assert (await again.hear())[0] == wire.OPENED
        await again.say(puppet.batch(other, 2, b"late;"))
        _, frame = await puppet.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame)[2:] == (0, True)


async def test_words_of_the_handshake_come_twice(fabric: Fabric) -> None:
    """A late HELLO says nothing, and a doubled OPEN is answered again: the session stands."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        await call.say(puppet.batch(other, 1, b"before;"))
        await call.say(wire.encode_hello(puppet.node))
        await call.say(wire.encode_open(puppet.session, 0))
        kind, frame = await call.hear()
        assert kind == wire.OPENED
        assert wire.decode_opened(frame) == (other, puppet.session, 1)
        await call.say(puppet.batch(other, 2, b"after;"))
        await one.handler.until(lambda: one.handler.count == 2)
        assert one.handler.kinds() == ["connected"]
        assert one.handler.broken == []


async def test_late_frames_of_an_earlier_connection_do_no_harm(fabric: Fabric) -> None:
    """The session has moved to another one: they are a stranger's, and answered as such."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        earlier, other = await puppet.connect(one)
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        await call.hear()
        await call.say(wire.encode_open(puppet.session, other))
        assert (await call.hear())[0] == wire.OPENED
        for frame in (
            wire.encode_open(puppet.session, 0),
            puppet.batch(other, 1, b"late;"),
            wire.encode_acknowledgement(puppet.session, other, 0),
            wire.encode_goodbye(puppet.session, other, 0, "left", ""),
        ):
            await earlier.say(frame)
        await rejected(one, "unknown-source", 3)
        await call.say(puppet.batch(other, 1, b"fresh;"))
        await one.handler.until(lambda: one.handler.count)
        assert one.handler.records == [b"fresh"]
        assert one.handler.kinds() == ["connected"]


async def test_a_session_that_is_forgotten_is_found_out_by_silence(fabric: Fabric) -> None:
    """Whoever says nothing else says now and then how far it got, and learns of the end."""
    async with fabric:
        one = await fabric.member("one", keepalive_interval=0.05)
        puppet = await fabric.puppet("puppet")
        await puppet.connect(one)
        source, frame = await puppet.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame).received == 0
        await puppet.expect(wire.ACK)
        puppet.transport.answer(source, [wire.encode_refused("reset", "forgot", None)])
        _, _, reason, _ = await one.handler.event("disconnected")
        assert reason == "reset: forgot"


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        ("truncated", lambda p, o: [p.batch(o, 1, b"x", buffers=2), b"one"]),
        ("truncated", lambda p, o: [p.batch(o, 1, b"x"), b"one too many"]),
        ("short", lambda p, o: [p.batch(o, 1, b"")[:20]]),
        ("session", lambda p, o: [p.batch(o, 1, b"x", received=99)]),
        ("session", lambda p, o: [wire.encode_acknowledgement(p.session, o, 99)]),
        ("order", lambda p, o: [wire.encode_welcome(p.node, b"")]),
        ("order", lambda p, o: [wire.encode_open(p.session + 1, o)]),
        ("frames", lambda p, o: [wire.encode_acknowledgement(p.session, o, 0), b"more"]),
        ("magic", lambda p, o: [b"complete nonsense"]),
    ],
)
async def test_a_peer_out_of_order_is_given_up(fabric: Fabric, code: str, frames: object) -> None:
    """Whatever a connected peer does wrong ends the session, on both sides, with the reason."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call, other = await puppet.connect(one)
        await call.say(*frames(puppet, other))  # type: ignore[operator]
        _, peer, reason, _ = await one.handler.event("disconnected")
        assert peer.name == "puppet"
        assert reason.startswith(f"protocol: {code}")
        assert one.mesh.stats().rejected == {code: 1}
        kind, answer = await call.hear()
        assert kind == wire.REFUSED
        assert wire.decode_refused(answer).code == "protocol"
        assert one.handler.count == 0
        await works(fabric, one)


async def test_a_peer_that_forgot_the_session_resets_it(fabric: Fabric) -> None:
    """REFUSED with `reset` on the open connection ends it at once, without being a verdict."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        await call.hear()
        await call.say(wire.encode_open(puppet.session, 0))
        await call.hear()
        source, _ = await puppet.expect(wire.HELLO)
        puppet.transport.answer(source, [wire.encode_welcome(puppet.node, b"")])
        source, frame = await puppet.expect(wire.OPEN)
        other = wire.decode_open(frame).own
        opened = wire.encode_opened(puppet.session, other, 0)
        puppet.transport.answer(source, [opened])
        await one.handler.event("connected")
        puppet.transport.answer(source, [wire.encode_refused("reset", "forgot", None)])
        _, _, reason, _ = await one.handler.event("disconnected")
        assert reason == "reset: forgot"
        assert one.handler.all("refused") == []


async def test_batches_before_connected_wait_for_it(fabric: Fabric) -> None:
    """A peer that is up before us may send at once: connected comes first all the same."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        await call.hear()
        await call.say(wire.encode_open(puppet.session, 0))
        _, frame = await call.hear()
        other = wire.decode_opened(frame).own
        await call.say(puppet.batch(other, 1, b"early;"))
        await call.say(puppet.batch(other, 2, b"birds;"))
        await settle()
        assert one.handler.count == 0
        source, _ = await puppet.expect(wire.HELLO)
        puppet.transport.answer(source, [wire.encode_welcome(puppet.node, b"")])
        source, _ = await puppet.expect(wire.OPEN)
        puppet.transport.answer(source, [wire.encode_opened(puppet.session, other, 0)])
        await one.handler.until(lambda: one.handler.count == 2)
        assert one.handler.kinds() == ["connected"]
        assert one.handler.records == [b"early", b"birds"]


async def test_batches_before_connected_are_bounded(fabric: Fabric) -> None:
    """Who opens a session, is never reached, and sends all the same, is given up."""
    async with fabric:
        one = await fabric.member("one", capacity=10_000)
        puppet = await fabric.puppet("puppet")
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        await call.hear()
        await call.say(wire.encode_open(puppet.session, 0))
        other = wire.decode_opened((await call.hear())[1]).own
        for sequence in range(1, 5):
            await call.say(puppet.batch(other, sequence, b"x" * 4_000))
        await rejected(one, "early")
        assert one.handler.count == 0


async def test_visitors_who_only_say_hello_are_forgotten(fabric: Fabric) -> None:
    """A thousand and more of them do not fill the memory."""
    async with fabric:
        one = await fabric.member("one")
        puppet = await fabric.puppet("puppet")
        for number in range(1100):
            source = b"visitor %d" % number
            one.mesh._reception.on_frames(source, [wire.encode_hello(puppet.node)])
        assert len(one.mesh._reception._visitors) == 1024
        await works(fabric, one)
