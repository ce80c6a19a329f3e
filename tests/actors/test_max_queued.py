"""A node that has as many messages queued as it may takes no more from others, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorRef, DeadLetter, MailboxFullError, Node, NodeFullError
from tests.actors.kit import Cluster, Gate, Note, Notes, Puppet, Seen, adds_up, occupy

MOST = 20


async def guarded(cluster: Cluster) -> tuple[Node, Node, ActorRef[Any], Gate]:
    """Return two nodes, and from the first one an actor of the second that is busy."""
    here, there = await cluster.start("here"), await cluster.start("there", max_queued=MOST)
    busy = there.spawn(Puppet, name="busy")
    gate = await occupy(busy)
    return here, there, await cluster.finish(here.resolve("busy", at="there")), gate


async def fill(cluster: Cluster, ref: ActorRef[Any], there: Node) -> None:
    """Tell, each in a batch of its own, until no more is taken."""
    refused = Seen(there, DeadLetter)
    number = 0
    while not refused.entries:
        ref.tell(Note(number))
        number += 1
        await cluster.clock.advance(0.01)
        assert number <= 2 * MOST


@pytest.mark.parametrize("kind", ["ask", "send"])
async def test_who_waits_for_an_answer_hears_that_the_node_is_full(kind: str) -> None:
    """It is a MailboxFullError that names the node; what was queued before is handled."""
    async with Cluster() as cluster:
        _, there, ref, gate = await guarded(cluster)
        await fill(cluster, ref, there)
        with pytest.raises(NodeFullError, match="'there' has 20 messages queued") as caught:
            await cluster.finish(getattr(ref, kind)(Note(0)))
        assert isinstance(caught.value, MailboxFullError)
        assert (caught.value.node, caught.value.capacity) == ("there", MOST)
        assert caught.value.recipient == ref.address
        gate.open()
        notes = await cluster.finish(ref.ask(Notes()))
        assert notes == list(range(MOST - 1))
        adds_up(there)


async def test_a_tell_becomes_a_dead_letter_there() -> None:
    """Its body is not read, the ledger adds up, and there is room again when some is handled."""
    async with Cluster() as cluster:
        _, there, ref, gate = await guarded(cluster)
        letters = Seen(there, DeadLetter)
        await fill(cluster, ref, there)
        assert {letter.reason for letter in letters.entries} == {"node full"}
        assert there.stats().queued == MOST
        adds_up(there)
        gate.open()
        assert await cluster.finish(ref.ask(Note(-1))) is not None
        adds_up(there)


async def test_what_is_no_message_goes_through() -> None:
    """A full node is a member all the same: it can be watched, and an actor of it be stopped."""
    async with Cluster() as cluster:
        here, there, ref, gate = await guarded(cluster)
        idle = there.spawn(Puppet, name="idle")
        await fill(cluster, ref, there)
        far = await cluster.finish(here.resolve("idle", at="there"))
        await cluster.finish(far.stop())
        assert await cluster.finish(idle.stopped()) is not None
        assert {member.name for member in here.members} == {"here", "there"}
        gate.open()


async def test_its_own_actors_are_heard_by_each_other() -> None:
    """The bound is for what comes from elsewhere."""
    async with Cluster() as cluster:
        _, there, ref, gate = await guarded(cluster)
        await fill(cluster, ref, there)
        other = there.spawn(Puppet, name="other")
        assert await cluster.finish(other.ask(Note(5))) is not None
        gate.open()


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_it_is_a_number_of_messages(value: Any, error: type[Exception]) -> None:
    """Anything else is refused when the node is made."""
    with pytest.raises(error, match="max_queued must be"):
        Node(max_queued=value)
