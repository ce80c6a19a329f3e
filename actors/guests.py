"""Actors that other nodes have spawned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.actor import Actor
from actors.address import check_key, is_conceived_in, path_of
from actors.errors import NameTakenError, NodeClosedError
from actors.names import check_name, check_path
from actors.peer import Peer
from actors.props import Props, terms
from actors.reason import Reason
from actors.wire import Kind, portable

if TYPE_CHECKING:
    from actors.ref import ActorRef
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
        cell = self._node.remote.guests.get(path)
        if cell is not None and cell.keeper is self:
            del self._node.remote.guests[path]
            self._peer.guests.pop(cell, None)
        self._report(["stopped", str(reason), detail])

    def _report(self, value: list[Any]) -> None:
        guest = self._node.delivery.local(self._guest)
        self._node.remote.signal(self._peer, Kind.CHILD, self._parent._key, guest, 0, value)


class Guests:
    """Takes in what other nodes spawn here."""

    def __init__(self, node: Runtime) -> None:
        self._node = node

    def take_in(
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
        if path in node.remote.guests:
            raise NameTakenError(path)
        keeper = RemoteKeeper(node, peer, parent, key)
        cell = node.delivery.create(key, props, keeper, parent, restart == "permanent")
        node.remote.guests[path] = cell
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


def _check_parent(peer: Peer, path: str, parent: ActorRef[Any]) -> None:
    """A node spawns for its own actors, under their paths, and for nobody else's."""
    if parent.node_name != peer.name or not path.startswith(f"{peer.name}/{parent.path}/"):
        raise ValueError(f"{path!r} is no place for a child of {parent}, from node {peer.name!r}")
