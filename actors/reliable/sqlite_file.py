"""The file of a `SqliteJournal`: its tables, and what is read and written in them."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Generator, Sequence
from pathlib import Path

from actors.errors import JournalError
from actors.reliable.journal import JournalRecord, Restored
from actors.reliable.lock import FileLock

VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS producers (
    producer TEXT PRIMARY KEY, handled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    producer TEXT NOT NULL, sequence INTEGER NOT NULL, tag TEXT, body BLOB NOT NULL,
    PRIMARY KEY (producer, sequence)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buffers (
    producer TEXT NOT NULL, sequence INTEGER NOT NULL, number INTEGER NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (producer, sequence, number)
);
"""

RECOVERY = (
    "move it away, with the files beside it (-wal, -shm), and start with a new one; "
    "`sqlite3 FILE .recover` may save messages that were not handled"
)


class SqliteFile:
    """An open journal. All calls come from one thread; whatever goes wrong is a JournalError."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._busy: set[str] = set()
        """Producers that write at present."""
        self._lock = FileLock(path)
        try:
            self._db = self._connect(synchronous)
        except BaseException:
            self._lock.release()
            raise

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        with self._explained():
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(f"PRAGMA synchronous={synchronous}")
                self._check(db)
                db.executescript(TABLES)
                db.execute(f"PRAGMA user_version={VERSION}")
            except BaseException:
                db.close()
                raise
            return db

    def _check(self, db: sqlite3.Connection) -> None:
        [[verdict]] = db.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise JournalError(str(self._path), f"it is damaged ({verdict}): {RECOVERY}")
        [[version]] = db.execute("PRAGMA user_version").fetchall()
        [[tables]] = db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        if version != VERSION and tables:
            detail = f"it is no journal of this version ({version}, not {VERSION}); take another"
            raise JournalError(str(self._path), detail)

    @contextlib.contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            damaged = not isinstance(error, sqlite3.OperationalError)
            advice = f"it is damaged: {RECOVERY}" if damaged else "see to the disk, and start anew"
            raise JournalError(str(self._path), f"{error}; {advice}") from error

    # --- what a producer left -------------------------------------------------------------------

    def restore(self, producer: str | None) -> Restored:
        """Return what the producer left, or begin for a new one."""
        with self._explained():
            producer = producer or self._only_one()
            if producer in self._busy:
                detail = f"another Reliable of this process writes as {producer!r}; take another id"
                raise JournalError(str(self._path), detail)
            self._db.execute("INSERT OR IGNORE INTO producers VALUES (?, 0)", (producer,))
            [[handled]] = self._db.execute(
                "SELECT handled FROM producers WHERE producer = ?", (producer,)
            ).fetchall()
            records = self._records(producer)
        expected = list(range(handled + 1, handled + 1 + len(records)))
        if [record.sequence for record in records] != expected:
            detail = f"messages of {producer!r} are missing in it, so it is damaged: {RECOVERY}"
            raise JournalError(str(self._path), detail)
        self._busy.add(producer)
        return Restored(producer, handled, records)

    def _only_one(self) -> str:
        known = [each for (each,) in self._db.execute("SELECT producer FROM producers LIMIT 2")]
        if len(known) > 1:
            detail = f"it has several producers, {known[0]!r} among them; say which, by producer="
            raise JournalError(str(self._path), detail)
        return known[0] if known else f"producer-{secrets.token_hex(8)}"

    def _records(self, producer: str) -> list[JournalRecord]:
        buffers: dict[int, list[bytes]] = defaultdict(list)
        for sequence, content in self._db.execute(
            "SELECT sequence, content FROM buffers WHERE producer = ? ORDER BY sequence, number",
            (producer,),
        ):
            buffers[sequence].append(content)
        rows = self._db.execute(
            "SELECT sequence, tag, body FROM messages WHERE producer = ? ORDER BY sequence",
            (producer,),
        )
        return [
            JournalRecord(sequence, tag, body, tuple(buffers[sequence]))
            for sequence, tag, body in rows
        ]

    # --- what it writes -------------------------------------------------------------------------

    def write(self, producer: str, records: Sequence[JournalRecord], handled: int) -> None:
        """Add records, and drop those up to `handled`, in one transaction."""
        with self._explained(), self._transaction():
            self._db.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?)",
                [(producer, each.sequence, each.tag, each.body) for each in records],
            )
            self._db.executemany(
                "INSERT INTO buffers VALUES (?, ?, ?, ?)",
                [
                    (producer, each.sequence, number, content)
                    for each in records
                    for number, content in enumerate(each.buffers)
                ],
            )
            self._trim(producer, handled)

    def _trim(self, producer: str, handled: int) -> None:
        for table in ("messages", "buffers"):
            self._db.execute(
                f"DELETE FROM {table} WHERE producer = ? AND sequence <= ?",
                (producer, handled),
            )
        self._db.execute("UPDATE producers SET handled = ? WHERE producer = ?", (handled, producer))

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have done so itself
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def release(self, producer: str) -> None:
        """The producer writes no more."""
        self._busy.discard(producer)

    def close(self) -> None:
        """Close the file, and let others have it."""
        try:
            with self._explained():
                self._db.close()
        finally:
            self._lock.release()
