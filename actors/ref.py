"""The handle by which everybody else holds an actor."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from actors.address import Address, Origin, path_of
from actors.asks import Ask, awaiting_turn, begin_wait, end_wait
from actors.commands import Stop
from actors.durations import check_timeout
from actors.errors import AskCycleError, AskTimeoutError, SendTimeoutError
from actors.letter import Letter, Turn, current_turn
from actors.reason import Reason, Terminated
from serialization import Message

if TYPE_CHECKING:
    from asyncio import Future

    from actors.actor import Actor
    from actors.commands import Command
    from actors.runtime import Runtime

A_co = TypeVar("A_co", bound="Actor", covariant=True)
R = TypeVar("R")


class Target(Protocol):
    """What stands behind a ref: a cell of this node, an actor of another, or nobody."""

    def deliver(self, letter: Letter) -> None:
        """Take the letter now; what cannot be delivered becomes a dead letter."""

    def deliver_ask(self, letter: Letter) -> None:
        """Take a letter whose sender waits for the answer, and may get it within this call."""

    def offer(self, letter: Letter) -> Future[None] | None:
        """Take the letter when there is room: None when it is in the mailbox already."""

    def control(self, command: Command) -> Future[bool]:
        """Have the actor obey a command of its parent or its node; True when it is done."""
        ...

    def watch(self, watcher: ActorRef[Any]) -> None:
        """Let the watcher know, once, when the actor has ended."""

    def unwatch(self, watcher: ActorRef[Any]) -> None:
        """End that."""

    def notify(self, notice: Terminated) -> None:
        """Tell a watcher that an actor has ended."""

    def ended(self) -> Future[Reason]:
        """Return a future of why the actor ended, done already where it has."""
        ...

    def condition(self) -> tuple[str, int] | None:
        """Return the actor's state and how many messages wait, where that is known."""


def check_ref(ref: object) -> ActorRef[Any]:
    """Return `ref` if it is one. Raises TypeError."""
    if not isinstance(ref, ActorRef):
        raise TypeError(f"an ActorRef is expected, not {type(ref).__name__}: {ref!r}")
    return ref


class ActorRef(Generic[A_co]):
    """A reference to one actor, here or on another node; typed, hashable, and sendable.

    It stays the same over restarts of the actor, and is good for that one life of it: an actor
    started anew under the same name, or on a restarted node, has another ref.
    """

    __slots__ = ("_key", "_node", "_origin", "_target")

    def __init__(self, node: Runtime, origin: Origin, key: str, target: Target) -> None:
        self._node = node
        self._origin = origin
        self._key = key
        self._target = target

    @property
    def address(self) -> str:
        """`actors://node@host:port/path#incarnation`, which `node.ref(...)` takes back."""
        return str(Address(self._origin, self._key))

    @property
    def path(self) -> str:
        """The names from the node's root down to the actor, joined by slashes."""
        return path_of(self._key)

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition("/")[2]

    @property
    def node_name(self) -> str:
        """The name of the node that the actor lives on."""
        return self._origin.node

    def __str__(self) -> str:
        return self.address

    def __repr__(self) -> str:
        return f"<ActorRef {self.address}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ActorRef):
            return NotImplemented
        return self._key == other._key and self._origin[:2] == other._origin[:2]

    def __hash__(self) -> int:
        return hash(self._key)

    def __copy__(self) -> ActorRef[A_co]:
        return self

    def __deepcopy__(self, memo: object) -> ActorRef[A_co]:
        return self

    def __reduce__(self) -> str:
        raise TypeError("an ActorRef is not pickled: send it in a message, or send its address")

    def tell(self, message: object) -> None:
        """Send the message and return at once.

        Never raises for a dead or distant recipient: what cannot be delivered becomes a
        `DeadLetter` with its reason. Raises SerializationError where the message must leave
        the process and cannot.
        """
        turn = current_turn.get()
        self._target.deliver(Letter(message, None if turn is None else turn.ref))

    @overload
    def ask(self, message: Message[R], timeout: float | None = 5.0) -> Coroutine[Any, Any, R]: ...

    @overload
    def ask(self, message: object, timeout: float | None = 5.0) -> Coroutine[Any, Any, Any]: ...

    def ask(self, message: object, timeout: float | None = 5.0) -> Coroutine[Any, Any, Any]:
        """Send the message and await what its handler returns. `timeout` in seconds, None for ever.

        Raises what the handler raised (`RemoteError` where that cannot travel);
        AskTimeoutError; ActorStoppedError or NodeUnreachableError as soon as the death is known;
        AskCycleError where waiting would never end; UnhandledMessageError; MailboxFullError;
        SerializationError. TypeError or ValueError for a wrong timeout, at the call.
        """
        if timeout != 5.0 or timeout is True:
            check_timeout(timeout)
        return self._ask(message, timeout)

    async def _ask(self, message: object, timeout: float | None) -> object:
        ask = Ask((self,))
        turn = current_turn.get()
        sender = waits = None
        if turn is not None:
            sender = turn.ref
            waits = self._begin_wait(turn, ask)
        try:
            self._target.deliver_ask(Letter(message, sender, ask))
            if not ask.answered:
                return await self._begin_await(ask, timeout)
        except AskTimeoutError:
            if ask.expired:
                raise self._timed_out(message, timeout) from None
            raise
        finally:
            if ask.pending is not None:
                ask.forget()
            if timeout is not None and ask.future is not None:
                self._node.deadlines.discard(ask, timeout)
            if waits is not None:
                end_wait(waits, ask)
        if ask.error is not None:
            raise ask.error
        return ask.value

    def _begin_wait(self, turn: Turn, ask: Ask) -> Turn | None:
        """Note who waits for the answer. Raises AskCycleError where there can never be one."""
        waits = begin_wait(turn, ask)
        if waits is not None and self._node.cycles.would_close(waits, ask):
            end_wait(waits, ask)
            raise AskCycleError(self, turn.ref)
        return waits

    def _begin_await(self, ask: Ask, timeout: float | None) -> Future[Any]:
        node = self._node
        future = ask.future = node.loop.create_future()
        if timeout is not None:
            node.deadlines.add(ask, timeout)
        return future

    def _timed_out(self, message: object, timeout: float | None) -> AskTimeoutError:
        condition = self._target.condition() or (None, None)
        return AskTimeoutError(self, type(message).__qualname__, timeout or 0.0, *condition)

    def send(self, message: object, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        """Return when the message is in the recipient's mailbox: the call with backpressure.

        Waits while a bounded mailbox, or the link to another node, is full. `timeout` in
        seconds, None for ever. Raises like `ask`; a timeout is a SendTimeoutError.
        """
        check_timeout(timeout)
        return self._send(message, timeout)

    async def _send(self, message: object, timeout: float | None) -> None:
        turn = current_turn.get()
        room = self._target.offer(Letter(message, None if turn is None else turn.ref))
        if room is None:
            return
        node = self._node
        admission = Ask((self,), room)
        waits = None if turn is None else begin_wait(turn, admission)
        if waits is not None and node.cycles.would_close(waits, admission):
            end_wait(waits, admission)
            room.cancel()
            raise AskCycleError(self, waits.cell.ref)
        if timeout is not None:
            node.deadlines.add(admission, timeout)
        try:
            await room
        except AskTimeoutError:
            if not admission.expired:
                raise
            raise SendTimeoutError(self, type(message).__qualname__, timeout or 0.0) from None
        finally:
            if waits is not None:
                end_wait(waits, admission)
            if timeout is not None:
                node.deadlines.discard(admission, timeout)
            admission.forget()

    def stop(self, drain: bool = False, timeout: float | None = 5.0) -> Coroutine[Any, Any, None]:
        """Stop the actor after its current message, its children first; return when it is gone.

        With `drain=True` it handles what is queued first. Past `timeout` (seconds, None for
        ever) it is cancelled. On a dead ref it returns at once. Raises AskCycleError in a
        handler of the actor itself or below it, where waiting would never end: use `self.stop()`.
        """
        check_timeout(timeout)
        if not isinstance(drain, bool):
            raise TypeError(f"drain must be True or False, not {drain!r}")
        return self._stop(drain, timeout)

    async def _stop(self, drain: bool, timeout: float | None) -> None:
        self._refuse_own_end()
        stop = Stop(Reason.SHUTDOWN, drain=drain, deadline=timeout)
        await self._await_end(self._target.control(stop))

    async def stopped(self) -> Reason:
        """Wait until the actor has ended, and return why (`noproc` where that is long forgotten).

        Raises AskCycleError in a handler of the actor itself or below it.
        """
        self._refuse_own_end()
        return await self._await_end(self._target.ended())

    async def _await_end(self, end: Future[R]) -> R:
        """Wait as an ask does: what the dying one asks back of the waiting one is a cycle."""
        turn = current_turn.get()
        wait = Ask((self,), end)
        waits = None if turn is None else begin_wait(turn, wait)
        try:
            return await end
        finally:
            if waits is not None:
                end_wait(waits, wait)

    def _refuse_own_end(self) -> None:
        """An actor that waits for its own or an ancestor's end in a handler waits for ever."""
        turn = current_turn.get()
        if turn is not None and awaiting_turn(turn) is not None and turn.cell.is_within(self):
            raise AskCycleError(self, turn.ref)
