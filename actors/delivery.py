"""The one place where here and elsewhere part: everything else holds a ref."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from actors.address import Address, Origin, parse_address
from actors.cell import Cell, Keeper
from actors.nobody import Nobody
from actors.reason import Reason
from actors.ref import ActorRef
from actors.router import Router, router_cell
from actors.transcoding import TranscodingCell

if TYPE_CHECKING:
    from actors.family import ChildRecord
    from actors.props import Props
    from actors.runtime import Runtime

REMEMBERED = 10_000
"""How many ends a node remembers, for refs that come too late."""


class Birth(Protocol):
    """An actor that has a ref and is about to begin: a cell, here or elsewhere, or nobody."""

    @property
    def ref(self) -> ActorRef[Any]:
        """Its ref."""
        ...

    def begin(self) -> None:
        """Start it, or say why that cannot be."""


class Stillbirth:
    """A child that there is no place for."""

    __slots__ = ("_detail", "_keeper", "ref")

    def __init__(self, ref: ActorRef[Any], keeper: Keeper, detail: str) -> None:
        self.ref = ref
        self._keeper = keeper
        self._detail = detail

    def begin(self) -> None:
        """Say that it has ended."""
        self._keeper.stopped(Reason.ERROR, self._detail)


class Delivery:
    """Finds what stands behind an address, and makes what will stand behind a new one."""

    def __init__(self, node: Runtime, *, serialize_local: bool = False) -> None:
        self._node = node
        self.serializes = serialize_local
        """Whether local messages go through the codec."""
        self._make = TranscodingCell if serialize_local else Cell
        self.cells: dict[str, Cell] = {}
        """The living actors of this node, by key."""
        self.populations: dict[type, int] = {}
        """How many of them there are of each class."""
        self._fates: dict[str, tuple[Reason, str]] = {}
        self._fate_order: deque[str] = deque()

    # --- refs -----------------------------------------------------------------------------------

    def ref(self, text: str) -> ActorRef[Any]:
        """Return the ref of an address. Raises TypeError or ValueError."""
        return self.ref_of(parse_address(text))

    def ref_of(self, address: Address) -> ActorRef[Any]:
        """Return a ref to the actor there, wherever that is and whether it lives or not."""
        origin, key = address
        here = self._node.origin
        if origin.node != here.node:
            return self._node.remote.ref(origin, key)
        if origin.incarnation == here.incarnation:
            return self.local(key)
        return self._absent(origin, key, Reason.NOPROC, "it lived on an earlier life of this node")

    def local(self, key: str) -> ActorRef[Any]:
        """Return a ref to an actor of this node."""
        cell = self.cells.get(key)
        if cell is not None:
            return cell.ref
        return self._absent(self._node.origin, key, *self.fate(key))

    def fate(self, key: str) -> tuple[Reason, str]:
        """Return how an actor of this node ended, as far as that is remembered."""
        return self._fates.get(key, (Reason.NOPROC, ""))

    def _absent(self, origin: Origin, key: str, reason: Reason, detail: str) -> ActorRef[Any]:
        nobody = Nobody(self._node, reason, detail)
        nobody.ref = ActorRef(self._node, origin, key, nobody)
        return nobody.ref

    # --- births ---------------------------------------------------------------------------------

    def conceive(self, record: ChildRecord, where: str | None) -> Birth:
        """Give a child its ref: on this node, on another, or nowhere, where it ends at once."""
        here = self._node.name
        family = record.family
        if where == here:
            key = f"{family.base}{record.name}#{next(self._node.serials)}"
            permanent = record.terms.restart == "permanent"
            return self.create(key, record.props, record, family.owner, permanent)
        if where is not None:
            base = family.base and f"{here}/{family.base}"
            return self._node.remote.outposts.conceive(where, f"{base}{record.name}", record)
        detail = self._node.placement.complaint(record.terms.at)
        return Stillbirth(self.unborn(f"{family.base}{record.name}", detail), record, detail)

    def create(
        self,
        key: str,
        props: Props[Any],
        keeper: Keeper,
        owner: ActorRef[Any] | None,
        permanent: bool,
    ) -> Cell:
        """Make the cell of an actor of this node."""
        actor_class = props.actor_class
        is_router = issubclass(actor_class, Router)
        make = router_cell(props.args[0]) if is_router else self._make
        cell = make(self._node, key, props, keeper, owner, permanent)
        self.cells[key] = cell
        self.populations[actor_class] = self.populations.get(actor_class, 0) + 1
        return cell

    def unborn(self, path: str, detail: str) -> ActorRef[Any]:
        """Return the ref of an actor that could not be placed; it ended with `error`."""
        key = f"{path}#{next(self._node.serials)}"
        self.remember(key, Reason.ERROR, detail)
        return self._absent(self._node.origin, key, Reason.ERROR, detail)

    # --- ends -----------------------------------------------------------------------------------

    def forget(self, cell: Cell) -> None:
        """The actor has ended: remember how."""
        key = cell.ref._key
        if self.cells.pop(key, None) is None:
            return
        self._depart(cell.props.actor_class)
        if cell.fate is not None:
            self.remember(key, *cell.fate)

    def _depart(self, actor_class: type) -> None:
        left = self.populations[actor_class] - 1
        if left:
            self.populations[actor_class] = left
        else:
            del self.populations[actor_class]

    def remember(self, key: str, reason: Reason, detail: str) -> None:
        """Remember how an actor ended; the oldest memories go."""
        if len(self._fate_order) >= REMEMBERED:
            self._fates.pop(self._fate_order.popleft(), None)
        self._fates[key] = (reason, detail)
        self._fate_order.append(key)
