"""Reliable delivery between nodes: broken links, lost records, lost and restarted nodes."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorStoppedError,
    DeadLetter,
    MessageTooLargeError,
    Node,
    NodeUnreachableError,
    SerializationError,
    Undecodable,
)
from actors.reliable import intake as intake_module
from actors.reliable.words import Attach, Confirmed, Detach, Inquiry, SequencedMessage
from actors.wire import Kind
from tests.actors.kit import Cluster, Gate, Journal, Note, Seen, adds_up, begin
from tests.actors.reliable.kit import Order, Shop, handled, remote_shop, send_all
from tests.actors.remote_kit import Keep, Kept, Servant


def streams(node: Node) -> dict[str, Any]:
    """The streams of the only actor there that has some."""
    [found] = node._runtime.reliable.intake._streams.values()
    return found


async def test_all_are_handled_in_order_with_their_ids() -> None:
    """Between nodes as on one; the ledgers of both add up."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, there, shop):
        reliable = here.reliable(shop, window=5)
        await cluster.finish(send_all(reliable, *range(20)))
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(n, n + 1, False) for n in range(20)]
        await reliable.close()
        adds_up(here)
        adds_up(there)


async def test_values_arrive_as_they_were() -> None:
    """Large ones too, which travel beside their message; what is changed later is not sent."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        servant = here.ref(there.spawn(Servant).address)
        reliable = here.reliable(servant)
        large, value = bytearray(b"x" * 200_000), [1, (2, "three"), b"y" * 100_000]
        await reliable.send(Keep(large))
        large[0] = 0
        await reliable.send(Keep(value))
        await cluster.finish(reliable.flush())
        kept = await cluster.finish(servant.ask(Kept()))
        assert kept == [bytearray(b"x" * 200_000), value]
        await reliable.close()


async def test_what_cannot_be_sent_raises_at_the_call() -> None:
    """And has no number: the next one follows without a gap."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, _, shop):
        reliable = here.reliable(shop)
        with pytest.raises(SerializationError):
            await reliable.send(Note(object()))
        with pytest.raises(MessageTooLargeError):
            await reliable.send(bytes(64 * 2**20 - 100))
        await send_all(reliable, 1)
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(1, 1, False)]
        await reliable.close()


async def test_broken_connections_lose_and_double_nothing() -> None:
    """However often, in the midst of it."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, _, shop):
        reliable = here.reliable(shop, window=4)
        for number in range(30):
            await cluster.finish(reliable.send(Order(number)))
            if number % 3 == 0:
                cluster.network.sever("here", "there")
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(n, n + 1, False) for n in range(30)]
        await reliable.close()


async def test_lost_records_are_sent_again_after_a_silence(monkeypatch: Any) -> None:
    """By the clock; the first ones, those in the middle, and those at the end."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, _, shop):
        remote, lost = here._runtime.remote, {2, 5, 8}
        signal = remote.signal

        def lossy(peer: Any, kind: Kind, *rest: Any) -> None:
            word = rest[3]
            if isinstance(word, SequencedMessage) and word.sequence in lost:
                lost.discard(word.sequence)
            else:
                signal(peer, kind, *rest)

        monkeypatch.setattr(remote, "signal", lossy)
        reliable = here.reliable(shop)
        await send_all(reliable, *range(8))
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(n, n + 1, False) for n in range(8)]
        assert not lost
        await reliable.close()


async def test_a_slow_consumer_is_asked_and_not_flooded(monkeypatch: Any) -> None:
    """Silence costs a small record, ever more rarely: no message is sent twice."""
    gate, journal = Gate(), Journal()
    async with remote_shop(journal, gate) as (cluster, here, _, shop):
        remote, sent = here._runtime.remote, []
        signal = remote.signal

        def noting(peer: Any, kind: Kind, *rest: Any) -> None:
            sent.append(type(rest[3]).__name__)
            signal(peer, kind, *rest)

        monkeypatch.setattr(remote, "signal", noting)
        reliable = here.reliable(shop)
        await send_all(reliable, 1, 2)
        await cluster.clock.advance(120.0)
        assert sent.count("SequencedMessage") == 2
        assert 4 < sent.count("Inquiry") < 12
        gate.open()
        await cluster.finish(reliable.flush())
        await reliable.close()


async def test_the_end_of_the_consumer_is_known() -> None:
    """At once, with its reason; what is unhandled goes to the next one."""
    journal, gate = Journal(), Gate()
    async with remote_shop(Journal(), gate) as (cluster, here, there, shop):
        reliable = here.reliable(shop)
        await send_all(reliable, 1, 2)
        await cluster.finish(gate.entered.wait())
        flushing = await begin(reliable.flush())
        await cluster.finish(shop.stop(timeout=0.001))
        with pytest.raises(ActorStoppedError, match="killed"):
            await flushing
        there.spawn(Shop.props(journal), name="another")
        reliable.redirect(await cluster.finish(here.resolve("another", at="there")))
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(1, 1, True), (2, 2, True)]
        await reliable.close()
        adds_up(there)


async def test_what_is_unhandled_at_the_close_is_a_dead_letter_here() -> None:
    """Equal to what was sent, and no part of the ledger of what left."""
    async with remote_shop(Journal(), Gate()) as (cluster, here, _, shop):
        letters = Seen(here, DeadLetter)
        reliable = here.reliable(shop)
        await send_all(reliable, 1, 2)
        await reliable.close()
        assert [(letter.message, letter.recipient) for letter in letters.entries] == [
            (Order(1), shop),
            (Order(2), shop),
        ]
        adds_up(here)
        await cluster.finish(shop.stop(timeout=0.001))


async def test_an_actor_that_is_gone_already_is_known_too() -> None:
    """The first word is answered with its end."""
    async with remote_shop(Journal()) as (cluster, here, _, shop):
        await cluster.finish(shop.stop())
        reliable = here.reliable(shop)
        await reliable.send(Order(1))
        with pytest.raises(ActorStoppedError):
            await cluster.finish(reliable.flush())
        await reliable.close()


async def test_the_loss_of_the_node_is_known_and_its_restart_goes_on() -> None:
    """What was not handled goes to the new incarnation, marked; what was does not."""
    journal = Journal()
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        there.spawn(Shop.props(journal), name="shop")
        shop = await here.resolve("shop", at="there")
        reliable = here.reliable(shop, window=10)
        await send_all(reliable, 1, 2)
        await cluster.finish(reliable.flush())
        cluster.network.cut("here", "there")
        await send_all(reliable, 3, 4)
        await cluster.kill(there)
        with pytest.raises(NodeUnreachableError):
            await reliable.send(Order(5))
        cluster.network.heal("here", "there")
        there = await cluster.start("there")
        there.spawn(Shop.props(journal), name="shop")
        reliable.redirect(await cluster.finish(here.resolve("shop", at="there")))
        await reliable.send(Order(5))
        await cluster.finish(reliable.flush())
        assert handled(journal) == [
            (1, 1, False),
            (2, 2, False),
            (3, 3, True),
            (4, 4, True),
            (5, 5, False),
        ]
        await reliable.close()
        adds_up(here)


async def test_who_waits_waits_for_the_node_to_come_back() -> None:
    """With `wait=True` nothing raises: the window fills, and empties after the redirect."""
    journal = Journal()
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        shop = here.ref(there.spawn(Shop.props(Journal())).address)
        reliable = here.reliable(shop, window=2, wait=True)
        await cluster.kill(there)
        sending = await begin(send_all(reliable, 1, 2, 3))
        await cluster.clock.advance(100.0)
        assert not sending.done()
        assert reliable.pending == 2
        there = await cluster.start("there")
        reliable.redirect(here.ref(there.spawn(Shop.props(journal)).address))
        await cluster.finish(sending)
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(1, 1, False), (2, 2, False), (3, 3, False)]
        await reliable.close()


async def test_a_node_that_begins_a_new_life_goes_on() -> None:
    """It was cut off and given up: its producers find the consumer, which takes none twice."""
    journal = Journal()
    async with Cluster() as cluster:
        there, _ = await cluster.start("there"), await cluster.start("third")
        here = await cluster.start("here")
        incarnation = here._runtime.origin.incarnation
        reliable = here.reliable(here.ref(there.spawn(Shop.props(journal)).address), wait=True)
        await send_all(reliable, 1)
        await cluster.finish(reliable.flush())
        await cluster.isolate(here)
        await send_all(reliable, 2)
        for other in ("there", "third"):
            cluster.network.heal("here", other)
        await cluster.finish(reliable.flush(), limit=120)
        assert here._runtime.origin.incarnation != incarnation
        assert [entry[:2] for entry in handled(journal)] == [(1, 1), (2, 2)]
        await reliable.close()


async def test_a_consumer_that_is_looked_up_is_followed() -> None:
    """Who resolves a name again finds its next holder, in time."""
    from actors.reliable.reliable import Reliable

    journal, holder = Journal(), []
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        runtime = here._runtime
        reliable = Reliable(
            runtime, lambda: holder[0] if holder else None, 5, None, None, wait=True
        )
        await send_all(reliable, 1)
        holder.append(here.ref(there.spawn(Shop.props(journal)).address))
        await cluster.finish(reliable.flush())
        holder[0] = here.spawn(Shop.props(journal))
        await cluster.kill(there)
        await send_all(reliable, 2)
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(1, 1, False), (2, 2, False)]
        await reliable.close()


async def test_what_cannot_be_decoded_is_a_dead_letter_there_and_holds_up_nothing() -> None:
    """A newer sender, or nonsense: it never will be decoded."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, there, shop):
        letters = Seen(there, DeadLetter)
        reliable = here.reliable(shop)
        await send_all(reliable, 1, 1)
        peer = next(iter(here._runtime.remote.peers.values()))
        word = SequencedMessage(reliable.producer, 3, 1, False, "no.such.tag", b"\x90")
        here._runtime.remote.signal(peer, Kind.RELIABLE, shop._key, None, 0, word)
        await cluster.clock.advance(0.1)
        assert [number for number, *_ in handled(journal)] == [1, 1]
        [letter] = letters.entries
        assert isinstance(letter.message, Undecodable)
        assert letter.message.tag == "no.such.tag"
        adds_up(there)


@pytest.mark.parametrize("poses", [False, True])
async def test_only_its_consumers_say_what_is_handled(poses: bool) -> None:
    """Another node is not heard, nor where it poses as the consumer: nothing is lost by that."""
    journal, gate = Journal(), Gate()
    async with remote_shop(journal, gate) as (cluster, here, _, shop):
        third = await cluster.start("third")
        reliable = here.reliable(shop)
        await send_all(reliable, 1)
        await cluster.finish(gate.entered.wait())
        remote = third._runtime.remote
        [peer] = [each for each in remote.peers.values() if each.name == here.name]
        forger = third.ref(shop.address) if poses else third.spawn(Servant)
        word = Confirmed(reliable.producer, 1, 1, False)
        remote.signal(peer, Kind.CONFIRMED, reliable.producer, forger, 0, word)
        await cluster.clock.advance(0.5)
        assert reliable.pending == 1
        gate.open()
        await cluster.finish(reliable.flush())
        assert handled(journal) == [(1, 1, False)]
        await reliable.close()


FORGED = [Attach, Inquiry, Detach, SequencedMessage]


@pytest.mark.parametrize("kind", FORGED, ids=lambda kind: kind.__name__)
async def test_only_its_node_speaks_for_a_producer(kind: Any) -> None:
    """Another one that knows the id skips nothing, ends nothing, and gets no news of it."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, there, shop):
        third = await cluster.start("third")
        reliable = here.reliable(shop)
        await send_all(reliable, 1)
        await cluster.finish(reliable.flush())
        forged: dict[Any, Any] = {
            Attach: lambda id_: Attach(id_, 100),
            Inquiry: lambda id_: Inquiry(id_, 100, 100),
            Detach: lambda id_: Detach(id_, True),
            SequencedMessage: lambda id_: SequencedMessage(id_, 50, 50, False, "no", b""),
        }
        remote = third._runtime.remote
        [peer] = [each for each in remote.peers.values() if each.name == there.name]
        remote.signal(peer, Kind.RELIABLE, shop._key, None, 9, forged[kind](reliable.producer))
        await cluster.clock.advance(0.5)
        mine = [each for each in streams(there).values() if each.peer.name == here.name]
        assert [each.report().handled for each in mine] == [1]
        await send_all(reliable, 2)
        await cluster.finish(reliable.flush())
        assert [number for number, *_ in handled(journal)] == [1, 2]
        await reliable.close()


@pytest.mark.parametrize("word", [None, 3, "Attach", Confirmed("p", 1, 1, False), Note(1)])
async def test_nonsense_harms_nobody(word: Any) -> None:
    """Whatever a node sends as a word of a producer or a consumer."""
    journal = Journal()
    async with remote_shop(journal) as (cluster, here, _, shop):
        peer = next(iter(here._runtime.remote.peers.values()))
        for kind in (Kind.RELIABLE, Kind.CONFIRMED):
            here._runtime.remote.signal(peer, kind, shop._key, shop, 0, word)
        reliable = here.reliable(shop)
        await send_all(reliable, 1)
        await cluster.finish(reliable.flush())
        await reliable.close()
        assert handled(journal) == [(1, 1, False)]


async def test_a_closed_producer_is_forgotten() -> None:
    """Its consumer keeps nothing of it."""
    async with remote_shop(Journal()) as (cluster, here, there, shop):
        for _ in range(3):
            reliable = here.reliable(shop)
            await send_all(reliable, 1)
            await cluster.finish(reliable.flush())
            await reliable.close()
        await cluster.clock.advance(0.1)
        assert not streams(there)
        peer = next(iter(here._runtime.remote.peers.values()))
        assert not peer.pending


async def test_the_producers_of_lost_nodes_are_not_kept_without_bound(monkeypatch: Any) -> None:
    """The oldest goes when there are too many."""
    monkeypatch.setattr(intake_module, "REMEMBERED", 2)
    async with Cluster() as cluster:
        there = await cluster.start("there")
        shop = there.spawn(Shop.props(Journal()))
        for _ in range(4):
            here = await cluster.start("here")
            reliable = here.reliable(here.ref(shop.address))
            await send_all(reliable, 1)
            await cluster.finish(reliable.flush())
            await cluster.kill(here)
        assert len(streams(there)) <= 2


async def test_the_end_of_the_actor_forgets_its_producers() -> None:
    """Nothing is left of either."""
    async with remote_shop(Journal()) as (cluster, here, there, shop):
        reliable = here.reliable(shop)
        await send_all(reliable, 1)
        await cluster.finish(reliable.flush())
        await cluster.finish(shop.stop())
        assert not there._runtime.reliable.intake._streams
        await reliable.close()


async def test_an_actor_that_was_spawned_from_here_gets_what_is_sent_at_once() -> None:
    """The first words follow its spawn."""
    async with Cluster() as cluster:
        here, _ = await cluster.start("here"), await cluster.start("there")
        servant = here.spawn(Servant, at="there")
        reliable = here.reliable(servant)
        await reliable.send(Keep(1))
        await cluster.finish(reliable.flush())
        assert await cluster.finish(servant.ask(Kept())) == [1]
        await reliable.close()
