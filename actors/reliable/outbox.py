"""The messages of one producer on their way: sent, and sent again, until they are handled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.errors import ActorStoppedError, NodeUnreachableError, SerializationError
from actors.reason import Reason
from actors.reliable.producer import Producer
from actors.reliable.route import Route, route_to
from actors.reliable.words import Attach, Confirmed, Detach, Entry, Inquiry
from transport.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.ref import ActorRef
    from actors.runtime import Runtime
    from transport import TimerHandle

    Resolve = Callable[[], ActorRef[Any] | None]

SILENCE_FIRST, SILENCE_MOST = 1.0, 30.0
"""Seconds without news after which the consumer is asked, doubled each time up to so many."""


class Attachment:
    """Hears, once, that the consumer has ended or its node is lost. It is an `Answer`."""

    __slots__ = ("_lost", "_ref")

    wanted = True

    def __init__(
        self, ref: ActorRef[Any], lost: Callable[[Attachment, BaseException], None]
    ) -> None:
        self._ref = ref
        self._lost = lost

    def send(self, value: object) -> None:
        """The consumer has ended."""
        match value:
            case [str(reason), str(detail)]:
                self._lost(self, ActorStoppedError(self._ref, Reason(reason), detail))
            case _:
                self._lost(self, ActorStoppedError(self._ref, Reason.NOPROC, f"{value!r}"))

    def fail(self, error: BaseException) -> None:
        """Its node is lost, or it takes no reliable messages."""
        self._lost(self, error)

    def redirect(self, *refs: object, every: bool = True) -> None:
        """Nobody else can say so."""


class Outbox:
    """Sends what is accepted to whom `resolve` returns; `changed` is called when there is news."""

    __slots__ = (
        "_attachment",
        "_backoff",
        "_changed",
        "_hosts",
        "_news",
        "_node",
        "_resolve",
        "_route",
        "_timer",
        "entries",
        "gone",
        "machine",
        "producer",
        "window",
    )

    def __init__(
        self, node: Runtime, resolve: Resolve, window: int, changed: Callable[[], None]
    ) -> None:
        self.producer = ""
        self.window = window
        self.machine = Producer()
        self.entries: dict[int, Entry] = {}
        """What is accepted and not handled, by number."""
        self.gone: BaseException | None = None
        """Why there is no consumer at present."""
        self._node = node
        self._resolve = resolve
        self._changed = changed
        self._route: Route | None = None
        self._attachment: Attachment | None = None
        self._hosts: set[str] = set()
        """The nodes of all consumers so far: no other has a say."""
        self._backoff = Backoff(SILENCE_FIRST, SILENCE_MOST, 0.2, node.random)
        self._news = False
        self._timer: TimerHandle | None = None
        self._find_route()

    @property
    def ref(self) -> ActorRef[Any] | None:
        """The consumer, or the last one there was."""
        return None if self._route is None else self._route.ref

    @property
    def has_room(self) -> bool:
        """Whether another message may be accepted."""
        return self.machine.pending < self.window

    # --- set-up ---------------------------------------------------------------------------------

    def _find_route(self) -> None:
        ref = self._resolve()
        if ref is None:
            detail = "nobody is in its place at present"
            self.gone = ActorStoppedError("the consumer", Reason.NOPROC, detail)
        else:
            self._route = route_to(self._node, ref)

    def begin(self, producer: str, machine: Producer, entries: dict[int, Entry]) -> None:
        """Under that id, with what an earlier life left."""
        self.producer = producer
        self.machine = machine
        self.entries = entries
        if self._route is not None:
            self._attach(self._route)
        self._arm()

    # --- messages -------------------------------------------------------------------------------

    def prepare(self, entry: Entry) -> None:
        """See to it that the message can be sent. Raises SerializationError."""
        if self._route is not None:
            self._route.prepare(entry)

    def accept(self, entry: Entry) -> None:
        """Take it in, under the next number."""
        entry.sequence = self.machine.accept()
        self.entries[entry.sequence] = entry

    def release(self, upto: int) -> None:
        """Send what is accepted, up to that number."""
        self.machine.release(upto)
        self._push()

    def revoke(self) -> None:
        """Forget what was accepted and may not be sent, as if it had never been."""
        self.machine.revoke()
        last = self.machine.accepted
        self.entries = {each: entry for each, entry in self.entries.items() if each <= last}

    def _push(self) -> None:
        for sequence in self.machine.due(self.window):
            self._send(sequence)
        self._arm()

    def _send(self, sequence: int) -> None:
        machine = self.machine
        entry = self.entries.get(sequence)
        if entry is not None and self._route is not None:
            doubtful = machine.is_doubtful(sequence)
            self._route.send(self.producer, machine.first, doubtful, entry)

    # --- what the consumer says -----------------------------------------------------------------

    def confirmed(self, consumer: ActorRef[Any], word: Confirmed) -> None:
        """A consumer, this one or an earlier one, says how far it is; nobody else is heard.

        Raises ValueError where it cannot be so far.
        """
        if consumer.node_name not in self._hosts:
            return
        newly = self.machine.confirm(word.handled)
        for sequence in newly:
            self.entries.pop(sequence, None)
        if word.again and self._attachment is not None and consumer == self.ref:
            self._news = True
            for sequence in self.machine.again(word.received):
                self._send(sequence)
        if newly:
            self._news = True
            self._push()
            self._changed()

    def _lost(self, attachment: Attachment, error: BaseException) -> None:
        """The consumer has ended; look for another one."""
        if attachment is not self._attachment:
            return
        self._attachment = None
        self.machine.detach()
        self.gone = error
        self._follow(back=False)
        self._arm()
        self._changed()

    # --- another consumer -----------------------------------------------------------------------

    def follow(self, resolve: Resolve) -> None:
        """Go on with whom this returns. Raises SerializationError; then nothing has changed."""
        before, self._resolve = self._resolve, resolve
        ref = resolve()
        try:
            if ref is not None:
                self._direct(ref)
        except SerializationError:
            self._resolve = before
            raise

    def _follow(self, *, back: bool) -> None:
        """Go on with whoever has the place by now; with the same one where its node is `back`."""
        ref = self._resolve()
        if ref is None or (ref == self.ref and not back):
            return
        try:
            self._direct(ref)
        except SerializationError as error:
            self.gone = error

    def _is_back(self) -> bool:
        """Whether that life of the consumer's node, which was out of reach, is known again.

        So it is after this node was given up by others, and has begun a new life.
        """
        ref = self.ref
        if ref is None or not isinstance(self.gone, NodeUnreachableError):
            return False
        member = self._node.membership.get(ref.node_name)
        return member is not None and member.incarnation == ref._origin.incarnation

    def _direct(self, ref: ActorRef[Any]) -> None:
        if self._attachment is not None and ref == self.ref:
            return
        route = route_to(self._node, ref)
        for entry in self.entries.values():
            route.prepare(entry)
        self._leave(forget=False)
        self._route = route
        self.gone = None
        if self.producer:
            self._attach(route)

    def _attach(self, route: Route) -> None:
        self._hosts.add(route.ref.node_name)
        attachment = self._attachment = Attachment(route.ref, self._lost)
        self.machine.attach()
        route.attach(Attach(self.producer, self.machine.first), attachment)
        self._push()

    def _leave(self, *, forget: bool) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is not None and self._route is not None:
            self._route.leave(Detach(self.producer, forget))

    # --- silence --------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Look again in a while: one timer, which is not touched while all goes well."""
        if self._timer is None and (self.machine.is_waiting or self.gone is not None):
            pause = self._backoff.next()
            self._timer = self._node.clock.call_later(pause, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.gone is not None:
            self._follow(back=self._is_back())
        elif self._news or not self.machine.is_waiting:
            self._news = False
            self._backoff.reset()
        elif self._route is not None:
            machine = self.machine
            self._route.inquire(Inquiry(self.producer, machine.first, machine.last))
        self._arm()

    def close(self, *, comes_back: bool) -> list[Entry]:
        """Send no more; return what is not known to be handled.

        Where the producer `comes_back`, in another life, the consumer is to remember such.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._leave(forget=not (comes_back and self.machine.pending))
        self.machine.detach()
        self.gone = None
        entries, self.entries = self.entries, {}
        return list(entries.values())
