"""What went wrong, counted and logged: once a peer, reason and minute, whatever the attacker."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transport.clock import Clock

__all__ = ["LOGGER", "Journal"]

LOGGER = logging.getLogger("actors.transport")
_REMEMBERED = 1024
"""So many complaints are remembered: random names must not fill the memory."""


class Journal:
    """Counts rejected messages by reason, and complains about them sparingly.

    Args:
        clock: what measures the minute.
        interval: at most one complaint a key in this many seconds.
        logger: where it complains.
    """

    def __init__(self, clock: Clock, interval: float, logger: logging.Logger = LOGGER) -> None:
        self._clock = clock
        self._interval = interval
        self._logger = logger
        self._complaints: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.rejected: Counter[str] = Counter()

    def reject(self, code: str, who: str, detail: str = "") -> None:
        """Count a dropped message of `who` (a name, or words for a stranger)."""
        self.rejected[code] += 1
        self.complain(code, who, "dropped a message from %s: %s %s", who, code, detail)

    def ended(self, code: str, address: str, detail: str) -> None:
        """Count an inbound connection that was ended; one line a reason, whoever it was."""
        self.rejected[code] += 1
        self.complain(code, "", "ended a connection from %s: %s: %s", address, code, detail)

    def complain(self, code: str, who: str, message: str, *args: object) -> None:
        """Log a warning, unless the same was said about `who` less than a minute ago."""
        key, now = (who, code), self._clock.now()
        last = self._complaints.get(key)
        if last is not None and now - last < self._interval:
            return
        self._complaints[key] = now
        self._complaints.move_to_end(key)
        if len(self._complaints) > _REMEMBERED:
            self._complaints.popitem(last=False)
        self._logger.warning(message, *args)
