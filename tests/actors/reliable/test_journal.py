"""A `Reliable` and its journal: on disk before it goes, in batches, and how it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import DeadLetter, JournalError, Node
from actors.testing import VirtualClock
from tests.actors.kit import Gate, Journal, Seen, begin
from tests.actors.reliable.kit import MemoryJournal, Order, Shop, handled, send_all, stuck


def closed_journal() -> MemoryJournal:
    """One whose next step takes until the test opens its gate."""
    journal = MemoryJournal()
    journal.gate = Gate()
    return journal


async def test_nothing_goes_before_it_is_written() -> None:
    """A message that its producer could forget is not handled."""
    notes, memory, clock = Journal(), MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        shop = node.spawn(Shop.props(notes))
        async with node.reliable(shop, journal=memory) as reliable:
            memory.gate = Gate()
            sending = await begin(reliable.send(Order(1)))
            await clock.settle()
            assert not sending.done()
            assert handled(notes) == []
            memory.gate.open()
            await sending
            await reliable.flush()
            assert handled(notes) == [(1, 1, False)]


async def test_what_comes_while_it_writes_is_written_together() -> None:
    """One transaction for all that was sent meanwhile."""
    memory, clock = MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        shop = node.spawn(Shop.props(Journal()))
        async with node.reliable(shop, journal=memory) as reliable:
            memory.gate = Gate()
            sends = [await begin(reliable.send(Order(number))) for number in range(5)]
            memory.gate.open()
            await asyncio.gather(*sends)
            await reliable.flush()
        written = [batch for batch in memory.batches if batch]
        assert [sequence for batch in written for sequence in batch] == [1, 2, 3, 4, 5]
        assert len(written) <= 2


async def test_what_is_handled_is_written_with_the_next_message_or_soon() -> None:
    """It shares the transaction of the next one, and waits a second for that."""
    memory, clock = MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        reliable = node.reliable(node.spawn(Shop.props(Journal())), journal=memory)
        await send_all(reliable, 1)
        await reliable.flush()
        assert memory.handled == 0
        await send_all(reliable, 2)
        assert memory.handled == 1
        await reliable.flush()
        await clock.advance(1.1)
        assert memory.handled == 2
        assert memory.batches == [[1], [2], []]
        await reliable.close()


async def test_the_close_writes_what_is_handled() -> None:
    """And closes the journal; without news nothing is written."""
    memory = MemoryJournal()
    async with Node("n", clock=VirtualClock()) as node:
        async with node.reliable(node.spawn(Shop.props(Journal())), journal=memory) as reliable:
            await send_all(reliable, 1)
        assert (memory.handled, memory.closed) == (1, True)


async def test_what_is_restored_is_sent_again_and_marked() -> None:
    """Before anything new, under its old numbers."""
    notes = Journal()
    async with Node("n") as node:
        first = MemoryJournal()
        reliable = node.reliable(stuck(node), journal=first)
        records = []
        write = first.write

        async def keep(producer: str, batch: Any, done: int) -> None:
            records.extend(batch)
            await write(producer, batch, done)

        first.write = keep  # type: ignore[method-assign]
        await send_all(reliable, 1, 2, 3)
        second = MemoryJournal(*records[1:], handled=1)
        shop = node.spawn(Shop.props(notes))
        async with node.reliable(shop, window=1, journal=second, producer="again") as restored:
            assert restored.producer == "again"
            await send_all(restored, 4)
        assert handled(notes) == [(2, 2, True), (3, 3, True), (4, 4, False)]
        await reliable.close()


async def test_what_is_in_a_journal_is_no_dead_letter() -> None:
    """The next life sends it."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        reliable = node.reliable(stuck(node), journal=MemoryJournal())
        await send_all(reliable, 1, 2)
        await reliable.close()
        assert not letters.entries


async def test_a_journal_that_cannot_be_opened_raises() -> None:
    """In `async with`, and in `send` and `flush`."""
    memory = MemoryJournal()
    memory.error = JournalError("orders.db", "somebody has it")
    async with Node("n") as node:
        shop = node.spawn(Shop.props(Journal()))
        with pytest.raises(JournalError, match="somebody has it"):
            async with node.reliable(shop, journal=memory):
                pass
        reliable = node.reliable(shop, journal=memory)
        with pytest.raises(RuntimeError, match="not open"):
            _ = reliable.producer
        with pytest.raises(JournalError):
            await reliable.send(Order(1))
        with pytest.raises(JournalError):
            await reliable.flush()
        await reliable.close()


async def test_what_cannot_be_written_is_not_accepted() -> None:
    """Its `send` raises, those that wait too, and it is handled by nobody."""
    notes, memory, clock = Journal(), MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        shop = node.spawn(Shop.props(notes))
        async with node.reliable(shop, window=2, journal=memory) as reliable:
            await send_all(reliable, 1)
            await reliable.flush()
            memory.gate = Gate()
            memory.error = OSError("no space left")
            sends = [await begin(reliable.send(Order(number))) for number in (2, 3, 4)]
            await clock.settle()
            memory.gate.open()
            for sending in sends:
                with pytest.raises(JournalError, match="no space left"):
                    await sending
            with pytest.raises(JournalError):
                await reliable.send(Order(5))
            assert reliable.pending == 0
            with pytest.raises(JournalError):
                await reliable.flush()
            await reliable.close()
        assert handled(notes) == [(1, 1, False)]


async def test_a_journal_that_is_behind_its_consumer_is_noticed() -> None:
    """One that was lost, or brought back from an old copy, would give out its numbers again."""
    notes = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(notes))
        first = node.reliable(shop, journal=MemoryJournal())
        await send_all(first, 1, 2)
        await first.flush()
        second = node.reliable(shop, journal=MemoryJournal())
        sending = await begin(send_all(second, 3))
        with pytest.raises(JournalError, match="older"):
            await asyncio.gather(sending, second.flush())
        await second.close()
        await first.close()


async def test_a_send_may_come_before_the_journal_is_open() -> None:
    """It waits; so does a close."""
    notes, memory = Journal(), closed_journal()
    async with Node("n", clock=VirtualClock()) as node:
        reliable = node.reliable(node.spawn(Shop.props(notes)), journal=memory)
        sending = await begin(reliable.send(Order(1)))
        flushing = await begin(reliable.flush())
        memory.gate.open()
        await sending
        await flushing
        assert handled(notes) == [(1, 1, False)]
        await reliable.close()
        held = closed_journal()
        early = node.reliable(node.spawn(Shop.props(notes)), journal=held)
        closing = await begin(early.close())
        held.gate.open()
        await closing
        assert held.closed


async def test_a_journal_that_hangs_does_not_hold_up_the_end_of_the_node() -> None:
    """For more than a few seconds."""
    memory, clock = MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        reliable = node.reliable(node.spawn(Shop.props(Journal())), journal=memory)
        await send_all(reliable, 1)
        await reliable.flush()
        memory.gate = Gate()
        ending = await begin(node.shutdown())
        await clock.advance(6.0)
        assert await ending
        memory.gate.open()
        await reliable.close()


async def test_a_sender_that_gave_up_after_it_was_accepted_changes_nothing() -> None:
    """What is accepted is not taken back."""
    notes, memory, clock = Journal(), MemoryJournal(), VirtualClock()
    async with Node("n", clock=clock) as node:
        async with node.reliable(node.spawn(Shop.props(notes)), journal=memory) as reliable:
            memory.gate = Gate()
            sending = await begin(reliable.send(Order(1)))
            sending.cancel()
            await clock.settle()
            memory.gate.open()
        assert handled(notes) == [(1, 1, False)]
