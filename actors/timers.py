"""What comes to an actor later: timer messages, receive timeouts, and answers it still owes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from actors.durations import check_seconds
from actors.errors import ActorStoppedError
from actors.letter import Answer, Letter
from actors.reason import ReceiveTimeout

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors.cell import Cell
    from transport import TimerHandle

T = TypeVar("T")


class Timers:
    """Messages that an actor sends itself later. They end when it restarts or stops.

    The shape is that of Akka's `TimerScheduler`: a timer with the key of another replaces it.
    """

    __slots__ = ("_cell", "_handles")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._handles: dict[Hashable, TimerHandle] = {}

    def once(self, delay: float, message: object, key: Hashable = None) -> None:
        """Deliver `message` in `delay` seconds (>= 0). Raises TypeError or ValueError."""
        check_seconds(delay, "delay", zero=True)
        self._refuse_the_dead()
        key = self._replace(key)

        def fire() -> None:
            self._handles.pop(key, None)
            self._deliver(message)

        self._handles[key] = self._cell.node.clock.call_later(delay, fire)

    def every(self, interval: float, message: object, key: Hashable = None) -> None:
        """Deliver `message` every `interval` seconds (> 0), first after one interval.

        Beats that a stalled loop missed are left out. Raises TypeError or ValueError.
        """
        check_seconds(interval, "interval")
        self._refuse_the_dead()
        key = self._replace(key)
        clock = self._cell.node.clock
        due = clock.now() + interval

        def fire() -> None:
            nonlocal due
            now = clock.now()
            due += interval * max(1, 1 + (now - due) // interval)
            self._handles[key] = clock.call_later(due - now, fire)
            self._deliver(message)

        self._handles[key] = clock.call_later(interval, fire)

    def cancel(self, key: Hashable) -> bool:
        """End the timer of that key; False where there is none."""
        handle = self._handles.pop(key, None)
        if handle is not None:
            handle.cancel()
        return handle is not None

    def close(self) -> None:
        """End all timers."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _replace(self, key: Hashable) -> Hashable:
        if key is None:
            return object()
        hash(key)  # raises TypeError here rather than when the timer fires
        self.cancel(key)
        return key

    def _refuse_the_dead(self) -> None:
        refuse_the_dead(self._cell, "timers")

    def _deliver(self, message: object) -> None:
        self._cell.deliver(Letter(message, self._cell.ref))


class ReceiveTimer:
    """Delivers `ReceiveTimeout` when nothing came for a while.

    It costs a message nothing: the timer looks, when it fires, at what was handled since.
    """

    __slots__ = ("_cell", "_handle", "_since", "seconds")

    def __init__(self, cell: Cell, seconds: float) -> None:
        self._cell = cell
        self.seconds = check_seconds(seconds, "receive_timeout")
        refuse_the_dead(cell, "a receive timeout")
        self._since = cell.node.clock.now()
        self._handle = self._arm(self.seconds)

    def touch(self) -> None:
        """The actor has just handled something."""
        self._since = self._cell.node.clock.now()

    def close(self) -> None:
        """End it."""
        self._handle.cancel()

    def _arm(self, delay: float) -> TimerHandle:
        return self._cell.node.clock.call_later(delay, self._fire)

    def _fire(self) -> None:
        quiet = self._cell.node.clock.now() - self._since
        if self._cell.task is not None or self._cell.hands:
            self._handle = self._arm(self.seconds)
        elif quiet + 1e-6 < self.seconds:
            self._handle = self._arm(self.seconds - quiet)
        else:
            self._handle = self._arm(self.seconds)
            self._cell.deliver(Letter(ReceiveTimeout(), self._cell.ref))


def refuse_the_dead(cell: Cell, what: str) -> None:
    """Raise ActorStoppedError where code that outlives its actor begins something for it."""
    if cell.fate is not None:
        raise ActorStoppedError(cell.ref, cell.fate[0], f"it has ended, and takes {what} no more")


class Reply(Generic[T]):
    """An answer that an actor gives after its handler has returned. The first call counts."""

    __slots__ = ("_answer", "_forget", "letter")

    def __init__(
        self, letter: Letter, answer: Answer | None, forget: Callable[[Reply[T]], None]
    ) -> None:
        self.letter = letter
        """The message that it answers."""
        self._answer = answer
        self._forget = forget

    @property
    def wanted(self) -> bool:
        """False where nobody asked, or the answer was given."""
        return self._answer is not None

    def send(self, value: T) -> None:
        """Answer with a value."""
        answer = self._take()
        if answer is not None:
            answer.send(value)

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which the asker's `ask` raises."""
        if not isinstance(error, BaseException):
            raise TypeError(f"fail takes an exception, not {error!r}")
        answer = self._take()
        if answer is not None:
            answer.fail(error)

    def _take(self) -> Answer | None:
        answer, self._answer = self._answer, None
        self._forget(self)
        return answer
