"""The door of a cell: what others hand in, and what becomes of it."""

from __future__ import annotations

from asyncio import CancelledError, Future
from collections import deque
from functools import partial
from typing import Any

from actors.cell.base import CellState
from actors.commands import Stop
from actors.dispatcher import Function
from actors.errors import ActorStoppedError, MailboxFullError
from actors.letter import Answer, Letter
from actors.reason import Reason, Terminated
from actors.ref import ActorRef
from actors.state import State


class Door(CellState):
    """Takes letters, notices and watchers in.

    Most cells are `plain` most of the time: they run, their mailbox has no bound, no behaviour
    stands before the handlers, no notice is expected, no order is to be obeyed, and the node does
    not end. One flag says all of it, for the paths that every message takes.
    """

    def _activate(self) -> None:
        """Begin to work, where there is work and nobody is at it."""
        raise NotImplementedError

    def take_turn(self) -> None:
        """Handle what plain functions take."""
        raise NotImplementedError

    def take(self, function: Function, letter: Letter) -> None:
        """Handle one message that a plain function takes."""
        raise NotImplementedError

    def deliver(self, letter: Letter) -> None:
        """Put the letter into the mailbox, or account for it where that cannot be."""
        if not self.plain:
            self._admit(letter)
            return
        self.ledger.told += 1
        mailbox = self.mailbox
        if mailbox is None:
            spare = self.node.spare_mailboxes
            mailbox = self.mailbox = spare.pop() if spare else deque()
        mailbox.append(letter)
        if self.task is None:
            self._activate()

    def _open_mailbox(self) -> deque[Letter]:
        """Return the mailbox; an idle cell borrows one when something comes."""
        if self.mailbox is None:
            spare = self.node.spare_mailboxes
            self.mailbox = spare.pop() if spare else deque()
        return self.mailbox

    def deliver_ask(self, letter: Letter) -> None:
        """Deliver, and handle it now where the actor is idle and a plain function takes it.

        Nobody is overtaken, for nothing is queued; who asks would only wait for it anyway.
        """
        if self.task is None and self.plain and not self.mailbox:
            function = self.functions.get(type(letter.message))
            if function is not None and self.node.dispatcher.run_now(self, function, letter):
                return
        self.deliver(letter)

    def _is_plain(self) -> bool:
        """Whether `plain` may be set again; whatever makes it untrue clears it at once."""
        if self.closing or self.orders or self.state is not State.RUNNING:
            return False
        if self.behaviours or self.watching or self.node.closing:
            return False
        return self.props.actor_class.mailbox.capacity is None

    def _admit(self, letter: Letter) -> None:
        bounds = self.props.actor_class.mailbox
        self.ledger.told += 1
        if self._is_shut_to(letter):
            self._bounce(letter)
        elif not self._is_full():
            self._enqueue(letter)
        elif bounds.overflow == "drop_old":
            self._enqueue(letter)
            self._drop_oldest()
        else:
            self.node.bury(letter, self.ref, "mailbox full", self._full())

    def _is_shut_to(self, letter: Letter) -> bool:
        """Whether it ends, or its node does: then only the node's own actors are heard."""
        if self.closing or not self.node.closing:
            return self.closing
        sender = letter.sender
        return sender is None or sender._origin[:2] != self.node.origin[:2]

    def _is_full(self) -> bool:
        capacity: int | None = self.props.actor_class.mailbox.capacity
        if capacity is None:
            return False
        notices = sum((self.watching or {}).values())
        return len(self.mailbox or ()) - notices >= capacity

    def _full(self) -> MailboxFullError:
        return MailboxFullError(self.ref, self.props.actor_class.mailbox.capacity or 0)

    def _drop_oldest(self) -> None:
        mailbox = self.mailbox
        assert mailbox is not None
        for index, letter in enumerate(mailbox):
            if not isinstance(letter.message, Terminated):
                del mailbox[index]
                self.node.bury(letter, self.ref, "dropped for a newer message", self._full())
                return

    def _enqueue(self, letter: Letter) -> None:
        self._open_mailbox().append(letter)
        if self.task is None:
            self._activate()

    def _bounce(self, letter: Letter) -> None:
        self.node.bury(letter, self.ref, "stopped", self._stopped_error())

    def _stopped_error(self) -> ActorStoppedError:
        if self.fate is not None:
            return ActorStoppedError(self.ref, *self.fate)
        order = self.ending
        if order is not None and order.brutal:
            return ActorStoppedError(self.ref, Reason.KILLED, "it did not stop in time")
        if order is not None and isinstance(order.command, Stop):
            detail = order.command.detail or "it is stopping"
            return ActorStoppedError(self.ref, order.command.reason, detail)
        if self.interrupted:
            return ActorStoppedError(self.ref, Reason.KILLED, "it took too long to restart")
        return ActorStoppedError(self.ref, Reason.SHUTDOWN, "it is stopping")

    def offer(self, letter: Letter) -> Future[None] | None:
        """Put the letter into the mailbox; where that is full, return a future to wait for."""
        bounds = self.props.actor_class.mailbox
        if self._is_shut_to(letter):
            self.deliver(letter)
            raise self._stopped_error()
        if self._is_full() and bounds.overflow == "reject":
            room: Future[None] = self.node.loop.create_future()
            if self.senders is None:
                self.senders = deque()
            self.senders.append((letter, room))
            if letter.answer is not None:  # a router's, which counts
                room.add_done_callback(partial(_end_unless_admitted, letter.answer))
            return room
        self.deliver(letter)
        return None

    def _admit_senders(self) -> None:
        """Let in those that wait for room, first come first served."""
        while self.senders and not self._is_full():
            letter, room = self.senders.popleft()
            if not room.done():
                self.ledger.told += 1
                self._enqueue(letter)
                room.set_result(None)

    def notify(self, notice: Terminated) -> None:
        """Put the notice that a watched actor ended behind what it told before."""
        watching = self.watching
        if watching is not None and watching.get(notice.ref) is False and not self.closing:
            watching[notice.ref] = True
            self.ledger.told += 1
            self._enqueue(Letter(notice, notice.ref))

    def watch(self, watcher: ActorRef[Any]) -> None:
        """Remember who wants to know of the end."""
        if self.state is State.STOPPED:
            watcher._target.notify(Terminated(self.ref, Reason.NOPROC, "it had ended before"))
            return
        if self.watchers is None:
            self.watchers = {}
        self.watchers[watcher] = None

    def unwatch(self, watcher: ActorRef[Any]) -> None:
        """Forget who wanted to know of the end."""
        if self.watchers is not None:
            self.watchers.pop(watcher, None)

    def ended(self) -> Future[Reason]:
        """Return a future of the reason."""
        future: Future[Reason] = self.node.loop.create_future()
        if self.fate is not None:
            future.set_result(self.fate[0])
        else:
            if self.waiters is None:
                self.waiters = []
            self.waiters.append(future)
        return future

    def condition(self) -> tuple[str, int]:
        """Return the state in a word, and the number of messages that wait."""
        return self.state.value, len(self.mailbox or ())


def _end_unless_admitted(answer: Answer, room: Future[None]) -> None:
    """Where a message whose end counts never gets into the mailbox, that is its end."""
    error = CancelledError() if room.cancelled() else room.exception()
    if error is not None:
        answer.fail(error)
