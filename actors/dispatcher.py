"""Turns for cells whose next message needs no task of its own."""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from actors.letter import Letter

log = logging.getLogger("actors.dispatcher")

CREDIT = 100
"""Turns that are given at once before the event loop gets its own."""

KEPT = 1_000
"""Empty mailboxes that are kept."""


class Ready(Protocol):
    """A cell that has something to do."""

    def take_turn(self) -> None:
        """Do some of it, and ask for another turn where more is left."""


class Mailboxes:
    """Empty mailboxes, kept for the next actor that gets a message: an idle one has none."""

    __slots__ = ("_spare",)

    def __init__(self) -> None:
        self._spare: list[deque[Letter]] = []

    def take(self) -> deque[Letter]:
        """Return an empty one."""
        return self._spare.pop() if self._spare else deque()

    def give_back(self, mailbox: deque[Letter]) -> None:
        """Take back an empty one."""
        if len(self._spare) < KEPT:
            self._spare.append(mailbox)


class Dispatcher:
    """Lets all cells that are ready work, once in each turn of the event loop.

    A task for each activation would cost more than most messages do; the event loop gives
    everybody else their turn in between all the same. The name is Akka's.
    """

    __slots__ = ("_context", "_loop", "_ready", "_scheduled", "credit")

    def __init__(self, loop: AbstractEventLoop, context: Context) -> None:
        self._loop = loop
        self._context = context
        self._ready: list[Ready] = []
        self.credit = CREDIT
        self._scheduled = False

    def add(self, cell: Ready) -> None:
        """Give the cell a turn in the loop's next one."""
        if not self._scheduled:
            self._schedule()
        self._ready.append(cell)

    def run_now(self, work: Callable[..., None], *args: Any) -> None:
        """Let a cell do something at once; in each turn of the loop there is `credit` for it."""
        self.credit -= 1
        if not self._scheduled:
            self._schedule()
        self._context.copy().run(work, *args)

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._run, context=self._context)

    def _run(self) -> None:
        self._scheduled = False
        self.credit = CREDIT
        ready, self._ready = self._ready, []
        for cell in ready:
            try:
                # Each in a context of its own: what one sets there is no other's business.
                self._context.copy().run(cell.take_turn)
            except Exception:
                log.exception("a turn of %r failed", cell)
