"""The memory transport under a clock that the test turns: every fault, to the tenth of a second."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.transport.kit import Still, settle
from transport import BindError, EndpointError, MemoryTransport
from transport.memory import MemoryNetwork


async def test_joining_and_talking_take_no_time() -> None:
    """A lone record leaves at the end of the loop's turn: no timer is in its way."""
    async with Still() as fabric:
        one, other = await fabric.two()
        began = fabric.time.now()
        one.link(other).push(b"at once;")
        await settle()
        assert other.handler.records == [b"at once"]
        assert fabric.time.now() == began


async def test_acknowledgements_wait_for_a_batch_to_ride_on() -> None:
    """Alone they leave after ack_delay; with a batch going the other way at once."""
    async with Still() as fabric:
        one, other = await fabric.two(ack_delay=0.1)
        one.link(other).push(b"a;")
        await fabric.time.advance(0.09)
        assert one.link(other).waiting == 1
        await fabric.time.advance(0.02)
        assert one.link(other).waiting == 0
        one.link(other).push(b"b;")
        await settle()
        other.link(one).push(b"answer;")
        await settle()
        assert one.link(other).waiting == 0


async def test_much_unacknowledged_is_acknowledged_at_once() -> None:
    """A quarter of the window does not wait for ack_delay."""
    async with Still() as fabric:
        one, other = await fabric.two(ack_delay=60.0, capacity=4000)
        one.link(other).push(b"x" * 1500)
        await settle()
        assert one.link(other).waiting == 0


async def test_a_delay_holds_frames_and_keeps_their_order() -> None:
    """Also when it is shortened while some are on their way."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.delay("one", "other", 2.0)
        one.link(other).push(b"slow;")
        await settle()
        fabric.network.delay("one", "other", 0.0)
        one.link(other).push(b"quick;")
        await fabric.time.advance(1.9)
        assert other.handler.count == 0
        await fabric.time.advance(0.2)
        assert other.handler.records == [b"slow", b"quick"]


async def test_a_stall_shorter_than_the_heartbeat_loses_nothing() -> None:
    """As with SIGSTOP and SIGCONT: frames wait, no connection breaks."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.stall("other")
        one.link(other).push(b"patience;")
        await fabric.time.advance(3.9)
        assert other.handler.count == 0
        fabric.network.unstall("other")
        await settle()
        assert other.handler.records == [b"patience"]
        assert one.mesh.stats().reconnects == 0


async def test_a_stall_beyond_heartbeat_and_grace_ends_the_peer() -> None:
    """heartbeat_timeout until the connection is dead, disconnect_grace until the peer is."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.stall("other")
        one.link(other).push(b"void;")
        await fabric.time.advance(4.4)
        assert one.handler.all("disconnected") == []
        await fabric.time.advance(0.2)
        event = one.handler.all("disconnected")[0]
        assert event[2] == "lost: connection timed out, and no answer in 0.5 s"
        assert [parcel.record for parcel in event[3]] == [b"void;"]


async def test_a_cut_of_one_direction_ends_both() -> None:
    """A connection needs both: neither acknowledgements nor pings come back."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.cut("one", "other", both=False)
        await fabric.time.advance(6.0)
        assert len(one.handler.all("disconnected")) == 1
        assert len(other.handler.all("disconnected")) == 1
        fabric.network.heal("one", "other", both=False)
        other.mesh.dial(one.endpoint)
        await fabric.time.advance(1.0)
        assert one.handler.kinds()[-1] == other.handler.kinds()[-1] == "connected"


async def test_a_severed_connection_is_resumed() -> None:
    """What was on its way is sent again: once, and in order."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.delay("one", "other", 0.05)
        for number in range(3):
            one.link(other).push(b"%d;" % number)
            await fabric.time.advance(0.03)
        fabric.network.sever("one", "other")
        one.link(other).push(b"3;")
        await fabric.time.advance(0.45)
        assert other.handler.records == [b"0", b"1", b"2", b"3"]
        assert one.mesh.stats().reconnects == 1


async def test_refused_endpoints_end_the_peer_sooner_than_silent_ones() -> None:
    """refused_grace, not disconnect_grace."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.refuse(other.endpoint)
        fabric.network.sever("one", "other")
        await fabric.time.advance(0.14)
        assert one.handler.all("disconnected") == []
        await fabric.time.advance(0.02)
        assert "refused" in one.handler.all("disconnected")[0][2]
        fabric.network.allow(other.endpoint)
        one.mesh.dial(other.endpoint)
        await fabric.time.advance(1.0)
        assert one.handler.kinds()[-1] == "connected"
        assert other.handler.kinds() == ["connected", "disconnected", "connected"]


async def test_a_killed_member_is_gone_within_the_refused_grace() -> None:
    """kill takes its endpoints and connections away without a word."""
    async with Still() as fabric:
        one, other = await fabric.two()
        await fabric.vanish(other)
        await fabric.time.advance(0.16)
        assert "refused" in one.handler.all("disconnected")[0][2]


async def test_a_verdict_after_our_own_pause_is_put_off() -> None:
    """When timers come late it was this loop that stood still: the peer gets its grace again."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.sever("one", "other")
        fabric.network.cut("one", "other")
        await settle()
        fabric.time._now += 10.0  # The loop did nothing for ten seconds.
        await fabric.time.advance(0.0)
        assert one.handler.all("disconnected") == []
        fabric.network.heal("one", "other")
        await fabric.time.advance(0.4)
        one.link(other).push(b"still here;")
        await settle()
        assert other.handler.records == [b"still here"]


async def test_a_join_is_not_given_up_for_our_own_pause() -> None:
    """A loop that stood still while it shook hands gives the other side its time again."""
    async with Still() as fabric:
        one = await fabric.member("one", handshake_timeout=2.0)
        other = await fabric.member("other", handshake_timeout=2.0)
        fabric.network.delay("other", "one", 0.1)
        one.mesh.dial(other.endpoint)
        await fabric.time.advance(0.45)
        fabric.time._now += 60.0  # The loop did nothing for a minute.
        await fabric.time.advance(5.0)
        assert one.handler.kinds() == ["connected"]
        assert other.handler.kinds() == ["connected"]


async def test_attempts_on_a_dead_seed_back_off() -> None:
    """The pauses double, up to the maximum."""
    async with Still() as fabric:
        options = {"reconnect_initial": 1.0, "reconnect_maximum": 8.0, "reconnect_jitter": 0.0}
        one = await fabric.member("one", **options)
        one.mesh.dial("tcp://127.0.0.1:9")
        times = []
        for _ in range(40):
            before = len(one.handler.events)
            await fabric.time.advance(1.0)
            if len(one.handler.events) > before:
                times.append(round(fabric.time.now() - 1000))
        # The first attempt is at 0, which the first advance sees.
        assert times == [1, 3, 7, 15, 23, 31, 39]


async def test_closing_has_its_deadline() -> None:
    """A stalled peer does not hold it up."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.stall("other")
        one.link(other).push(b"void;")
        closing = asyncio.ensure_future(one.mesh.close(2.0))
        await fabric.time.advance(1.9)
        assert not closing.done()
        await fabric.time.advance(0.2)
        assert closing.done()
        event = one.handler.all("disconnected")[0]
        assert event[2] == "closed"
        assert [parcel.record for parcel in event[3]] == [b"void;"]


async def test_closing_waits_little_where_nothing_weighs() -> None:
    """Records of weight 0, which nobody misses, are given a linger and not the whole timeout."""
    async with Still() as fabric:
        one, other = await fabric.two(linger=0.5)
        fabric.network.stall("other")
        one.link(other).push(b"void;", weight=0)
        closing = asyncio.ensure_future(one.mesh.close(20.0))
        await fabric.time.advance(0.4)
        assert not closing.done()
        await fabric.time.advance(0.2)
        assert closing.done()
        assert one.handler.all("disconnected")[0][2] == "closed"


async def test_a_stalled_connection_pushes_back() -> None:
    """Batches gather at the sender, and arrive in order afterwards."""
    async with Still() as fabric:
        one, other = await fabric.two()
        fabric.network.stall("other")
        for number in range(500):
            one.link(other).push(b"%d;" % number)
            await asyncio.sleep(0)
        sent = one.mesh.stats().batches_sent
        assert sent < 200
        fabric.network.unstall("other")
        await settle(100)
        assert other.handler.records == [b"%d" % n for n in range(500)]


async def story() -> list[object]:
    async with Still() as fabric:
        one, other = await fabric.two()
        for number in range(50):
            one.link(other).push(b"%d;" % number)
            other.link(one).push(b"%d;" % number)
            if number % 7 == 0:
                await fabric.time.advance(0.01)
            if number == 25:
                fabric.network.sever("one", "other")
        await fabric.time.advance(3.0)
        return [one.handler.batches, other.handler.batches, one.mesh.stats(), other.mesh.stats()]


async def test_the_same_calls_give_the_same_story() -> None:
    """Nothing is random, and nothing depends on the time of day."""
    assert await story() == await story()


async def test_endpoints_of_the_memory_transport() -> None:
    """tcp and mem; a name in use is a BindError, other schemes are an EndpointError."""
    async with Still() as fabric:
        one = await fabric.member("one", binds=["mem://here"])
        other = await fabric.member("other", binds=["mem://there"])
        one.mesh.dial("mem://there")
        await settle(60)
        assert other.handler.kinds() == ["connected"]
        transport = MemoryTransport(fabric.network, "three")
        with pytest.raises(BindError, match="mem://here"):
            await transport.bind("mem://here")
        with pytest.raises(EndpointError):
            await transport.bind("ipc:///x")
        with pytest.raises(EndpointError):
            transport.dial("ipc:///x", None)  # type: ignore[arg-type]
        await transport.close(0)
        assert isinstance(MemoryNetwork().transport(), MemoryTransport)


async def test_connections_that_break_over_one_batch_become_more_patient() -> None:
    """A frame may take longer than a heartbeat's answer may; anything acknowledged ends that."""
    async with Still() as fabric:
        one, other = await fabric.two(disconnect_grace=60.0)
        patience: list[float] = []
        dial = one.transport.dial

        def noting(endpoint: str, events: Any, **more: Any) -> Any:
            patience.append(more["patience"])
            return dial(endpoint, events, **more)

        one.transport.dial = noting
        # A second for each word of the hand-shake, and one for the batch, which never comes so far.
        fabric.network.delay("one", "other", 1.0, both=False)
        one.link(other).push(b"large;")
        for _ in range(4):
            await fabric.time.advance(0.5)
            fabric.network.sever("one", "other")
            await fabric.time.advance(2.2)
        assert patience == [1.0, 2.0, 4.0, 8.0]
        fabric.network.delay("one", "other", 0.0)
        await fabric.time.advance(5.0)
        assert other.handler.records == [b"large"]
        one.link(other).push(b"next;")
        await fabric.time.advance(1.0)
        fabric.network.sever("one", "other")
        await fabric.time.advance(1.0)
        assert patience[-1] == 1.0
