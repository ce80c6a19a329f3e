"""Reading a ZeroMQ socket from an event loop, without losing its edge.

The file descriptor of a ZeroMQ socket is edge-triggered: it says once that there is something,
and then nothing until all of it was taken. So whoever is woken drains the socket, up to a budget
that leaves other callbacks their turn, and puts off the rest; and whoever sends looks at EVENTS
afterwards, since sending may swallow the edge (pyzmq issues 1203 and 1208).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

import zmq

from transport.journal import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.interface import Buffer

__all__ = ["NOBLOCK", "SNDMORE", "Drain"]

# Plain numbers: each use of an enum's member costs more than the arithmetic.
NOBLOCK: Final = int(zmq.NOBLOCK)
SNDMORE: Final = int(zmq.SNDMORE)
_EVENTS: Final = int(zmq.EVENTS)
_IN: Final = int(zmq.POLLIN)
_OUT: Final = int(zmq.POLLOUT)

_SLICE = 0.001
"""Seconds for which messages are handled before other callbacks have their turn."""

_SMALL = 8192
_CHECK_DELAY = 0.02
"""Seconds by which an answer is late when a send swallowed its edge; EVENTS costs as much as a
send, so it is not asked after each."""


class Drain:
    """Takes all messages from one socket and hands them on.

    Args:
        socket: which; nobody else may receive from it.
        on_message: called with the frames of a message: bytes where they are small, otherwise
            memoryviews of ZeroMQ's own memory.
        max_frames: a message with more frames is cut off there.
        budget: messages (and excess frames) in one turn of the loop.
        on_writable: called when the socket takes messages again, after `await_room`.

    Attributes:
        envelope: the first frame of the message that is handed over last: what ZeroMQ knows of
            the connection that it came on is its properties.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        on_message: Callable[[list[Buffer]], None],
        *,
        max_frames: int,
        budget: int,
        on_writable: Callable[[], None] | None = None,
    ) -> None:
        self._socket = socket
        self._recv = socket.recv
        self._ask = cast("Callable[[int], int]", socket.getsockopt)
        self._on_message = on_message
        self._max_frames = max_frames
        self._budget = budget
        self._on_writable = on_writable
        self._awaiting_room = False
        self._skipping = False
        self._checking: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._stopped = False
        self.envelope: zmq.Frame | None = None
        self._loop = asyncio.get_running_loop()
        self._fd = int(socket.fileno())
        self._loop.add_reader(self._fd, self._run)

    def stop(self) -> None:
        """Read no more; to be called before the socket is closed (uvloop insists)."""
        if not self._stopped:
            self._stopped = True
            self._loop.remove_reader(self._fd)
            if self._checking is not None:
                self._checking.cancel()

    def await_room(self) -> None:
        """A send would have blocked: `on_writable` is wanted."""
        self._awaiting_room = True
        self.check()

    def check(self) -> None:
        """Something was sent: see whether that swallowed an edge."""
        if self._scheduled or self._stopped:
            return
        wanted = _IN | _OUT if self._awaiting_room else _IN
        if self._ask(_EVENTS) & wanted:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def check_soon(self) -> None:
        """The same for a socket that sends often and hears little: one look for many sends."""
        if self._checking is None:
            self._checking = self._loop.call_later(_CHECK_DELAY, self._check_late)

    def drain(self) -> None:
        """Take what is there now, budget or not: the connection is about to go."""
        while self._take():
            pass

    def _run(self) -> None:
        self._scheduled = False
        left, until = self._budget, time.perf_counter() + _SLICE
        # EVENTS is asked after each message, not EAGAIN waited for: the exception costs more.
        while self._take():
            left -= 1
            if self._stopped:
                return
            if not self._ask(_EVENTS) & _IN:
                break
            if not left or time.perf_counter() >= until:
                self._scheduled = True
                self._loop.call_soon(self._run)
                break
        if self._awaiting_room and not self._stopped and self._ask(_EVENTS) & _OUT:
            self._awaiting_room = False
            if self._on_writable is not None:
                self._on_writable()

    def _check_late(self) -> None:
        self._checking = None
        self.check()

    def _take(self) -> bool:
        """Handle one message, or one frame of an excessive one; False where there is none."""
        if self._stopped:
            return False
        try:
            frame = self._recv(NOBLOCK, copy=False)
        except zmq.Again:
            return False
        if self._skipping:
            self._skipping = frame.more
            return True
        self.envelope = frame
        frames: list[Buffer] = [frame.bytes]
        # The frames of a message come all or none, so this does not block.
        while frame.more:
            if len(frames) == self._max_frames:
                self._skipping = True
                break
            frame = self._recv(NOBLOCK, copy=False)
            # A view would keep ZeroMQ's whole receive buffer alive for a few bytes.
            frames.append(frame.bytes if len(frame) <= _SMALL else frame.buffer)
        try:
            self._on_message(frames)
        except Exception:  # noqa: BLE001
            # The edge is gone: who stops reading now is never woken again.
            LOGGER.exception("a message could not be handled")
        return True
