"""What one may say in gossip: bounded, and never what cannot be said again."""

from __future__ import annotations

from typing import Any

import pytest

from actors.cluster.loads import Report
from actors.cluster.probes import MOST_SAID, Ping, read, write
from actors.cluster.rumours import MAX_VERSION, Rumour

RUMOURS: list[dict[str, Any]] = [
    {"version": MAX_VERSION + 1},
    {"version": -1},
    {"detail": "x" * 5000},
    {"by": "x" * 200},
    {"seconds": float("nan")},
    {"seconds": -1.0},
]

REPORTS = [
    (1, float("nan"), 0, {}),
    (1, -1.0, 0, {}),
    (1, float("inf"), 0, {}),
    (2**60, 0.0, 0, {}),
    (1, 0.0, -5, {}),
    (1, 0.0, 0, {"a.A": -1}),
]


@pytest.mark.parametrize("more", RUMOURS, ids=lambda more: next(iter(more)))
def test_a_rumour_beyond_all_bounds_is_refused(more: dict[str, Any]) -> None:
    """It would be passed on, or be counted on from, by whoever takes it."""
    with pytest.raises(ValueError, match="Expected"):
        read(write(Ping([Rumour("busy", "a", 1, **more)], 1, 1), []))


@pytest.mark.parametrize("report", REPORTS, ids=repr)
def test_a_load_that_is_none_is_refused(report: tuple[Any, ...]) -> None:
    """With NaN nothing is less, and all actors would be placed at one node."""
    with pytest.raises(ValueError, match="Expected"):
        read(write(Ping([], 1, 1), [Report("a", 1, *report)]))


def test_few_rumours_and_reports_come_in_one_message() -> None:
    """Members say eight at a time; a hundred thousand made a node stand still for minutes."""
    rumours = [Rumour("down", f"n{each}", 1) for each in range(MOST_SAID + 1)]
    reports = [Report(f"n{each}", 1, 1, 0.0, 0, {}) for each in range(MOST_SAID + 1)]
    assert read(write(Ping(rumours[1:], 1, 1), reports[1:])).message.rumours == rumours[1:]
    with pytest.raises(ValueError, match="most"):
        read(write(Ping(rumours, 1, 1), []))
    with pytest.raises(ValueError, match="most"):
        read(write(Ping([], 1, 1), reports))
