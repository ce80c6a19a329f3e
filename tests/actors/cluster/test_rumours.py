"""Rumours that wait to be passed on."""

from __future__ import annotations

from actors.cluster.rumours import MOST_QUEUED, Rumour, Rumours


def test_only_so_many_wait() -> None:
    """Made-up ones fill no memory: the oldest goes."""
    rumours = Rumours()
    for each in range(MOST_QUEUED + 10):
        rumours.add(Rumour("down", f"n{each}", 1))
    assert len(rumours) == MOST_QUEUED
    assert not rumours.tells(Rumour("down", "n9", 1))
    assert rumours.tells(Rumour("down", "n10", 1))
