"""A journal on a simulated disk: what was written survives the crash of its host."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors import JournalRecord, Restored


@dataclass
class Kept:
    """What the disk has of one producer."""

    handled: int = 0
    records: dict[int, JournalRecord] = field(default_factory=dict)


class Disk:
    """Takes some milliseconds for a transaction, in the midst of which the host may crash."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    async def open(self, producer: str | None) -> Restored:
        """Return what an earlier life left."""
        assert producer is not None
        await self._spin()
        kept = self._kept.setdefault(producer, Kept())
        return Restored(producer, kept.handled, tuple(kept.records.values()))

    async def write(self, producer: str, records: Sequence[JournalRecord], handled: int) -> None:
        """Keep these, and forget what is handled, at one moment somewhere between."""
        await self._spin()
        kept = self._kept[producer]
        kept.records.update({record.sequence: record for record in records})
        kept.records = {each: kept.records[each] for each in kept.records if each > handled}
        kept.handled = handled
        await self._spin()

    async def close(self, producer: str) -> None:
        """Nothing more comes."""

    async def _spin(self) -> None:
        await asyncio.sleep(random.uniform(0.0, 0.01))
