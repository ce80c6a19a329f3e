"""One simulated machine: what runs on it, by which clock, and whether it runs at all.

Whatever runs belongs to the host of its context. A host knows no event loop: the loop asks it.
"""

from __future__ import annotations

import math
from asyncio import Handle
from contextvars import Context, ContextVar

__all__ = ["Host", "current_host"]


class Host:
    """One life of a simulated machine.

    True time is what the simulation counts. The host's own time runs at `rate` of it.

    Attributes:
        name: the name of its node.
        context: what every context on it is a copy of.
        alive: False once it has crashed: nothing of it ever runs again.
        held: what waits until it goes on, in order.
    """

    __slots__ = (
        "_local",
        "_offset",
        "_since",
        "_stops",
        "alive",
        "context",
        "held",
        "name",
        "rate",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.held: list[Handle] = []
        self.rate = 1.0
        self.context = Context()
        self.context.run(current_host.set, self)
        self._since = 0.0
        self._local = 0.0
        self._offset = 0.0
        self._stops = 0

    @property
    def runs(self) -> bool:
        """Whether its callbacks run at present."""
        return self.alive and not self._stops

    def stop(self) -> None:
        """Hold what it does from now on; stops add up."""
        self._stops += 1

    def go_on(self) -> bool:
        """End one `stop`; return whether it runs again."""
        self._stops -= 1
        return self.runs

    # --- its clock ------------------------------------------------------------------------------

    def now(self, true: float) -> float:
        """Its own time at that true time."""
        return self._local + (true - self._since) * self.rate

    def wall(self, true: float) -> float:
        """What it takes for the time of the day."""
        return self.now(true) + self._offset

    def due(self, local: float) -> float:
        """The true time at which its own clock shows `local`, or just has, as far as one can tell.

        Never before it: who sets a timer for what is left would do so for ever.
        """
        true = self._since + (local - self._local) / self.rate
        while self.now(true) < local:
            true = math.nextafter(true, math.inf)
        return true

    def skew(self, true: float, rate: float, offset: float) -> None:
        """From now on its clock runs at `rate`, and its time of the day is `offset` s off."""
        self._local = self.now(true)
        self._since = true
        self.rate = rate
        self._offset = offset


current_host: ContextVar[Host | None] = ContextVar("current_host", default=None)
"""Whose code runs: None for the scenario, and for the network between the hosts."""
