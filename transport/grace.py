"""How long somebody has to show up before they are given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.clock import Clock, TimerHandle

__all__ = ["Grace"]


class Grace:
    """A period that begins anew when this process itself stood still.

    Args:
        clock: what measures it.
        period: how long it is, in seconds.
        on_over: called when it is over.
    """

    __slots__ = ("_clock", "_on_over", "_period", "_timer")

    def __init__(self, clock: Clock, period: float, on_over: Callable[[], None]) -> None:
        self._clock = clock
        self._period = period
        self._on_over = on_over
        self._timer: TimerHandle | None = None

    def begin(self) -> None:
        """The period begins (anew)."""
        self.cancel()
        due = self._clock.now() + self._period
        self._timer = self._clock.call_later(self._period, self._on_timer, due)

    def cancel(self) -> None:
        """Nobody is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self, due: float) -> None:
        # When a timer is late our own loop stood still: its verdict on others is worth nothing.
        if self._clock.now() - due > self._period / 2:
            self.begin()
        else:
            self._timer = None
            self._on_over()
