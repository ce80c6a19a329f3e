"""Messages like the one before them: written shorter between nodes, and still themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorRef, DeadLetter, Message, Node, Undecodable, on
from actors.testing import MemoryNetwork
from actors.wire import Kind
from serialization import EnvelopeError, pack, pack_repeat
from tests.actors.kit import Cluster, Seen, adds_up
from transport import TransportOptions

LARGE = bytes(100_000)
"""Travels beside its message, and not in it."""


class Plain(Message[int]):
    """Its fields are plain, so it takes the quick way on both sides."""

    number: int
    text: str = ""


class Loose(Message[Any]):
    """Anything: small, or large enough to travel beside its message."""

    value: Any


class All(Message[list[Any]]):
    """Answers all that was kept."""


class Keeper(Actor):
    """Keeps what comes, and answers asks with it."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    @on(Plain)
    def plain(self, message: Plain) -> int:
        self.kept.append(message)
        return message.number

    @on(Loose)
    def loose(self, message: Loose) -> Any:
        self.kept.append(message)
        return message.value

    @on(All)
    def all(self, message: All) -> list[Any]:
        return self.kept


messages = st.one_of(
    st.builds(Plain, st.integers(-(2**63), 2**63), st.sampled_from(["", "x", "y" * 300])),
    st.builds(Loose, st.sampled_from([None, 1, "x", [1, (2,)], LARGE])),
)
steps = st.lists(st.tuples(st.sampled_from(["tell", "ask"]), st.integers(0, 1), messages))


@given(steps=steps)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_arrive_as_they_were_in_their_order(steps: list[tuple[str, int, Any]]) -> None:
    """Whatever follows upon whatever, and however it is sent."""
    async with Cluster() as cluster:
        here, _ = await cluster.start("here"), await cluster.start("there")
        keepers: list[ActorRef[Any]] = [here.spawn(Keeper, at="there") for _ in range(2)]
        asks, expected = [], []
        for how, whom, message in steps:
            if how == "tell":
                keepers[whom].tell(message)
            else:
                asks.append(asyncio.ensure_future(keepers[whom].ask(message)))
                expected.append(message.number if isinstance(message, Plain) else message.value)
                await asyncio.sleep(0)
        if asks:
            assert await cluster.finish(asyncio.gather(*asks)) == expected
        for number, keeper in enumerate(keepers):
            kept = await cluster.finish(keeper.ask(All()))
            assert kept == [message for _, whom, message in steps if whom == number]
        adds_up(here)


async def test_those_that_never_left_are_dead_letters_as_they_were() -> None:
    """What is given back was written short, and is whole again."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        keeper = here.spawn(Keeper, at="there")
        await cluster.finish(keeper.ask(All()))
        letters = Seen(here, DeadLetter)
        cluster.network.cut("here", "there")
        told = [Plain(number, "x") for number in range(20)]
        for message in told:
            keeper.tell(message)
        await cluster.kill(there)
        dead = [letter for letter in letters.entries if isinstance(letter.message, Plain)]
        assert [letter.message for letter in dead] == told
        assert all(letter.recipient == keeper for letter in dead)


async def test_one_that_cannot_be_decoded_spoils_no_neighbour() -> None:
    """It becomes a dead letter there, and those around it are handled."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        keeper = here.spawn(Keeper, at="there")
        await cluster.finish(keeper.ask(All()))
        letters = Seen(there, DeadLetter)
        peer = next(iter(here._runtime.remote.peers.values()))
        tag, body, _ = here._runtime.codec.encode(Plain(1))
        assert peer.link is not None
        first = pack(Kind.TELL, keeper._key, None, 0, tag, body, 0)
        for record in (first, pack_repeat(0, b"\xc1"), pack_repeat(0, body)):
            assert peer.link.push(record)
        assert await cluster.finish(keeper.ask(All())) == [Plain(1), Plain(1)]
        [letter] = letters.entries
        assert isinstance(letter.message, Undecodable)


@pytest.mark.parametrize(
    "records",
    [
        pack_repeat(0, b"\x91\x01"),
        pack(Kind.ASK, "keeper#1", None, 1, None, b"\xc0", 0) + pack_repeat(0, b"short"),
        pack(Kind.REPLY, "", None, 1, None, b"\xc0", 0) + pack_repeat(0, b""),
    ],
)
async def test_a_repeat_of_nothing_is_nonsense(records: bytes) -> None:
    """Who sends it has broken the protocol."""
    async with Cluster() as cluster:
        here, _ = await cluster.start("here"), await cluster.start("there")
        peer = next(iter(here._runtime.remote.peers.values()))
        with pytest.raises(EnvelopeError):
            here._cluster._inbound.received(peer, records, (), records.count(b"\xc4") or 2)


async def test_batches_that_hold_next_to_nothing_hold_no_repeats() -> None:
    """Where any record may be the first of its batch each is written whole."""
    network, options = MemoryNetwork(), TransportOptions(batch_bytes=200)
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport(), options=options) as here,
        Node(
            "b",
            bind="tcp://b:1",
            transport=network.transport(),
            options=options,
            seeds=["tcp://a:1"],
        ) as there,
    ):
        await here.wait_for_members(2, timeout=10)
        keeper = here.ref(there.spawn(Keeper).address)
        told = [Plain(number, "x" * (200 * (number % 2))) for number in range(20)]
        for message in told:
            keeper.tell(message)
        assert await keeper.ask(All()) == told
        assert await asyncio.gather(*(keeper.ask(Plain(number)) for number in range(20))) == [
            *range(20)
        ]
