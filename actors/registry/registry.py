"""A node's part in the table of names, groups and topics: what it tells others, and hears.

The idea of one directory for all of them is that of Akka's Receptionist.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from actors.address import Address, Origin, host_port
from actors.asks import Ask
from actors.errors import ActorsError, NodeUnreachableError, RegistryFullError
from actors.events import NameConflict
from actors.peer import Expected, Peer
from actors.ref import ActorRef
from actors.registry.groups import Groups
from actors.registry.names import Names
from actors.registry.records import (
    Order,
    in_records,
    read_changes,
    read_order,
    write_changes,
    write_order,
)
from actors.registry.table import MAX_ENTRIES, Change, Owner, Section, Table
from actors.registry.topics import Topics
from actors.wire import Kind

if TYPE_CHECKING:
    from asyncio import Task

    from actors.runtime import Runtime

log = logging.getLogger("actors.registry")

Entry = Change[ActorRef[Any]]


class Registry:
    """Keeps the table: enters and strikes, tells the other nodes, takes in what they tell."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self.table: Table[ActorRef[Any]] = Table(node.name)
        self._peers: dict[Peer, Origin] = {}
        """The nodes that are connected, and keep a replica of this one's entries."""
        self._orders: dict[Task[None], tuple[Peer, str, ActorRef[Any]]] = {}
        """Names that this node is making known on behalf of others."""
        self.names = Names(self, node)
        self.groups = Groups(self, node.events)
        self.topics = Topics(self, node)

    # --- entries --------------------------------------------------------------------------------

    def is_here(self, ref: ActorRef[Any]) -> bool:
        """Whether this node is the one that owns the actor's entries."""
        return ref._origin.node == self._node.name

    def living(self, ref: ActorRef[Any]) -> ActorRef[Any] | None:
        """Return this node's own ref of a living actor of it; None where it has ended."""
        cell = self._node.delivery.cells.get(ref._key)
        return None if cell is None or cell.ref != ref else cell.ref

    def enter(self, section: Section, name: str, ref: ActorRef[Any]) -> None:
        """Enter an actor, here or on its own node. One that has ended is entered nowhere.

        Raises NodeUnreachableError, and RegistryFullError where it lives here.
        """
        if not self.is_here(ref):
            self.order(ref, Order(section, name, True, None))
            return
        living = self.living(ref)
        if living is not None:
            self.add(section, name, living)

    def strike(self, section: Section, name: str, ref: ActorRef[Any]) -> None:
        """Take such an entry away, here or on the actor's own node; nothing where that is lost."""
        if self.is_here(ref):
            self.remove(section, name, ref)
        elif ref._origin[:2] in self._node.remote.peers:
            self.order(ref, Order(section, name, False, None))

    def add(self, section: Section, name: str, ref: ActorRef[Any]) -> bool:
        """Enter a living actor of this node; False where it is entered. RegistryFullError."""
        if self.table.is_full and not self.table.owns(section, name, ref):
            raise RegistryFullError(self._node.name, MAX_ENTRIES)
        change = self.table.enter(section, name, ref)
        return self._made(() if change is None else (change,))

    def remove(self, section: Section, name: str, ref: ActorRef[Any]) -> bool:
        """Strike an entry of this node; False where there is none."""
        change = self.table.strike(section, name, ref)
        return self._made(() if change is None else (change,))

    def ended(self, ref: ActorRef[Any]) -> None:
        """An actor of this node has ended, and with it all its entries."""
        if not self.table.is_empty:
            self._made(self.table.strike_all(ref))

    def _made(self, changes: Iterable[Entry]) -> bool:
        """Tell the other nodes what has changed here, then whoever follows it here."""
        made = list(changes)
        self._tell_all(made)
        self._heard(made)
        return bool(made)

    def _heard(self, changes: Iterable[Entry]) -> None:
        for change in changes:
            if change.section is Section.NAMES:
                self.names.changed(change)
            elif change.section is Section.GROUPS:
                self.groups._changed(change)
            else:
                self.topics._changed(change)

    # --- other nodes ----------------------------------------------------------------------------

    def connected(self, peer: Peer) -> None:
        """A node is up: tell it all that is entered here."""
        member = self._node.membership.get(peer.name)
        address = None if member is None else member.address
        self._peers[peer] = Origin(peer.name, peer.incarnation, host_port(address))
        self.table.connected(_owner(peer))
        self._tell(peer, self.table.own())

    def disconnected(self, peer: Peer) -> None:
        """A node is lost."""
        self._peers.pop(peer, None)
        self.leaving(peer)

    def leaving(self, peer: Peer) -> None:
        """A node takes nothing more from others: nobody there is known by name any more."""
        self._heard(self.table.disconnected(_owner(peer)))

    def suspect(self, peer: Peer, *, is_suspect: bool) -> None:
        """The link to a node broke, or stands again: routers do without its actors meanwhile."""
        self.groups._pause(lambda ref: ref._origin[:2] == _owner(peer), is_paused=is_suspect)

    def up(self) -> list[Peer]:
        """Return the nodes that are up, but for this one."""
        return [peer for peer in self._peers if self._node.membership.is_up(peer.name)]

    def _tell_all(self, changes: list[Entry]) -> None:
        if changes:
            for peer in self._peers:
                self._tell(peer, changes)

    def _tell(self, peer: Peer, changes: list[Entry]) -> None:
        for some in in_records(changes):
            value = write_changes(self.table.time, some)
            self._node.remote.signal(peer, Kind.ENTRIES, "", None, 0, value)

    def whereis(self, peer: Peer, name: str, ref: ActorRef[Any]) -> Future[ActorRef[Any] | None]:
        """Ask another node who has a name: it answers when it knows all that was told before."""
        return self._question(peer, Kind.WHEREIS, name, ref, None)

    def order(self, ref: ActorRef[Any], order: Order) -> Future[None]:
        """Have the node of an actor elsewhere enter or strike it. Raises NodeUnreachableError."""
        peer = self._node.remote.associations.peer(ref._origin)
        if peer is None:
            raise NodeUnreachableError(ref, f"node {ref.node_name!r} is not reachable")
        return self._question(peer, Kind.ENROL, ref._key, ref, write_order(order))

    def _question(
        self, peer: Peer, kind: Kind, target: str, ref: ActorRef[Any], value: object
    ) -> Future[Any]:
        remote, answer = self._node.remote, self._node.loop.create_future()
        correlation = next(remote.correlations)
        peer.pending[correlation] = Expected(Ask((ref,), answer), ref)
        remote.signal(peer, kind, target, None, correlation, value)
        answer.add_done_callback(_retrieve)
        return answer

    # --- what they say --------------------------------------------------------------------------

    def on_entries(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A node tells what has come and gone there."""
        origin = self._peers[peer]
        delivery = self._node.delivery
        try:
            time, changes = read_changes(value, lambda key: delivery.ref_of(Address(origin, key)))
        except ValueError as error:
            log.warning("node %r told entries that are not taken: %s", peer.name, error)
            return
        received = self.table.receive(_owner(peer), time, changes)
        if received.refused:
            log.warning("node %r has more than %d entries", peer.name, MAX_ENTRIES)
        # The others first: whatever those who hear of it here do comes after it there, too.
        self._tell_all([Change(Section.NAMES, c.name, c.loser, None) for c in received.conflicts])
        self._heard(received.changes)
        for name, winner, loser in received.conflicts:
            log.warning("%s has lost the name %r to %s, which had it earlier", loser, name, winner)
            self._node.events.publish(NameConflict(name, winner, loser))

    def on_whereis(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A node asks who has a name."""
        holder = self.table.first(Section.NAMES, target)
        self._node.remote.reply(peer, correlation, holder)

    def on_enrol(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A node wants an actor of this one entered, or struck."""
        try:
            order = read_order(value)
        except ValueError as error:
            log.warning("node %r gave an order that is not obeyed: %s", peer.name, error)
            self._node.remote.reply_error(peer, correlation, error)
            return
        ref = self._node.delivery.local(target)
        if order.section is Section.NAMES:
            self._begin_to_name(peer, correlation, order, ref)
        else:
            self._enrol(peer, correlation, order, ref)

    def _enrol(self, peer: Peer, correlation: int, order: Order, ref: ActorRef[Any]) -> None:
        """Do it at once: what comes behind the order finds it done."""
        act = self.enter if order.is_entry else self.strike
        try:
            act(order.section, order.name, ref)
        except RegistryFullError as error:
            log.warning("for node %r: %s", peer.name, error)
            self._node.remote.reply_error(peer, correlation, error)
        else:
            self._node.remote.reply(peer, correlation, None)

    async def _name(self, peer: Peer, correlation: int, order: Order, ref: ActorRef[Any]) -> None:
        """Name an actor here, or take its name away, and say when all know it."""
        act = self.names.claim if order.is_entry else self.names.release
        try:
            await act(order.name, ref, order.timeout)
        except (ActorsError, TimeoutError) as error:
            self._node.remote.reply_error(peer, correlation, error)
        else:
            self._node.remote.reply(peer, correlation, None)

    def _begin_to_name(
        self, peer: Peer, correlation: int, order: Order, ref: ActorRef[Any]
    ) -> None:
        """Begin to obey; where it is a name to strike, what has begun to enter it ends."""
        what = (peer, order.name, ref)
        if not order.is_entry:
            for task in [task for task, its in self._orders.items() if its == what]:
                task.cancel()
        work = self._name(peer, correlation, order, ref)
        task = self._node.loop.create_task(work, context=self._node.context.copy())
        self._orders[task] = what
        task.add_done_callback(self._orders.pop)

    def close(self) -> None:
        """Wait for nobody any more."""
        for task in tuple(self._orders):
            task.cancel()


def _owner(peer: Peer) -> Owner:
    return Owner(peer.name, peer.incarnation)


def _retrieve(answer: Future[Any]) -> None:
    """What nobody waits for is not a failure that nobody saw."""
    if not answer.cancelled():
        answer.exception()
