"""Reliable delivery: what was accepted is handled, in order, and once by each consumer.

Every node has a depot, a consumer that fails now and then, and a shipper, whose producer goes from
one depot to another. Half of the shippers have a journal.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    Child,
    Message,
    MessageId,
    Node,
    OneForOne,
    Reliable,
    Supervisor,
    on,
)
from actors.testing import InvariantError
from actors.testing.host import Host, current_host
from tests.simulation.workload.disk import Disk
from tests.simulation.workload.work import Work

BOUND = 60.0
"""Virtual seconds within which all must be handled, once the faults are over.

A producer asks a silent consumer ever more rarely, down to once in 30 s.
"""

ATTEMPTS = 20
"""How often a node looks for a depot at the end."""


class Parcel(Message[None]):
    """The `number`th that the shipper of node `origin` has sent, in whichever life."""

    origin: str
    number: int


class Depot(Actor):
    """Handles parcels, some of them slowly, and fails on others."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries

    @on(Parcel)
    async def take(self, parcel: Parcel) -> None:
        assert self.message_id is not None
        self.deliveries.tries(self.message_id, redelivered=self.redelivered)
        if random.random() < 0.2:
            await asyncio.sleep(random.uniform(0.0, 0.5))
        if random.random() < 0.05:
            raise ValueError("dropped on the floor")
        self.deliveries.handles(self.ref._key, self.message_id, parcel)


class Dock(Supervisor):
    """Keeps a depot that fails often."""

    supervision = OneForOne(max_restarts=1000, within=1.0)

    def __init__(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries

    def child_specs(self) -> list[Child]:
        return [Child(Depot.props(self.deliveries), name="depot")]


@dataclass(eq=False)
class Shipment:
    """What the shipper of one life of a node does."""

    host: Host
    journal: Disk | None
    reliable: Reliable | None = None

    @property
    def survives(self) -> bool:
        """Whether what it has accepted must not be lost, as things stand."""
        return self.journal is not None or self.host.alive


class Shipper(Actor):
    """Sends parcels to one depot after another, for as long as it is wanted."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries
        self.target = ""

    async def on_start(self) -> None:
        self.create_task(self.work())

    async def work(self) -> None:
        shipment = self.deliveries.begins(self.node)
        depot = await self.find()
        shipment.reliable = reliable = self.node.reliable(
            depot, 5, shipment.journal, f"shipper-{self.node.name}", wait=True
        )
        self.create_task(self.follow(reliable))
        while True:
            await asyncio.sleep(random.expovariate(2.0))
            if self.deliveries.over:
                return
            parcel = self.deliveries.next_parcel(self.node.name)
            await reliable.send(parcel)
            self.deliveries.accepted[parcel] = shipment

    async def find(self) -> ActorRef[Any]:
        """Return a depot, mostly that on the same node as before."""
        while True:
            if not self.target or random.random() < 0.2:
                self.target = random.choice(self.node.members).name
            depot = await find_depot(self.node, self.target)
            if depot is not None:
                return depot
            await asyncio.sleep(random.uniform(0.1, 1.0))

    async def follow(self, reliable: Reliable) -> None:
        """Look again and again where the depot is by now."""
        while not self.deliveries.over:
            await asyncio.sleep(random.uniform(0.5, 3.0))
            reliable.redirect(await self.find())


async def find_depot(node: Node, at: str) -> ActorRef[Any] | None:
    """Return the depot of a node; None where that cannot be said at present."""
    try:
        return await node.resolve("dock/depot", at=at, timeout=2.0)
    except (ActorsError, TimeoutError):
        return None


class Deliveries(Work):
    """Knows what was accepted, by whom, and what was handled, by whom."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.over = False
        """Whether nothing more is to be sent."""
        self.accepted: dict[Parcel, Shipment] = {}
        self._handled: set[Parcel] = set()
        self._new: set[MessageId] = set()
        """What some depot had in hand and was not marked as redelivered."""
        self._last: dict[tuple[Host, str, str], int] = {}
        """The last of each producer that each life of each consumer has handled."""
        self._numbers: dict[str, int] = {}
        self._disks: dict[str, Disk | None] = {}
        self._shipments: dict[str, Shipment] = {}

    async def setup(self, node: Node) -> None:
        """Have a depot and a shipper."""
        node.spawn(Dock.props(self), name="dock")
        node.spawn(Shipper.props(self), name="shipper")

    # --- what shippers say ----------------------------------------------------------------------

    def begins(self, node: Node) -> Shipment:
        """A shipper begins: it has a disk if it had one before."""
        if node.name not in self._disks:
            self._disks[node.name] = random.choice((None, Disk()))
        self._shipments[node.name] = shipment = Shipment(_here(), self._disks[node.name])
        return shipment

    def next_parcel(self, origin: str) -> Parcel:
        """Return the next parcel from there; no two are equal."""
        self._numbers[origin] = number = self._numbers.get(origin, 0) + 1
        return Parcel(origin, number)

    # --- what depots say ------------------------------------------------------------------------

    def tries(self, message_id: MessageId, *, redelivered: bool) -> None:
        """A depot has it in hand.

        One from which the producer has gone away may come to it after the next one had.
        """
        if redelivered:
            return
        if message_id in self._new:
            self.observer.wrong(f"{message_id} came twice as one that nobody has had", _here().name)
        self._new.add(message_id)

    def handles(self, depot: str, message_id: MessageId, parcel: Parcel) -> None:
        """A depot has handled it."""
        self.observer.counts["handled"] += 1
        self._handled.add(parcel)
        producer, sequence = message_id.producer, message_id.sequence
        life = (_here(), depot, producer)
        last = self._last.get(life, 0)
        if sequence <= last:
            what = f"{depot} handled {sequence} of {producer} after {last}"
            self.observer.wrong(what, _here().name, parcel.origin)
        self._last[life] = sequence

    # --- the end --------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Everything that was accepted is handled, unless it was nowhere but in a lost memory."""
        self.over = True
        await self.sim.until(self._all_have_opened, within=BOUND)
        for name in self.sim.names:
            await self.sim.run_on(name, self._flush(self.sim.node(name)))
        lost = [p for p, by in self.accepted.items() if by.survives and p not in self._handled]
        if lost:
            raise InvariantError(f"accepted and not handled: {lost}", *{p.origin for p in lost})

    def _all_have_opened(self) -> bool:
        shipments = [self._shipments.get(name) for name in self.sim.nodes]
        return all(s and s.host.alive and s.reliable for s in shipments)

    async def _flush(self, node: Node) -> None:
        """Send all of one shipper to the depot of its own node, or of another."""
        reliable = self._shipments[node.name].reliable
        assert reliable is not None
        reliable.redirect(await _find_any(node))
        await reliable.flush(BOUND)


async def _find_any(node: Node) -> ActorRef[Any]:
    """Return some depot; over a link that had lost much an answer takes its time."""
    for _ in range(ATTEMPTS):
        depot = await find_depot(node, random.choice(node.members).name)
        if depot is not None:
            return depot
    raise InvariantError(f"{node.name} finds no depot, though all is well", node.name)


def _here() -> Host:
    host = current_host.get()
    assert host is not None
    return host
