"""Activations: how a cell works on what is in its mailbox.

An idle cell owns no task. What plain functions take is handled in turns that the node's
dispatcher gives out; for anything that may have to wait a task is made, which handles what is
queued, lets others run every BUDGET messages, and ends.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import CancelledError, Task
from collections.abc import Coroutine
from contextvars import ContextVar
from types import CoroutineType
from typing import Any

from actors import handlers
from actors.cell.base import ON_TURN, Order
from actors.cell.door import Door
from actors.commands import Stop
from actors.dispatcher import SLICE, Function
from actors.errors import DeathPactError, Refusal, UnhandledMessageError
from actors.letter import Letter, TaskTurn, Turn, current_turn
from actors.reason import Terminated
from actors.ref import ActorRef
from actors.state import State

log = logging.getLogger("actors.cell")

BUDGET = 256
"""Messages that one activation handles before it lets others run."""

PAUSE = 64
"""Messages after which it looks at the time again; it begins with two."""

GRACE = 0.1
"""Seconds that cancelled code has to come to an end before it is abandoned."""

RUNNING, SUSPENDED = State.RUNNING, State.SUSPENDED


class Activation(Door):
    """Handles letters, one after the other or a few at once."""

    async def _obey(self, order: Order) -> None:
        """Do what the parent or the node wants."""
        raise NotImplementedError

    def _suspend(self, error: BaseException, message: object) -> None:
        """Fail."""
        raise NotImplementedError

    def _report(self) -> None:
        """Hand a failure to the parent."""
        raise NotImplementedError

    def _ends_now(self) -> bool:
        """End without a task, where it is to stop and nothing has to be awaited."""
        raise NotImplementedError

    # --- when, and in what ----------------------------------------------------------------------

    def _activate(self) -> None:
        if self.task is not None:
            return
        mailbox = self.mailbox
        if mailbox and self.plain and type(mailbox[0].message) in self.functions:
            try:
                self.node.dispatcher.add(self)
            except RuntimeError:  # another thread's, or a forked process's: it was never told
                mailbox.pop()
                self.ledger.told -= 1
                raise
            self.task = ON_TURN
        elif self._has_work():
            self.task = self._begin_task(self._run())

    def _has_work(self) -> bool:
        hands = len(self.hands or ())
        room = not hands or hands < self.props.actor_class.concurrency
        if self.orders:
            return not hands or self.orders[0].brutal or (room and self._is_draining())
        return self.state is RUNNING and bool(self.mailbox) and room

    def _is_draining(self) -> bool:
        """Whether the queued messages go before the order to stop."""
        order = self.orders[0] if self.orders else None
        return (
            order is not None
            and not order.brutal
            and isinstance(order.command, Stop)
            and order.command.drain
            and self.state is RUNNING
            and bool(self.mailbox)
        )

    def _begin_task(self, coro: Coroutine[Any, Any, None]) -> Task[None]:
        """Not by the loop's `create_task`: whose factory may run it before it is known here."""
        node = self.node
        return Task(coro, loop=node.loop, context=node.context.copy())

    def _rest(self) -> None:
        """Give back what an idle actor does not need; go on at once where work has come."""
        self.turn = None
        self.task = None
        if not self.plain:
            self.plain = self._is_plain()
        if self.receive_timer is not None:
            self.receive_timer.touch()
        mailbox = self.mailbox
        if not mailbox:
            if mailbox is not None:
                self.mailbox = None
                self.node.spare_mailboxes.append(mailbox)
            if not self.orders:
                self.orders = None
                return
        if self.orders and self._ends_now():
            return
        if not self.node.loop.is_closed():
            self._activate()

    # --- without a task -------------------------------------------------------------------------

    def take_turn(self) -> None:
        """Handle what plain functions take, up to the budget; the dispatcher calls this.

        This is the hot path of every message. The cell itself is their turn: while a plain
        function runs nobody else does.
        """
        actor = self.actor
        ledger = self.ledger
        functions = self.functions
        mailbox = self.mailbox
        handled, pause = 0, 2
        while mailbox:
            letter = mailbox.popleft()
            message = letter.message
            function = functions.get(type(message))
            if function is None or not self.plain:
                mailbox.appendleft(letter)
                break
            self.letter = letter
            try:
                result = function(actor, message)
            except BaseException as error:
                self._ended_badly(self, letter, error)
                continue
            if type(result) is CoroutineType:
                self.task = self._begin_task(self._run((letter, result)))
                return  # the message stays in hand
            if self.letter is letter:  # neither stashed nor refused
                ledger.handled += 1
                if letter.answer is not None:
                    self.letter = None
                    letter.answer.send(result)
            handled += 1
            if handled == pause:
                if handled >= BUDGET or self.node.dispatcher.is_late():
                    break
                pause += min(handled, PAUSE)
        self.letter = None
        if mailbox or mailbox is None or not self.plain or self.receive_timer is not None:
            self._rest()
        else:
            self.mailbox = None
            self.task = None
            self.node.spare_mailboxes.append(mailbox)

    def take(self, function: Function, letter: Letter) -> None:
        """Handle one message as `take_turn` does: an ask of an idle actor."""
        if current_turn.get() is not self:
            current_turn.set(self)
        self.task = ON_TURN
        self.ledger.told += 1
        self.letter = letter
        try:
            result = function(self.actor, letter.message)
        except BaseException as error:
            self._ended_badly(self, letter, error)
        else:
            if type(result) is CoroutineType:
                self.task = self._begin_task(self._run((letter, result)))
                return
            if self.letter is letter:
                self.ledger.handled += 1
                self.letter = None
                if letter.answer is not None:
                    letter.answer.send(result)
        if self.mailbox or not self.plain or self.receive_timer is not None:
            self._rest()
        else:
            self.task = None

    # --- in a task ------------------------------------------------------------------------------

    async def _run(self, begun: tuple[Letter, Coroutine[Any, Any, Any]] | None = None) -> None:
        """One activation: orders first, then messages, until there is nothing left to do.

        `begun` is a message whose handler, a plain function, gave a coroutine to go on with.
        """
        task = self.task
        try:
            if begun is not None:
                await self._interruptible(self._finish(*begun))
            while self._has_work():
                if self.orders and not self._is_draining():
                    self._begin_turn(None)
                    await self._interruptible(self._obey(self.orders[0]))
                else:
                    await self._interruptible(self._work())
        finally:
            if self.task is task:
                self._rest()

    async def _interruptible(self, coro: Coroutine[Any, Any, None]) -> None:
        try:
            await coro
        except CancelledError:
            if not self.interrupted:
                raise
        self._come_back()

    def _begin_turn(self, letter: Letter | None) -> TaskTurn:
        self.letter = None
        turn = self.turn = TaskTurn(self, self.ref, letter, True)
        current_turn.set(turn)
        return turn

    async def _work(self) -> None:
        """Handle what is queued, up to the budget."""
        actor_class = self.props.actor_class
        if actor_class.concurrency > 1:
            await self._work_concurrently(actor_class.concurrency)
            return
        mailbox = self.mailbox
        assert mailbox is not None
        coroutines = actor_class._coroutines
        until, pause = self.node.clock.precise() + SLICE, 2
        for handled in range(1, BUDGET + 1):
            letter = mailbox.popleft()
            turn = self.turn = TaskTurn(self, self.ref, letter, True)
            current_turn.set(turn)
            function = coroutines.get(type(letter.message))
            if function is None or not self.plain:
                await self._handle(turn, letter)
            else:
                try:
                    result = await function(self.actor, letter.message)
                except BaseException as error:
                    if is_abandoned(error):
                        raise
                    self._ended_badly(turn, letter, error)
                else:
                    self._ended_well(turn, letter, result)
            if not mailbox or self.orders or self.state is not RUNNING or self.interrupted:
                return
            if handled == pause:
                if self.node.clock.precise() >= until:
                    break
                pause += min(handled, PAUSE)
        await asyncio.sleep(0)

    async def _finish(self, letter: Letter, coro: Coroutine[Any, Any, Any]) -> None:
        turn = self._begin_turn(self.letter)
        if self.orders and self.orders[0].brutal:  # too late to begin
            coro.close()
            self._forsake(turn)
            return
        await self._handle(turn, letter, coro)

    async def _handle(
        self, turn: Turn, letter: Letter, begun: Coroutine[Any, Any, Any] | None = None
    ) -> None:
        """Handle one letter by whatever way it takes: behaviour, handler, or `receive`.

        `begun` is what its handler gave where that was called already.
        """
        if self.senders:
            self._admit_senders()
        if self.watching is not None and isinstance(letter.message, Terminated):
            self.watching.pop(letter.message.ref, None)
        try:
            result = self._invoke(letter.message) if begun is None else begun
            if type(result) is CoroutineType or asyncio.iscoroutine(result):
                result = await result
        except BaseException as error:
            if is_abandoned(error):
                raise
            self._ended_badly(turn, letter, error)
        else:
            self._ended_well(turn, letter, result)

    def _invoke(self, message: object) -> object:
        actor = self.actor
        assert actor is not None
        if self.behaviours:
            return self.behaviours[-1](message)
        actor_class = self.props.actor_class
        handler = handlers.find(actor_class._handlers, type(message))
        if handler is None:
            return actor.receive(message)
        if actor.concurrency == 1:  # straight there from now on
            known = actor_class._coroutines if handler.is_async else self.functions
            known[type(message)] = handler.function
        return handler.function(actor, message)

    def _ended_well(self, turn: Turn, letter: Letter, result: object) -> None:
        if turn.letter is letter:
            self.ledger.handled += 1
            turn.letter = None
            if letter.answer is not None:
                letter.answer.send(result)

    def _ended_badly(self, turn: Turn, letter: Letter, error: BaseException) -> None:
        """A handler raised: a refusal is an answer, all else is a failure of the actor."""
        cancelled, message = isinstance(error, CancelledError), letter.message
        accounted = turn.letter is not letter and not self._take_from_stash(letter)
        turn.letter = None
        interrupted = cancelled and self.interrupted
        told = self._stopped_error() if interrupted else error
        self._answer_owed(letter, told)
        if isinstance(error, Refusal) and not accounted:
            self.ledger.handled += 1
            _close(letter, error)
            return
        if not accounted:
            self.ledger.failed += 1
            _close(letter, told)
        if interrupted:
            raise error
        if cancelled:
            uncancel()
        self._suspend(error, message)

    def _take_from_stash(self, letter: Letter) -> bool:
        """A message that failed is not handled again, although it was stashed."""
        for index, stashed in enumerate(self.stashed or ()):
            if stashed is letter:
                assert self.stashed is not None
                del self.stashed[index]
                return True
        return False

    def _answer_owed(self, letter: Letter, error: BaseException) -> None:
        """Who was promised a later answer to a message that failed gets the error."""
        for reply in tuple(self.owed or ()):
            if reply.letter is letter:
                reply.fail(error)

    def unhandled(self, message: object) -> None:
        """Account for the message in hand as one that nobody takes: `Actor.receive` calls this."""
        if isinstance(message, Terminated):
            raise DeathPactError(message.ref, message.reason)
        turn = current_turn.get()
        if turn is None or turn.cell is not self or turn.letter is None:
            return
        letter, turn.letter = turn.letter, None
        error = UnhandledMessageError(self.ref, type(message).__qualname__)
        self.node.bury(letter, self.ref, "unhandled", error)

    # --- several messages in hand ---------------------------------------------------------------

    async def _work_concurrently(self, limit: int) -> None:
        mailbox = self.mailbox
        assert mailbox is not None
        if self.hands is None:
            self.hands = {}
        while mailbox and len(self.hands) < limit and self.state is RUNNING:
            turn = TaskTurn(self, self.ref, mailbox.popleft())
            self.hands[turn] = self._begin_task(self._hand(turn))
        await asyncio.sleep(0)

    async def _hand(self, turn: TaskTurn) -> None:
        turn.begun = True
        current_turn.set(turn)
        assert turn.letter is not None
        try:
            await self._handle(turn, turn.letter)
        except CancelledError:
            if not self.interrupted:
                raise
        finally:
            self._hand_done(turn)

    def _hand_done(self, turn: TaskTurn) -> None:
        hands = self.hands
        if hands is None or hands.pop(turn, None) is None:
            return
        if not hands:
            self._come_back()
            if self.state is SUSPENDED:
                self._report()
        self._activate()

    # --- interruption ---------------------------------------------------------------------------

    def _interrupt(self) -> None:
        """Cancel whatever runs for this actor; if that takes no notice, go on without it."""
        self._recall_hands()
        running = [*(self.hands or {}).values()]
        # A task that is cancelled before its first step never comes to its `finally`.
        if self.task is not None and isinstance(self.turn, TaskTurn):
            running.append(self.task)
        if not running:
            self._activate()
            return
        self.interrupted = True
        for task in running:
            task.cancel()
        self.node.clock.call_later(GRACE, self._abandon, running)

    def _forsake(self, turn: Turn) -> None:
        """The message in hand is not handled to its end: that is its failure."""
        letter, turn.letter = turn.letter, None
        if letter is not None:
            self.ledger.failed += 1
            if letter.answer is not None:
                letter.answer.fail(self._stopped_error())

    def _recall_hands(self) -> None:
        """Put back the messages that were taken up in this very turn of the loop."""
        for turn, task in reversed(tuple((self.hands or {}).items())):
            if not turn.begun and self.hands is not None and turn.letter is not None:
                del self.hands[turn]
                task.cancel()
                self._open_mailbox().appendleft(turn.letter)

    def _come_back(self) -> None:
        """What was interrupted has come to its end."""
        if self.interrupted and not self.hands:
            self.interrupted = False
            uncancel()

    def _abandon(self, tasks: list[Task[None]]) -> None:
        """Go on without code that swallowed its cancellation: close what it waits in."""
        stuck = [task for task in tasks if not task.done()]
        if not self.interrupted or not stuck:
            return
        for turn in tuple(self.turns()):
            self._forsake(turn)
        self.interrupted = False
        self.hands = None
        if self.task in stuck:
            self.task = None
            self.turn = None
        for task in stuck:
            abandon(task, self.ref)
        self._activate()


_abandoning: ContextVar[bool] = ContextVar("abandoning", default=False)
"""Whether `abandon` closes a coroutine just now, in the midst of whatever task or callback."""


def is_abandoned(error: BaseException) -> bool:
    """Whether code is being closed where it waits, not by its own task: it must end at once."""
    if _abandoning.get():
        return True
    return isinstance(error, GeneratorExit) and asyncio.current_task() is None


def uncancel() -> None:
    """Forget that the running task was asked to cancel, so that it can go on."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def abandon(task: Task[Any], ref: ActorRef[Any]) -> None:
    """End a coroutine that ignores CancelledError, where it waits, by GeneratorExit."""
    log.error("%s took no notice of its cancellation; it is abandoned", ref)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    coroutine = task.get_coro()
    token = _abandoning.set(True)
    try:
        if isinstance(coroutine, Coroutine):
            coroutine.close()
    except BaseException:
        log.exception("abandoned code cannot even be closed")
    finally:
        _abandoning.reset(token)
    task.cancel()


def _close(letter: Letter, error: BaseException) -> None:
    """Let the asker have the error, and the letter let go of the asker and of its message.

    The frames of the error's traceback hold the letter, which the collector of cycles cannot see
    through: what it held, and whatever that leads to, would be kept for ever.
    """
    letter.message = None
    answer, letter.answer = letter.answer, None
    if answer is not None:
        answer.fail(error)
