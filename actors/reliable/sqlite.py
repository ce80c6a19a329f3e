"""A journal in one file, by SQLite: it comes with Python, and a crash leaves it whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from actors.reliable.journal import JournalRecord, Restored

if TYPE_CHECKING:
    from actors.reliable.sqlite_file import SqliteFile

T = TypeVar("T")

Synchronous = Literal["FULL", "NORMAL"]


class SqliteJournal:
    """Keeps messages in a SQLite database, of one process at a time and any number of producers.

    `synchronous`: with FULL, what was accepted survives a power cut; with NORMAL, which is faster,
    a crash of the process, and after a power cut the last messages may be missing (SQLite's words).

    The file is opened when it is first used, and closed when its last producer is. JournalError
    says who holds it, or what is wrong with it and what to do.
    """

    def __init__(self, path: str | Path, *, synchronous: Synchronous = "FULL") -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise ValueError(f"synchronous must be FULL or NORMAL, not {synchronous!r}")
        self.path = Path(path)
        self._synchronous = synchronous
        self._thread: ThreadPoolExecutor | None = None
        """One thread: what it is given, it does in that order."""
        self._file: SqliteFile | None = None
        self._users = 0

    def __repr__(self) -> str:
        return f"SqliteJournal({str(self.path)!r})"

    async def open(self, producer: str | None) -> Restored:
        """Open the file, where that was not done, and return what the producer left."""
        self._users += 1
        try:
            return await self._call(lambda: self._opened().restore(producer))
        except BaseException:
            await self._leave()
            raise

    async def write(self, producer: str, records: Sequence[JournalRecord], handled: int) -> None:
        """Write it all in one transaction."""
        await self._call(lambda: self._opened().write(producer, records, handled))

    async def close(self, producer: str) -> None:
        """Let go of the producer, and with the last one of the file."""
        await self._call(lambda: self._opened().release(producer))
        await self._leave()

    async def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            await self._call(self._close)
        if not self._users and self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    async def _call(self, function: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    # --- in the thread --------------------------------------------------------------------------

    def _opened(self) -> SqliteFile:
        # Imported here: few nodes have a journal, and all would pay for the import.
        from actors.reliable.sqlite_file import SqliteFile

        if self._file is None:
            self._file = SqliteFile(self.path, self._synchronous)
        return self._file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
