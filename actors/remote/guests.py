"""Actors that other nodes have spawned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.actor import Actor, hosted_class
from actors.address import check_key, is_conceived_in, path_of
from actors.commands import Stop
from actors.errors import NameTakenError, NodeClosedError
from actors.names import check_name, check_path
from actors.peer import Peer
from actors.props import Props, terms
from actors.reason import Reason
from actors.wire import Kind, portable, read_birth

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.ref import ActorRef
    from actors.remote.remote import Remote
    from actors.runtime import Runtime


MAX_KEY = 4096
"""Characters of a key under which it is remembered that nobody was spawned."""

MAX_DETAIL = 1000
"""Characters of why; what was wrong may have been long, and is quoted."""


class RemoteKeeper:
    """The parent of a guest, on another node: what the guest reports goes there."""

    __slots__ = ("_guest", "_node", "_parent", "_peer")

    def __init__(self, node: Runtime, peer: Peer, parent: ActorRef[Any], guest: str) -> None:
        self._node = node
        self._peer = peer
        self._parent = parent
        self._guest = guest
        """The guest's key."""

    def started(self) -> None:
        """The guest runs."""
        self._report(["started"])

    def failed(self, error: BaseException, *, started: bool) -> None:
        """The guest failed, and waits for a command from there."""
        sendable = portable(self._node.codec, error, f"node {self._node.name!r}")
        self._report(["failed", sendable, started])

    def exited(self) -> None:
        """The guest stopped itself, and is to be started anew."""
        self._report(["exited"])

    def stopped(self, reason: Reason, detail: str) -> None:
        """The guest has ended."""
        path = path_of(self._guest)
        cells = self._node.remote.guests.cells
        cell = cells.get(path)
        if cell is not None and cell.keeper is self:
            del cells[path]
            self._peer.guests.pop(cell, None)
        self._report(["stopped", str(reason), detail])

    def _report(self, value: list[Any]) -> None:
        guest = self._node.delivery.local(self._guest)
        self._node.remote.signal(self._peer, Kind.CHILD, self._parent._key, guest, 0, value)


class Guests:
    """Takes in what other nodes spawn here, and sees to its end."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote
        self.cells: dict[str, Cell] = {}
        """Actors here whose parents are elsewhere, by path."""

    def on_spawn(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """An actor is to be spawned here."""
        name, args, kwargs, restart, shutdown, owner = read_birth(value)
        try:
            actor_class = hosted_class(self._node.name, name)
            parent = None if owner is None else self._node.delivery.ref(owner)
            self._take_in(peer, target, actor_class, args, kwargs, restart, shutdown, parent)
        except Exception as error:  # noqa: BLE001 - a class does what it likes with its arguments
            self.refuse(peer, target, self._remote.sender_from(peer, sender), error)

    def _take_in(
        self,
        peer: Peer,
        key: str,
        actor_class: type[Actor],
        args: list[Any],
        kwargs: dict[str, Any],
        restart: Any,
        shutdown: float | None,
        parent: ActorRef[Any] | None,
    ) -> None:
        """Build an actor under the key that the other node has given it.

        Without a parent it is one of this node's own, right under it. Raises NameTakenError,
        NodeClosedError, TypeError, ValueError.
        """
        node = self._node
        if node.guardian.closed:
            raise NodeClosedError(node.name)
        node.loads.host(actor_class)
        path = check_path(path_of(check_key(key)))
        if not is_conceived_in(key, peer.incarnation):
            raise ValueError(f"{key!r} is no key that node {peer.name!r} may give to an actor")
        if key in node.delivery.cells:  # a serial is its spawner's word, and may be another's
            raise NameTakenError(path)
        props = Props(actor_class, tuple(args), dict(kwargs))
        agreed = terms(restart, shutdown, None)
        if parent is None:
            node.guardian.adopt(props, check_name(path), agreed, key)
            return
        _check_parent(peer, path, parent)
        if path in self.cells:
            raise NameTakenError(path)
        keeper = RemoteKeeper(node, peer, parent, key)
        cell = node.delivery.create(key, props, keeper, parent, restart == "permanent")
        self.cells[path] = cell
        peer.guests[cell] = None
        cell.begin()

    def refuse(self, peer: Peer, key: str, parent: ActorRef[Any] | None, error: Exception) -> None:
        """What was to be spawned here ends with `error`, and those who ask it learn why."""
        detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL]
        # Nobody else's end is written anew by that, and no memory filled.
        if len(key) <= MAX_KEY and is_conceived_in(key, peer.incarnation):
            self._node.delivery.remember(key, Reason.ERROR, detail)
        if parent is not None:
            RemoteKeeper(self._node, peer, parent, key).stopped(Reason.ERROR, detail)

    def orphaned(self, peer: Peer, reason: str) -> None:
        """The node of their parents is lost: they end."""
        for guest in tuple(peer.guests):
            detail = f"the node of its parent is gone: {reason}"
            guest.control(Stop(Reason.SHUTDOWN, deadline=5.0, detail=detail))

    async def stop(self, *, drain: bool = False, brutal: bool = False) -> None:
        """Stop them all, the youngest first."""
        for guest in reversed(tuple(self.cells.values())):
            deadline = 0 if brutal else None
            await guest.control(Stop(Reason.SHUTDOWN, drain=drain, deadline=deadline))


def _check_parent(peer: Peer, path: str, parent: ActorRef[Any]) -> None:
    """A node spawns for its own actors, under their paths, and for nobody else's."""
    if parent.node_name != peer.name or not path.startswith(f"{peer.name}/{parent.path}/"):
        raise ValueError(f"{path!r} is no place for a child of {parent}, from node {peer.name!r}")
