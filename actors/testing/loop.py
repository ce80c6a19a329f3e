"""An event loop in virtual time: it never waits, and time moves only when nothing is ready.

What users' own code awaits (`asyncio.sleep`, `asyncio.timeout`) runs in virtual time as well. What
runs belongs to the host of its context: see `Host`. The idea is FoundationDB's simulation, and
TigerBeetle's after it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from asyncio import Future, Handle, Task, TimerHandle
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from actors.testing.errors import DeadlockError, StandstillError, TimeLimitError
from actors.testing.host import Host, current_host
from actors.testing.tasks import NumberedTask, dissolve, words_for

__all__ = ["VirtualLoop", "refuse_within_another"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MOMENT = 1_000_000
"""Callbacks that may run before time moves on: what needs more of them goes round in a circle."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """The event loop of a simulation.

    It keeps to what asyncio documents of a loop; what is not here raises NotImplementedError.
    There are no sockets, processes or threads; `run_in_executor` calls its function at once.

    Attributes:
        at_rest: called when nothing is ready, before time moves on, with the hosts that ran.
        limit: virtual seconds after which it gives up.
        unhandled: what reached the exception handler, which is nobody's to catch.
        callbacks: how many have run.
    """

    def __init__(self) -> None:
        self.at_rest: Callable[[list[Host]], None] = lambda _: None
        self.limit = math.inf
        self.unhandled: list[dict[str, Any]] = []
        self.callbacks = 0
        self._now = 0.0
        self._ready: deque[tuple[Host | None, Handle]] = deque()
        self._timers: list[tuple[float, int, Host | None, TimerHandle]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._graves: list[object] = []
        self._too_many = MOMENT
        """The number of the callback that is one too many at this moment."""
        self._running = False
        self._closed = False

    # --- what runs it ---------------------------------------------------------------------------

    def run_until_complete(self, future: Any) -> Any:
        """Run until it is done, and return its result.

        Raises DeadlockError where it waits for what nobody will do, StandstillError where time
        does not move on, TimeLimitError past the limit, RuntimeError within another running loop.
        """
        refuse_within_another()
        asyncio._set_running_loop(self)
        self._running = True
        try:
            awaited = asyncio.ensure_future(future, loop=self)
            while not awaited.done():
                self._live_through_moment()
                if not awaited.done() and not self._ready:
                    self._move_on()
            return awaited.result()
        finally:
            self._running = False
            asyncio._set_running_loop(None)

    def _live_through_moment(self) -> None:
        ready, hosts = self._ready, dict[Host, None]()
        while ready:
            self.callbacks += 1
            host, handle = ready.popleft()
            if handle.cancelled():
                continue
            if host is None:
                handle._run()
            elif host.runs:
                hosts[host] = None
                handle._run()
            else:
                self._put_off(host, handle)
            if self.callbacks > self._too_many:
                raise StandstillError(self._now, MOMENT)
        self.at_rest(list(hosts))

    def _put_off(self, host: Host, handle: Handle) -> None:
        (host.held if host.alive else self._graves).append(handle)

    def _move_on(self) -> None:
        """Move the time to the next timer, and take all that are due then."""
        timers = self._timers
        while timers and self._is_void(*timers[0][2:]):
            heapq.heappop(timers)
        if not timers:
            raise DeadlockError(self._now, self._waiting())
        if timers[0][0] > self.limit:
            raise TimeLimitError(self.limit)
        self._advance(timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, host, handle = heapq.heappop(timers)
            self._ready.append((host, handle))

    def _advance(self, now: float) -> None:
        if now > self._now:
            self._now = now
            self._too_many = self.callbacks + MOMENT

    def _is_void(self, host: Host | None, handle: TimerHandle) -> bool:
        if host is not None and not host.alive:
            self._graves.append(handle)
            return True
        return handle.cancelled()

    def _waiting(self) -> list[str]:
        return sorted(map(words_for, asyncio.all_tasks(self)))

    # --- hosts ----------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """True virtual seconds since the start, whatever the clock of a host says."""
        return self._now

    def bury(self, host: Host) -> None:
        """A host has crashed: nothing of it runs again, no `finally` either.

        What it left is kept until the end: to collect a coroutine is to run its `finally` blocks.
        """
        host.alive = False
        self._graves += host.held
        self._graves += asyncio.all_tasks(self)
        host.held.clear()

    def resume(self, host: Host) -> None:
        """A host goes on: what was held runs now, in order."""
        self._ready.extend((host, handle) for handle in host.held)
        host.held.clear()

    def skew(self, host: Host, rate: float, offset: float) -> None:
        """Have a host's clock run at another rate, by which its timers come due as well."""
        host.skew(self._now, rate, offset)
        self._timers = [
            (host.due(handle.when()) if owner is host else when, order, owner, handle)
            for when, order, owner, handle in self._timers
        ]
        heapq.heapify(self._timers)

    # --- what asyncio asks of a loop --------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds, by the clock of the host whose code runs."""
        host = current_host.get()
        return self._now if host is None else host.now(self._now)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """Call back at this moment, after all that is ready."""
        host = current_host.get() if context is None else context.get(current_host)
        handle = Handle(callback, args, self, context)
        if not self._closed:
            self._ready.append((host, handle))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """Call back at this moment: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call back after `delay` seconds of the clock of the host whose code it is."""
        host = current_host.get() if context is None else context.get(current_host)
        now = self._now if host is None else host.now(self._now)
        return self._set_timer(host, now + delay, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call back when the clock of the host whose code it is shows `when`."""
        host = current_host.get() if context is None else context.get(current_host)
        return self._set_timer(host, when, callback, args, context)

    def _set_timer(
        self,
        host: Host | None,
        when: float,
        callback: Callable[..., object],
        args: Sequence[Any],
        context: Context | None,
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        if not self._closed:
            due = when if host is None else host.due(when)
            heapq.heappush(self._timers, (due, next(self._order), host, handle))
        return handle

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Nothing: it is passed over when its time comes."""

    def create_future(self) -> Future[Any]:
        """Make a future of this loop."""
        return Future(loop=self)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: Context | None = None,
        **more: Any,
    ) -> Task[Any]:
        """Run a coroutine as a task. Raises RuntimeError where the loop is closed."""
        if self._closed:
            coro.close()
            raise RuntimeError("the simulation is over: nothing runs any more")
        return NumberedTask(next(self._numbers), coro, self, name, context)

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        """Call the function now: in a simulation there is one thread, and no time passes."""
        future: Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the awaiter's, whatever it is
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled."""
        if not self._closed:
            self.unhandled.append(context)

    def get_debug(self) -> bool:
        """Debugging is off: its warnings of slow callbacks would be of the real time."""
        return False

    def is_running(self) -> bool:
        """Whether it runs."""
        return self._running

    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    # --- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """End it. Coroutines that were waiting are closed now, when nobody looks any more."""
        if self._closed:
            return
        self._closed = True
        outer = asyncio._get_running_loop()
        # What they would begin in their `finally` blocks comes to `create_task` above.
        asyncio._set_running_loop(self)
        for task in asyncio.all_tasks(self):
            dissolve(task)
        asyncio._set_running_loop(outer)
        self._ready.clear()
        self._timers.clear()
        self._graves.clear()


def refuse_within_another() -> None:
    """Raise RuntimeError where an event loop runs in this thread."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "a simulation runs its own event loop, and cannot within another: "
            "call it from a plain function"
        )
