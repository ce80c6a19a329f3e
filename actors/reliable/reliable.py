"""`Reliable`: what an application holds to send messages that must be handled."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from actors.asks import Ask, begin_wait, end_wait
from actors.durations import check_timeout
from actors.errors import (
    AskCycleError,
    AskTimeoutError,
    JournalError,
    NotAuthorizedError,
    ReliableClosedError,
    SendTimeoutError,
    SerializationError,
)
from actors.letter import current_turn
from actors.ref import check_ref
from actors.reliable.arguments import new_id
from actors.reliable.journal import Journal, Restored
from actors.reliable.outbox import Outbox
from actors.reliable.producer import Producer
from actors.reliable.recorder import Recorder
from actors.reliable.words import Confirmed, Entry
from serialization import Encoded

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.reliable.outbox import Resolve
    from actors.runtime import Runtime


_LASTING = (TypeError, NotAuthorizedError)
"""What waiting does not mend: the consumer is a router, or its node does not allow the message."""


class Reliable:
    """Sends messages to one actor until it has handled them: at least once, and in order.

    Make it with `node.reliable(ref)`, and close it when it is not needed any more; as an `async
    with` block it waits at the end until all is handled. See `docs/reliability.md`.
    """

    def __init__(
        self,
        node: Runtime,
        resolve: Resolve,
        window: int,
        journal: Journal | None,
        producer: str | None,
        *,
        wait: bool,
    ) -> None:
        self._node = node
        self._wait = wait
        self._outbox = Outbox(node, resolve, window, self._go_on)
        self._closed = False
        self._failure: BaseException | None = None
        self._opened = asyncio.Event()
        self._senders: deque[tuple[Entry, Future[None]]] = deque()
        self._flushers: list[Future[None]] = []
        self._recorder: Recorder | None = None
        if journal is None:
            self._begin(Restored(new_id(producer or node.name, node.random)))
        else:
            self._recorder = Recorder(node, journal, self._begin, self._written, self._lose)
            self._recorder.begin(producer)

    async def __aenter__(self) -> Reliable:
        await self._opened.wait()
        if self._failure is not None:
            await self.close()
            raise self._failure
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._closed:
                await self.flush()
        finally:
            await self.close()

    # --- who, and how much ----------------------------------------------------------------------

    @property
    def producer(self) -> str:
        """The id under which messages are sent. Without a journal it is another one each time.

        Raises RuntimeError where the journal, which knows it, is not open yet: `async with` waits.
        """
        if not self._outbox.producer:
            raise RuntimeError("the journal is not open yet; use `async with`, or send first")
        return self._outbox.producer

    @property
    def pending(self) -> int:
        """How many messages are accepted and not known to be handled."""
        return self._outbox.machine.pending

    @property
    def ref(self) -> ActorRef[Any] | None:
        """The consumer, or the last one there was."""
        return self._outbox.ref

    def __repr__(self) -> str:
        return f"<Reliable {self._outbox.producer or '(not open)'} to {self.ref}>"

    # --- what one does with it ------------------------------------------------------------------

    def send(self, message: object, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        """Return when the message is accepted: it will be handled. With a journal, it is on disk.

        Waits while `window` messages are unhandled: this is the backpressure. `timeout`, in
        seconds, is for that wait; a message that is accepted is not taken back.

        Raises SendTimeoutError; ActorStoppedError or NodeUnreachableError where there is no
        consumer (with `wait=True` it waits for `redirect` instead); NotAuthorizedError where its
        node does not allow a message of this producer; SerializationError;
        ReliableClosedError; JournalError; AskCycleError where it would wait for itself.
        """
        check_timeout(timeout)
        return self._send(message, timeout)

    async def _send(self, message: object, timeout: float | None) -> None:
        self._check()
        turn = current_turn.get()
        entry = Entry(message, None if turn is None else turn.ref)
        if self._recorder is not None:
            entry.encode(self._node.codec)
        self._outbox.prepare(entry)
        if self._opened.is_set() and self._outbox.has_room and not self._senders:
            written = self._accept(entry)
        else:
            room: Future[None] = self._node.loop.create_future()
            self._senders.append((entry, room))
            what = type(message).__qualname__
            await self._await(room, timeout, SendTimeoutError(self.ref, what, timeout or 0.0))
            written = entry.written
        if written is not None:
            await written

    def flush(self, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        """Wait until all that was accepted is handled. `timeout` in seconds.

        Raises TimeoutError, and what `send` raises.
        """
        check_timeout(timeout)
        return self._flush(timeout)

    async def _flush(self, timeout: float | None) -> None:
        if self._opened.is_set() and self._failure is None and not self.pending:
            return
        self._check()
        flushed: Future[None] = self._node.loop.create_future()
        self._flushers.append(flushed)
        late = TimeoutError(f"{self!r} has messages that were not handled within {timeout} s")
        await self._await(flushed, timeout, late)

    def redirect(self, ref: ActorRef[Any]) -> None:
        """Go on with another actor: it gets all that is not handled, in order.

        What an earlier one may have handled is `redelivered` there. Raises TypeError where it is
        no ref, SerializationError where an unhandled message cannot go there, ReliableClosedError.
        """
        check_ref(ref)
        if self._closed:
            raise ReliableClosedError(self._outbox.producer)
        self._outbox.follow(lambda: ref)
        self._go_on()

    async def close(self) -> None:
        """Send no more. What is not handled is a dead letter, unless it is in a journal."""
        if not self._closed:
            self._closed = True
            left = self._outbox.close(comes_back=self._recorder is not None)
            self._node.reliable.forget(self)
            self._refuse(ReliableClosedError(self._outbox.producer))
            if self._recorder is None:
                self._mourn(left)
        if self._recorder is not None:
            await self._recorder.close()

    def _mourn(self, entries: list[Entry]) -> None:
        ref = self.ref
        for entry in entries:
            if ref is not None:
                message = entry.content(self._node.codec)
                self._node.mourn(message, ref, entry.sender, "not handled")

    # --- waiting --------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise where nothing more is to be hoped for."""
        hopeless = self._hopeless()
        if hopeless is not None:
            raise hopeless.with_traceback(None)

    def _hopeless(self) -> BaseException | None:
        if self._closed:
            return ReliableClosedError(self._outbox.producer)
        gone = self._outbox.gone
        if self._failure is None and (not self._wait or isinstance(gone, _LASTING)):
            return gone
        return self._failure

    async def _await(self, future: Future[None], timeout: float | None, late: TimeoutError) -> None:
        """Wait as an ask does, for the consumer's sake; where that is a cycle, raise."""
        node, ref, turn = self._node, self.ref, current_turn.get()
        wait = Ask(() if ref is None else (ref,), future)
        waits = None if turn is None or ref is None else begin_wait(turn, wait)
        try:
            if waits is not None and node.cycles.would_close(waits, wait):
                raise AskCycleError(ref, waits.ref)
            if timeout is not None:
                node.deadlines.add(wait, timeout)
            await future
        except AskTimeoutError:
            if wait.expired:
                raise late from None
            raise
        finally:
            future.cancel()
            wait.forget()
            if waits is not None:
                end_wait(waits, wait)
            if timeout is not None:
                node.deadlines.discard(wait, timeout)

    def _go_on(self) -> None:
        """Something was handled, or the consumer is another one, or none: who waits may go on."""
        if self._recorder is not None:
            self._recorder.handled(self._outbox.machine.confirmed)
        hopeless = self._hopeless()
        if hopeless is not None:
            self._refuse(hopeless)
            return
        while self._senders and self._outbox.has_room and self._opened.is_set():
            entry, room = self._senders.popleft()
            if not room.done():
                self._admit(entry, room)
        if not self.pending and self._opened.is_set():
            self._release_flushers()

    def _admit(self, entry: Entry, room: Future[None]) -> None:
        try:
            self._outbox.prepare(entry)  # the consumer may be elsewhere by now
        except SerializationError as error:
            room.set_exception(error)
        else:
            self._accept(entry)
            room.set_result(None)

    def _release_flushers(self) -> None:
        flushers, self._flushers = self._flushers, []
        for flushed in flushers:
            if not flushed.done():
                flushed.set_result(None)

    def _refuse(self, error: BaseException) -> None:
        waiting = [*(room for _, room in self._senders), *self._flushers]
        self._senders.clear()
        self._flushers.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    # --- accepting ------------------------------------------------------------------------------

    def _begin(self, restored: Restored) -> None:
        """The id is known, and what an earlier life left."""
        entries = {
            record.sequence: Entry(
                encoded=Encoded(record.tag, record.body, record.buffers), sequence=record.sequence
            )
            for record in restored.records
        }
        machine = Producer(restored.handled, max(entries, default=restored.handled))
        self._opened.set()
        if not self._closed:
            self._node.reliable.remember(self, restored.producer)
            self._outbox.begin(restored.producer, machine, entries)
            self._go_on()

    def _accept(self, entry: Entry) -> Future[None] | None:
        """Take it in; return a future where it is to be written down before it goes."""
        self._outbox.accept(entry)
        if self._recorder is None:
            self._outbox.release(entry.sequence)
            return None
        entry.written = self._recorder.add(entry)
        return entry.written

    def _written(self, upto: int) -> None:
        self._outbox.release(upto)

    def _lose(self, error: JournalError) -> None:
        """The journal takes no more: what is not in it was never accepted."""
        self._outbox.revoke()
        self._fail(error)

    def _fail(self, error: JournalError) -> None:
        """The journal is of no use, and nothing more is accepted."""
        self._failure = error
        self._opened.set()
        self._refuse(error)

    def confirmed(self, consumer: ActorRef[Any], word: Confirmed) -> None:
        """A consumer says how far it is. Raises ValueError where that makes no sense."""
        try:
            self._outbox.confirmed(consumer, word)
        except ValueError as error:
            if self._recorder is None:
                raise
            detail = f"it is older than what {consumer} has handled ({error}): use another producer"
            self._fail(JournalError(f"of {self._outbox.producer!r}", detail))
