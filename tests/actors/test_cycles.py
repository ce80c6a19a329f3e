"""`AskCycleError`: asks that could only wait for each other fail at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import ActorRef, AskCycleError, Mailbox, Message, Node, Router, on
from actors.testing import MemoryNetwork, VirtualClock
from tests.actors.kit import Do, Fail, Gate, Hold, Journal, Note, Notes, Puppet, begin, occupy, soon


class Chain(Message[str]):
    """Ask the first of these with the rest; answer "cycle" where that raises."""

    refs: list[Any]


class RemotePuppet(Puppet):
    """Passes a chain on."""

    @on(Chain)
    async def chain(self, message: Chain) -> Any:
        if not message.refs:
            return "end"
        try:
            return await message.refs[0].ask(Chain(message.refs[1:]), timeout=None)
        except AskCycleError:
            return "cycle"


class Two(Puppet):
    """Handles two messages at once."""

    concurrency = 2


class Narrow(Puppet):
    """Has room for one message."""

    mailbox = Mailbox(capacity=1)


def asking(ref: ActorRef[Any], message: object) -> Do:
    """Have the actor ask another and answer with the answer."""
    return Do(lambda actor: ref.ask(message, timeout=None))


def catching(ref: ActorRef[Any], message: object) -> Do:
    """Have the actor ask another; answer "cycle" where that raises AskCycleError."""

    async def attempt(actor: Any) -> Any:
        try:
            return await ref.ask(message, timeout=None)
        except AskCycleError:
            return "cycle"

    return Do(attempt)


async def test_asking_oneself_raises_at_once() -> None:
    """An actor that handles one message at a time cannot answer itself."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        assert await puppet.ask(Do(lambda actor: catching(actor.ref, Notes()).action(actor))) == (
            "cycle"
        )


async def test_a_asks_b_asks_a_raises_at_once() -> None:
    """The ask that closes the cycle raises; without a catch all askers on the way get it."""
    async with Node("n") as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        assert await a.ask(asking(b, catching(a, Notes()))) == "cycle"
        with pytest.raises(AskCycleError):
            await a.ask(asking(b, asking(a, Notes())))


async def test_cycles_are_found_over_any_number_of_actors() -> None:
    """A ring of five that ask one another round is found at its last link."""
    async with Node("n") as node:
        ring = [node.spawn(Puppet) for _ in range(5)]
        message: Do = catching(ring[0], Notes())
        for ref in reversed(ring[1:]):
            message = asking(ref, message)
        assert await ring[0].ask(message) == "cycle"


async def test_the_same_recipient_without_a_cycle_is_fine() -> None:
    """Two actors that ask a third, and a chain that ends, are no cycles."""
    async with Node("n") as node:
        a, b, c = (node.spawn(Puppet) for _ in range(3))
        assert await asyncio.gather(a.ask(catching(c, Notes())), b.ask(catching(c, Notes()))) == [
            [],
            [],
        ]
        assert await a.ask(catching(b, catching(c, Notes()))) == []
        assert await b.ask(catching(a, catching(c, Notes()))) == []


async def test_a_cycle_that_comes_about_later_is_found() -> None:
    """B holds A's ask in hand for a while and only then asks back: that closes the cycle."""
    async with Node("n") as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        gate = Gate()

        async def wait_and_ask_back(actor: Any) -> Any:
            await gate.pass_through()
            try:
                return await a.ask(Notes(), timeout=None)
            except AskCycleError:
                return "cycle"

        waiting = await begin(a.ask(asking(b, Do(wait_and_ask_back))))
        await gate.entered.wait()
        gate.open()
        assert await waiting == "cycle"


async def test_two_that_ask_each_other_at_the_same_time_do_not_hang() -> None:
    """When A and B ask each other, each in a message of its own, at least one of them raises."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        gate = Gate()

        def when_both_are_busy(other: ActorRef[Any]) -> Do:
            async def attempt(actor: Any) -> Any:
                await gate.pass_through()
                return await catching(other, Notes()).action(actor)

            return Do(attempt)

        answers = [
            await begin(a.ask(when_both_are_busy(b), timeout=None)),
            await begin(b.ask(when_both_are_busy(a), timeout=None)),
        ]
        await clock.advance(1)
        gate.open()
        await clock.advance(1)
        assert all(answer.done() for answer in answers)
        assert "cycle" in await asyncio.gather(*answers)


async def test_room_for_an_answer_is_no_cycle() -> None:
    """With `concurrency` 2 the asked one can answer while its own ask waits."""
    async with Node("n") as node:
        two, b = node.spawn(Two), node.spawn(Puppet)
        assert await two.ask(asking(b, asking(two, Note(1)))) == 1
        assert await two.ask(Do(lambda actor: actor.ref.ask(Note(2)))) == 2


async def test_a_full_concurrency_is_a_cycle() -> None:
    """Where all places are taken by asks that wait for the answer, the closing ask raises."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        two, b = node.spawn(Two), node.spawn(Two)
        gate = Gate()

        async def wait_and_ask_back(actor: Any) -> Any:
            await gate.pass_through()
            try:
                return await two.ask(Notes(), timeout=None)
            except AskCycleError:
                return "cycle"

        answers = [
            await begin(two.ask(asking(b, Do(wait_and_ask_back)), timeout=None)) for _ in "12"
        ]
        await gate.entered.wait()
        await clock.advance(0)
        gate.open()
        await clock.advance(1)
        assert all(answer.done() for answer in answers)
        assert "cycle" in await asyncio.gather(*answers)


async def test_other_work_in_hand_is_no_cycle() -> None:
    """With `concurrency` 2 and one place taken by work that ends, an ask back waits for it."""
    async with Node("n") as node:
        two, b = node.spawn(Two), node.spawn(Puppet)
        gate = Gate()
        held = await begin(two.ask(Hold(gate)))
        await gate.entered.wait()
        waiting = await begin(two.ask(asking(b, catching(two, Note(1))), timeout=None))
        await node.spawn(Puppet).ask(Notes())
        gate.open()
        await held
        assert await waiting == 1


async def test_a_task_that_asks_back_after_the_answer_is_no_cycle() -> None:
    """Once its message is answered, a task of B may ask A, which waits for nothing any more."""
    async with Node("n") as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        answered = asyncio.Event()
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def later() -> None:
            await answered.wait()
            result.set_result(await a.ask(Note("from a task"), timeout=None))

        await a.ask(asking(b, Do(lambda actor: actor.create_task(later()) and None)))
        answered.set()
        assert await result == 1


async def test_a_deferred_reply_leaves_room_to_be_asked() -> None:
    """An actor that put off its answer has nothing in hand and can be asked."""
    async with Node("n") as node:

        class Later(Puppet):
            @on(Hold)
            async def hold(self, message: Hold) -> Any:
                self.reply = self.defer_reply()

        later, b = node.spawn(Later), node.spawn(Puppet)
        waiting = await begin(later.ask(Hold(Gate())))
        assert await b.ask(asking(later, Notes())) == []
        await later.ask(Do(lambda actor: actor.reply.send("done")))
        assert await waiting == "done"


async def test_a_task_that_the_handler_awaits_is_part_of_the_cycle() -> None:
    """An ask in a task of the message in hand closes a cycle like one in the handler itself."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        puppet = node.spawn(Puppet)

        async def in_a_gather(actor: Any) -> Any:
            return await asyncio.gather(catching(actor.ref, Notes()).action(actor))

        async def in_a_task(actor: Any) -> Any:
            return await actor.create_task(catching(actor.ref, Notes()).action(actor))

        for action in (in_a_gather, in_a_task):
            waiting = await begin(puppet.ask(Do(action), timeout=None))
            await clock.advance(1)
            assert waiting.done()
            assert "cycle" in (await waiting)


async def test_cycles_are_found_through_a_forward() -> None:
    """A asks B, which forwards to C, which asks A: A waits for C by then."""
    async with Node("n") as node:
        a, c = node.spawn(Puppet), node.spawn(Puppet)

        class Pass(Puppet):
            async def receive(self, message: object) -> None:
                self.forward(c, catching(a, Notes()))

        b = node.spawn(Pass)
        assert await a.ask(asking(b, "pass it on")) == "cycle"


async def test_who_forwarded_may_ask_the_asker() -> None:
    """B has handed A's ask to C and may then ask A, which answers when C has answered it."""
    async with Node("n") as node:
        a, c = node.spawn(Puppet), node.spawn(Puppet)
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        class Pass(Puppet):
            async def receive(self, message: object) -> None:
                self.forward(c, Note("forwarded"))
                result.set_result(await a.ask(Note("asked")))

        b = node.spawn(Pass)
        assert await a.ask(asking(b, "pass it on")) == 1
        assert await result == 1


@pytest.mark.parametrize("strategy", ["round-robin", "least-connections", "broadcast"])
async def test_cycles_are_found_through_a_router(strategy: str) -> None:
    """A asks a router whose routee asks A: found, also where all routees must answer."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        router = node.spawn(Router.group([b], strategy=strategy))
        waiting = await begin(a.ask(asking(router, catching(a, Notes())), timeout=None))
        await clock.advance(1)
        assert waiting.done()
        assert await waiting in ("cycle", ["cycle"])


async def test_asks_from_outside_are_in_no_cycle() -> None:
    """A plain task that asks is no actor and closes nothing."""
    async with Node("n") as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        assert await asyncio.gather(*[ref.ask(Notes()) for ref in (a, b, a, b)]) == [[]] * 4


async def test_an_answered_ask_is_in_no_cycle_any_more() -> None:
    """B may ask A as soon as it has answered A, before A has gone on."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        gate = await occupy(b)
        answered = await begin(a.ask(asking(b, Note(1))))
        await clock.advance(0)
        asked_back = await begin(b.ask(catching(a, Notes())))
        gate.open()
        assert await answered == 1
        assert await asked_back == []


async def test_an_ask_that_was_answered_early_is_in_no_cycle_any_more() -> None:
    """A handler that has sent its deferred reply may ask the one that it answered."""
    clock = VirtualClock()
    journal = Journal()
    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)

        async def answer_and_ask_back(actor: Any) -> None:
            actor.defer_reply().send("answered")
            journal.add(await catching(a, Notes()).action(actor))

        assert await a.ask(asking(b, Do(answer_and_ask_back))) == "answered"
        await clock.advance(0)
        assert journal.entries == [[]]


async def test_an_actor_that_failed_leaves_no_room_for_an_answer() -> None:
    """With `concurrency` 2, one message failed and one that asks B: B asking it back is a cycle."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        two, b = node.spawn(Two), node.spawn(Puppet)
        gate = Gate()

        async def wait_and_ask_back(actor: Any) -> Any:
            await gate.pass_through()
            return await catching(two, Notes()).action(actor)

        waiting = await begin(two.ask(asking(b, Do(wait_and_ask_back)), timeout=None))
        await gate.entered.wait()
        with pytest.raises(ValueError, match="bad"):
            await two.ask(Fail(ValueError("bad")))
        gate.open()
        await clock.advance(1)
        assert waiting.done()
        assert await waiting == "cycle"
        assert await two.ask(Notes()) == []


async def test_sending_to_ones_own_full_mailbox_raises() -> None:
    """Nobody else would make room: AskCycleError at once, and nothing is sent."""

    class Small(Puppet):
        mailbox = Mailbox(capacity=1)

    async def fill(actor: Any) -> Any:
        await actor.ref.send(Note("fits"))
        try:
            await actor.ref.send(Note("does not"))
        except AskCycleError:
            return "cycle"

    async with Node("n") as node:
        small = node.spawn(Small)
        assert await small.ask(Do(fill), timeout=None) == "cycle"
        assert await small.ask(Notes()) == ["fits"]


async def test_two_that_send_to_each_others_full_mailbox_do_not_hang() -> None:
    """A send that waits for room is part of a cycle as an ask is."""
    clock = VirtualClock()

    class Small(Puppet):
        mailbox = Mailbox(capacity=1)

    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Small), node.spawn(Small)
        gate = Gate()

        def filling(other: ActorRef[Any]) -> Do:
            async def fill(actor: Any) -> str:
                await gate.pass_through()
                try:
                    await other.send(Note(1))
                    await other.send(Note(2))
                except AskCycleError:
                    return "cycle"
                return "sent"

            return Do(fill)

        answers = [
            await begin(a.ask(filling(b), timeout=None)),
            await begin(b.ask(filling(a), timeout=None)),
        ]
        await clock.advance(0)
        gate.open()
        await clock.advance(1)
        assert all(answer.done() for answer in answers)
        assert sorted(await asyncio.gather(*answers)) == ["cycle", "sent"]


async def test_a_timed_out_ask_is_in_no_cycle_any_more() -> None:
    """Once A has given up on B, B may ask A."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        a, b = node.spawn(Puppet), node.spawn(Puppet)
        gate = Gate()

        async def wait_and_ask_back(actor: Any) -> Any:
            await gate.pass_through()
            return await a.ask(Note("after"), timeout=None)

        async def give_up(actor: Any) -> str:
            with pytest.raises(TimeoutError):
                await b.ask(Do(wait_and_ask_back), timeout=1.0)
            return "gave up"

        waiting = await begin(a.ask(Do(give_up)))
        await gate.entered.wait()
        await clock.advance(1.5)
        assert await waiting == "gave up"
        gate.open()
        await clock.advance(0)
        assert await a.ask(Notes()) == ["after"]


async def test_cycles_are_found_over_nodes() -> None:
    """A on one node asks B on another, which asks A: found at once, not at a timeout."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"]) as second,
    ):
        await first.wait_for_members(2, timeout=10)
        await second.wait_for_members(2, timeout=10)
        home = first.spawn(RemotePuppet, name="home")
        away = second.spawn(RemotePuppet, name="away")
        there = await first.resolve("away", at="b")
        back = await second.resolve("home", at="a")
        assert there == away
        assert back == home
        assert await home.ask(Chain([there, home])) == "cycle"


@pytest.mark.parametrize("places", ["abb", "aab", "aba", "baa"])
async def test_cycles_are_found_over_nodes_through_actors_on_one(places: str) -> None:
    """Who asks last may not be whom the first one asked: the way between them is local."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"]) as second,
    ):
        await first.wait_for_members(2, timeout=10)
        await second.wait_for_members(2, timeout=10)
        nodes = {"a": first, "b": second}
        made = [nodes[place].spawn(RemotePuppet) for place in places]
        ring = [first.ref(ref.address) for ref in made]
        assert await ring[0].ask(Chain([*ring[1:], ring[0]])) == "cycle"


async def test_a_send_that_was_followed_is_forgotten() -> None:
    """A send that waited for one who waits for another node leaves nothing behind."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"]) as second,
    ):
        await first.wait_for_members(2, timeout=10)
        far, narrow, sender = second.spawn(Puppet), first.spawn(Narrow), first.spawn(Puppet)
        there, gate = first.ref(far.address), await occupy(far)
        asks, sends = asyncio.Event(), asyncio.Event()

        async def ask_on(_: Any) -> Any:
            asks.set()
            return await there.ask(Note("x"), timeout=None)

        async def send_on(_: Any) -> None:
            sends.set()
            await narrow.send(Note("waits for room"))

        asking_on = soon(narrow.ask(Do(ask_on)))
        await asks.wait()
        narrow.tell(Note("fills it"))
        sending_on = soon(sender.ask(Do(send_on)))
        await sends.wait()
        assert len(first._running().remote.edge_chasing.probed) == 1
        gate.open()
        await asyncio.gather(asking_on, sending_on)
        assert not first._running().remote.edge_chasing.probed


async def test_an_ask_that_was_followed_and_forwarded_is_forgotten() -> None:
    """Twice it waits for one who waits for another node; neither leaves anything behind."""
    network = MemoryNetwork()
    async with (
        Node("a", bind="tcp://a:1", transport=network.transport()) as first,
        Node("b", bind="tcp://b:1", transport=network.transport(), seeds=["tcp://a:1"]) as second,
    ):
        await first.wait_for_members(2, timeout=10)
        gates, waiters, waits = [], [], []
        for _ in range(2):
            far, waiter = second.spawn(Puppet), first.spawn(Puppet)
            gates.append(await occupy(far))
            asks = asyncio.Event()

            async def ask_on(_: Any, far: Any = far, asks: asyncio.Event = asks) -> Any:
                asks.set()
                return await first.ref(far.address).ask(Note("x"), timeout=None)

            waits.append(soon(waiter.ask(Do(ask_on))))
            await asks.wait()
            waiters.append(waiter)
        one, other = waiters
        forwards, asks = asyncio.Event(), asyncio.Event()

        def forward(actor: Any) -> None:
            actor.forward(other, Note("y"))
            forwards.set()

        async def ask_one(_: Any) -> Any:
            asks.set()
            return await one.ask(Do(forward), timeout=None)

        answer = soon(first.spawn(Puppet).ask(Do(ask_one)))
        await asks.wait()
        assert len(first._running().remote.edge_chasing.probed) == 1
        gates[0].open()
        await forwards.wait()
        assert len(first._running().remote.edge_chasing.probed) == 1
        gates[1].open()
        await asyncio.gather(answer, *waits)
        assert not first._running().remote.edge_chasing.probed
