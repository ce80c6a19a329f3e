"""A connection within one process: two lanes of frames between two memory transports."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from transport.clock import TimerHandle
    from transport.disturbance import Fate
    from transport.interface import Buffer, OutboundEvents
    from transport.memory import MemoryNetwork, MemoryTransport

__all__ = ["Pipe"]

_HIGH_WATER = 64
"""Messages on their way in one direction before a sender is told to wait."""


class Lane:
    """One direction of a connection: messages, each due at some time."""

    def __init__(self, pipe: Pipe, deliver: Callable[[list[Buffer]], None]) -> None:
        self._pipe = pipe
        self._deliver = deliver
        self._queue: list[tuple[float, int, list[Buffer]]] = []
        self._numbers = itertools.count()
        self._wake = math.inf
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, frames: Sequence[Buffer], fates: Iterable[Fate]) -> None:
        """Send a copy of `frames` for each of its fates: the sender may change what it sent."""
        for fate in fates:
            copy: list[Buffer] = [
                f if isinstance(f, bytes) else memoryview(bytes(f)) for f in frames
            ]
            # Order is kept even where a delay was shortened meanwhile; a detour holds nobody up.
            self._due = max(self._due, self._pipe.network.clock.now() + fate.delay)
            heapq.heappush(self._queue, (self._due + fate.detour, next(self._numbers), copy))
        self.schedule()

    def schedule(self) -> None:
        """See to it that what is queued arrives, where it can."""
        if not self._queue or not self._pipe.flows(self):
            return
        due = self._queue[0][0]
        if due >= self._wake:
            return
        self._wake = due
        wait = due - self._pipe.network.clock.now()
        if wait <= 0:
            asyncio.get_running_loop().call_soon(self._run, due)
        else:
            self._pipe.network.clock.call_later(wait, self._run, due)

    def clear(self) -> None:
        """Lose what is on its way."""
        self._queue.clear()

    def _run(self, wake: float) -> None:
        if wake != self._wake:
            return  # one that was to arrive earlier came in between
        self._wake = math.inf
        now = self._pipe.network.clock.now()
        # What arrives in this turn may bring on more; that waits for the next.
        for _ in range(len(self._queue)):
            if not self._queue or self._queue[0][0] > now or not self._pipe.flows(self):
                break
            self._deliver(heapq.heappop(self._queue)[2])
        self._pipe.drained(self)
        self.schedule()


class Pipe:
    """A connection, and the `Outbound` of its dialler."""

    def __init__(
        self,
        network: MemoryNetwork,
        dialler: MemoryTransport,
        source: bytes,
        events: OutboundEvents,
        silence: float,
    ) -> None:
        self.network = network
        self.dialler = dialler
        self.listener = dialler
        self.source = source
        self._events = events
        self._silence = silence
        self._open = False
        self._ended = False
        self._blocked = False
        self._watchdog: TimerHandle | None = None
        self.forth = Lane(self, self._on_forth)
        self.back = Lane(self, events.received)

    @property
    def names(self) -> frozenset[str] | None:
        """Within one process nobody needs a key."""
        return None

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send towards the listener."""
        if not self._open:
            return False
        if len(self.forth) >= _HIGH_WATER:
            self._blocked = True
            return False
        self.forth.put(frames, self.network.fates(self.dialler.name, self.listener.name))
        return True

    def answer(self, frames: Sequence[Buffer]) -> bool:
        """Send towards the dialler."""
        if not self._open or len(self.back) >= _HIGH_WATER:
            return False
        self.back.put(frames, self.network.fates(self.listener.name, self.dialler.name))
        return True

    def close(self, linger: float = 0.0) -> None:
        """End it from the dialler's side; with a linger what was sent still arrives."""
        self._ended = True
        self._unwatch()
        self.back.clear()
        if linger <= 0 or not len(self.forth):
            self._detach()

    def establish(self) -> None:
        """The listener has it: it is open as soon as anything passes both ways."""
        if self._ended:
            self._detach()
        elif self._passes():
            self._open = True
            self._events.opened()
        else:
            self.watch()

    def flows(self, lane: Lane) -> bool:
        """Does anything pass in that direction at present?"""
        ends = (self.dialler.name, self.listener.name)
        return self._open and self.network.passes(*(ends if lane is self.forth else ends[::-1]))

    def drained(self, lane: Lane) -> None:
        """Frames of a lane were delivered."""
        if self._ended:
            if not len(self.forth):
                self._detach()
        elif lane is self.forth and self._blocked and len(self.forth) < _HIGH_WATER // 2:
            self._blocked = False
            self._events.writable()

    def watch(self) -> None:
        """A fault began: if it lasts, the silence will be noticed."""
        if self._watchdog is None and not self._passes():
            self._watchdog = self.network.clock.call_later(self._silence, self._on_silence)

    def mended(self) -> None:
        """A fault ended: go on, unless another holds."""
        if not self._passes():
            return
        self._unwatch()
        if not self._open:
            self.establish()
        self.forth.schedule()
        self.back.schedule()

    def break_off(self, reason: str) -> None:
        """Lose what is on its way, and tell the dialler."""
        self.forth.clear()
        self.back.clear()
        self.end(reason)

    def end(self, reason: str, *, refused: bool = False) -> None:
        """Tell the dialler that it is over."""
        self._detach()
        self._unwatch()
        if not self._ended:
            self._ended = True
            self._events.closed(reason, refused)

    def _on_forth(self, frames: list[Buffer]) -> None:
        self.listener.on_inbound(self.source, frames)

    def _on_silence(self) -> None:
        self._watchdog = None
        self.break_off("connection timed out")

    def _passes(self) -> bool:
        one, other = self.dialler.name, self.listener.name
        return self.network.passes(one, other) and self.network.passes(other, one)

    def _unwatch(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _detach(self) -> None:
        self._open = False
        self.listener.inbound.pop(self.source, None)
        self.network.disconnect(self)
