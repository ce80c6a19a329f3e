"""What a journal must do, so that what a producer accepted survives its crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class JournalRecord(NamedTuple):
    """A message in a journal: its number, and what the node's codec made of it."""

    sequence: int
    tag: str | None
    body: bytes
    buffers: tuple[bytes, ...] = ()


class Restored(NamedTuple):
    """What a journal knows of a producer: all up to `handled` are, and these are not."""

    producer: str
    handled: int = 0
    records: Sequence[JournalRecord] = ()


@runtime_checkable
class Journal(Protocol):
    """Where a `Reliable` writes what it accepts. Several may share one, under different ids.

    Whatever goes wrong is raised as JournalError.
    """

    async def open(self, producer: str | None) -> Restored:
        """Begin, and return what the producer of that id left, its records in order.

        For None it is the only producer in the journal, or one with a new id where there is none.
        """
        ...

    async def write(self, producer: str, records: Sequence[JournalRecord], handled: int) -> None:
        """Keep these records, and forget those up to `handled`: both, or neither, when it returns.

        `handled` itself is kept, so that no number is given out twice.
        """
        ...

    async def close(self, producer: str) -> None:
        """That producer writes no more."""
        ...
