"""Asks on their way: who waits, and until when."""

from __future__ import annotations

from asyncio import CancelledError, Future
from typing import TYPE_CHECKING, Any

import msgspec

from actors.errors import AskCycleError, AskTimeoutError, RemoteError
from actors.failures import describe
from actors.letter import Answer, Detour, Turn
from transport import Clock, TimerHandle

if TYPE_CHECKING:
    from actors.ref import ActorRef


class Ask(msgspec.Struct, eq=False):
    """The answer that somebody on this node waits for."""

    recipients: tuple[ActorRef[Any], ...]
    """Who is to answer at present: a router or a forwarder may hand the question on."""
    future: Future[Any] | None = None
    """What the asker awaits; None where the answer may still come before it has to wait."""
    answered: bool = False
    value: object = None
    error: Exception | None = None
    """The answer, where it came before."""
    every: bool = True
    """Whether the answer needs all of them, or any one."""
    expired: bool = False
    turn: Turn | None = None
    """Whose message in hand waits for it, so that a cycle would be a deadlock."""
    pending: dict[int, Any] | None = None
    correlation: int = 0
    """Where it is registered while another node has it, to be forgotten when it ends."""
    wanted: bool = True

    def send(self, value: object) -> None:
        """Wake the asker with the value; nothing where it has gone away."""
        if self.future is None:
            self.answered = True
            self.value = value
        elif not self.future.done():
            self.future.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Wake the asker with the error, in a form that cannot be taken for its own end."""
        if self.future is None:
            self.answered = True
            self.error = presentable(error)
        elif not self.future.done():
            self.future.set_exception(presentable(error))

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for the answer any more, even if who asked has not gone on yet."""
        return self.answered if self.future is None else self.future.done()

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> AskCycleError | None:
        """These are to answer now, `every` one of them or any; an error where they never can."""
        self.recipients = refs
        self.every = every
        turn = self.turn
        if turn is None or not turn.cell.node.cycles.would_close(turn, self):
            return None
        return AskCycleError(refs[0], turn.ref)

    def forget(self) -> None:
        """It has ended: an answer from another node is not expected any more."""
        if self.pending is not None:
            self.pending.pop(self.correlation, None)

    def expire(self) -> None:
        """Wake the asker with its timeout."""
        if self.future is not None and not self.future.done():
            self.expired = True
            self.future.set_exception(AskTimeoutError("", "", 0.0))


def is_asked_by(answer: Answer, asker: ActorRef[Any]) -> bool:
    """Whether a message in hand of that actor waits for the answer: nobody else is in a cycle."""
    return isinstance(answer, Ask) and answer.turn is not None and answer.turn.ref == asker


def presentable(error: BaseException) -> Exception:
    """Return the error as one that may be raised in an asker.

    An exception that steers a task, a generator or the process (CancelledError, SystemExit,
    StopIteration, ...) would end the asker instead of telling it something.
    """
    if isinstance(error, Exception) and not isinstance(
        error, StopIteration | StopAsyncIteration | CancelledError
    ):
        return error
    described: RemoteError = describe(error)
    return described


def awaiting_turn(turn: Turn) -> Turn | None:
    """Return the turn whose message in hand would wait for what is asked now, if there is one."""
    if isinstance(turn, Detour):
        origin = turn.origin
        return origin if turn.letter is not None and origin.letter is turn.letter else None
    return turn if turn.letter is not None or turn.cell.is_in_hook else None


def begin_wait(turn: Turn, ask: Ask) -> Turn | None:
    """Note that the message in hand waits for this; return whose turn that is, if anybody's."""
    waits = awaiting_turn(turn)
    if waits is not None:
        ask.turn = waits
        if waits.asked is None:
            waits.asked = {}
        waits.asked[ask] = None
    return waits


def end_wait(waits: Turn, ask: Ask) -> None:
    """It waits no longer."""
    if waits.asked is not None:
        waits.asked.pop(ask, None)


_TOLERANCE = 1e-6
"""Seconds by which a timer may come early without being set again."""


class _Lane:
    """All that waits equally long, the oldest first: one timer serves them all."""

    __slots__ = ("expiries", "timer")

    def __init__(self) -> None:
        self.expiries: dict[Ask, float] = {}
        self.timer: TimerHandle | None = None


class Deadlines:
    """Expires asks, with one timer for each distinct timeout instead of one for each ask.

    Nearly all asks have one of a few timeouts, and among equal ones the order of asking is the
    order of expiry (the idea of hashed timing wheels, Varghese and Lauck 1987, at its simplest).
    """

    __slots__ = ("_clock", "_lanes")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[float, _Lane] = {}

    def add(self, ask: Ask, timeout: float) -> None:
        """Expire the ask in `timeout` seconds."""
        lane = self._lanes.get(timeout)
        if lane is None:
            lane = self._lanes[timeout] = _Lane()
        lane.expiries[ask] = self._clock.now() + timeout
        if lane.timer is None:
            lane.timer = self._clock.call_later(timeout, self._tick, timeout)

    def discard(self, ask: Ask, timeout: float) -> None:
        """Forget an ask that has ended."""
        lane = self._lanes.get(timeout)
        if lane is not None:
            lane.expiries.pop(ask, None)

    def _tick(self, timeout: float) -> None:
        lane = self._lanes[timeout]
        lane.timer = None
        now = self._clock.now()
        expired = []
        for ask, expiry in lane.expiries.items():
            if expiry > now + _TOLERANCE:
                lane.timer = self._clock.call_later(expiry - now, self._tick, timeout)
                break
            expired.append(ask)
        else:
            del self._lanes[timeout]
        for ask in expired:
            lane.expiries.pop(ask, None)
            ask.expire()

    def close(self) -> None:
        """Cancel all timers."""
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
        self._lanes.clear()
