"""What the cells of one node share."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.actor import hosted_class, sendable_class
from actors.address import Origin
from actors.asks import Deadlines
from actors.authorisation.roles import claimed_roles
from actors.cluster.loads import Loads
from actors.cluster.member import Member
from actors.cluster.membership import Membership
from actors.cluster.partition import PartitionPolicy
from actors.cluster.placement import Placement
from actors.cluster.readiness import Readiness
from actors.confinement import Home
from actors.cycles import Cycles
from actors.dead_letters import DeadLetterLog
from actors.delivery import Delivery
from actors.dispatcher import Dispatcher
from actors.errors import ActorStoppedError
from actors.events import ActorFailed, DeadLetter, EventStream
from actors.family import Family
from actors.letter import Letter
from actors.names import legal_name
from actors.offload import Offload
from actors.ref import ActorRef
from actors.registry import Registry
from actors.reliable.exchange import Exchange
from actors.remote import Remote
from actors.stats import Ledger
from actors.supervision import OneForOne
from serialization import Codec, Extension, Limits, default_registry

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.node import Node
    from transport import Clock

log = logging.getLogger("actors")

SPARE_MAILBOXES = 1_000

REF_EXTENSION = 32
"""The ext code of an actor's address."""

CLASS_EXTENSION = 33
"""The ext code of an actor class, by its name: a recipe travels with it."""


class Runtime:
    """The clock, codec, ledger, events and tables behind a `Node`.

    Cells, refs and families know this and not the node, which is for the application.
    """

    def __init__(
        self,
        public: Node,
        own: Member,
        endpoint: str | None,
        clock: Clock,
        rng: random.Random,
        *,
        partition: PartitionPolicy | None,
        serialize_local: bool,
        max_queued: int,
        context: contextvars.Context,
        offload: Offload,
    ) -> None:
        self.public = public
        self.closing = False
        """Whether the node ends: its actors hear nobody but each other."""
        self.name = own.name
        self.origin = Origin(own.name, own.incarnation, endpoint)
        self.clock = clock
        self.random = rng
        self.loop = asyncio.get_running_loop()
        self.context = context
        """What the contexts of its actors are copies of."""
        self.home = Home(own.name)
        self.dispatcher = Dispatcher(self.loop, self.context, clock.precise, self.home)
        self.spare_mailboxes: deque[deque[Letter]] = deque(maxlen=SPARE_MAILBOXES)
        """Empty ones, for the next actor that gets a message: an idle one has none."""
        self.serials = itertools.count(1)
        self.ledger = Ledger()
        self.max_queued = max_queued
        """While so many messages wait here, those of other nodes are refused."""
        self.dead_letters = DeadLetterLog(clock, own.name)
        self.events: EventStream = public.events
        self.deadlines = Deadlines(clock)
        self.cycles = Cycles(self)
        self.offload = offload
        self.membership = Membership(own)
        self.trusted_roles = claimed_roles(self.membership)
        """The roles of a node that count for rules."""
        self.loads = Loads(own.life)
        self.placement = Placement(self.membership, self.loads)
        self.readiness = Readiness(self, partition)
        self.delivery = Delivery(self, serialize_local=serialize_local)
        extensions = [self._ref_extension(), self._class_extension()]
        self.codec = Codec(default_registry, Limits(), extensions)
        self.remote = Remote(self)
        self.culprit: Callable[[float], str] = _nobody
        """Says what kept the event loop for the last so many seconds."""
        self.registry = Registry(self)
        self.reliable = Exchange(self)
        self.guardian = Family(self, _Nobody(), None, OneForOne(), by_child=True)
        """The family of the actors right under the node."""

    def _ref_extension(self) -> Extension[Any]:
        return Extension(
            REF_EXTENSION,
            ActorRef,
            lambda ref: ref.address.encode(),
            lambda data: self.delivery.ref(bytes(data).decode()),
        )

    def _class_extension(self) -> Extension[Any]:
        return Extension(
            CLASS_EXTENSION,
            type,
            lambda cls: sendable_class(cls).encode(),
            lambda data: hosted_class(self.name, bytes(data).decode()),
        )

    def made_up_name(self, actor_class: type) -> str:
        """Return a name for an actor that was given none."""
        return f"{legal_name(actor_class.__name__)}-{next(self.serials)}"

    def name_abroad(self, actor_class: type) -> str:
        """Return one that no other node can make up: it is for the place of another's own."""
        return f"{self.made_up_name(actor_class)}-{self.origin.incarnation:x}"

    def failed(self, ref: ActorRef[Any], error: BaseException, message: object) -> None:
        """An actor failed: say so."""
        self.events.publish(ActorFailed(ref, error, message))
        doing = "" if message is None else f" while handling {type(message).__qualname__}"
        log.error(
            "%s failed%s: %s: %s",
            ref.path,
            doing,
            type(error).__name__,
            error,
            exc_info=error,
            extra={"node": self.name, "path": ref.path},
        )

    def bury(
        self, letter: Letter, recipient: ActorRef[Any], reason: str, error: BaseException
    ) -> None:
        """A message that was told here ends as a dead letter; who asked gets the error."""
        self.ledger.dead += 1
        self.mourn(letter.message, recipient, letter.sender, reason)
        if letter.answer is not None:
            letter.answer.fail(error)

    def mourn(
        self, message: object, recipient: ActorRef[Any], sender: ActorRef[Any] | None, reason: str
    ) -> None:
        """Let the world know of a message that nobody handles."""
        self.events.publish(DeadLetter(message, recipient, sender, reason))
        self.dead_letters.note(message, recipient, reason)

    def renew(self, incarnation: int) -> None:
        """Begin a new life: the actors here go on, under the addresses of the new incarnation."""
        self.membership.renew(incarnation, self.clock.wall())
        self.loads.renew(self.membership.own.life)
        self.origin = self.origin._replace(incarnation=incarnation)
        for cell in self.delivery.cells.values():
            cell.ref._origin = self.origin

    def close_doors(self) -> None:
        """From now on nothing comes in from outside."""
        self.closing = True
        for cell in self.delivery.cells.values():
            cell.plain = False

    def forget(self, cell: Cell) -> None:
        """An actor has ended."""
        self.delivery.forget(cell)
        self.registry.ended(cell.ref)

    def queued(self) -> int:
        """Count the messages that are here and not yet accounted for."""
        return sum(cell.queued() for cell in self.delivery.cells.values())

    def find(self, path: str) -> ActorRef[Any] | None:
        """Return the living actor with that path on this node."""
        guest = self.remote.guests.cells.get(path)
        if guest is not None:
            return guest.ref
        family: Family | None = self.guardian
        ref: ActorRef[Any] | None = None
        for name in path.split("/"):
            ref = None if family is None else family.child(name)
            cell = None if ref is None else self.delivery.cells.get(ref._key)
            if cell is None:
                return None
            family = cell.family
        return ref

    def close(self) -> None:
        """Let go of tasks, timers and pools."""
        self.registry.close()
        self.deadlines.close()
        self.offload.close()


class _Nobody:
    """The parent of the actors right under the node: there is nobody to escalate to."""

    def escalate(self, error: BaseException) -> None:
        """Never called: under a node each child is counted by itself."""
        raise ActorStoppedError("the node", str(error))  # type: ignore[arg-type]


def _nobody(_seconds: float) -> str:
    return ""
