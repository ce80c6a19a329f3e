"""What `make fuzz` once found: each input as it was, or as small as it could be made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from actors import MemberUp
from actors.wire import Kind
from benchmarks.fuzz.actors_under_fire import Number
from benchmarks.fuzz.complaints import Complaints
from benchmarks.fuzz.impostor import Impostor
from benchmarks.fuzz.world import World
from serialization import Codec, EnvelopeError, default_registry, pack, unpack_all
from tests.actors.kit import Cluster, Seen
from transport import wire

_codec = Codec(default_registry)


def envelope(kind: int, value: Any, correlation: int = 0, **more: Any) -> bytes:
    """An envelope for the actor that is fired at."""
    tag, body, _ = _codec.encode(value)
    target, sender = more.get("target", "target#2"), more.get("sender", "actor#1")
    return pack(int(kind), target, sender, correlation, tag, more.get("body", body), 0)


CRASHERS: dict[str, Callable[[], list[bytes]]] = {
    "a name that is no UTF-8 lost the whole batch, and its sender stayed": lambda: [
        b"\x97\x01\xa2\xc3\x28\xc0\x00\xc0\xc4\x01\xc0\x00"
    ],
    "an ask with the correlation -1 left its actor in the middle of a turn": lambda: [
        envelope(Kind.ASK, Number(1), correlation=1).replace(b"\x01\xd9", b"\xff\xd9"),
        envelope(Kind.ASK, Number(1), correlation=1).replace(b"\x01\xd9", b"\xff\xd9"),
    ],
    "answers to the correlations 5 and 0 made a repeat that nobody can read": lambda: [
        envelope(Kind.ASK, 1, correlation=5),
        envelope(Kind.ASK, 1, correlation=0),
    ],
    "there is no number after the last correlation": lambda: [
        envelope(Kind.COUNTED_SEND, 1, correlation=2**64 - 1)
    ],
    "a sender that is no address": lambda: [envelope(Kind.TELL, 1, sender="actors://gh\0st/a#7.1")],
    "gossip that is no UTF-8": lambda: [
        envelope(Kind.GOSSIP, b"\x92\x94\xa4pi\xc2g\x90\x01\x02\x90")
    ],
    "a reason of an end that is none": lambda: [envelope(Kind.TERMINATED, ["because", ""])],
    "a spawn of an actor that is none": lambda: [envelope(Kind.SPAWN, [1, 2])],
    "a spawn under the key of a living actor took its place": lambda: [
        envelope(
            Kind.SPAWN,
            [
                "benchmarks.fuzz.actors_under_fire.Target",
                [],
                {},
                "temporary",
                1.0,
                "actors://i/a#1.1",
            ],
            target="sentinel#1",
        )
    ],
    "a word of reliable delivery that is none": lambda: [envelope(Kind.RELIABLE, [1])],
    "a confirmation that is none": lambda: [envelope(Kind.CONFIRMED, [1])],
}


@pytest.mark.parametrize("what", CRASHERS)
async def test_it_does_no_harm_any_more(what: str) -> None:
    """A member says it: nothing is logged as an error, and a healthy peer is served."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        async with World(1) as world:
            made, call = await world.member()
            records = CRASHERS[what]()
            await call.say(made.batch(b"".join(records), len(records)))
            await world.clock.advance(0.5)
            await world.healthy()
            await made.transport.close(0)
            await world.clock.advance(120)  # until the member is given up
            await world.healthy()
    finally:
        logging.getLogger().removeHandler(complaints)
    assert complaints.found == []


@pytest.mark.parametrize("directory", [b"\x91\xa8nonsense", b"\x91\xa7tcp://\xff"])
async def test_an_endpoint_that_nobody_can_dial_keeps_no_member_out(directory: bytes) -> None:
    """One such in the directory of a newcomer left it connected by half."""
    async with World(1) as world:
        made = Impostor("other", world.network.transport("other"))
        await made.start("tcp://other:1")
        made.directory = directory
        up = Seen(world.victim, MemberUp)
        await world.finish(made.join("tcp://victim:1"))
        await world.clock.advance(0.1)
        assert [event.member.name for event in up.entries] == ["other"]


def test_a_hello_names_nothing_but_endpoints() -> None:
    """One that does not parse was found out when it was dialled again after its end."""
    node = wire.Self("ghost", 1, ("tcp:'/ghost:1",), b"", 4096)
    with pytest.raises(wire.WireError, match="nobody can dial"):
        wire.decode_hello(wire.encode_hello(node))


def test_a_correlation_is_a_number_that_can_be_answered() -> None:
    """It is not negative, whichever way the batch is read."""
    record = b"\x97\x01\xa1t\xc0\xff\xc0\xc4\x01\xc0\x00"
    for count in (None, 1):
        with pytest.raises(EnvelopeError):
            list(unpack_all(record, count=count))


async def test_an_answer_that_is_no_fact_leaves_nobody_waiting() -> None:
    """Who asks another node for the end of an actor is told so too where that answers nonsense."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        made = Impostor("other", cluster.network.transport("other"), 9)
        await made.start("tcp://other:1")
        call = await cluster.finish(made.join("tcp://here:1"))
        await cluster.finish(here.wait_for_members(2))
        ending = asyncio.ensure_future(here.ref("actors://other@other:1/actor#9.1").stopped())
        await cluster.clock.advance(0.1)
        question = await cluster.finish(_ended(made))
        await call.say(made.batch(envelope(Kind.REPLY, "because", correlation=question), 1))
        assert await cluster.finish(ending) == "noconnection"
        await made.transport.close(0)


async def _ended(made: Impostor) -> int:
    """The correlation under which it is asked for an end."""
    while True:
        frames = await made.heard.get()
        if wire.read_prefix(frames[0])[1] == wire.BATCH:
            for record in unpack_all(frames[0][wire.HEADER_SIZE :]):
                if record[0] == Kind.ENDED:
                    return int(record[3])
