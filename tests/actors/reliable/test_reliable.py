"""`node.reliable(ref)`: at least once, in order, with backpressure, until it is handled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import (
    ActorStoppedError,
    AskCycleError,
    DeadLetter,
    Directive,
    MessageId,
    Node,
    NodeClosedError,
    OneForOne,
    ReliableClosedError,
    Router,
    SendTimeoutError,
    SerializationError,
    Supervisor,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import Do, Gate, Journal, Note, Puppet, Seen, adds_up, begin, occupy
from tests.actors.reliable.kit import (
    Broad,
    Dropping,
    Narrow,
    Never,
    Order,
    Refused,
    Shop,
    handled,
    send_all,
    stuck,
)


@pytest.mark.parametrize("serialize_local", [False, True])
async def test_all_are_handled_in_order_with_their_ids(serialize_local: bool) -> None:
    """And the block ends when they are; also where local messages go through the codec."""
    journal = Journal()
    async with Node("n", serialize_local=serialize_local) as node:
        shop = node.spawn(Shop.props(journal))
        async with node.reliable(shop, window=3) as reliable:
            await send_all(reliable, *range(10))
            assert reliable.pending <= 3
        assert reliable.pending == 0
        assert handled(journal) == [(n, n + 1, False) for n in range(10)]
        adds_up(node)
        assert node.stats().handled == 10


async def test_a_send_waits_while_the_window_is_full() -> None:
    """That is the backpressure: `window` unhandled ones, and no more."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        reliable = node.reliable(node.spawn(Shop.props(journal, gate)), window=2)
        await send_all(reliable, 1, 2)
        third = await begin(reliable.send(Order(3)))
        fourth = await begin(reliable.send(Order(4)))
        assert not third.done()
        assert reliable.pending == 2
        gate.open()
        await asyncio.gather(third, fourth)
        await reliable.flush()
        assert [number for number, *_ in handled(journal)] == [1, 2, 3, 4]
        await reliable.close()


async def test_only_one_is_in_the_mailbox_at_a_time() -> None:
    """The next one is handed over when the one before it is handled."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal, gate))
        reliable = node.reliable(shop, window=10)
        await send_all(reliable, *range(5))
        await gate.entered.wait()
        assert node.stats().queued == 1
        adds_up(node)
        gate.open()
        await reliable.flush()
        await reliable.close()


async def test_concurrency_has_as_many_in_hand() -> None:
    """An actor that handles two at once gets two."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        reliable = node.reliable(node.spawn(Broad.props(journal, gate)), window=10)
        await send_all(reliable, *range(5))
        await gate.entered.wait()
        await asyncio.sleep(0)
        assert node.stats().queued == 2
        gate.open()
        await reliable.flush()
        assert sorted(number for number, *_ in handled(journal)) == list(range(5))
        await reliable.close()


async def test_a_send_that_waits_too_long_raises_and_sends_nothing() -> None:
    """SendTimeoutError; so does one that is cancelled send nothing."""
    journal, gate, clock = Journal(), Gate(), VirtualClock()
    async with Node("n", clock=clock) as node:
        reliable = node.reliable(node.spawn(Shop.props(journal, gate)), window=1)
        await reliable.send(Order(1))
        late = await begin(reliable.send(Order(2), timeout=1.0))
        cancelled = await begin(reliable.send(Order(3)))
        cancelled.cancel()
        await clock.advance(1.1)
        with pytest.raises(SendTimeoutError, match="Order"):
            await late
        gate.open()
        await clock.settle()
        await send_all(reliable, 4)
        await clock.settle()
        assert [number for number, *_ in handled(journal)] == [1, 4]
        await reliable.close()


async def test_a_flush_that_takes_too_long_raises() -> None:
    """A TimeoutError; the messages go on."""
    journal, gate, clock = Journal(), Gate(), VirtualClock()
    async with Node("n", clock=clock) as node:
        reliable = node.reliable(node.spawn(Shop.props(journal, gate)))
        await reliable.flush()
        await reliable.send(Order(1))
        late = await begin(reliable.flush(timeout=2.0))
        await clock.advance(2.1)
        with pytest.raises(TimeoutError, match="not handled"):
            await late
        gate.open()
        await reliable.flush()
        assert handled(journal) == [(1, 1, False)]
        await reliable.close()


async def test_what_failed_is_handed_over_again_after_the_restart() -> None:
    """Under the same id, marked, and before those that follow."""
    journal, clock = Journal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        reliable = node.reliable(node.spawn(Shop.props(journal)))
        await reliable.send(Order(1))
        await reliable.send(Order(2, failures=2))
        await reliable.send(Order(3))
        flushed = await begin(reliable.flush())
        await clock.advance(5.0)
        await flushed
        assert handled(journal) == [(1, 1, False), (2, 2, True), (3, 3, False)]
        assert journal.entries.count(("tried", 2)) == 3
        adds_up(node)
        assert (node.stats().failed, node.stats().handled) == (2, 3)
        await reliable.close()


class Resuming(Supervisor):
    """Its children go on as they are when they fail."""

    supervision = OneForOne(decide={ValueError: Directive.RESUME})

    @on(Do)
    def do(self, message: Do) -> Any:
        return message.action(self)


async def test_what_failed_is_handed_over_again_where_the_actor_is_resumed() -> None:
    """With growing pauses: nobody is kept busy by a message that always fails."""
    journal, clock = Journal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        boss = node.spawn(Resuming)
        shop = await boss.ask(Do(lambda actor: actor.spawn(Shop.props(journal))))
        reliable = node.reliable(shop)
        await reliable.send(Order(1, failures=1000))
        await clock.advance(20.0)
        tries = journal.entries.count(("tried", 1))
        assert 5 < tries < 15
        await reliable.close()
        await clock.advance(20.0)
        assert journal.entries.count(("tried", 1)) <= tries + 1
        adds_up(node)


async def test_a_refusal_is_handled() -> None:
    """It is an answer, which nobody waits for here."""
    journal = Journal()
    async with Node("n") as node:
        async with node.reliable(node.spawn(Shop.props(journal))) as reliable:
            await reliable.send(Refused())
            await send_all(reliable, 1)
        assert handled(journal) == [(1, 2, False)]


async def test_what_nobody_takes_is_a_dead_letter_and_holds_up_nothing() -> None:
    """Another attempt would end the same way."""
    journal = Journal()
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        async with node.reliable(node.spawn(Shop.props(journal))) as reliable:
            await reliable.send(Never())
            await send_all(reliable, 1)
        assert [letter.reason for letter in letters.entries] == ["unhandled"]
        adds_up(node)


async def test_a_full_mailbox_puts_it_off() -> None:
    """It waits for room, as a `send` does, and nothing is lost."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        shop = node.spawn(Narrow.props(journal, gate))
        one, other = node.reliable(shop), node.reliable(shop)
        await send_all(one, 1, 2)
        await gate.entered.wait()
        await send_all(other, 11, 12)
        third = node.reliable(shop)
        await send_all(third, 21)
        adds_up(node)
        gate.open()
        for each in (one, other, third):
            await each.flush()
            await each.close()
        assert sorted(number for number, *_ in handled(journal)) == [1, 2, 11, 12, 21]
        assert not letters.entries
        adds_up(node)


async def test_one_that_was_dropped_for_a_newer_one_comes_again() -> None:
    """A dead letter says so, and its producer's message is handled all the same."""
    journal, gate, clock = Journal(), Gate(), VirtualClock()
    async with Node("n", clock=clock) as node:
        letters = Seen(node, DeadLetter)
        shop = node.spawn(Dropping.props(journal, gate))
        one, other = node.reliable(shop), node.reliable(shop)
        await send_all(one, 1)
        await gate.entered.wait()
        await send_all(other, 2)
        shop.tell(Refused())
        assert [letter.reason for letter in letters.entries] == ["dropped for a newer message"]
        gate.open()
        await clock.advance(1.0)
        assert [number for number, *_ in handled(journal)] == [1, 2]
        adds_up(node)
        for each in (one, other):
            await each.close()


async def test_one_that_waits_for_room_ends_with_the_actor() -> None:
    """It is not taken for handled."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        shop = node.spawn(Narrow.props(journal, gate))
        reliables = [node.reliable(shop) for _ in range(3)]
        for number, each in enumerate(reliables):
            await each.send(Order(number))
        await gate.entered.wait()
        stopped = await begin(shop.stop())
        gate.open()
        await stopped
        await asyncio.sleep(0)
        assert [each.pending for each in reliables] == [0, 1, 1]
        for each in reliables:
            await each.close()
        adds_up(node)


async def test_a_stashed_message_is_handled_when_it_comes_back() -> None:
    """Until then it is not."""
    journal = Journal()
    async with Node("n") as node:
        puppet = node.spawn(Puppet.props(journal))
        reliable = node.reliable(puppet)
        await reliable.send(Do(lambda actor: actor.stash() if not actor.notes else None))
        await puppet.ask(Note(1))
        assert reliable.pending == 1
        await puppet.ask(Do(lambda actor: actor.unstash_all()))
        await reliable.flush()
        await reliable.close()
        adds_up(node)


async def test_when_the_actor_ends_sends_and_flushes_raise() -> None:
    """Those that wait too; what is unhandled is kept for another one."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal, gate))
        reliable = node.reliable(shop, window=2)
        await send_all(reliable, 1, 2)
        waiting = await begin(reliable.send(Order(3)))
        flushing = await begin(reliable.flush())
        await gate.entered.wait()
        await shop.stop(timeout=0.001)
        for task in (waiting, flushing):
            with pytest.raises(ActorStoppedError):
                await task
        with pytest.raises(ActorStoppedError):
            await reliable.send(Order(4))
        with pytest.raises(ActorStoppedError):
            await reliable.flush()
        assert reliable.pending == 2
        await reliable.close()


async def test_a_new_consumer_gets_what_is_unhandled_in_order_and_marked() -> None:
    """Those that were not sent to the old one are not marked."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        shop = node.spawn(Shop.props(Journal(), gate))
        reliable = node.reliable(shop, window=3, wait=True)
        await send_all(reliable, 1, 2)
        await gate.entered.wait()
        await shop.stop(timeout=0.001)
        await reliable.send(Order(3))
        fourth = await begin(reliable.send(Order(4)))
        assert not fourth.done()
        reliable.redirect(node.spawn(Shop.props(journal)))
        await fourth
        await reliable.flush()
        assert handled(journal) == [(1, 1, True), (2, 2, True), (3, 3, False), (4, 4, False)]
        await reliable.close()
        assert [letter.reason for letter in letters.entries] == []
        adds_up(node)


async def test_a_living_consumer_hands_over_nothing_more_after_a_redirect() -> None:
    """What it has in hand it may finish; the rest is the other one's."""
    old, new, gate = Journal(), Journal(), Gate()
    async with Node("n") as node:
        reliable = node.reliable(node.spawn(Shop.props(old, gate)), window=5)
        await send_all(reliable, *range(5))
        await gate.entered.wait()
        reliable.redirect(node.spawn(Shop.props(new)))
        await reliable.flush()
        gate.open()
        await old.has(("tried", 0))
        assert [number for number, *_ in handled(new)] == [0, 1, 2, 3, 4]
        assert [number for number, *_ in handled(old)] == [0]
        await reliable.close()


async def test_a_consumer_of_before_knows_what_it_handled() -> None:
    """Duplicates are dropped while its incarnation lives."""
    journal = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal))
        nobody = stuck(node)
        reliable = node.reliable(shop)
        await send_all(reliable, 1, 2)
        reliable.redirect(nobody)  # before it has heard that they are handled
        reliable.redirect(shop)
        await reliable.flush()
        assert [number for number, *_ in handled(journal)] == [1, 2]
        await reliable.close()


async def test_what_is_unhandled_at_the_close_is_a_dead_letter() -> None:
    """One for each; nothing is lost silently, and nothing more is accepted."""
    journal, gate = Journal(), Gate()
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        shop = node.spawn(Shop.props(journal, gate))
        reliable = node.reliable(shop, window=2)
        await send_all(reliable, 1, 2)
        waiting = await begin(reliable.send(Order(3)))
        await reliable.close()
        await reliable.close()
        assert [(letter.message, letter.reason) for letter in letters.entries] == [
            (Order(1), "not handled"),
            (Order(2), "not handled"),
        ]
        with pytest.raises(ReliableClosedError):
            await waiting
        with pytest.raises(ReliableClosedError):
            await reliable.send(Order(4))
        with pytest.raises(ReliableClosedError):
            await reliable.flush()
        with pytest.raises(ReliableClosedError):
            reliable.redirect(shop)
        gate.open()
        adds_up(node)


async def test_a_block_that_raises_does_not_wait() -> None:
    """The error is what its caller wants to see."""
    async with Node("n") as node:
        shop = stuck(node)
        reliable = node.reliable(shop)
        with pytest.raises(KeyError):  # noqa: PT012 - it is the block that is tested
            async with reliable:
                await send_all(reliable, 1)
                raise KeyError
        assert reliable.pending == 1
        await shop.stop(timeout=0.001)


async def test_the_end_of_the_node_closes_them() -> None:
    """What they have is dead letters, and a send raises."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        shop = stuck(node)
        reliable = node.reliable(shop)
        await send_all(reliable, 1, 2)
    assert [letter.reason for letter in letters.entries].count("not handled") == 2
    with pytest.raises(ReliableClosedError):
        await reliable.send(Order(3))
    with pytest.raises(NodeClosedError):
        node.reliable(shop)


async def test_waiting_for_oneself_raises() -> None:
    """An actor that flushes what it must handle itself would wait for ever."""

    async def act(actor: Puppet) -> None:
        reliable = actor.node.reliable(actor.ref)
        await reliable.send(Note(1))
        try:
            with pytest.raises(AskCycleError):
                await reliable.flush()
        finally:
            await reliable.close()

    async with Node("n") as node:
        await node.spawn(Puppet).ask(Do(act))


async def test_the_sender_is_who_sent_it() -> None:
    """As with a tell."""
    journal = Journal()
    async with Node("n") as node:
        puppet = node.spawn(Puppet.props(journal))
        sender = node.spawn(Puppet)
        reliable = node.reliable(puppet)
        await sender.ask(
            Do(lambda actor: reliable.send(Do(lambda puppet: journal.add(puppet.sender))))
        )
        await reliable.flush()
        assert journal.entries[-1] == sender
        await reliable.close()


async def test_ordinary_messages_have_no_id() -> None:
    """And are not redelivered."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        assert await puppet.ask(Do(lambda actor: (actor.message_id, actor.redelivered))) == (
            None,
            False,
        )


async def test_a_router_is_no_consumer() -> None:
    """It cannot say what was handled: the error says what to do."""
    async with Node("n") as node:
        pool = node.spawn(Router.pool(Puppet, size=2))
        for wait in (False, True):
            reliable = node.reliable(pool, wait=wait)
            with pytest.raises(TypeError, match="one Reliable for each routee"):
                await reliable.send(Note(1))
            await reliable.close()


async def test_arguments_are_checked_at_the_call() -> None:
    """TypeError and ValueError, with the value named."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        bad: list[tuple[dict[str, Any], type[Exception]]] = [
            ({"ref": "shop"}, TypeError),
            ({"window": 0}, ValueError),
            ({"window": True}, TypeError),
            ({"window": 1.5}, TypeError),
            ({"journal": "orders.db"}, TypeError),
            ({"producer": "a b"}, ValueError),
            ({"producer": 3}, TypeError),
        ]
        for arguments, error in bad:
            with pytest.raises(error):
                node.reliable(**{"ref": ref, **arguments})
        reliable = node.reliable(ref)
        with pytest.raises(ValueError, match="timeout"):
            reliable.send(Note(1), timeout=0)
        with pytest.raises(TypeError, match="ActorRef"):
            reliable.redirect("shop")  # type: ignore[arg-type]
        await reliable.close()


async def test_ids_are_never_the_same_without_a_journal() -> None:
    """Numbers begin anew with each: its id says which it is."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        one, other = (node.reliable(ref, producer="orders") for _ in range(2))
        assert one.producer != other.producer
        assert one.producer.startswith("orders-")
        await one.close()
        await other.close()


async def test_a_local_message_may_be_anything() -> None:
    """Until it would have to leave: a redirect that cannot be changes nothing."""
    from tests.actors.kit import Cluster

    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        gate = Gate()
        puppet = here.spawn(Puppet)
        away = here.ref(there.spawn(Puppet).address)
        busy = await occupy(puppet)
        reliable = here.reliable(puppet)
        await reliable.send(Do(lambda actor: gate.open()))
        with pytest.raises(SerializationError):
            reliable.redirect(away)
        assert reliable.ref == puppet
        busy.open()
        await cluster.finish(reliable.flush())
        busy = await occupy(puppet)
        small = here.reliable(puppet, window=1)
        await small.send(Note(1))
        waiting = await begin(small.send(Do(lambda actor: None)))
        small.redirect(away)  # what waits has not been accepted: its own call hears of it
        with pytest.raises(SerializationError):
            await cluster.finish(waiting)
        await cluster.finish(small.flush())
        await small.close()
        busy.open()
        await cluster.finish(reliable.flush())
        assert gate.opened.is_set()
        await reliable.close()


def test_an_id_has_a_form_for_people_and_tables() -> None:
    """Producer and number; ids of one producer are ordered by number."""
    assert str(MessageId("orders", 7)) == "orders:7"
    assert MessageId("orders", 7) < MessageId("orders", 10)
    assert len({MessageId("a", 1), MessageId("a", 1), MessageId("b", 1)}) == 2
