"""How long to wait for an acknowledgement before its batch is sent again. No I/O, no clock."""

from __future__ import annotations

__all__ = ["ResendTimer"]


class ResendTimer:
    """A retransmission timer: after each time in vain it waits twice as long.

    The rules are those of RFC 6298 without its estimate of the round trip, for what an
    acknowledgement takes here is mostly how long the peer's event loop is busy. Nothing happens
    when a batch leaves or is acknowledged: the timer runs as long as something is on its way, and
    sees when it fires whether there was progress meanwhile. So a batch is sent again after one
    period to two.

    Args:
        first: the first period, in seconds.
        maximum: the longest one.

    Attributes:
        period: until the timer is to fire, in seconds.
    """

    __slots__ = ("_acknowledged", "_due", "_first", "_maximum", "period")

    def __init__(self, first: float, maximum: float) -> None:
        self._first = self.period = first
        self._maximum = max(first, maximum)
        self._acknowledged = 0
        self._due = 0.0

    def start(self, now: float, acknowledged: int) -> float:
        """From `now` on batches behind `acknowledged` are on their way.

        Returns:
            The seconds after which to ask whether it has `expired`.
        """
        self._acknowledged = acknowledged
        self._due = now + self.period
        return self.period

    def expired(self, now: float, acknowledged: int) -> bool:
        """The timer fired: was nothing acknowledged for a whole period?

        Not when the timer is late: then it is our own loop that stood still, and what the peer
        said may wait to be read.
        """
        if acknowledged != self._acknowledged:
            self.reset()
            return False
        if now - self._due > self.period / 2:
            return False
        self.period = min(2 * self.period, self._maximum)
        return True

    def reset(self) -> None:
        """There was progress: wait no longer than at first."""
        self.period = self._first
