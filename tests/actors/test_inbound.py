"""What a member says of others and of what is not its own: refused, also without rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from actors import ActorRef, MemberDown, Node
from actors.actor import class_name
from actors.peer import REMEMBERED_CHARACTERS, Peer
from actors.router import Router
from actors.wire import Kind
from serialization import pack
from tests.actors.kit import Cluster, Do, Journal, Note, Puppet, Seen, begin, occupy
from tests.actors.remote_kit import Echo, Servant, notices, watching
from transport import TransportOptions


class Trio(NamedTuple):
    """Two nodes that have to do with each other, and a third that lies to the first."""

    cluster: Cluster
    bank: Node
    branch: Node
    liar: Node

    @property
    def peer(self) -> Peer:
        """The liar as the bank knows it."""
        return peer_of(self.bank, "liar")

    async def lie(self, kind: Kind, target: str, sender: str | None, *more: Any) -> None:
        """Send such a record to the bank: a correlation, and a value."""
        correlation, value = (*more, 0, None)[:2] if len(more) != 1 else (more[0], None)
        tag, body, _ = self.liar._runtime.codec.encode(value)
        record = pack(int(kind), target, sender, correlation, tag, body, 0)
        assert peer_of(self.liar, "bank").push(record)
        await self.cluster.clock.advance(0.2)

    def rejected(self) -> int:
        """How many records the bank has refused as nonsense."""
        assert self.bank._mesh is not None
        return self.bank._mesh.stats().rejected.get("record", 0)

    def here(self, ref: ActorRef[Any]) -> ActorRef[Any]:
        """The bank's own ref."""
        return self.bank.ref(ref.address)


def peer_of(node: Node, name: str) -> Peer:
    [peer] = [each for each in node._runtime.remote.peers.values() if each.name == name]
    return peer


@asynccontextmanager
async def trio() -> AsyncIterator[Trio]:
    async with Cluster() as cluster:
        names = ("bank", "branch", "liar")
        yield Trio(cluster, *[await cluster.start(name) for name in names])


async def test_nobody_tells_of_the_end_of_another_nodes_actor() -> None:
    """Whoever watches it goes on watching, and hears of its end from its own node."""
    async with trio() as all_:
        watched = all_.branch.spawn(Servant)
        journal = await watching(all_.bank, all_.here(watched))
        [(_, watchers)] = peer_of(all_.bank, "branch").watches.items()
        [watcher] = watchers
        await all_.lie(Kind.TERMINATED, watcher._key, watched.address, 0, ["killed", ""])
        assert not notices(journal)
        assert all_.rejected() == 1
        await all_.cluster.finish(watched.stop())
        await all_.cluster.clock.advance(0.2)
        assert len(notices(journal)) == 1


async def test_nobody_ends_a_watch_of_another_nodes_actor() -> None:
    """It is told of the end as if nothing had been said."""
    async with trio() as all_:
        watched = all_.bank.spawn(Servant)
        journal = await watching(all_.branch, all_.branch.ref(watched.address))
        await all_.cluster.clock.advance(0.2)
        [watcher] = watched._target.watchers  # type: ignore[attr-defined]
        await all_.lie(Kind.UNWATCH, watched._key, watcher.address)
        assert all_.rejected() == 1
        await all_.cluster.finish(watched.stop())
        await all_.cluster.clock.advance(0.2)
        assert len(notices(journal)) == 1


async def test_nobody_watches_for_another_nodes_actor() -> None:
    """Nor for one of this node: nobody is written down as a watcher."""
    async with trio() as all_:
        watched, other = all_.bank.spawn(Servant), all_.branch.spawn(Servant)
        for watcher in (other, watched):
            await all_.lie(Kind.WATCH, watched._key, watcher.address)
        assert all_.rejected() == 2
        assert not watched._target.watchers  # type: ignore[attr-defined]


async def test_a_node_may_write_its_own_actors_in_full() -> None:
    """An address of its own is as good as a key."""
    async with trio() as all_:
        watched, watcher = all_.bank.spawn(Servant), all_.liar.spawn(Servant)
        await all_.lie(Kind.WATCH, watched._key, watcher.address)
        assert all_.rejected() == 0
        assert list(watched._target.watchers) == [watcher]  # type: ignore[attr-defined]


async def test_a_made_up_cycle_ends_nobodys_ask() -> None:
    """A probe that names an actor which does not wait for that ask has found nothing."""
    async with trio() as all_:
        slow = all_.branch.spawn(Puppet.props(Journal()))
        gate = await all_.cluster.finish(occupy(slow))
        bystander, asker = all_.bank.spawn(Servant), all_.bank.spawn(Puppet.props(Journal()))
        outside = await begin(all_.here(slow).ask(Note(1)))
        inside = await begin(asker.ask(Do(lambda _: all_.here(slow).ask(Note(2)))))
        for token in range(1, 20):
            value = [bystander.address, 0]
            await all_.lie(Kind.PROBE, bystander._key, None, token, value)
        assert not outside.done()
        assert not inside.done()
        gate.open()
        assert await all_.cluster.finish(outside) == 1
        assert await all_.cluster.finish(inside) == 2


SERVANT = class_name(Servant)


@pytest.mark.parametrize("key", ["late#5", "late#7-1", "late#-1"])
async def test_an_actor_from_afar_has_a_key_of_its_spawners_life(key: str) -> None:
    """Others could be those that this node, or another one, gives to its own actors."""
    async with trio() as all_:
        value = [SERVANT, [], {}, "temporary", 1.0, None]
        await all_.lie(Kind.SPAWN, key, None, 0, value)
        assert all_.bank.stats().actors == 0
        assert key not in all_.bank._runtime.delivery._fates


async def test_a_refused_spawn_fills_no_memory() -> None:
    """Neither its key nor the words of the error are kept where they are long."""
    async with trio() as all_:
        own = f"{all_.peer.incarnation:x}"
        for path in ("x" * 10_000, "/".join("x" * 100 for _ in range(60)), "x"):
            name = "no." + "such" * 10_000
            value = [name, [], {}, "temporary", 1.0, None]
            await all_.lie(Kind.SPAWN, f"{path}#{own}-1", None, 0, value)
        [(key, (_, detail))] = all_.bank._runtime.delivery._fates.items()
        assert key == f"x#{own}-1"
        assert len(detail) <= 1000


@pytest.mark.parametrize("args", [[], [5], ["x", "y"]])
async def test_a_class_that_chokes_on_its_arguments_keeps_no_name(args: list[Any]) -> None:
    """Whatever a router is given from afar: the name is free, and nothing is logged as a fault."""
    async with trio() as all_:
        target = f"accounts#{all_.peer.incarnation:x}-1"
        value = [class_name(Router), args, {}, "temporary", 1.0, None]
        await all_.lie(Kind.SPAWN, target, None, 0, value)
        assert all_.bank.stats().actors == 0
        mine = all_.bank.spawn(Servant, name="accounts")
        assert await all_.cluster.finish(mine.ask(Echo(1))) == 1


async def test_long_addresses_are_not_remembered() -> None:
    """Thousands of senders with long names would be hundreds of megabytes."""
    async with trio() as all_:
        servant = all_.bank.spawn(Servant)
        long = "/".join(["x" * 100] * (REMEMBERED_CHARACTERS // 100 + 1)) + "#1"
        for sender in (long, "short#1"):
            await all_.lie(Kind.TELL, servant._key, sender, 0, Echo(1))
        assert set(all_.peer.refs) & {long, "short#1"} == {"short#1"}


NAN = float("nan")
COMMANDS = [
    ["halt", None, NAN],
    ["halt", None, -1.0],
    ["halt", None, "5"],
    ["halt", None, 10**400],
    ["stop", "shutdown", False, NAN, ""],
    ["stop", "shutdown", False, True, ""],
]


@pytest.mark.parametrize("command", COMMANDS, ids=repr)
async def test_a_deadline_that_is_none_is_refused(command: list[Any]) -> None:
    """No timer is set by it, and the actor goes on."""
    async with trio() as all_:
        servant = all_.bank.spawn(Servant)
        await all_.lie(Kind.COMMAND, servant._key, None, 0, command)
        assert all_.rejected() == 1
        assert await all_.cluster.finish(servant.ask(Echo(1))) == 1


async def test_a_ref_to_nobody_ends_no_call_of_others() -> None:
    """Somebody else dials that address: it is dialled on when nobody of that name came."""
    async with trio() as all_:
        assert all_.bank._mesh is not None
        all_.bank._mesh.dial("tcp://elsewhere:1")
        all_.bank.ref("actors://ghost@elsewhere:1/x#1.1").tell(Echo(1))
        await all_.cluster.clock.advance(5)
        assert all_.bank._mesh.stats().dialling == 1
        all_.bank._mesh.forget("tcp://elsewhere:1")


async def test_who_asks_and_takes_no_answers_in_is_given_up() -> None:
    """What would wait for it for ever fills no memory; a member that reads is served as before."""
    async with Cluster() as cluster:
        bank = await cluster.start("bank", options=TransportOptions(capacity=64 * 1024))
        liar, branch = await cluster.start("liar"), await cluster.start("branch")
        servant = bank.spawn(Servant, name="servant")
        downs = Seen(bank, MemberDown)
        assert liar._mesh is not None
        liar._mesh._peers["bank"].take = lambda _: None
        for number in range(1, 2000):
            question = pack(int(Kind.RESOLVE), "nobody", None, number, None, b"\xc0", 0)
            assert peer_of(liar, "bank").push(question)
        await cluster.clock.advance(0.5)
        [down] = downs.entries
        assert (down.member.name, "does not take in" in down.reason) == ("liar", True)
        assert await cluster.finish(branch.resolve("servant", at="bank")) == servant
