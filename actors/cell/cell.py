"""The life of one actor: set-up, orders, failures and its end.

A cell is what stands behind a local ref and survives restarts; the `Actor` instance is what the
parent's supervision replaces.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import CancelledError, Future, Task
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from actors.cell.activation import GRACE, Activation, abandon, is_abandoned, uncancel
from actors.cell.base import Order
from actors.commands import Command, Fail, Halt, Resume, Start, Stop
from actors.durations import time_limit
from actors.events import ActorRestarted, ActorStopped
from actors.family import Family
from actors.reason import Reason, Terminated
from actors.ref import ActorRef
from actors.state import State

if TYPE_CHECKING:
    from actors.actor import Actor

STARTING, RUNNING, SUSPENDED = State.STARTING, State.RUNNING, State.SUSPENDED
HALTED, STOPPING, STOPPED = State.HALTED, State.STOPPING, State.STOPPED


class Cell(Activation):
    """One actor of this node, from spawn to its end."""

    # --- set-up ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Build the instance now, and run its `on_start`, where it has one, in an activation."""
        try:
            self._construct()
        except BaseException as error:
            self._suspend(error, None)
            return
        if self.props.actor_class._has_start_hook:
            self.control(Start())
        else:
            self._started()

    def _construct(self) -> None:
        props = self.props
        new: Any = props.actor_class.__new__
        actor: Any = new(props.actor_class)
        actor._cell = self
        self.actor = actor
        try:
            if props.args or props.kwargs:
                actor.__init__(*props.args, **props.kwargs)
            else:
                actor.__init__()
        except BaseException:
            self.actor = None
            raise

    def _started(self) -> None:
        self.state = RUNNING
        self.started = True
        self.keeper.started()
        if self.mailbox:
            self._activate()

    # --- failure --------------------------------------------------------------------------------

    def _suspend(self, error: BaseException, message: object) -> None:
        """Stop handling messages, tell the world, and let the parent decide."""
        self.node.failed(self.ref, error, message)
        if self.state in (STOPPING, STOPPED, SUSPENDED):
            return
        self.state = SUSPENDED
        self.plain = False
        self.failure = error
        if not self.hands:
            self._report()

    def _report(self) -> None:
        """Hand the failure to the parent; one that is ending anyway needs no decision."""
        if self.failure is not None and not self.closing:
            self.keeper.failed(self.failure, started=self.started)

    def fail(self, error: BaseException, *, escalated: bool = False) -> None:
        """Fail, after the message in hand, by something that no message caused."""
        if error is not self.failure:
            self.control(Fail(error, escalated))

    def escalate(self, error: BaseException) -> None:
        """Stop the children and fail with their error: the family cannot mend it."""
        self.fail(error, escalated=True)

    def kin(self) -> Family:
        """Return the family of this actor's children, made when first asked for."""
        if self.family is None:
            strategy = self.props.actor_class.supervision
            self.family = Family(self.node, self, self.ref, strategy)
        return self.family

    # --- orders ---------------------------------------------------------------------------------

    def control(self, command: Command) -> Future[bool]:
        """Obey a command after the message in hand; the future is True when that is done."""
        order = Order(command)
        done: Future[bool] = self.node.loop.create_future()
        if self.state is STOPPED:
            done.set_result(isinstance(command, Stop))
        elif isinstance(command, Stop):
            self._order_stop(order, command, done)
        else:
            order.waiters.append(done)
            self._order(order)
            if isinstance(command, Halt):
                self._arm(order, command.deadline)
        return done

    def _order(self, order: Order) -> None:
        if self.orders is None:
            self.orders = deque()
        self.orders.append(order)
        self.plain = False
        if self.task is None:
            self._activate()

    def _order_stop(self, order: Order, stop: Stop, done: Future[bool]) -> None:
        """Begin the end; a second order to stop waits for the first, within its own deadline."""
        returns = self.permanent and stop.reason is Reason.NORMAL
        if not returns:
            self._close_door()
        (self.ending or order).waiters.append(done)
        if self.ending is not None:
            self._arm(self.ending, stop.deadline)
        elif not returns and not self.orders and self._is_bare(stop):
            self._bury(stop.reason, stop.detail)
            order.finish(True)
        else:
            if not returns:
                self.ending = order
            self._order(order)
            self._arm(order, stop.deadline)

    def _close_door(self) -> None:
        """Take nothing more in; who waits for room waits in vain."""
        self.closing = True
        self.plain = False
        if self.senders:
            senders, self.senders = self.senders, None
            for _, room in senders:
                if not room.done():
                    room.set_exception(self._stopped_error())

    def _ends_now(self) -> bool:
        order = self.orders[0] if self.orders else None
        if order is None or order is not self.ending or order.brutal:
            return False
        stop = order.command
        if not isinstance(stop, Stop) or not self._is_bare(stop):
            return False
        self._bury(stop.reason, stop.detail)
        order.finish(True)
        self.orders = None
        return True

    def _is_bare(self, stop: Stop) -> bool:
        """Whether nothing has to be awaited: an idle actor without children and `on_stop`."""
        return (
            self.task is None
            and not (self.hands or self.family or self.tasks)
            and not (self.mailbox and stop.drain)
            and self.state is RUNNING
            and not self.props.actor_class._has_stop_hook
            and stop.deadline != 0
        )

    def _arm(self, order: Order, deadline: float | None) -> None:
        if deadline == 0:
            self._press(order)
        elif deadline is not None:
            order.timers.append(self.node.clock.call_later(deadline, self._press, order))

    def _press(self, order: Order) -> None:
        """The deadline of an order has passed: cancel what runs, and all that stands before it."""
        if order.over or self.orders is None:
            return
        for earlier in self.orders:
            earlier.brutal = True
            if earlier is order:
                break
        self._interrupt()

    async def _obey(self, order: Order) -> None:
        command = order.command
        if isinstance(command, Start):
            await self._start(command, order.brutal)
        elif isinstance(command, Halt):
            await self._halt(command, order.brutal)
        elif isinstance(command, Resume):
            self._resume()
        elif isinstance(command, Fail):
            await self._fail(command)
        elif isinstance(command, Stop):
            await self._stop(command, order)
        if self.orders and self.orders[0] is order:
            self.orders.popleft()
        order.finish(self.state in (RUNNING, HALTED, STOPPED))

    async def _start(self, command: Start, brutal: bool) -> None:
        if brutal or self.state not in (STARTING, HALTED):
            return
        self.state = STARTING
        try:
            if self.actor is None:
                self._construct()
                assert self.actor is not None
            await self.actor.on_start()
        except BaseException as error:
            self._let_through(error)
            self._suspend(error, None)
        else:
            self.failure = None
            self._started()
            if command.anew:
                self.node.events.publish(ActorRestarted(self.ref, command.error))

    def _resume(self) -> None:
        if self.state is SUSPENDED:
            self.failure = None
            self.state = RUNNING
            self.keeper.started()

    async def _fail(self, command: Fail) -> None:
        if command.error is self.failure:
            return
        if command.escalated and self.family is not None:
            await self.family.stop_all(Reason.SHUTDOWN)
        if self.state is RUNNING:
            self._suspend(command.error, None)

    async def _halt(self, command: Halt, brutal: bool) -> None:
        if self.state is HALTED:
            return
        await self._end_instance(command.error, Reason.SHUTDOWN, drain=False, brutal=brutal)
        self.state = HALTED

    async def _stop(self, command: Stop, order: Order) -> None:
        if self.permanent and command.reason is Reason.NORMAL and not order.brutal:
            await self._end_instance(None, Reason.NORMAL, drain=False, brutal=False)
            self.state = HALTED
            self.keeper.exited()
            return
        drain = command.drain
        self.state = STOPPING
        await self._end_instance(None, command.reason, drain=drain, brutal=order.brutal)
        if order.brutal:
            self._bury(Reason.KILLED, "it did not stop in time")
        else:
            self._bury(command.reason, command.detail)

    async def _end_instance(
        self, error: BaseException | None, reason: Reason, *, drain: bool, brutal: bool
    ) -> None:
        """Children first, then the instance's own hook, then all that it began."""
        if self.family is not None:
            await self.family.stop_all(Reason.SHUTDOWN, drain=drain, brutal=brutal)
            self.family = None
        actor, self.actor = self.actor, None  # from here on it takes no more children
        if actor is not None and not brutal:
            await self._hook(actor, error, reason)
        if self.tasks:
            await self._end_tasks(self.tasks)
        self._shed(error)

    async def _end_tasks(self, tasks: Iterable[Task[Any]]) -> None:
        """Cancel what the instance started, and wait for it: the next one begins after its end."""
        self.tasks = None
        own = asyncio.current_task()
        tasks = [task for task in tasks if task is not own]
        for task in tasks:
            task.cancel()
        try:
            with contextlib.suppress(TimeoutError):
                async with time_limit(self.node.clock, GRACE):
                    await asyncio.gather(*map(asyncio.shield, tasks), return_exceptions=True)
        finally:  # also where the deadline of the stop itself ends the wait
            for task in tasks:
                if not task.done():
                    abandon(task, self.ref)

    async def _hook(self, actor: Actor, error: BaseException | None, reason: Reason) -> None:
        """Run the last hook of an instance; what it raises is reported and changes nothing."""
        try:
            await (actor.on_stop(reason) if error is None else actor.on_restart(error))
        except BaseException as error:
            self._let_through(error)
            self.node.failed(self.ref, error, None)

    def _let_through(self, error: BaseException) -> None:
        """Raise again what ends this activation; a CancelledError of a hook's own is a failure."""
        if is_abandoned(error) or (isinstance(error, CancelledError) and self.interrupted):
            raise error
        if isinstance(error, CancelledError):
            uncancel()

    def _shed(self, error: BaseException | None) -> None:
        """End what the instance began: it is not the next one's."""
        if self.timers is not None:
            self.timers.close()
            self.timers = None
        if self.receive_timer is not None:
            self.receive_timer.close()
            self.receive_timer = None
        if self.behaviours:
            self.behaviours = None
        self.unwatch_all()
        self.unstash()
        if self.owed:
            for reply in tuple(self.owed):
                reply.fail(error or self._stopped_error())
            self.owed = None

    def unstash(self) -> None:
        """Put the stashed letters back to the front of the mailbox, in their order."""
        if self.stashed:
            stashed, self.stashed = self.stashed, None
            self._open_mailbox().extendleft(reversed(stashed))

    def unwatch_all(self) -> None:
        """End all own watches, and withdraw the notices that are queued."""
        if self.watching is not None:
            for ref in tuple(self.watching):
                self.end_watch(ref)
            self.watching = None

    def end_watch(self, ref: ActorRef[Any]) -> None:
        """End one own watch: no notice of it is handled after this."""
        if self.watching is None or ref not in self.watching:
            return
        if self.watching.pop(ref):
            self._withdraw(ref)
        else:
            ref._target.unwatch(self.ref)

    def _withdraw(self, ref: ActorRef[Any]) -> None:
        mailbox = self.mailbox
        for letter in tuple(mailbox or ()):
            notice = letter.message
            if isinstance(notice, Terminated) and notice.ref == ref:
                assert mailbox is not None
                mailbox.remove(letter)
                self.ledger.told -= 1

    # --- the end --------------------------------------------------------------------------------

    def _bury(self, reason: Reason, detail: str) -> None:
        """The end: account for what is left, and tell everybody who wants to know."""
        self._shed(None)
        self.state = STOPPED
        self.fate = (reason, detail)
        self._close_door()
        self.actor = None
        if self.failure is not None:
            self.failure = None
        while self.mailbox:  # one by one: each is either queued or dead for who looks meanwhile
            self._bounce(self.mailbox.popleft())
        self.mailbox = None
        self.node.forget(self)
        for waiter in self.waiters or ():
            if not waiter.done():
                waiter.set_result(reason)
        if self.watchers:
            watchers, self.watchers = self.watchers, None
            for watcher in watchers:
                watcher._target.notify(Terminated(self.ref, reason, detail))
        self.keeper.stopped(reason, detail)
        if self.node.events.wants(ActorStopped):
            self.node.events.publish(ActorStopped(self.ref, reason))
        for order in tuple(self.orders or ()):
            if order is not self.ending:
                order.finish(False)
