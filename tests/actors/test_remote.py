"""The same promises between nodes: here over a network in the process, on virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import re
import uuid
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorNotFoundError,
    ActorRef,
    ActorRestarted,
    ActorsError,
    ActorStoppedError,
    AskTimeoutError,
    Backoff,
    Child,
    DeadLetter,
    Mailbox,
    MemberDown,
    MemberUp,
    Message,
    MessageTooLargeError,
    Node,
    NodeRefused,
    NodeUnreachableError,
    NoRouteesError,
    OneForOne,
    Reason,
    Refusal,
    RemoteError,
    Reply,
    RestForOne,
    Role,
    Router,
    SendTimeoutError,
    SerializationError,
    Supervisor,
    Terminated,
    on,
    register,
)
from tests.actors.kit import Cluster, Do, Gate, Hold, Journal, Note, Puppet, Seen, begin


class Echo(Message[Any]):
    value: Any


class Keep(Message[int]):
    value: Any


class Kept(Message[list[Any]]):
    """Answers what was kept."""


class Raise(Message[None]):
    what: str


class Wait(Message[str]):
    """Answered when somebody tells `Release`."""


class Release(Message[None]):
    answer: str


class Linger(Message[Any]):
    """Stay in the handler until the test opens the gate."""


class Who(Message[Any]):
    """Answers the sender's ref."""


class Pass(Message[Any]):
    """Forwarded to somebody else."""

    to: ActorRef[Any]
    message: Any


class End(Message[None]):
    """Stops itself."""


class TooMuch(Refusal):
    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


@register
class KnownError(Exception):
    """Registered, so it travels as itself."""


class UnknownError(Exception):
    """Registered nowhere."""


@register
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: Any = None


@register
class Color(enum.Enum):
    RED = 1


ERRORS = {
    "key": KeyError("k"),
    "refusal": TooMuch(3),
    "known": KnownError("seen"),
    "unknown": UnknownError("strange"),
}


class Servant(Actor):
    """Does what it is told from afar."""

    def __init__(self, kept: Any = None) -> None:
        self.kept: list[Any] = [] if kept is None else [kept]
        self.waiting: list[Reply[str]] = []

    @on(Echo)
    def echo(self, message: Echo) -> Any:
        return message.value

    @on(Keep)
    def keep(self, message: Keep) -> int:
        self.kept.append(message.value)
        return len(self.kept)

    @on(Kept)
    def all_kept(self, message: Kept) -> list[Any]:
        return list(self.kept)

    @on(Raise)
    def fail(self, message: Raise) -> None:
        raise ERRORS[message.what]

    @on(Wait)
    def wait(self, message: Wait) -> Any:
        self.waiting.append(self.defer_reply())

    @on(Release)
    def release(self, message: Release) -> None:
        for reply in self.waiting:
            reply.send(message.answer)

    @on(Who)
    def who(self, message: Who) -> Any:
        return self.sender

    @on(Pass)
    def hand_on(self, message: Pass) -> None:
        self.forward(message.to, message.message)

    @on(End)
    def end(self, message: End) -> None:
        self.stop()


class Lingering(Servant):
    """Stays in its handler until a gate of the test opens."""

    gate: Gate

    @on(Linger)
    async def linger(self, message: Linger) -> Any:
        return await self.gate.pass_through()


class Picky(Servant):
    """Cannot be built."""

    def __init__(self) -> None:
        raise ValueError("not today")


class Narrow(Puppet):
    mailbox = Mailbox(capacity=1)


class Watcher(Puppet):
    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated", message.ref, message.reason)


async def pair(cluster: Cluster) -> tuple[Node, Node, ActorRef[Any]]:
    """Two nodes, and the first one's ref of a servant on the second."""
    here, there = await cluster.start("here"), await cluster.start("there", "worker")
    there.spawn(Servant, name="servant")
    return here, there, await here.resolve("servant", at="there")


async def watching(node: Node, target: ActorRef[Any]) -> Journal:
    journal = Journal()
    watcher = node.spawn(Watcher.props(journal))
    await watcher.ask(Do(lambda actor: actor.watch(target)))
    return journal


def notices(journal: Journal) -> list[tuple[Any, ...]]:
    return [entry[1:] for entry in journal.entries if entry[0] == "terminated"]


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
        assert "test_remote.py" in notes


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
        assert "test_remote.py" in caught.value.traceback


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


# --- incarnations


async def test_a_restarted_node_is_a_new_incarnation() -> None:
    """What was meant for the old one never reaches the new one; its refs are dead."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        journal = await watching(here, servant)
        await cluster.clock.advance(1)
        await cluster.kill(there)
        again = await cluster.start("there", "worker")
        new = again.spawn(Servant, name="servant")
        letters = Seen(here, DeadLetter)
        servant.tell(Keep("for the old one"))
        with pytest.raises(ActorsError):
            await cluster.finish(servant.ask(Kept(), timeout=5.0))
        await cluster.clock.advance(1)
        assert await new.ask(Kept()) == []
        assert Keep("for the old one") in [letter.message for letter in letters.entries]
        fresh = await cluster.finish(here.resolve("servant", at="there"))
        assert fresh == new
        assert fresh != servant
        assert notices(journal) == [(servant, Reason.NOCONNECTION)]


@pytest.mark.parametrize("end", ["killed", "cut off"])
async def test_a_lost_node_comes_back_at_another_address(end: str) -> None:
    """While the old one is not given up the newcomer is not refused: it waits its turn."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        if end == "killed":
            cluster.network.kill("there")
        else:
            cluster.network.cut("here", "there")
            cluster.network.sever("here", "there")
        cluster.nodes.remove(there)
        again = Node(
            "there",
            bind="tcp://elsewhere:1",
            seeds=["tcp://here:1"],
            clock=cluster.clock,
            transport=cluster.network.transport("elsewhere"),
        )
        refusals = Seen(here, NodeRefused)
        await cluster.finish(again.start())
        cluster.nodes.append(again)
        await cluster.finish(again.wait_for_members(2, timeout=10))
        [member] = [member for member in here.members if member.name == "there"]
        assert member.address == "tcp://elsewhere:1"
        assert refusals.entries == []
        await cluster.finish(there.shutdown(timeout=0.1))


async def test_members_come_and_go_as_events() -> None:
    """MemberUp and MemberDown say who; `node.members` agrees, itself included."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        events = Seen(here, MemberUp, MemberDown)
        there = await cluster.start("there", "worker")
        assert {member.name for member in here.members} == {"here", "there"}
        [member] = [member for member in here.members if member.name == "there"]
        assert member.status == "up"
        assert set(member.roles) == {"worker"}
        assert member.address == "tcp://there:1"
        await cluster.stop(there)
        await cluster.clock.advance(1)
        assert [(type(event), event.member.name) for event in events.entries] == [
            (MemberUp, "there"),
            (MemberDown, "there"),
        ]
        assert {member.name for member in here.members if member.status == "up"} == {"here"}


async def test_a_leaving_node_finishes_what_it_has_and_its_children_move() -> None:
    """From the start of its shutdown nothing is placed there; what it was told is handled."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        there = await cluster.start("there", "worker")
        pool = here.spawn(Router.pool(Lingering.props(), size=2, at=Role("worker")))
        assert await cluster.finish(pool.ask(Echo(1))) == 1
        gate = Lingering.gate = Gate("rested")
        asks = [
            await begin(pool.ask(message)) for message in (Linger(), Linger(), Echo(2), Echo(3))
        ]
        await cluster.clock.advance(0.1)
        cluster.nodes.remove(there)
        leaving = await begin(there.shutdown(timeout=20))
        await cluster.clock.advance(0.1)
        [status] = [member.status for member in here.members if member.name == "there"]
        assert status == "leaving"
        with pytest.raises(NoRouteesError):
            await cluster.finish(pool.ask(Echo(4)))
        late = here.spawn(Servant.props(), at="there")
        assert await cluster.finish(late.stopped()) == Reason.ERROR
        gate.open()
        await cluster.finish(leaving)
        assert [await cluster.finish(ask) for ask in asks] == ["rested", "rested", 2, 3]
        await cluster.start("again", "worker")
        assert await cluster.finish(pool.ask(Echo(5))) == 5


# --- spawning elsewhere


async def test_an_actor_is_spawned_on_another_node() -> None:
    """`spawn(at=...)` returns at once, what is sent queues behind it, and it lives there."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        by_name = here.spawn(Servant.props("given"), name="a", at="there")
        by_role = here.spawn(Servant.props(), at=Role("worker"))
        by_name.tell(Keep("queued"))
        assert await cluster.finish(by_name.ask(Kept())) == ["given", "queued"]
        assert await cluster.finish(by_role.ask(Echo(1))) == 1
        assert by_name.address.startswith("actors://there@there:1/a#")
        assert await there.resolve("a") == by_name


@pytest.mark.parametrize("place", ["nowhere", Role("nobody")])
async def test_a_place_that_is_not_there_ends_the_ref(place: Any) -> None:
    """No such node or role: `error`, asks say why, and what was told is dead letters."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        letters = Seen(here, DeadLetter)
        ref = here.spawn(Servant.props(), at=place)
        ref.tell(Keep(1))
        with pytest.raises(ActorStoppedError):
            await cluster.finish(ref.ask(Kept(), timeout=None))
        assert await cluster.finish(ref.stopped()) == Reason.ERROR
        assert Keep(1) in [letter.message for letter in letters.entries]


async def test_a_remote_spawn_that_fails_says_why() -> None:
    """A constructor that raises and a name that is taken end the ref with `error` and why."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        picky = here.spawn(Picky.props(), at="there", restart="temporary")
        taken = here.spawn(Servant.props(), name="servant", at="there")
        for ref, why in ((picky, "not today"), (taken, "servant")):
            with pytest.raises(ActorStoppedError, match=why):
                await cluster.finish(ref.ask(Kept(), timeout=None))
            assert await cluster.finish(ref.stopped()) == Reason.ERROR


async def test_unsendable_props_raise_at_the_spawn() -> None:
    """What cannot travel is a SerializationError where the call is."""
    async with Cluster() as cluster:
        here, _, _ = await pair(cluster)
        with pytest.raises(SerializationError):
            here.spawn(Servant.props(object()), at="there")


async def test_resolve_finds_paths_on_other_nodes() -> None:
    """By name and path; ActorNotFoundError where nobody has it."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        assert servant == there.ref(servant.address)
        with pytest.raises(ActorNotFoundError):
            await cluster.finish(here.resolve("nobody", at="there"))
        with pytest.raises((NodeUnreachableError, TimeoutError)):
            await cluster.finish(here.resolve("servant", at="nowhere", timeout=1.0))


# --- supervision over nodes


class Far(Supervisor):
    """Keeps its children elsewhere."""

    supervision = OneForOne(max_restarts=3, within=60.0, backoff=Backoff(0, 0))

    def __init__(self, *specs: Child) -> None:
        self.specs = list(specs)

    def child_specs(self) -> list[Child]:
        return self.specs

    @on(Do)
    def do(self, message: Do) -> Any:
        return message.action(self)


async def child(boss: ActorRef[Any], name: str) -> Any:
    return await boss.ask(Do(lambda actor: actor.child(name)))


async def test_a_remote_child_is_restarted_where_it_lives() -> None:
    """Its parent's strategy decides over the network; ref and queue survive."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        restarted = Seen(there, ActorRestarted)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")), name="boss")
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        assert "here" in far.address.partition("/boss")[0] + far.address
        await cluster.finish(far.ask(Keep("old")))
        far.tell(Raise("key"))
        far.tell(Keep("queued"))
        assert await cluster.finish(far.ask(Kept())) == ["queued"]
        assert [event.ref for event in restarted.entries] == [far]
        assert await child(boss, "far") == far


async def test_a_remote_child_that_fails_too_often_fails_its_parent() -> None:
    """The intensity is counted at the parent, wherever the child lives."""
    async with Cluster() as cluster:
        here, _ = await cluster.start("here"), await cluster.start("there", "worker")
        failures = Seen(here, ActorFailed)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        for _ in range(4):
            far.tell(Raise("key"))
            await cluster.clock.advance(1)
        assert boss in [event.ref for event in failures.entries]


async def test_children_elsewhere_end_with_their_parent() -> None:
    """Stopping the parent stops its remote children, with `shutdown`."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        at_home = there.ref(far.address)
        await cluster.finish(boss.stop())
        assert await cluster.finish(at_home.stopped()) == Reason.SHUTDOWN


async def test_children_end_when_their_parents_node_is_lost() -> None:
    """Nobody is left behind without a parent."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        at_home = there.ref((await child(boss, "far")).address)
        assert await cluster.finish(at_home.ask(Echo(1))) == 1
        await cluster.isolate(here)
        with pytest.raises(ActorStoppedError):
            await cluster.finish(at_home.ask(Echo(1), timeout=None))


async def test_a_child_placed_by_role_moves_when_its_node_is_lost() -> None:
    """It is started on another node of the role, under a new ref."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        one = await cluster.start("one", "worker")
        two = await cluster.start("two", "worker")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at=Role("worker"))))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        home, other = (one, two) if "actors://one@" in far.address else (two, one)
        journal = await watching(here, far)
        await cluster.clock.advance(1)
        await cluster.kill(home)
        moved = await child(boss, "far")
        assert moved != far
        assert moved.address.startswith(f"actors://{other.name}@")
        assert await cluster.finish(moved.ask(Kept())) == []
        assert notices(journal) == [(far, Reason.NOCONNECTION)]


async def test_a_child_waits_for_a_node_of_its_role() -> None:
    """`child(name)` is None until one is up, and waiting is no restart."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        failures = Seen(here, ActorFailed)
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at=Role("worker"))))
        await cluster.clock.advance(200)
        assert await child(boss, "far") is None
        await cluster.start("late", "worker")
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        assert await cluster.finish(far.ask(Echo(1))) == 1
        assert failures.entries == []


async def test_a_child_placed_by_name_comes_back_with_its_node() -> None:
    """While its node is away there is none; when the node is back it is started anew."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        boss = here.spawn(Far.props(Child(Servant.props(), name="far", at="there")))
        await cluster.clock.advance(1)
        far = await child(boss, "far")
        await cluster.kill(there)
        await cluster.clock.advance(100)
        assert await child(boss, "far") is None
        await cluster.start("there")
        await cluster.clock.advance(5)
        again = await child(boss, "far")
        assert again is not None
        assert again != far
        assert await cluster.finish(again.ask(Echo(1))) == 1


class Rest(Far):
    supervision = RestForOne(max_restarts=3, within=60.0, backoff=Backoff(0, 0))


async def test_losing_a_node_restarts_its_group() -> None:
    """The loss of a child's node is its failure: those after it restart, and it counts once."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        one = await cluster.start("one", "worker")
        await cluster.start("two", "worker")
        journal = Journal()
        specs = [
            Child(Puppet.props(journal, "first"), name="first"),
            Child(Servant.props(), name="far", at="one"),
            Child(Servant.props(), name="far2", at="one"),
            Child(Puppet.props(journal, "last"), name="last"),
        ]
        here.spawn(Rest.props(*specs))
        await cluster.clock.advance(1)
        journal.clear()
        await cluster.kill(one)
        await cluster.clock.advance(1)
        starts = [entry[1] for entry in journal.entries if entry[0] == "start"]
        assert starts == ["last"]


# --- routers over nodes


async def test_a_router_is_used_from_another_node() -> None:
    """Its ref travels, and asks from afar are routed as at home."""
    async with Cluster() as cluster:
        here, there = await cluster.start("here"), await cluster.start("there")
        props = Router.pool(Servant.props(), size=3, strategy="broadcast")
        there.spawn(props, name="pool")
        far = await cluster.finish(here.resolve("pool", at="there"))
        assert await cluster.finish(far.ask(Echo("x"))) == ["x"] * 3
        far.tell(Keep(1))
        assert await cluster.finish(far.ask(Kept())) == [[1]] * 3


async def test_least_connections_counts_remote_routees_too() -> None:
    """A routee on another node that holds a message is passed over."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        local = here.spawn(Servant)
        router = here.spawn(Router.group([servant, local], strategy="least-connections"))
        there.spawn(Servant, name="unused")
        waiting = await begin(router.ask(Wait(), timeout=None))
        for _ in range(3):
            await cluster.finish(router.ask(Keep("x")))
        assert await local.ask(Kept()) == ["x"] * 3
        servant.tell(Release("done"))
        assert await cluster.finish(waiting) == "done"
        met = [await cluster.finish(router.ask(Keep("y"))) for _ in range(2)]
        assert sorted(met) == [1, 4]


async def test_asks_through_a_router_fail_with_the_node_of_the_routee() -> None:
    """A lost routee leaves at once: its waiting asks fail, the next go to the others."""
    async with Cluster() as cluster:
        here, there, servant = await pair(cluster)
        local = here.spawn(Servant)
        router = here.spawn(Router.group([servant, local], strategy="round-robin"))
        waiting = await begin(router.ask(Wait(), timeout=None))
        await cluster.clock.advance(0.1)
        await cluster.kill(there)
        with pytest.raises((NodeUnreachableError, ActorStoppedError)):
            await waiting
        assert [await cluster.finish(router.ask(Echo(n))) for n in range(4)] == list(range(4))


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
