"""The retransmission timer: it sees progress, doubles without it, and knows its own pauses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transport.resend import ResendTimer


def test_each_time_in_vain_doubles_the_period() -> None:
    """Up to the maximum."""
    timer, now, periods = ResendTimer(5.0, 30.0), 0.0, []
    for _ in range(5):
        period = timer.start(now, 7)
        periods.append(period)
        now += period
        assert timer.expired(now, 7)
    assert periods == [5.0, 10.0, 20.0, 30.0, 30.0]


def test_progress_puts_it_off_and_ends_the_doubling() -> None:
    """What was acknowledged meanwhile begins the first period again."""
    timer = ResendTimer(5.0, 30.0)
    timer.start(0.0, 7)
    assert timer.expired(5.0, 7)
    assert timer.start(5.0, 7) == 10.0
    assert not timer.expired(15.0, 8)
    assert timer.start(15.0, 8) == 5.0


@given(st.floats(2.51, 1e6))
def test_a_pause_of_our_own_is_not_held_against_the_peer(late: float) -> None:
    """A timer that fires late enough says that this loop stood still: nothing expired."""
    timer = ResendTimer(5.0, 30.0)
    timer.start(0.0, 7)
    assert not timer.expired(5.0 + late, 7)
    assert timer.start(5.0 + late, 7) == 5.0
    assert timer.expired(10.0 + late, 7)


def test_a_maximum_below_the_first_period_keeps_that() -> None:
    """The period never shrinks by expiring."""
    timer = ResendTimer(5.0, 1.0)
    timer.start(0.0, 0)
    assert timer.expired(5.0, 0)
    assert timer.period == 5.0
