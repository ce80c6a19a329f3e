"""Being told to stop: signals, a parent that is gone, and an end that comes for sure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from actors.cli.exits import Exit
from actors.cli.hangup import Hangup

log = logging.getLogger("actors.cli")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE = 5.0
"""Seconds past a deadline after which the process ends whatever still runs in it."""


class StoppedEarly(BaseException):
    """A signal came while nothing ran yet that could be drained."""


ECHO = 0.05
"""Seconds in which the same signal again is no second one: sent to process and group alike."""


class StopSignals:
    """The first SIGTERM or SIGINT asks for an orderly end, the second ends the process at once.

    Handlers are Python's own and not the event loop's, so that the second signal counts even while
    a handler of an actor holds the loop.
    """

    def __init__(self) -> None:
        self.asked = False
        self._first = (0, 0.0)
        """Number and time of the first signal."""
        self._ask: Callable[[], object] | None = None
        self._on_second: Callable[[], object] = kill_offspring
        self.hangup = Hangup(self._received)
        """What SIGHUP does."""

    def install(self) -> None:
        """Take over the signals; only the main thread may."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._received)
        self.hangup.install()

    def attach(
        self, ask: Callable[[], object], on_second: Callable[[], object] | None = None
    ) -> None:
        """Call `ask` at the first signal (now, if it has come) and `on_second` at the second.

        Both are called from a signal handler. Until then, the first raises `StoppedEarly`.
        """
        self._ask = ask
        if on_second is not None:
            self._on_second = on_second
        if self.asked:
            ask()

    def detach(self) -> None:
        """Take no more notice of a first signal: the end is near anyway."""
        self._ask = _nothing
        self.hangup.detach()

    def _received(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked and number == self._first[0] and now - self._first[1] < ECHO:
            return
        if self.asked:
            self._on_second()
            end_process(Exit.FAILED)
        self.asked = True
        self._first = (number, now)
        if self._ask is None:
            raise StoppedEarly(signal.Signals(number).name)
        self._ask()


class Deadline:
    """Ends the process with `code` some time after its start, even where the event loop hangs."""

    def __init__(self, seconds: float, code: int, what: str) -> None:
        self._timer = threading.Timer(seconds, self._expired)
        self._timer.daemon = True
        self._started = threading.Lock()
        self._code = code
        self._what = what

    def start(self) -> None:
        """Start counting, once; from any thread, and from a signal handler."""
        if self._started.acquire(blocking=False):
            self._timer.start()

    def cancel(self) -> None:
        """Let the process live on."""
        self._timer.cancel()

    def _expired(self) -> None:
        log.critical("%s; ending the process", self._what)
        kill_offspring()
        end_process(self._code)


class Ending:
    """The end of a node: asked for from anywhere, with the exit code that the first asker gives.

    Its deadline starts with the first asking, so that a loop that hangs ends too.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, drain_timeout: float) -> None:
        self.code: asyncio.Future[int] = loop.create_future()
        self._loop = loop
        self._deadline = Deadline(
            drain_timeout + GRACE, Exit.FAILED, f"not drained within {drain_timeout} s"
        )

    def ask(self, code: int) -> None:
        """Ask for the end; on any thread, and in a signal handler."""
        self._deadline.start()
        self._loop.call_soon_threadsafe(self._settle, code)

    def _settle(self, code: int) -> None:
        if not self.code.done():
            self.code.set_result(code)

    def close(self) -> None:
        """The end has come."""
        self._deadline.cancel()


def watch_parent(descriptor: int, gone: Callable[[], object]) -> None:
    """Call `gone`, on another thread, when the other end of `descriptor` closes.

    It does however the parent ends. A thread waits for it and not the loop, which may hang.
    """
    os.set_inheritable(descriptor, False)

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 64):
                pass
        log.warning("the parent of this worker is gone; draining")
        gone()

    threading.Thread(target=watch, name="actors-parent", daemon=True).start()


def _nothing() -> None:
    pass


def end_for_sure(code: int) -> None:
    """Let threads that never end hold up the end of this process for no more than `GRACE`."""
    Deadline(GRACE, code, "threads are still busy after the node has stopped").start()


def kill_offspring() -> None:
    """Kill the process pool's workers, which would outlive a process that ends at once."""
    for child in multiprocessing.active_children():
        child.kill()


def end_process(code: int) -> None:
    """End this process now, without waiting for threads, tasks or exit handlers."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, RuntimeError, ValueError):
            continue  # closed, gone, or in the middle of a write that the signal interrupted
    os._exit(code)
