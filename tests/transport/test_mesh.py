"""What holds for a mesh over every transport: joining, carrying, leaving."""

from __future__ import annotations

import asyncio

import pytest

from tests.transport.kit import Fabric, settle
from transport import (
    BindError,
    EndpointError,
    Identity,
    Parcel,
    RecordTooLargeError,
    TransportError,
)

KIB, MIB = 1024, 1024 * 1024


async def test_join_connects_both_sides_with_identity_and_directory(fabric: Fabric) -> None:
    """One side dials; both hear of each other, metadata and directory included."""
    async with fabric:
        one = await fabric.member("one", 7, metadata=b"roles")
        other = await fabric.member("other", 8)
        await fabric.join(one, other)
        _, peer, directory = await other.handler.event("connected")
        assert peer == Identity("one", 7, (one.endpoint,), b"roles")
        assert directory == b"directory of one"
        _, peer, directory = await one.handler.event("connected")
        assert peer == Identity("other", 8, (other.endpoint,))
        assert directory == b"directory of other"
        assert one.mesh.stats().peers == 1
        assert one.mesh.stats().dialling == 0


async def test_a_turn_of_the_loop_is_one_batch(fabric: Fabric) -> None:
    """What is pushed together arrives together, in order, before what is pushed later."""
    async with fabric:
        one, other = await fabric.pair()
        link = one.link(other)
        for number in range(5):
            assert link.push(b"%d;" % number)
        await settle()
        assert link.push(b"later;")
        await other.handler.until(lambda: other.handler.count == 6)
        assert other.handler.batches[0] == (b"0;1;2;3;4;", 5)
        assert other.handler.batches[1] == (b"later;", 1)


async def test_ten_thousand_records_arrive_once_and_in_order(fabric: Fabric) -> None:
    """Both directions at once, over many batches."""
    async with fabric:
        one, other = await fabric.pair(batch_bytes=4 * KIB)
        there, back = one.link(other), other.link(one)
        for number in range(10_000):
            assert there.push(b"there %d;" % number)
            assert back.push(b"back %d;" % number)
            if number % 500 == 0:
                await asyncio.sleep(0)
        for member in (one, other):
            handler = member.handler
            await handler.until(lambda handler=handler: handler.count == 10_000)
        assert other.handler.records == [b"there %d" % n for n in range(10_000)]
        assert one.handler.records == [b"back %d" % n for n in range(10_000)]
        await one.idle(other)
        assert (there.sent, there.waiting) == (10_000, 0)


async def test_buffers_travel_beside_their_records(fabric: Fabric) -> None:
    """8 MiB out of band, small ones, and views of items wider than a byte."""
    async with fabric:
        one, other = await fabric.pair()
        link = one.link(other)
        big = bytes(range(256)) * (8 * MIB // 256)
        wide = memoryview(bytearray(big)).cast("q")
        assert link.push(b"a;", [big, b"small"])
        assert link.push(b"b;")
        assert link.push(b"c;", [wide, bytearray(b"array")])
        await other.handler.until(lambda: other.handler.count == 3)
        assert other.handler.records == [b"a", b"b", b"c"]
        assert other.handler.buffers == [big, b"small", big, b"array"]


async def test_a_big_record_keeps_its_place(fabric: Fabric) -> None:
    """It travels in a frame of its own, behind what was pushed before it."""
    async with fabric:
        one, other = await fabric.pair()
        link = one.link(other)
        big = b"x" * MIB
        for record in (b"before;", big + b";", b"after;"):
            assert link.push(record)
        await other.handler.until(lambda: other.handler.count == 3)
        assert other.handler.records == [b"before", big, b"after"]


async def test_weights_count_in_sent_and_waiting(fabric: Fabric) -> None:
    """A weight of 0 is carried and does not count."""
    async with fabric:
        one, other = await fabric.pair()
        link = one.link(other)
        link.push(b"a;")
        link.push(b"b;", weight=0)
        link.push(b"c;", weight=3)
        assert (link.sent, link.waiting) == (0, 4)
        await one.idle(other)
        assert (link.sent, link.waiting) == (4, 0)
        assert other.handler.count == 3


async def test_a_full_link_says_so_and_then_has_room(fabric: Fabric) -> None:
    """push returns False beyond the capacity, and writable follows once.

    A record counts with 64 bytes more than it has, for it takes them in memory.
    """
    async with fabric:
        one, other = await fabric.pair(capacity=64 * KIB)
        link = one.link(other)
        taken = 0
        while link.push(b"%01023d;" % taken):
            taken += 1
        assert 64 * KIB // (KIB + 64) <= taken < 64
        assert not link.push(b"%01023d;" % taken)
        assert link.waiting == taken
        await one.handler.event("writable")
        assert link.push(b"room;")
        await other.handler.until(lambda: other.handler.count == taken + 1)
        assert other.handler.records[-1] == b"room"
        assert len(one.handler.all("writable")) == 1


async def test_an_empty_link_takes_a_record_beyond_its_capacity(fabric: Fabric) -> None:
    """Otherwise it could never be sent."""
    async with fabric:
        one, other = await fabric.pair(capacity=KIB)
        link = one.link(other)
        assert link.push(b"x" * 10 * KIB + b";")
        assert not link.push(b"y;")
        await other.handler.until(lambda: other.handler.count == 1)
        await one.handler.event("writable")
        assert link.push(b"y;")


async def test_what_no_frame_holds_is_refused_at_the_call(fabric: Fabric) -> None:
    """Records and buffers beyond the smaller of both sides' limits, and too many buffers."""
    async with fabric:
        one = await fabric.member("one")
        other = await fabric.member("other", max_frame=64 * KIB)
        await fabric.join(one, other)
        link = one.link(other)
        with pytest.raises(RecordTooLargeError) as caught:
            link.push(b"x" * 64 * KIB)
        assert caught.value.size == 64 * KIB
        with pytest.raises(RecordTooLargeError):
            link.push(b"x", [b"y" * 64 * KIB])
        with pytest.raises(RecordTooLargeError):
            link.push(b"x", [b"y"] * 2000)
        for number in range(100):
            assert link.push(b"%d" % number * 15 * KIB + b";")
        await other.handler.until(lambda: other.handler.count == 100)


async def test_closing_flushes_and_says_goodbye(fabric: Fabric) -> None:
    """What was pushed arrives; the other side hears `left` at once, and gets its own back."""
    async with fabric:
        one, other = await fabric.pair()
        for number in range(1000):
            one.link(other).push(b"%d;" % number)
        await one.mesh.close(5.0)
        assert one.handler.all("disconnected")[0][2:] == ("closed", [])
        _, peer, reason, undelivered = await other.handler.event("disconnected")
        assert (peer.name, reason, undelivered) == ("one", "left", [])
        assert other.handler.count == 1000
        assert other.mesh.link("one") is None


async def test_closing_twice_waits_for_the_first(fabric: Fabric) -> None:
    """Two closes at once, and one after, are one."""
    async with fabric:
        one, other = await fabric.pair()
        await asyncio.gather(one.mesh.close(5.0), one.mesh.close(5.0))
        await one.mesh.close(5.0)
        assert len(one.handler.all("disconnected")) == 1
        await other.handler.event("disconnected")


async def test_a_peer_that_vanishes_is_noticed_soon(fabric: Fabric) -> None:
    """Its endpoint is refused on redial, so half a second is enough; the rest comes back."""
    async with fabric:
        one, other = await fabric.pair()
        link = one.link(other)
        await fabric.vanish(other)
        link.push(b"lost;", [b"buffer"], weight=2)
        began = asyncio.get_running_loop().time()
        _, peer, reason, undelivered = await one.handler.event("disconnected")
        assert asyncio.get_running_loop().time() - began < 2.0
        assert peer.name == "other"
        assert "refused" in reason
        assert undelivered == [Parcel(b"lost;", (b"buffer",), 2)]
        assert one.mesh.link("other") is None
        assert not link.push(b"too late;")
        assert link.waiting == 0


async def test_a_short_cut_loses_and_repeats_nothing(fabric: Fabric) -> None:
    """Both sides push before, during and after a cut that is shorter than the grace."""
    async with fabric:
        one, other, wire = await fabric.wired_pair(disconnect_grace=5.0, batch_bytes=KIB)
        there, back = one.link(other), other.link(one)
        for number in range(3000):
            assert there.push(b"there %d;" % number)
            assert back.push(b"back %d;" % number)
            if number == 1000:
                await other.handler.until(lambda: other.handler.count)
                wire.cut()
            elif number == 2000:
                await asyncio.sleep(0.05)
                wire.heal()
            elif number % 100 == 0:
                await asyncio.sleep(0)
        for handler in (one.handler, other.handler):
            await handler.until(lambda handler=handler: handler.count >= 3000)
        assert other.handler.records == [b"there %d" % n for n in range(3000)]
        assert one.handler.records == [b"back %d" % n for n in range(3000)]
        assert one.mesh.stats().reconnects + other.mesh.stats().reconnects >= 1
        assert one.handler.kinds() == other.handler.kinds() == ["connected"]


async def test_a_long_cut_hands_back_what_was_not_acknowledged(fabric: Fabric) -> None:
    """Exactly that, in order, with buffers and weights."""
    async with fabric:
        one, other, wire = await fabric.wired_pair()
        link = one.link(other)
        link.push(b"arrives;")
        await one.idle(other)
        wire.cut()
        for number in range(100):
            link.push(b"%d;" % number, [b"b"] if number % 10 == 0 else (), number % 3)
        _, _, _, undelivered = await one.handler.event("disconnected")
        await other.handler.event("disconnected")
        assert [parcel.record for parcel in undelivered] == [b"%d;" % n for n in range(100)]
        assert [parcel.weight for parcel in undelivered] == [n % 3 for n in range(100)]
        assert [n for n in range(100) if undelivered[n].buffers] == list(range(0, 100, 10))
        assert link.sent == 1
        assert other.handler.records == [b"arrives"]


async def test_after_a_long_cut_a_new_session_begins_clean(fabric: Fabric) -> None:
    """Both gave up; dialled again they connect, and nothing old turns up."""
    async with fabric:
        one, other, wire = await fabric.wired_pair()
        wire.cut()
        one.link(other).push(b"old;")
        other.link(one).push(b"old;")
        await one.handler.event("disconnected")
        await other.handler.event("disconnected")
        wire.heal()
        one.mesh.dial(other.endpoint)
        await one.handler.event("connected", 2)
        await other.handler.event("connected", 2)
        one.link(other).push(b"new;")
        other.link(one).push(b"new;")
        await other.handler.until(lambda: other.handler.count)
        await one.handler.until(lambda: one.handler.count)
        assert one.handler.records == other.handler.records == [b"new"]


async def test_a_break_is_told_and_so_is_its_end(fabric: Fabric) -> None:
    """interrupted, and then restored or disconnected: the layer above may do without it."""
    async with fabric:
        one, other, wire = await fabric.wired_pair(disconnect_grace=5.0, refused_grace=5.0)
        wire.cut()
        one.link(other).push(b"meanwhile;")
        await one.handler.until(lambda: one.handler.broken)
        [(what, peer, reason)] = one.handler.broken
        assert (what, peer.name) == ("interrupted", "other")
        assert reason
        assert not one.mesh.is_reachable("other")
        wire.heal()
        await one.handler.until(lambda: len(one.handler.broken) == 2)
        assert one.handler.broken[1] == ("restored", peer)
        assert one.mesh.is_reachable("other")
        await other.handler.until(lambda: other.handler.count)
        assert one.handler.kinds() == ["connected"]


async def test_what_a_node_says_of_itself_may_change(fabric: Fabric) -> None:
    """Whoever shakes hands from now on learns the new metadata; connections stay as they are."""
    async with fabric:
        one, other = await fabric.pair(metadata=b"old")
        one.mesh.describe(b"new")
        third = await fabric.member("third")
        await fabric.join(third, one)
        assert third.handler.all("connected")[0][1].metadata == b"new"
        assert [event[1].metadata for event in other.handler.all("connected")] == [b"old"]


async def test_a_mesh_goes_on_as_another_incarnation(fabric: Fabric) -> None:
    """All peers are given up at once, on both sides; dialled anew they meet the new life."""
    async with fabric:
        one, other = await fabric.pair()
        third = await fabric.member("third")
        await fabric.join(third, one)
        await one.handler.event("connected", 2)
        one.link(other).push(b"of the old life;")
        one.mesh.renew(2)
        assert {event[1].name for event in one.handler.all("disconnected")} == {"other", "third"}
        assert one.mesh.stats().peers == one.mesh.stats().dialling == 0
        for member in (other, third):
            _, peer, reason, _ = await member.handler.event("disconnected")
            assert (peer.incarnation, reason) == (1, "left")
        one.mesh.dial(other.endpoint)
        _, peer, _ = await other.handler.event("connected", 2)
        assert (peer.name, peer.incarnation) == ("one", 2)
        await one.handler.event("connected", 3)
        one.link(other).push(b"of the new life;")
        await other.handler.until(lambda: b"of the new life" in other.handler.records)


async def test_drop_gives_up_here_and_tells_the_peer(fabric: Fabric) -> None:
    """disconnected comes within the call; the peer hears the reason without any grace."""
    async with fabric:
        one, other = await fabric.pair()
        one.link(other).push(b"unsent;")
        one.mesh.drop("other", "too slow")
        assert one.handler.all("disconnected")[0][2] == "too slow"
        assert one.handler.all("disconnected")[0][3] == [Parcel(b"unsent;", (), 1)]
        _, _, reason, _ = await other.handler.event("disconnected")
        assert reason == "dropped by the peer: too slow"
        one.mesh.drop("nobody", "changes nothing")


async def test_a_restarted_peer_replaces_its_old_life(fabric: Fabric) -> None:
    """disconnected(restarted) with what the old one never took, then connected; nothing old."""
    async with fabric:
        one = await fabric.member("one", disconnect_grace=5.0, refused_grace=5.0)
        other = await fabric.member("other", 1)
        await fabric.join(one, other)
        await fabric.vanish(other)
        one.link(other).push(b"for the old one;")
        again = await fabric.member("other", 2, binds=[other.endpoint])
        again.mesh.dial(one.endpoint)
        _, peer, reason, undelivered = await one.handler.event("disconnected")
        assert (peer.incarnation, reason) == (1, "restarted")
        assert [parcel.record for parcel in undelivered] == [b"for the old one;"]
        _, peer, _ = await one.handler.event("connected", 2)
        assert peer.incarnation == 2
        one.link(again).push(b"for the new one;")
        await again.handler.until(lambda: again.handler.count)
        assert again.handler.records == [b"for the new one"]


async def test_a_restart_is_found_by_redialling_too(fabric: Fabric) -> None:
    """The new life need not know us: our own redial meets it."""
    async with fabric:
        one = await fabric.member("one", disconnect_grace=5.0, refused_grace=5.0)
        other = await fabric.member("other", 1)
        await fabric.join(one, other)
        await fabric.vanish(other)
        again = await fabric.member("other", 2, binds=[other.endpoint])
        await one.handler.event("connected", 2)
        await again.handler.event("connected")
        assert one.handler.kinds() == ["connected", "disconnected", "connected"]


async def test_dialling_each_other_at_once_makes_one_link(fabric: Fabric) -> None:
    """Each side reports one connection, whoever wins which race."""
    async with fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        one.mesh.dial(other.endpoint)
        other.mesh.dial(one.endpoint)
        await fabric.join(one, other)
        one.link(other).push(b"there;")
        other.link(one).push(b"back;")
        await one.handler.until(lambda: one.handler.count)
        await other.handler.until(lambda: other.handler.count)
        assert one.handler.kinds() == other.handler.kinds() == ["connected"]


async def test_one_node_under_two_addresses_is_one_peer(fabric: Fabric) -> None:
    """Both dials end, and only one link is there."""
    async with fabric:
        one = await fabric.member("one")
        other = await fabric.member("other", binds=["tcp://127.0.0.1:0", "tcp://127.0.0.1:0"])
        for endpoint in other.bound:
            one.mesh.dial(endpoint)
        await one.handler.event("connected")
        await one.handler.until(lambda: True)
        async with asyncio.timeout(5):
            while one.mesh.stats().dialling:
                await asyncio.sleep(0.001)
        one.mesh.dial(other.bound[1])
        assert one.mesh.stats().dialling == 0
        assert one.handler.kinds() == ["connected"]
        assert one.mesh.stats().peers == 1


async def test_an_endpoint_that_a_peer_claims_too_is_dialled_for_whom_it_is_said_to_be(
    fabric: Fabric,
) -> None:
    """A peer may list anything as its own: it keeps nobody from the one who really is there."""
    async with fabric:
        one = await fabric.member("one")
        other = await fabric.member("other")
        liar = await fabric.member("liar", advertise=["tcp://127.0.0.1:0", other.endpoint])
        await fabric.join(one, liar)
        await one.handler.event("connected")
        assert not one.mesh.dial(other.endpoint, "liar")
        assert one.mesh.dial(other.endpoint, "other")
        assert not one.mesh.dial(other.endpoint, "other")
        await one.handler.until(lambda: one.mesh.link("other") is not None)


async def test_dialling_oneself_is_quietly_ignored(fabric: Fabric) -> None:
    """Under the advertised endpoint and under another one alike."""
    async with fabric:
        binds = ["tcp://127.0.0.1:0", "tcp://127.0.0.1:0"]
        one = await fabric.member("one", binds=binds)
        one.mesh.dial(one.endpoint)
        assert one.mesh.stats().dialling == 0
        two = await fabric.member("two", binds=binds, advertise=["tcp://127.0.0.1:0"])
        assert two.mesh.identity.endpoints == (two.bound[0],)
        two.mesh.dial(two.bound[1])
        async with asyncio.timeout(5):
            while two.mesh.stats().dialling:
                await asyncio.sleep(0.001)
        assert one.handler.events == two.handler.events == []


async def test_a_dead_seed_is_tried_until_it_lives(fabric: Fabric) -> None:
    """unreachable comes for each attempt; start order does not matter."""
    async with fabric:
        first = await fabric.member("first")
        endpoint = first.endpoint
        await fabric.vanish(first)
        one = await fabric.member("one")
        one.mesh.dial(endpoint)
        one.mesh.dial(endpoint)
        _, where, reason = await one.handler.event("unreachable", 3)
        assert (where, reason) == (endpoint, "connection refused")
        late = await fabric.member("late", binds=[endpoint])
        await one.handler.event("connected")
        await late.handler.event("connected")
        assert one.mesh.stats().dialling == 0


async def test_a_forgotten_endpoint_is_not_tried_again(fabric: Fabric) -> None:
    """forget ends a dial, and is harmless otherwise."""
    async with fabric:
        first = await fabric.member("first")
        await fabric.vanish(first)
        one = await fabric.member("one")
        one.mesh.dial(first.endpoint)
        await one.handler.event("unreachable")
        one.mesh.forget(first.endpoint)
        one.mesh.forget(first.endpoint)
        assert one.mesh.stats().dialling == 0


async def test_an_endpoint_in_use_names_itself(fabric: Fabric) -> None:
    """BindError has the endpoint; what was bound before it is given back."""
    async with fabric:
        one = await fabric.member("one")
        with pytest.raises(BindError, match=one.endpoint) as caught:
            await fabric.member("two", binds=["tcp://127.0.0.1:0", one.endpoint])
        assert caught.value.endpoint == one.endpoint
        assert "in use" in caught.value.reason


async def test_a_name_held_by_another_is_refused_on_both_sides(
    fabric: Fabric, caplog: pytest.LogCaptureFixture
) -> None:
    """admit decides; code and words reach the refused side, and both log it."""
    async with fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        other.handler.verdict = lambda peer: f"name-taken: {peer.name} lives elsewhere"
        one.mesh.dial(other.endpoint)
        event = await one.handler.event("refused")
        assert event[1] == other.endpoint
        assert event[2].name == "other"
        assert event[3:] == ("name-taken", "one lives elsewhere")
        assert other.handler.events == []
        text = [record.getMessage() for record in caplog.records]
        assert any(line.startswith("refused one") for line in text)
        assert any(line.startswith(f"refused at {other.endpoint}") for line in text)


async def test_a_dialler_may_refuse_whom_it_meets(fabric: Fabric) -> None:
    """Then the one that was dialled hears of it."""
    async with fabric:
        one, other = await fabric.member("one"), await fabric.member("other")
        one.handler.verdict = lambda peer: "I know another one of that name"
        one.mesh.dial(other.endpoint)
        _, endpoint, peer, code, reason = await other.handler.event("refused")
        assert (endpoint, peer.name, code) == (one.endpoint, "one", "refused")
        assert reason == "I know another one of that name"
        assert "connected" not in one.handler.kinds() + other.handler.kinds()


async def test_two_nodes_of_one_name_refuse_each_other(fabric: Fabric) -> None:
    """A node never admits its own name from elsewhere, whatever its handler says."""
    async with fabric:
        one, twin = await fabric.member("same", 1), await fabric.member("same", 2)
        twin.mesh.dial(one.endpoint)
        event = await twin.handler.event("refused")
        assert event[3] == "name-taken"


async def test_who_cannot_be_reached_back_learns_why(fabric: Fabric) -> None:
    """Advertising an endpoint where nobody listens is a mistake worth an explanation."""
    async with fabric:
        gone = await fabric.member("gone")
        await fabric.vanish(gone)
        one = await fabric.member("one", advertise=[gone.endpoint], handshake_timeout=5.0)
        other = await fabric.member("other", handshake_timeout=0.4)
        one.mesh.dial(other.endpoint)
        _, endpoint, reason = await one.handler.event("unreachable")
        assert endpoint == other.endpoint
        assert "cannot reach one back" in reason
        assert gone.endpoint in reason
        assert one.handler.all("connected") == []


async def test_handlers_that_fail_do_not_stop_the_mesh(
    fabric: Fabric, caplog: pytest.LogCaptureFixture
) -> None:
    """Their exceptions are logged; the batch counts as delivered."""

    def fail() -> None:
        raise RuntimeError("handler")

    async with fabric:
        one, other = await fabric.pair()
        other.handler.on_received = fail
        one.link(other).push(b"a;")
        await one.idle(other)
        other.handler.on_received = None
        one.link(other).push(b"b;")
        await other.handler.until(lambda: other.handler.count == 2)
        assert "received() failed" in caplog.text


async def test_a_node_without_endpoints_cannot_dial(fabric: Fabric) -> None:
    """Nobody could connect back."""
    async with fabric:
        one = await fabric.member("one", binds=[])
        with pytest.raises(TransportError, match="bound to no endpoint"):
            one.mesh.dial("tcp://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["nonsense", "tcp://127.0.0.1", "udp://a:1", "tcp://*:1"])
async def test_malformed_endpoints_raise_at_the_call(fabric: Fabric, endpoint: str) -> None:
    """EndpointError is a ValueError."""
    async with fabric:
        one = await fabric.member("one")
        with pytest.raises(EndpointError):
            one.mesh.dial(endpoint)
        with pytest.raises(ValueError, match="bad endpoint"):
            one.mesh.forget(endpoint)
