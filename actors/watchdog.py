"""Notices handlers that hold the event loop, while they do it.

A thread asks the loop for a sign of life; where none comes it looks at what the loop's thread is
doing and finds the cell in its frames. Handlers pay nothing for it.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import types
from typing import TYPE_CHECKING, NamedTuple

from actors.cell import Cell
from actors.events import HandlerBlocked
from actors.letter import Letter
from actors.pauses import CollectorPauses

if TYPE_CHECKING:
    from actors.runtime import Runtime

log = logging.getLogger("actors.watchdog")

INTERVAL = 0.05
"""Seconds between two looks."""
LIMIT = 0.1
"""Seconds for which a handler may hold the loop unnoticed."""
JUST_NOW = 0.5
"""Seconds for which who held the loop is to blame for what comes late."""

_HANDLERS = {f.__code__ for f in (Cell.take_turn, Cell.take, Cell._work, Cell._handle)}


class _Culprit(NamedTuple):
    cell: Cell
    letter: Letter


class Watchdog:
    """Watches one event loop from a thread of its own."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._loop_thread = threading.get_ident()
        self._closed = threading.Event()
        self._blamed = ""
        """What was last found to hold the loop, and until when it did."""
        self._blamed_until = float("-inf")
        self._collections = CollectorPauses()
        self._sign = time.monotonic()
        self._asked = False
        thread = threading.Thread(target=self._watch, name="actors-watchdog", daemon=True)
        thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._collections.close()

    def culprit(self, seconds: float) -> str:
        """Return in words what kept the loop for the last `seconds`."""
        if self._blamed_until >= time.monotonic() - JUST_NOW:
            return self._blamed
        paused = self._collections.longest(seconds)
        if paused > seconds / 2:
            return f"a garbage collection of {paused:.1f} s"
        return "it was stopped, got no processor, or something in C held the interpreter"

    def _watch(self) -> None:
        reported = False
        before: _Culprit | None = None
        while not self._closed.wait(INTERVAL):
            found = self._culprit()
            if self._asked:
                silence = time.monotonic() - self._sign
                # Many short ones hold the loop too, but whoever runs just now is not to blame.
                is_one = found and before and found.letter is before.letter
                if found and is_one and silence > LIMIT and not reported:
                    reported = self._report(found, silence)
            else:
                reported = False
                # An idle loop is not woken: only while a handler runs is there something to ask.
                if found is not None and not self._ask():
                    return
            before = found

    def _ask(self) -> bool:
        self._asked = True
        self._sign = time.monotonic()
        try:
            self._node.loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _answer(self) -> None:
        self._asked = False
        self._blamed_until = min(self._blamed_until, time.monotonic())

    def _culprit(self) -> _Culprit | None:
        found = _handler_in(sys._current_frames().get(self._loop_thread))
        return found if found is not None and found.cell.node is self._node else None

    def _report(self, found: _Culprit, seconds: float) -> bool:
        cell, kind = found.cell, type(found.letter.message).__qualname__
        log.warning(
            "%s has held the event loop for %.2f s with %s; "
            "use run_blocking or run_cpu for what blocks",
            cell.ref.path,
            seconds,
            kind,
            extra={"node": self._node.name, "path": cell.ref.path},
        )
        self._blamed, self._blamed_until = f"{cell.ref.path} handling {kind}", float("inf")
        event = HandlerBlocked(cell.ref, kind, seconds)
        self._node.loop.call_soon_threadsafe(self._node.events.publish, event)
        return True


def _handler_in(frame: types.FrameType | None) -> _Culprit | None:
    """Return whose handler runs in these frames, with which message."""
    while frame is not None:
        if frame.f_code in _HANDLERS:
            cell, letter = frame.f_locals.get("self"), frame.f_locals.get("letter")
            if isinstance(cell, Cell) and isinstance(letter, Letter):
                return _Culprit(cell, letter)
        frame = frame.f_back
    return None
