"""The trace that every dead letter leaves in the log, without flooding it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from transport import Clock

if TYPE_CHECKING:
    from actors.ref import ActorRef

log = logging.getLogger("actors.dead_letters")

PERIOD = 1.0
"""At most one line in so many seconds; the next one says how many there were in between."""


class DeadLetterLog:
    """Logs dead letters, one a period, and counts the others. Subscribe to `DeadLetter` for all."""

    __slots__ = ("_clock", "_held", "_node", "_quiet_until")

    def __init__(self, clock: Clock, node: str) -> None:
        self._clock = clock
        self._node = node
        self._held = 0
        self._quiet_until = float("-inf")

    def note(self, message: object, recipient: ActorRef[Any], reason: str) -> None:
        """Leave a trace of one dead letter."""
        now = self._clock.now()
        if now < self._quiet_until:
            self._held += 1
            return
        self._quiet_until = now + PERIOD
        more = f"; {self._held} more since the last of these lines" if self._held else ""
        self._held = 0
        kind = type(message).__qualname__
        log.warning(
            "dead letter: %s for %s (%s)%s",
            kind,
            recipient.path,
            reason,
            more,
            extra={"node": self._node, "path": recipient.path},
        )
