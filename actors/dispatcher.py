"""Turns for cells whose next message needs no task of its own."""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any, Protocol

from actors.confinement import Home
from actors.letter import Letter, Turn, current_turn

log = logging.getLogger("actors.dispatcher")

SLICE = 0.001
"""Seconds for which cells are given turns before the event loop goes on."""

CREDIT = 1_000
"""Turns that are given in one slice at most, however short they are."""

PAUSE = 16
"""Turns after which one looks at the time again."""

Function = Callable[[Any, Any], Any]
"""A handler that is a plain function, of the actor and the message."""


class Ready(Turn, Protocol):
    """A cell that has something to do."""

    def take_turn(self) -> None:
        """Do some of it, and ask for another turn where more is left."""

    def take(self, function: Function, letter: Letter) -> None:
        """Handle this letter, though nobody waits in the mailbox."""


class Dispatcher:
    """Lets all cells that are ready work, one after the other, for a slice of time.

    A task for each activation would cost more than most messages do; the event loop gives
    everybody else their turn in between all the same. The name is Akka's, and so is the idea of
    a limit both by number and by time.
    """

    __slots__ = (
        "_clean",
        "_context",
        "_home",
        "_loop",
        "_ready",
        "_scheduled",
        "_scratch",
        "_time",
        "_until",
        "credit",
    )

    def __init__(
        self,
        loop: AbstractEventLoop,
        context: Context,
        time: Callable[[], float],
        home: Home | None = None,
    ) -> None:
        self._home = Home("of no name") if home is None else home
        self._loop = loop
        self._context = context
        self._time = time
        self._until = 0.0
        self._scratch: Context | None = None
        """One that nothing was left in, for the next ask."""
        self._clean = len(context) + 1
        """How many variables there are in such a context: `current_turn` and what is given."""
        self._ready: list[Ready] = []
        self._scheduled = False
        self.credit = CREDIT
        """Turns that are left in this slice."""

    def add(self, cell: Ready) -> None:
        """Give the cell a turn soon: in the loop's next one, where none are given just now."""
        if not self._scheduled:
            self._schedule()
        self._ready.append(cell)

    def is_late(self) -> bool:
        """Whether the slice is over."""
        return self._time() >= self._until

    def run_now(self, cell: Ready, function: Function, letter: Letter) -> bool:
        """Let an idle cell handle a letter within this call; False where no credit is left."""
        if not self._scheduled:
            self._schedule()
        credit = self.credit
        if not credit or (not credit % PAUSE and self.is_late()):
            self.credit = 0
            return False
        self.credit = credit - 1
        context, self._scratch = self._scratch, None
        if context is None:
            context = self._context.copy()
        context.run(cell.take, function, letter)
        if len(context) == self._clean:
            self._scratch = context
        return True

    def _schedule(self) -> None:
        self._home.check()
        self._scheduled = True
        self._begin_slice()
        self._loop.call_soon(self._run, context=self._context)

    def _begin_slice(self) -> None:
        self.credit = CREDIT
        self._until = self._time() + SLICE

    def _run(self) -> None:
        """Give a turn to each that is ready, and again, until nobody is or the slice is over."""
        self._begin_slice()
        while self._ready:
            ready, self._ready = self._ready, []
            self.credit = max(self.credit - len(ready), 0)
            turns = iter(ready)
            while (context := self._context.copy()).run(self._give, turns, context):
                """What one left in it is no other cell's business: go on in a new one."""
            if not self.credit or self.is_late():
                self._ready[:0] = turns  # those that had none yet
                break
        self._scheduled = False
        if self._ready:
            self._schedule()

    def _give(self, turns: Iterator[Ready], context: Context) -> bool:
        """Give one turn after the other; True where the rest needs another context."""
        for number, cell in enumerate(turns, 1):
            current_turn.set(cell)
            try:
                cell.take_turn()
            except Exception:
                log.exception("a turn of %r failed", cell)
            if len(context) != self._clean:
                return not self.is_late()
            if not number % PAUSE and self.is_late():
                return False
        return False
