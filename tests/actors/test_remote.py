"""The same promises between nodes: here over a network in the process, on virtual time."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import pathlib
import re
import uuid
from typing import Any

import pytest

from actors import (
    ActorFailed,
    ActorNotFoundError,
    ActorStoppedError,
    AskTimeoutError,
    DeadLetter,
    LinkFullError,
    MailboxFullError,
    MemberDown,
    MessageTooLargeError,
    Node,
    NodeUnreachableError,
    Reason,
    RemoteError,
    SendTimeoutError,
    SerializationError,
)
from tests.actors.kit import Cluster, Do, Gate, Hold, Journal, Note, Puppet, Seen, begin
from tests.actors.remote_kit import (
    Color,
    Echo,
    End,
    Keep,
    Kept,
    KnownError,
    Narrow,
    Pass,
    Point,
    Raise,
    Release,
    Servant,
    TooMuch,
    Wait,
    Who,
    notices,
    pair,
    watching,
)
from transport import MemoryTransport, TransportOptions

# --- messages and answers


VALUES: list[Any] = [
    None,
    True,
    7,
    2**100,
    -(2**70),
    1.5,
    "text",
    "\ud800",
    b"bytes",
    bytearray(b"array"),
    [1, (2, 3), [4]],
    (1, (2,), ()),
    {"a": (1,), 2: {3}},
    {1, 2},
    frozenset({3}),
    dt.datetime(2024, 5, 17, 12, 30, 1, 5, tzinfo=dt.UTC),
    dt.datetime(2024, 5, 17, 12, 30),
    dt.date(2024, 5, 17),
    dt.time(1, 2, 3),
    dt.timedelta(days=-1, microseconds=3),
    uuid.UUID(int=5),
    decimal.Decimal("1.10"),
    pathlib.Path("a/b"),
    Point(1, (2, 3)),
    Color.RED,
    Keep((1, Point(2))),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
async def test_a_value_arrives_equal_and_of_the_same_type(value: Any) -> None:
    """A remote actor receives, and answers, what a local one would; inside `Any` fields too."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        answer = await cluster.finish(servant.ask(Echo(value)))
        assert answer == value
        assert type(answer) is type(value)
        nested = await cluster.finish(servant.ask(Echo([value])))
        assert nested == [value]
        assert type(nested[0]) is type(value)


async def test_tells_arrive_in_order_and_once() -> None:
    """A thousand tells of one sender are handled in their order, an ask among them too."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        for number in range(1000):
            servant.tell(Keep(number))
        assert await cluster.finish(servant.ask(Kept())) == list(range(1000))


async def test_refs_travel_and_come_home() -> None:
    """A ref in a message works where it arrives; back home it equals the local one."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        local = here.spawn(Servant, name="local")
        assert await cluster.finish(servant.ask(Echo(local))) == local
        servant.tell(Pass(local, Keep("by way of there")))
        await cluster.clock.advance(1)
        assert await local.ask(Kept()) == ["by way of there"]


async def test_the_sender_is_known_on_the_other_node() -> None:
    """`self.sender` is the actor that asked from afar; its ref equals the local one."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        puppet = here.spawn(Puppet)
        assert await cluster.finish(puppet.ask(Do(lambda actor: servant.ask(Who())))) == puppet
        assert await cluster.finish(servant.ask(Who())) is None


async def test_a_forwarded_ask_answers_over_nodes() -> None:
    """Forwarded to the asker's own node and back, the answer still goes to who asked."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        local = here.spawn(Servant)
        away_and_home = Pass(local, Pass(servant, Echo("round")))
        assert await cluster.finish(servant.ask(away_and_home)) == "round"


async def test_a_deferred_reply_answers_over_nodes() -> None:
    """An answer may be put off on the other node."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        waiting = await begin(servant.ask(Wait(), timeout=None))
        await cluster.clock.advance(100)
        assert not waiting.done()
        servant.tell(Release("at last"))
        assert await cluster.finish(waiting) == "at last"


async def test_an_address_names_the_endpoint() -> None:
    """`actors://<node>@<host>:<port>/<path>#<incarnation>`, and `node.ref` takes it back."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        assert re.fullmatch(r"actors://there@there:1/servant#\S+", servant.address)
        assert here.ref(servant.address) == servant
        assert there.ref(servant.address) == servant
        assert there.address == "tcp://there:1"
        assert await cluster.finish(here.ref(servant.address).ask(Echo(1))) == 1


# --- errors


async def test_a_builtin_error_arrives_as_itself_with_the_remote_traceback() -> None:
    """The asker gets the class that was raised, and a note with the other side's traceback."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        with pytest.raises(KeyError) as caught:
            await cluster.finish(servant.ask(Raise("key")))
        assert caught.value.args == ("k",)
        notes = "\n".join(getattr(caught.value, "__notes__", []))
        assert "fail" in notes
        assert "remote_kit.py" in notes


async def test_refusals_and_registered_errors_arrive_as_themselves() -> None:
    """With their data, and without harm where it is a refusal."""
    async with Cluster() as cluster:
        _, there, servant = await pair(cluster)
        failures = Seen(there, ActorFailed)
        with pytest.raises(TooMuch) as refused:
            await cluster.finish(servant.ask(Raise("refusal")))
        assert refused.value.missing == 3
        assert failures.entries == []
        with pytest.raises(KnownError, match="seen"):
            await cluster.finish(servant.ask(Raise("known")))
        assert len(failures.entries) == 1


async def test_an_unregistered_error_arrives_as_a_remote_error() -> None:
    """It names the class, and carries text and traceback."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        with pytest.raises(RemoteError) as caught:
            await cluster.finish(servant.ask(Raise("unknown")))
        assert caught.value.type_name.endswith("UnknownError")
        assert "strange" in str(caught.value)
        assert "remote_kit.py" in caught.value.traceback


async def test_what_cannot_be_sent_raises_at_the_call() -> None:
    """An unsendable message raises SerializationError here, and nothing is sent."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        before = here.stats().outbound
        with pytest.raises(SerializationError):
            servant.tell(Keep(object()))
        with pytest.raises(TypeError):
            await servant.ask(Echo(lambda: None))
        with pytest.raises(SerializationError):
            await servant.send(object())
        assert here.stats().outbound == before


async def test_what_is_too_large_raises_at_the_call() -> None:
    """A message beyond 64 MiB raises MessageTooLargeError, a ValueError."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        with pytest.raises(MessageTooLargeError) as caught:
            servant.tell(Keep(bytes(65 * 1024 * 1024)))
        assert isinstance(caught.value, ValueError)
        assert await cluster.finish(servant.ask(Echo("fine"))) == "fine"


async def test_a_remote_ask_times_out() -> None:
    """The AskTimeoutError names recipient and message."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        waiting = await begin(servant.ask(Wait(), timeout=2.0))
        await cluster.clock.advance(1.9)
        assert not waiting.done()
        await cluster.clock.advance(0.2)
        with pytest.raises(AskTimeoutError, match="servant") as caught:
            await waiting
        assert "Wait" in str(caught.value)


async def test_a_remote_actor_that_stops_fails_its_asks_at_once() -> None:
    """What it owed is answered with ActorStoppedError, and so is what comes after."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        waiting = await begin(servant.ask(Wait(), timeout=None))
        servant.tell(End())
        await cluster.clock.advance(1)
        with pytest.raises(ActorStoppedError):
            await waiting
        with pytest.raises(ActorStoppedError):
            await cluster.finish(servant.ask(Echo(1), timeout=None))


# --- faults


async def test_a_lost_node_fails_its_asks_as_soon_as_it_is_known() -> None:
    """NodeUnreachableError comes with the loss, not with the timeout."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        downs = Seen(here, MemberDown)
        waiting = await begin(servant.ask(Wait(), timeout=None))
        await cluster.clock.advance(0)
        await cluster.kill(there)
        assert waiting.done()
        with pytest.raises((NodeUnreachableError, ActorStoppedError)):
            await waiting
        assert [event.member.name for event in downs.entries] == ["there"]
        with pytest.raises((NodeUnreachableError, ActorStoppedError)):
            await cluster.finish(servant.ask(Echo(1), timeout=None))


async def test_what_is_told_to_a_lost_node_is_a_dead_letter_here() -> None:
    """Nothing told is lost in silence: it was handled there, or is a dead letter here."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        letters = Seen(here, DeadLetter)
        cluster.network.cut("here", "there")
        for number in range(10):
            servant.tell(Keep(number))
        await cluster.clock.advance(0.1)
        await cluster.kill(there)
        servant.tell(Keep("after"))
        await cluster.clock.advance(1)
        dead = [letter.message for letter in letters.entries]
        assert dead == [*[Keep(number) for number in range(10)], Keep("after")]
        assert all(letter.recipient == servant for letter in letters.entries)
        stats = here.stats()
        assert stats.outbound == stats.sent + stats.undelivered + stats.waiting
        assert stats.undelivered == 11


async def test_a_broken_connection_that_comes_back_loses_and_doubles_nothing() -> None:
    """A short fault of the network is bridged: every message once, in order."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        for number in range(300):
            servant.tell(Keep(number))
            if number % 50 == 0:
                cluster.network.sever("here", "there")
                await cluster.clock.advance(0.05)
        await cluster.clock.advance(1)
        assert await cluster.finish(servant.ask(Kept())) == list(range(300))


@pytest.mark.parametrize("address", ["actors://ghost@ghost:1/it#1.1", "actors://ghost/it#1.1"])
async def test_an_ask_of_where_nobody_listens_fails_soon(address: str) -> None:
    """NodeUnreachableError comes when the connection is refused, not with the timeout."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        letters = Seen(here, DeadLetter)
        ref = here.ref(address)
        ref.tell(Keep("told"))
        asking = await begin(ref.ask(Kept(), timeout=None))
        sending = await begin(ref.send(Keep("sent")))
        await cluster.clock.advance(0.5)
        for waiting in (asking, sending):
            with pytest.raises(NodeUnreachableError):
                await waiting
        assert await cluster.finish(ref.stopped()) == Reason.NOCONNECTION
        assert Keep("told") in [letter.message for letter in letters.entries]
        stats = here.stats()
        assert stats.outbound == stats.undelivered == 3


async def test_an_ask_of_where_nobody_answers_fails_before_its_timeout() -> None:
    """A node that does not answer at all is waited for a few seconds, and may come meanwhile."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        there = await cluster.start("there")
        there.spawn(Servant, name="servant")
        servant = await here.resolve("servant", at="there")
        await cluster.kill(there)
        cluster.network.cut("here", "ghost")
        ghost = MemoryTransport(cluster.network, "ghost")
        await ghost.bind("tcp://ghost:1")
        ref = here.ref("actors://ghost@ghost:1/it#1.1")
        waiting = await begin(ref.ask(Kept(), timeout=None))
        await cluster.clock.advance(1.0)
        assert not waiting.done()
        await cluster.clock.advance(1.5)
        with pytest.raises(NodeUnreachableError, match="ghost"):
            await waiting
        with pytest.raises(NodeUnreachableError):
            await cluster.finish(servant.ask(Kept(), timeout=None))
        await ghost.close(0)


async def test_a_full_link_to_a_living_node_says_so() -> None:
    """The asker gets a MailboxFullError that names the node; a tell is a dead letter with why."""
    async with Cluster() as cluster:
        here = Node(
            "here",
            bind="tcp://here:1",
            clock=cluster.clock,
            transport=cluster.network.transport("here"),
            options=TransportOptions(capacity=64 * 1024),
        )
        await here.start()
        cluster.nodes.append(here)
        there = await cluster.start("there")
        there.spawn(Servant, name="servant")
        servant = await cluster.finish(here.resolve("servant", at="there"))
        letters = Seen(here, DeadLetter)
        cluster.network.stall("there")
        for _ in range(8):
            servant.tell(Keep(bytes(10_000)))
        assert {letter.reason for letter in letters.entries} == {"the link to node 'there' is full"}
        with pytest.raises(MailboxFullError, match=r"'there' is full.*use send to wait") as caught:
            await servant.ask(Keep(bytes(10_000)))
        assert isinstance(caught.value, LinkFullError)
        assert (caught.value.node, caught.value.capacity) == ("there", 64 * 1024)
        assert caught.value.recipient == servant.address
        sending = await begin(servant.send(Keep("in the end")))
        await cluster.clock.advance(1)
        assert not sending.done()
        cluster.network.unstall("there")
        await cluster.finish(sending)
        kept = await cluster.finish(servant.ask(Kept()))
        assert kept == [bytes(10_000)] * (8 + 1 - len(letters.entries)) + ["in the end"]
        stats = here.stats()
        assert stats.outbound == stats.sent + stats.undelivered + stats.waiting
        assert stats.undelivered == len(letters.entries)


async def test_one_slow_peer_delays_nobody_else() -> None:
    """While one node is stalled, messages to another go through."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        third = await cluster.start("third")
        third.spawn(Servant, name="other")
        other = await cluster.finish(here.resolve("other", at="third"))
        cluster.network.stall("there")
        for _ in range(100):
            servant.tell(Keep("stuck"))
        asks = await asyncio.gather(*[begin(other.ask(Echo(n))) for n in range(10)])
        await cluster.clock.advance(0.2)
        assert [ask.result() for ask in asks] == list(range(10))
        cluster.network.unstall("there")
        await cluster.clock.advance(1)


# --- send, stop


async def test_a_send_waits_for_room_on_the_other_node() -> None:
    """`send` returns when the message is in the remote mailbox; a timeout is a SendTimeoutError."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        narrow = there.spawn(Narrow, name="narrow")
        far = await here.resolve("narrow", at="there")
        gate = Gate()
        narrow.tell(Hold(gate))
        await gate.entered.wait()
        await cluster.finish(far.send(Keep(1)))
        waiting = await begin(far.send(Keep(2)))
        late = await begin(far.send(Keep(3), timeout=1.0))
        await cluster.clock.advance(5)
        assert not waiting.done()
        with pytest.raises(SendTimeoutError):
            await late
        gate.open()
        await cluster.finish(waiting)


async def test_a_remote_actor_is_stopped_and_its_end_awaited() -> None:
    """`stop` and `stopped` work over nodes, with the same reasons."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        ended = await begin(servant.stopped())
        await cluster.finish(servant.stop())
        assert await cluster.finish(ended) == Reason.SHUTDOWN
        await cluster.finish(servant.stop())
        again = there.spawn(Servant, name="servant")
        assert again != servant
        fresh = await cluster.finish(here.resolve("servant", at="there"))
        fresh.tell(End())
        assert await cluster.finish(fresh.stopped()) == Reason.NORMAL


async def test_a_remote_drain_handles_what_is_queued() -> None:
    """`stop(drain=True)` from afar comes after what the same sender told before."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        journal = Journal()
        local = there.spawn(Puppet.props(journal), name="puppet")
        far = await here.resolve("puppet", at="there")
        gate = Gate()
        local.tell(Hold(gate))
        await gate.entered.wait()
        for number in range(5):
            far.tell(Note(number))
        stopping = await begin(far.stop(drain=True))
        await cluster.clock.advance(1)
        gate.open()
        await cluster.finish(stopping)
        assert [entry[1] for entry in journal.entries if entry[0] == "note"] == list(range(5))


async def test_a_stop_keeps_its_timeout_where_the_node_hangs() -> None:
    """A node that hangs cannot keep the deadline: the caller goes on soon after it."""
    async with Cluster() as cluster:
        _, _, servant = await pair(cluster)
        cluster.network.stall("there")
        stopping = await begin(servant.stop(timeout=1))
        await cluster.clock.advance(0.9)
        assert not stopping.done()
        await cluster.clock.advance(0.7)
        assert stopping.done()
        cluster.network.unstall("there")
        assert await cluster.finish(servant.stopped()) == Reason.SHUTDOWN


async def test_a_node_closes_soon_beside_one_that_hangs() -> None:
    """Where no message of a user is on its way, a peer that hangs costs its linger alone."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        assert await cluster.finish(servant.ask(Echo(1))) == 1
        cluster.network.stall("there")
        closing = await begin(here.shutdown(timeout=30))
        await cluster.clock.advance(1)
        assert closing.done()
        assert await closing
        cluster.network.unstall("there")


async def test_a_node_closes_late_for_the_sake_of_messages() -> None:
    """What users told a node that hangs is waited for, and arrives when it goes on."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        own = await there.resolve("servant")
        cluster.network.stall("there")
        servant.tell(Keep("last words"))
        closing = await begin(here.shutdown(timeout=30))
        await cluster.clock.advance(1)
        assert not closing.done()
        cluster.network.unstall("there")
        await cluster.clock.advance(0.1)
        assert await cluster.finish(closing)
        assert await own.ask(Kept()) == ["last words"]


# --- watch


@pytest.mark.parametrize(("end", "reason"), [("itself", Reason.NORMAL), ("stop", Reason.SHUTDOWN)])
async def test_a_remote_watcher_hears_once(end: str, reason: Reason) -> None:
    """One Terminated comes over the network, with ref and reason."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        if end == "itself":
            servant.tell(End())
        else:
            await cluster.finish(servant.stop())
        await cluster.clock.advance(1)
        assert notices(journal) == [(servant, reason)]


async def test_watching_the_remote_dead_gives_noproc() -> None:
    """So does an actor that was dead before, while its node lives."""
    async with Cluster() as cluster:
        here, _, servant = await pair(cluster)
        await cluster.finish(servant.stop())
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        assert notices(journal) == [(servant, Reason.NOPROC)]


async def test_losing_its_node_ends_what_is_watched_with_noconnection() -> None:
    """A lost node gives one Terminated `noconnection` for each watched actor of it."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        await cluster.kill(there)
        assert notices(journal) == [(servant, Reason.NOCONNECTION)]
        await cluster.clock.advance(60)
        assert notices(journal) == [(servant, Reason.NOCONNECTION)]


async def test_a_watch_of_a_lost_node_ends_at_once() -> None:
    """Watching an actor of a node that is gone already gives `noconnection` or `noproc`."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        await cluster.kill(there)
        journal = await watching(here, servant)
        await cluster.clock.advance(10)
        [(ref, reason)] = notices(journal)
        assert ref == servant
        assert reason in {Reason.NOCONNECTION, Reason.NOPROC}


# --- resolve


async def test_resolve_finds_paths_on_other_nodes() -> None:
    """By name and path; ActorNotFoundError where nobody has it."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        assert servant == there.ref(servant.address)
        with pytest.raises(ActorNotFoundError):
            await cluster.finish(here.resolve("nobody", at="there"))
        with pytest.raises((NodeUnreachableError, TimeoutError)):
            await cluster.finish(here.resolve("servant", at="nowhere", timeout=1.0))


async def test_names_that_two_nodes_make_up_for_one_place_differ() -> None:
    """Each counts for itself; what one spawns on the other does not meet what is there."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        own = [there.spawn(Servant) for _ in range(20)]
        sent = [here.spawn(Servant, at="there") for _ in range(20)]
        assert [await cluster.finish(ref.ask(Echo(1))) for ref in (*own, *sent)] == [1] * 40
