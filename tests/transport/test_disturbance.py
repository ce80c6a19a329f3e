"""Bad lines: what the network does to messages, and that sessions over it hold all the same."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transport.kit import Member, Still, settle
from transport import MemoryNetwork, wire
from transport.disturbance import CALM, Disturbance, Fate

BAD: dict[str, float] = {"loss": 0.2, "duplication": 0.2, "reordering": 0.2, "jitter": 0.05}
seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("name", ["loss", "duplication", "reordering"])
@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_shares_are_from_0_to_1(name: str, share: float) -> None:
    """Everything else is a ValueError that names the share, and changes nothing."""
    network = MemoryNetwork()
    with pytest.raises(ValueError, match=name):
        network.disturb(**{name: share})
    assert network.fates("a", "b") == [Fate(0.0)]
    network.disturb(**{name: 0.0})
    network.disturb(**{name: 1.0})


@pytest.mark.parametrize("jitter", [-1.0, float("nan"), float("inf")])
def test_jitter_is_seconds(jitter: float) -> None:
    """0 or more, and finite."""
    with pytest.raises(ValueError, match="jitter"):
        MemoryNetwork().disturb(jitter=jitter)


@given(seeds)
def test_a_good_line_takes_no_chances(seed: int) -> None:
    """One arrival after the delay, and the generator is left alone."""
    rng = random.Random(seed)
    before = rng.getstate()
    assert CALM.fates(0.5, rng) == [Fate(0.5, 0.0)]
    assert rng.getstate() == before


@given(st.builds(Disturbance, *[st.floats(0, 1)] * 3, st.floats(0, 10)), seeds)
def test_fates_are_within_their_bounds_and_repeatable(bad: Disturbance, seed: int) -> None:
    """None to two arrivals, no earlier than the delay; the same seed gives the same."""
    fates = bad.fates(0.5, random.Random(seed))
    assert fates == bad.fates(0.5, random.Random(seed))
    assert len(fates) <= 2
    assert all(0.5 <= fate.delay <= 0.5 + bad.jitter for fate in fates)
    assert all(0 <= fate.detour <= 0.01 for fate in fates)


async def carried(seed: int = 0, **disturbance: float) -> list[int]:
    """The numbers that come out of a line into which 0 to 999 went."""
    async with Still(seed) as fabric:
        one, other = await fabric.puppet("one"), await fabric.puppet("other")
        call = one.call(other.endpoint)
        await call.up.wait()
        fabric.network.disturb(**disturbance)
        for number in range(1000):
            await call.say(wire.encode_acknowledgement(0, 0, number))
            if number % 20 == 0:
                await fabric.time.advance(0.05)
        await fabric.time.advance(1.0)
        frames = [other.heard.get_nowait()[1][0] for _ in range(other.heard.qsize())]
        return [wire.decode_acknowledgement(frame).received for frame in frames]


async def test_lost_messages_leave_the_others_in_order() -> None:
    """About the share that was asked for, and not all at once."""
    arrived = await carried(loss=0.3)
    assert arrived == sorted(set(arrived))
    assert 600 < len(arrived) < 800
    assert await carried(loss=1.0) == []


async def test_doubled_messages_come_twice() -> None:
    """One behind the other, where nothing is reordered."""
    arrived = await carried(duplication=0.3)
    assert arrived == sorted(arrived)
    assert set(arrived) == set(range(1000))
    assert 1200 < len(arrived) < 1400


async def test_reordered_messages_are_overtaken() -> None:
    """All arrive, some behind later ones."""
    arrived = await carried(reordering=0.3)
    assert sorted(arrived) == list(range(1000))
    steps_back = sum(b < a for a, b in itertools.pairwise(arrived))
    assert steps_back > 50


async def test_one_that_takes_a_detour_holds_nobody_up() -> None:
    """What was sent behind it arrives at once."""
    async with Still() as fabric:
        one, other = await fabric.puppet("one"), await fabric.puppet("other")
        call = one.call(other.endpoint)
        await call.up.wait()
        fabric.network.disturb(reordering=1.0)
        await call.say(wire.encode_acknowledgement(0, 0, 1))
        fabric.network.disturb()
        await call.say(wire.encode_acknowledgement(0, 0, 2))
        await settle()
        _, frame = await other.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame).received == 2
        assert other.heard.empty()
        await fabric.time.advance(0.011)
        _, frame = await other.expect(wire.ACK)
        assert wire.decode_acknowledgement(frame).received == 1


async def test_jitter_keeps_the_order() -> None:
    """A message waits for those before it."""
    assert await carried(jitter=0.05) == list(range(1000))


async def test_jitter_is_up_to_so_many_seconds_on_top_of_the_delay() -> None:
    """Nothing comes before the delay is over, and nothing after delay and jitter."""
    async with Still() as fabric:
        one, other = await fabric.puppet("one"), await fabric.puppet("other")
        fabric.network.delay("one", "other", 1.0)
        fabric.network.disturb(jitter=0.5)
        call = one.call(other.endpoint)
        await call.up.wait()
        for number in range(50):
            await call.say(wire.encode_acknowledgement(0, 0, number))
        await fabric.time.advance(0.99)
        assert other.heard.empty()
        await fabric.time.advance(0.3)
        assert 0 < other.heard.qsize() < 50
        await fabric.time.advance(0.22)
        assert other.heard.qsize() == 50


async def test_the_same_seed_gives_the_same_line() -> None:
    """And another one another."""
    assert await carried(7, **BAD) == await carried(7, **BAD)
    assert await carried(7, **BAD) != await carried(8, **BAD)


async def all_arrives(one: Member, other: Member, fabric: Still, chance: random.Random) -> None:
    """Both push while connections break, and everything comes out once and in order."""
    count = 200
    for number in range(count):
        one.link(other).push(b"there %d;" % number)
        other.link(one).push(b"back %d;" % number)
        if chance.random() < 0.3:
            await fabric.time.advance(chance.choice([0.001, 0.02, 0.3]))
        if chance.random() < 0.01:
            fabric.network.sever("one", "other")
            await fabric.time.advance(0.5)
    async with asyncio.timeout(15):
        while one.link(other).waiting or other.link(one).waiting:
            await fabric.time.advance(1.0)
    assert other.handler.records == [b"there %d" % n for n in range(count)]
    assert one.handler.records == [b"back %d" % n for n in range(count)]


@given(seeds)
@settings(max_examples=10)
async def test_sessions_hold_over_bad_lines(seed: int) -> None:
    """Hand-shakes, batches and acknowledgements are hit alike; nobody is given up for it."""
    async with Still(seed) as fabric:
        options = {"disconnect_grace": 1.0, "refused_grace": 0.3, "ack_delay": 0.02}
        fabric.network.disturb(**BAD)
        one = await fabric.member("one", **options)
        other = await fabric.member("other", **options)
        one.mesh.dial(other.endpoint)
        while not (one.handler.kinds() and other.handler.kinds()):
            await fabric.time.advance(0.1)
        await all_arrives(one, other, fabric, random.Random(seed))
        assert one.handler.kinds() == other.handler.kinds() == ["connected"]
        fabric.network.disturb()


async def story(seed: int) -> list[Any]:
    async with Still(seed) as fabric:
        one, other = await fabric.two()
        fabric.network.disturb(**BAD)
        await all_arrives(one, other, fabric, random.Random(1))
        fabric.network.disturb()
        return [m.handler.batches for m in (one, other)] + [m.mesh.stats() for m in (one, other)]


async def test_the_same_seed_gives_the_same_story() -> None:
    """Nodes, faults and repeats included."""
    assert await story(3) == await story(3)
    assert await story(3) != await story(4)


async def test_a_word_of_the_handshake_that_is_lost_is_said_again() -> None:
    """Each on the same connection, so that one attempt is enough."""
    async with Still() as fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        fabric.network.disturb(loss=1.0)
        one.mesh.dial(other.endpoint)
        await fabric.time.advance(2.0)
        assert one.handler.events == other.handler.events == []
        fabric.network.disturb()
        await fabric.time.advance(0.5)
        assert one.handler.kinds() == other.handler.kinds() == ["connected"]


async def test_a_lost_goodbye_is_made_up_for() -> None:
    """The other side speaks into nothing now and then, and hears that there is no session."""
    async with Still() as fabric:
        one, other = await fabric.two(keepalive_interval=10.0)
        fabric.network.disturb(loss=1.0)
        one.mesh.drop("other", "too slow")
        await fabric.time.advance(5.0)
        fabric.network.disturb()
        assert other.handler.kinds() == ["connected"]
        await fabric.time.advance(5.1)
        assert other.handler.kinds() == ["connected", "disconnected"]
        assert other.handler.events[-1][2].startswith("reset")


async def test_a_peer_that_answers_is_not_given_up() -> None:
    """The grace is over when it was silent for so long, not when the session took so long."""
    async with Still() as fabric:
        one = await fabric.member("one", handshake_timeout=0.4, disconnect_grace=1.0)
        puppet = await fabric.puppet("puppet")
        await puppet.connect(one)
        fabric.network.sever("one", "puppet")
        for _ in range(50):
            await fabric.time.advance(0.1)
            while not puppet.heard.empty():
                source, [frame] = puppet.heard.get_nowait()
                if wire.read_prefix(frame)[1] == wire.HELLO:
                    puppet.transport.answer(source, [wire.encode_welcome(puppet.node, b"")])
        await settle()
        assert one.handler.kinds() == ["connected"]
        assert not one.mesh.is_reachable("puppet")
        await fabric.time.advance(1.5)
        assert one.handler.kinds() == ["connected", "disconnected"]
        assert one.handler.events[-1][2].startswith("lost: ")


async def test_a_peer_that_dials_is_not_given_up() -> None:
    """Its OPEN shows that it lives, though it does not answer us yet."""
    async with Still() as fabric:
        one = await fabric.member("one", disconnect_grace=1.0)
        puppet = await fabric.puppet("puppet")
        _, other = await puppet.connect(one)
        fabric.network.sever("one", "puppet")
        await fabric.time.advance(0.9)
        call = puppet.call(one.endpoint)
        await call.say(wire.encode_hello(puppet.node))
        await call.hear()
        await call.say(wire.encode_open(puppet.session, other))
        await fabric.time.advance(0.9)
        assert one.handler.kinds() == ["connected"]
        await fabric.time.advance(0.2)
        assert one.handler.kinds() == ["connected", "disconnected"]
