"""Whether the ledger of a node adds up."""

from __future__ import annotations

from actors import NodeStats


def adds_up(stats: NodeStats) -> bool:
    """Whether every message is somewhere."""
    here = stats.handled + stats.failed + stats.dead + stats.queued
    away = stats.sent + stats.undelivered + stats.waiting
    return stats.told == here and stats.outbound == away
