"""What happens in a node, as typed events that anybody may subscribe to."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from actors.cluster.member import Member
    from actors.reason import Reason
    from actors.ref import ActorRef

log = logging.getLogger("actors.events")


@dataclass(frozen=True, slots=True)
class Event:
    """The root of all events."""


@dataclass(frozen=True, slots=True)
class DeadLetter(Event):
    """A message that nobody handled. `reason` is one word or a few: `unhandled`, `stopped`, ..."""

    message: object
    recipient: ActorRef[Any]
    sender: ActorRef[Any] | None
    reason: str


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands for a message whose body could not be decoded, or never was, in its `DeadLetter`."""

    tag: str | None
    body: bytes
    error: str


@dataclass(frozen=True, slots=True)
class ActorFailed(Event):
    """An actor failed. `message` is what it had in hand, None where it had none."""

    ref: ActorRef[Any]
    error: BaseException
    message: object


@dataclass(frozen=True, slots=True)
class ActorRestarted(Event):
    """An actor runs anew; `error` is why, None for a sibling of the one that failed."""

    ref: ActorRef[Any]
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class ActorStopped(Event):
    """An actor has ended."""

    ref: ActorRef[Any]
    reason: Reason


@dataclass(frozen=True, slots=True)
class HandlerBlocked(Event):
    """A handler holds the event loop; nothing else on this node runs meanwhile."""

    ref: ActorRef[Any]
    message_type: str
    seconds: float


@dataclass(frozen=True, slots=True)
class MemberUp(Event):
    """A node can be reached, both ways; also again, after a `MemberSuspect`."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberSuspect(Event):
    """The link to a node broke. It is being made anew: `MemberUp` or `MemberDown` follows."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberBusy(Event):
    """A node lives, but its event loop does not answer, or did not for so many `seconds`.

    `culprit` says what kept it, as that node says itself once it runs again; until then it is "".
    """

    member: Member
    seconds: float
    culprit: str


@dataclass(frozen=True, slots=True)
class MemberDown(Event):
    """A node is gone. `reason`: `left`, `restarted`, or what spoke for its death."""

    member: Member
    reason: str


@dataclass(frozen=True, slots=True)
class MemberLeft(MemberDown):
    """A node is gone because it was shut down: the `MemberDown` with the reason `left`."""


@dataclass(frozen=True, slots=True)
class ReadinessChanged(Event):
    """Whether this side of the cluster goes on, by the node's policy for partitions.

    `ready`: see `Node.is_ready`. `settled`: whether it takes over what lost members had.
    """

    ready: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class NodeRefused(Event):
    """Another node refused to let this one in, or this one refused another."""

    endpoint: str
    reason: str
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class NotAuthorized(Event):
    """The actors of another node wanted what the rules of this one do not allow (`Node(allow=)`).

    `node` is that node's name, `recipient` the address of whom it was about, `action` one of
    `send`, `spawn`, `stop`, `watch`, `enrol` and `resolve`, `what` the tag of the message, `*` for
    an untyped value, or the name of the class ("" where there is none, or it was not looked at).
    """

    node: str
    recipient: str
    action: str
    what: str


@dataclass(frozen=True, slots=True)
class NameConflict(Event):
    """An actor of this node has lost its name to one that had it earlier; both live on."""

    name: str
    winner: ActorRef[Any]
    loser: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class GroupJoined(Event):
    """An actor, here or elsewhere, is a member of a group."""

    group: str
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class GroupLeft(Event):
    """An actor is a member no more: it left, has ended, or its node is lost."""

    group: str
    ref: ActorRef[Any]


E = TypeVar("E", bound=Event)
Callback = Callable[[Any], object]


class EventStream:
    """Hands every event to those that subscribed to its class."""

    __slots__ = ("_busy", "_later", "_subscribers", "_wanted")

    def __init__(self) -> None:
        self._subscribers: list[tuple[Callback, tuple[type[Event], ...]]] = []
        self._wanted: dict[type[Event], tuple[Callback, ...]] = {}
        self._busy = False
        self._later: list[Event] = []

    @overload
    def subscribe(
        self, callback: Callable[[E], object], kind: type[E], /
    ) -> Callable[[], None]: ...

    @overload
    def subscribe(self, callback: Callback, /, *kinds: type[Event]) -> Callable[[], None]: ...

    def subscribe(self, callback: Callback, /, *kinds: type[Event]) -> Callable[[], None]:
        """Call `callback(event)` for each event of these classes (none given: of all).

        Returns a callable that ends the subscription. Callbacks run on the node's loop and
        should return soon; what one raises is logged. Raises TypeError for wrong arguments.
        """
        given: object = callback
        if not callable(given) or inspect.iscoroutinefunction(given):
            raise TypeError(f"callback must be a plain function of the event, not {callback!r}")
        for kind in kinds:
            _check_kind(kind)
        entry = (callback, kinds or (Event,))
        self._subscribers.append(entry)
        self._wanted.clear()

        def unsubscribe() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)
                self._wanted.clear()

        return unsubscribe

    def wants(self, kind: type[Event]) -> tuple[Callback, ...]:
        """Return who takes events of this class; empty where building one is in vain."""
        wanted = self._wanted.get(kind)
        if wanted is None:
            wanted = tuple(cb for cb, kinds in self._subscribers if issubclass(kind, kinds))
            self._wanted[kind] = wanted
        return wanted

    def publish(self, event: Event) -> None:
        """Hand the event to its subscribers, in the order in which they came.

        What a subscriber brings about is handed on in the next turn of the loop: one that tells
        the dead of every dead letter does not end in itself.
        """
        if self._busy or self._later:
            self._postpone(event)
        else:
            self._hand_out(event)

    def _hand_out(self, event: Event) -> None:
        self._busy = True
        try:
            for callback in self.wants(type(event)):
                try:
                    callback(event)
                except BaseException:
                    log.exception("a subscriber failed on %r", event)
        finally:
            self._busy = False

    def _postpone(self, event: Event) -> None:
        self._later.append(event)
        if len(self._later) == 1:
            asyncio.get_running_loop().call_soon(self._catch_up)

    def _catch_up(self) -> None:
        events, self._later = self._later, []
        for event in events:  # all of them before what they bring about
            self._hand_out(event)


def _check_kind(kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        raise TypeError(f"an event class is expected, not {kind!r}")
