"""Actors that other nodes have spawned here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.actor import Actor
from actors.errors import NameTakenError, NodeClosedError
from actors.names import check_path
from actors.peer import Peer
from actors.props import Child, Props
from actors.reason import Reason
from actors.wire import Kind, portable

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.runtime import Runtime


class RemoteKeeper:
    """The parent of a guest, on another node: what the guest reports goes there."""

    __slots__ = ("_node", "_parent", "_peer")

    def __init__(self, node: Runtime, peer: Peer, parent: ActorRef[Any]) -> None:
        self._node = node
        self._peer = peer
        self._parent = parent

    def child_started(self, ref: ActorRef[Any]) -> None:
        """The guest runs."""
        self._report(ref, ["started"])

    def child_failed(self, ref: ActorRef[Any], error: BaseException, *, started: bool) -> None:
        """The guest failed, and waits for a command from there."""
        sendable = portable(self._node.codec, error, f"node {self._node.name!r}")
        self._report(ref, ["failed", sendable, started])

    def child_exited(self, ref: ActorRef[Any]) -> None:
        """The guest stopped itself, and is to be started anew."""
        self._report(ref, ["exited"])

    def child_stopped(self, ref: ActorRef[Any], reason: Reason, detail: str) -> None:
        """The guest has ended."""
        self._node.remote.guests.pop(ref.path, None)
        for guest in [g for g in self._peer.guests if g.ref == ref]:
            del self._peer.guests[guest]
        self._report(ref, ["stopped", str(reason), detail])

    def _report(self, ref: ActorRef[Any], value: list[Any]) -> None:
        self._node.remote.signal(self._peer, Kind.CHILD, self._parent._key, ref, 0, value)


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
        if self._node.guardian.closed:
            raise NodeClosedError(self._node.name)
        path = check_path(key.partition("#")[0])
        props = Props(actor_class, tuple(args), dict(kwargs))
        child = Child(props, restart=restart, shutdown=shutdown)
        if parent is None:
            self._node.guardian.adopt(child, path, partial(self._node.delivery.create, key))
            return
        if path in self._node.remote.guests:
            raise NameTakenError(path)
        keeper = RemoteKeeper(self._node, peer, parent)
        permanent = restart == "permanent"
        birth = self._node.delivery.create(key, props, keeper, parent, permanent)
        cell = self._node.delivery.cells[key]
        self._node.remote.guests[path] = cell
        peer.guests[cell] = None
        birth.begin()

    def refuse(self, peer: Peer, key: str, owner: str | None, error: Exception) -> None:
        """What was to be spawned here ends with `error`, and those who ask it learn why."""
        detail = f"{type(error).__name__}: {error}"
        self._node.delivery.remember(key, Reason.ERROR, detail)
        if owner is not None:
            ref = self._node.delivery.local(key)
            parent = self._node.delivery.ref(owner)
            RemoteKeeper(self._node, peer, parent).child_stopped(ref, Reason.ERROR, detail)
