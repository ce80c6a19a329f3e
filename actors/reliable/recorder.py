"""Writes a producer's messages into its journal, as many at once as there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.errors import JournalError
from actors.reliable.journal import Journal, JournalRecord, Restored
from actors.reliable.words import Entry

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from actors.runtime import Runtime
    from transport import TimerHandle

TRIM_AFTER = 1.0
"""Seconds after which what is handled is written down, where no new message is: it can share the
transaction of one that comes before."""


class Recorder:
    """One task beside its producer.

    `opened` is called with what was restored, `written` with the last number that is safe, and
    `failed` when there is nothing more to be hoped for.
    """

    def __init__(
        self,
        node: Runtime,
        journal: Journal,
        opened: Callable[[Restored], None],
        written: Callable[[int], None],
        failed: Callable[[JournalError], None],
    ) -> None:
        self._node = node
        self._journal = journal
        self._opened = opened
        self._written = written
        self._failed = failed
        self._batch: list[tuple[Entry, Future[None]]] = []
        self._handled = 0
        self._noted = 0
        """What of it is in the journal."""
        self._timer: TimerHandle | None = None
        self._work = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, producer: str | None) -> None:
        """Open the journal, and write what comes."""
        self._task = self._node.loop.create_task(
            self._run(producer), context=self._node.context.copy()
        )

    def add(self, entry: Entry) -> Future[None]:
        """Write it down; the future is done when that has happened."""
        written: Future[None] = self._node.loop.create_future()
        self._batch.append((entry, written))
        self._work.set()
        return written

    def handled(self, upto: int) -> None:
        """All up to this number are handled: write that down some time soon."""
        if upto == self._handled:
            return
        self._handled = upto
        if self._timer is None and not self._closing:
            self._timer = self._node.clock.call_later(TRIM_AFTER, self._work.set)

    async def close(self) -> None:
        """Write what is left, and close the journal."""
        self._closing = True
        self._work.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self, producer: str | None) -> None:
        try:
            restored = await self._journal.open(producer)
        except Exception as error:  # noqa: BLE001 - a journal may be anybody's
            self._failed(_as_journal_error(self._journal, error))
            return
        self._handled = self._noted = restored.handled
        try:
            self._opened(restored)
            await self._write_all(restored.producer)
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(_as_journal_error(self._journal, error))
        finally:
            self._cancel_timer()
            await self._close_journal(restored.producer)

    async def _write_all(self, producer: str) -> None:
        while True:
            if not self._work.is_set() and self._closing:
                return
            await self._work.wait()
            self._work.clear()
            self._cancel_timer()
            if self._batch or self._handled != self._noted:
                await self._write(producer)

    async def _write(self, producer: str) -> None:
        batch, self._batch = self._batch, []
        handled = self._handled
        records = [_record(entry) for entry, _ in batch]
        try:
            await self._journal.write(producer, records, handled)
        except BaseException:
            self._batch = batch + self._batch
            raise
        self._noted = handled
        if batch:
            self._written(batch[-1][0].sequence)
        for _, written in batch:
            if not written.done():
                written.set_result(None)

    def _give_up(self, error: JournalError) -> None:
        batch, self._batch = self._batch, []
        self._failed(error)
        for _, written in batch:
            if not written.done():
                written.set_exception(error)
                written.exception()  # seen: whoever sent it may have gone away

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _close_journal(self, producer: str) -> None:
        try:
            await self._journal.close(producer)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(_as_journal_error(self._journal, error))


def _record(entry: Entry) -> JournalRecord:
    assert entry.encoded is not None
    tag, body, buffers = entry.encoded
    return JournalRecord(entry.sequence, tag, body, buffers)


def _as_journal_error(journal: Journal, error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return error
    wrapped = JournalError(repr(journal), f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
