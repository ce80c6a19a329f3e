"""What a node says of itself: its process, its ledger, and the size of everything it keeps.

Tables hold what is under way, and are as they were once all has come to rest. Memories hold what
is over, up to a bound that each of them has.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Sized
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from actors import Actor, Message, Node, on, register
from actors.cluster.contacts import MOST_LOST
from actors.cluster.membership import FORGET_AFTER
from actors.delivery import REMEMBERED
from actors.peer import REMEMBERED_REFS
from actors.runtime import SPARE_MAILBOXES
from benchmarks.ledger import adds_up
from benchmarks.memory import give_back


@register
@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a node."""

    process: dict[str, int]
    """Its memory in bytes, and what it has of descriptors, threads, tasks and objects."""
    tables: dict[str, int]
    memories: dict[str, tuple[int, int]]
    """Each with its bound."""
    ledger: dict[str, int]
    adds_up: bool


class Look(Message[Vitals]):
    """Answers the vitals; of what is garbage already nothing is left where it is `tidy`."""

    tidy: bool = False


class Probe(Actor):
    """Looks at its own node."""

    @on(Look)
    def look(self, message: Look) -> Vitals:
        if message.tidy:
            give_back()
        node = self.node
        stats = node.stats()
        return Vitals(process(), tables(node), memories(node), asdict(stats), adds_up(stats))


def process() -> dict[str, int]:
    """Return what this process has."""
    own = psutil.Process()
    return {
        "rss": own.memory_info().rss,
        "descriptors": own.num_fds(),
        "threads": own.num_threads(),
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
    }


def tables(node: Node) -> dict[str, int]:
    """Return how much is under way, by what it is."""
    return {**_of_the_node(node), **_of_its_peers(node), **_of_its_actors(node), **_of_mesh(node)}


def _of_the_node(node: Node) -> dict[str, int]:
    runtime: Any = node._runtime
    cluster: Any = node._cluster
    return {
        "actors": len(runtime.delivery.cells),
        "children of the node": len(runtime.guardian),
        "guests": len(runtime.remote.guests.cells),
        "cells with a turn": len(runtime.dispatcher._ready),
        "asks with a timeout": total(e.expiries for e in runtime.deadlines._lanes.values()),
        "asks probed": len(runtime.remote.edge_chasing.probed),
        "families without a place": len(runtime.placement._waiting),
        "subscribers": len(node.events._subscribers),
        "members": len(runtime.membership.members),
        "lives in dispute": len(cluster._open),
        "sends from afar without room": len(runtime.remote.backpressure.rooms),
    }


def _of_its_peers(node: Node) -> dict[str, int]:
    runtime: Any = node._runtime
    peers = runtime.remote.peers.values()
    return {
        "peers": len(peers),
        "answers expected": total(peer.pending for peer in peers),
        "records kept": total(peer.outbox for peer in peers),
        "records over": total(peer.overflow for peer in peers),
        "sends without room": total(peer.senders for peer in peers),
        "tallies": total(peer.tallies._by_number for peer in peers),
        "receipts": total(peer.receipts._made for peer in peers),
        "children elsewhere": total(peer.children for peer in peers),
        "guests of peers": total(peer.guests for peer in peers),
        "watches elsewhere": total(w for peer in peers for w in peer.watches.values()),
    }


def _of_its_actors(node: Node) -> dict[str, int]:
    runtime: Any = node._runtime
    cells = runtime.delivery.cells.values()
    return {
        "watchers": total(cell.watchers for cell in cells),
        "watched": total(cell.watching for cell in cells),
        "who awaits an end": total(cell.waiters for cell in cells),
        "senders": total(cell.senders for cell in cells),
        "stashed": total(cell.stashed for cell in cells),
        "behaviours": total(cell.behaviours for cell in cells),
        "timers": total(cell.timers._handles for cell in cells if cell.timers is not None),
        "receive timeouts": sum(cell.receive_timer is not None for cell in cells),
        "tasks of actors": total(cell.tasks for cell in cells),
        "answers owed": total(cell.owed for cell in cells),
        "asks of hands": total(turn.asked for cell in cells for turn in cell.turns()),
        "children": total(cell.family for cell in cells),
    }


def _of_mesh(node: Node) -> dict[str, int]:
    mesh: Any = node._mesh
    transport: Any = mesh._context.transport
    cluster: Any = node._cluster
    return {
        "sessions": len(mesh._peers),
        "sources": len(mesh._reception._peers),
        "endpoints dialled": len(mesh._dials.endpoints - cluster._contacts._lost.keys()),
        "endpoints answered": len(mesh._dials.answered),
        "members watched": len(cluster._gossip._detector._neighbours),
        "progress of members": len(cluster._gossip._progress),
        "loads of members": len(cluster._node.loads._known),
        "nodes that know the registry": len(cluster._node.registry._peers),
        "connections": sum(not each.done for each in transport._outbounds),
    }


def memories(node: Node) -> dict[str, tuple[int, int]]:
    """Return how much is remembered of what is over, and how much that may be."""
    runtime: Any = node._runtime
    mesh: Any = node._mesh
    cluster: Any = node._cluster
    contacts = cluster._contacts
    peers = runtime.remote.peers.values()
    return {
        "ends": (len(runtime.delivery._fates), REMEMBERED),
        "refs": (max((len(peer.refs) for peer in peers), default=0), REMEMBERED_REFS),
        "lives": (len(runtime.membership._over), FORGET_AFTER),
        "empty mailboxes": (len(runtime.spare_mailboxes), SPARE_MAILBOXES),
        "visitors": (len(mesh._reception._visitors), 1024),
        "complaints": (len(mesh._context.journal._complaints), 1024),
        "lost members": (len(contacts._lost), MOST_LOST),
    }


def total(tables: Iterable[Sized | None]) -> int:
    """Return how much there is in all of them."""
    return sum(len(table) for table in tables if table is not None)
