"""Children of actors here that live on other nodes; `guests` has the other side of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.address import Origin, host_port
from actors.reason import Reason
from actors.wire import Kind, read_notice

if TYPE_CHECKING:
    from actors.family import ChildRecord, Family
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.remote.remote import Remote
    from actors.runtime import Runtime


class Outposts:
    """Has children started elsewhere, and brings them home when their node is lost."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote

    def conceive(self, where: str, path: str, record: ChildRecord) -> RemoteBirth:
        """Give a child on another node its ref; it is spawned there when the birth begins."""
        member = self._node.membership.get(where)
        assert member is not None
        origin = Origin(where, member.incarnation, host_port(member.address))
        serial = f"{self._node.origin.incarnation:x}-{next(self._node.serials)}"
        return RemoteBirth(self, self._remote.ref(origin, f"{path}#{serial}"), record)

    def order(self, record: ChildRecord) -> list[Any]:
        """Return what the other node needs to know of a child. Raises SerializationError."""
        from actors.actor import class_name

        props, owner = record.props, record.family.owner
        value = [
            class_name(props.actor_class),
            list(props.args),
            dict(props.kwargs),
            record.terms.restart,
            record.terms.shutdown,
            None if owner is None else owner.address,
        ]
        self._node.codec.encode(value)
        return value

    def spawn(self, ref: ActorRef[Any], order: list[Any], record: ChildRecord) -> None:
        """Have a child started there; with a parent here it reports to its record."""
        peer = self._remote.associations.peer(ref._origin)
        if peer is None:
            record.stopped(Reason.ERROR, "its node is gone")
            return
        owner = record.family.owner
        if owner is not None:
            peer.children[ref] = record
        self._remote.signal(peer, Kind.SPAWN, ref._key, owner, 0, order)

    def on_child(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A child there has something to say. Raises ValueError where it has not."""
        if sender is None:
            return
        child = self._remote.ref_from(peer, sender)
        record = peer.children.get(child)
        if record is None:
            return
        match value:
            case ["started"]:
                record.started()
            case ["failed", BaseException() as error, bool(started)]:
                record.failed(error, started=started)
            case ["exited"]:
                record.exited()
            case ["stopped", *notice]:
                reason, detail = read_notice(notice)
                del peer.children[child]
                record.stopped(reason, detail)
            case _:
                raise ValueError(f"nothing that a child says: {value!r}")

    def bring_home(self, peer: Peer, reason: str) -> None:
        """Let parents here start elsewhere what they had started there."""
        families: dict[Family, list[ChildRecord]] = {}
        for record in peer.children.values():
            families.setdefault(record.family, []).append(record)
        peer.children.clear()
        for family, records in families.items():
            family.lost(records, reason)

    def pause(self, peer: Peer) -> None:
        """Let routers do without their routees on a node whose link is broken."""
        for record in tuple(peer.children.values()):
            record.pause()
        self._node.registry.suspect(peer, is_suspect=True)

    def resume(self, peer: Peer) -> None:
        """The link stands again."""
        for record in tuple(peer.children.values()):
            record.started()
        self._node.registry.suspect(peer, is_suspect=False)


class RemoteBirth:
    """A child that is about to be started on another node."""

    __slots__ = ("_order", "_outposts", "_record", "ref")

    def __init__(self, outposts: Outposts, ref: ActorRef[Any], record: ChildRecord) -> None:
        self.ref = ref
        self._outposts = outposts
        self._record = record
        self._order = outposts.order(record)

    def begin(self) -> None:
        """Start it there."""
        self._outposts.spawn(self.ref, self._order, self._record)
