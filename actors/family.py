"""The children of one parent, and what supervision does about them.

Supervision runs beside the parent's own messages, in a task that lives while there is something
to decide: a parent that awaits a child in a handler must not keep the child from being restarted.
`actors.supervision` says what to do; this file does it. The reference is OTP's `supervisor`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from actors.commands import Halt, Resume, Start, Stop
from actors.errors import NameTakenError, NodeUnreachableError, RestartLimitError
from actors.names import check_name
from actors.props import Child, Place, Props, Role
from actors.reason import Reason
from actors.supervision import Directive, OneForOne, Restart, RestartWindow, Strategy

if TYPE_CHECKING:
    from asyncio import Task

    from actors.delivery import Birth
    from actors.ref import ActorRef
    from actors.runtime import Runtime

log = logging.getLogger("actors.family")

Operation = Callable[[], Awaitable[None]]


class Record:
    """What a parent knows of one child."""

    __slots__ = ("at", "name", "props", "ref", "restart", "round", "shutdown", "window")

    def __init__(self, child: Child, name: str) -> None:
        self.name = name
        self.props: Props[Any] = child.recipe
        self.restart: Restart = child.restart
        self.shutdown = child.shutdown
        self.at: Place | None = child.at
        self.ref: ActorRef[Any] | None = None
        """None while no node is there to place it on."""
        self.round: object = None
        """The latest restart that it takes part in; an earlier one passes it over."""
        self.window: RestartWindow | None = None


class Parent(Protocol):
    """Whose children they are: an actor's cell, or the node itself."""

    def escalate(self, error: BaseException) -> None:
        """The children failed too often, or one failed in a way that is not theirs to mend."""


class Watcher(Protocol):
    """Who follows the children besides their parent: a pool follows its routees."""

    def child_joined(self, ref: ActorRef[Any]) -> None:
        """A child is there, under this ref, and runs."""

    def child_paused(self, ref: ActorRef[Any]) -> None:
        """A child failed, and may come back."""

    def child_left(self, ref: ActorRef[Any]) -> None:
        """There is no child under this ref any more."""


class Family:
    """The children of one parent, in start order."""

    __slots__ = (
        "_base",
        "_by_child",
        "_by_ref",
        "_node",
        "_operations",
        "_owner",
        "_parent",
        "_records",
        "_strategy",
        "_task",
        "_window",
        "closed",
        "watcher",
    )

    def __init__(
        self,
        node: Runtime,
        parent: Parent,
        owner: ActorRef[Any] | None,
        strategy: Strategy,
        *,
        by_child: bool = False,
    ) -> None:
        self._node = node
        self._parent = parent
        self._owner = owner
        self._base = "" if owner is None else f"{owner.path}/"
        self._strategy = strategy
        self._by_child = by_child
        """Whether restarts are counted by child: right under a node, and in a pool."""
        self._window: RestartWindow | None = None
        self._records: dict[str, Record] = {}
        self._by_ref: dict[ActorRef[Any], Record] = {}
        self._operations: deque[Operation] = deque()
        self._task: Task[None] | None = None
        self.closed = False
        self.watcher: Watcher | None = None

    def __len__(self) -> int:
        return len(self._records)

    # --- children -------------------------------------------------------------------------------

    @property
    def refs(self) -> tuple[ActorRef[Any], ...]:
        """The children that are somewhere, in start order."""
        return tuple(r.ref for r in self._records.values() if r.ref is not None)

    def child(self, name: str) -> ActorRef[Any] | None:
        """Return the child of that name; None where there is none at present."""
        record = self._records.get(name)
        return None if record is None else record.ref

    def spawn(self, child: Child, *, patient: bool = False) -> ActorRef[Any] | None:
        """Start one child and return its ref.

        A `patient` one waits where its node or role is not there, and the ref is None until
        then; for another the ref ends at once with `error`. Raises NameTakenError.
        """
        name = child.name
        if name is None:
            name = self._node.made_up_name(child.recipe.actor_class)
        elif name in self._records:
            raise NameTakenError(f"{self._base}{name}")
        record = Record(child, name)
        self._records[name] = record
        self._place(record, patient=patient)
        return record.ref

    def _place(self, record: Record, *, patient: bool) -> None:
        """Build the child where it belongs; a patient one without a place waits for one."""
        placement = self._node.placement
        where = placement.choose(record.at, self._population)
        if where is None and patient:
            placement.wait(self)
            return
        birth = self._node.delivery.conceive(record, where, self, self._owner)
        record.ref = birth.ref
        self._by_ref[birth.ref] = record
        if self.watcher is not None:
            self.watcher.child_joined(birth.ref)
        birth.begin()

    def adopt(
        self,
        child: Child,
        name: str,
        create: Callable[..., Birth],
    ) -> None:
        """Take in a child that another node has given its key. Raises NameTakenError."""
        if name in self._records:
            raise NameTakenError(f"{self._base}{name}")
        record = Record(child, name)
        self._records[name] = record
        birth = create(record.props, self, self._owner, record.restart == "permanent")
        record.ref = birth.ref
        self._by_ref[birth.ref] = record
        birth.begin()

    def _population(self, node_name: str) -> int:
        return sum(1 for ref in self._by_ref if ref.node_name == node_name)

    async def start_all(self, children: Iterable[Child]) -> None:
        """Start children from left to right, each when the one before it runs or has failed."""
        for child in children:
            ref = self.spawn(child, patient=True)
            if ref is not None:
                await ref._target.control(Start())

    async def stop_all(self, reason: Reason, *, drain: bool = False, brutal: bool = False) -> None:
        """Stop all children from right to left and take no more; each has its own deadline."""
        self.closed = True
        self._operations.clear()
        if self._task is not None:
            self._task.cancel()
        for record in reversed(tuple(self._records.values())):
            ref = record.ref
            if ref is None:
                self._records.pop(record.name, None)
                continue
            deadline = 0 if brutal else record.shutdown
            done = ref._target.control(Stop(reason, drain=drain, deadline=deadline))
            if not done.done():
                await done

    # --- what children report (see `cell.Keeper`) -----------------------------------------------

    def child_started(self, ref: ActorRef[Any]) -> None:
        """A child runs, for the first time or again."""
        if self.watcher is not None:
            self.watcher.child_joined(ref)

    def child_failed(self, ref: ActorRef[Any], error: BaseException, *, started: bool) -> None:
        """A child failed: decide what becomes of it."""
        if self.watcher is not None:
            self.watcher.child_paused(ref)
        record = self._by_ref.get(ref)
        if record is not None:
            self._schedule(partial(self._decide, record, error, started))

    def child_exited(self, ref: ActorRef[Any]) -> None:
        """A permanent child stopped itself: start it anew."""
        record = self._by_ref.get(ref)
        if self.watcher is not None:
            self.watcher.child_paused(ref)
        if record is not None:
            self._schedule(partial(self._restart, record, RestartLimitError(ref)))

    def child_stopped(self, ref: ActorRef[Any], reason: Reason, detail: str) -> None:
        """A child has ended for good."""
        record = self._by_ref.pop(ref, None)
        if record is not None and record.ref == ref:
            del self._records[record.name]
        if self.watcher is not None:
            self.watcher.child_left(ref)

    def lost(self, refs: Sequence[ActorRef[Any]], detail: str) -> None:
        """The node of these children is gone: one failure, however many lived there."""
        records = []
        for ref in refs:
            record = self._by_ref.pop(ref, None)
            if self.watcher is not None:
                self.watcher.child_left(ref)
            if record is None:
                continue
            record.ref = None
            if record.restart == "temporary":
                del self._records[record.name]
            else:
                records.append(record)
        if records:
            self._schedule(partial(self._relocate, records, NodeUnreachableError(refs[0], detail)))

    def place_waiting(self) -> None:
        """Nodes have come: start the children that wait for one."""
        for record in tuple(self._records.values()):
            if record.ref is None and record.round is None and not self.closed:
                self._place(record, patient=True)

    # --- decisions ------------------------------------------------------------------------------

    def _schedule(self, operation: Operation) -> None:
        if self.closed:
            return
        self._operations.append(operation)
        if self._task is None:
            node = self._node
            self._task = node.loop.create_task(self._supervise(), context=node.context.copy())

    async def _supervise(self) -> None:
        try:
            while self._operations:
                try:
                    await self._operations.popleft()()
                except Exception:
                    log.exception("supervision of the children of %s failed", self._owner)
        finally:
            self._task = None

    async def _decide(self, record: Record, error: BaseException, started: bool) -> None:
        directive = self._strategy.directive_for(error)
        if directive is Directive.RESUME and not started:
            directive = Directive.RESTART
        if directive is Directive.RESTART and record.restart == "temporary":
            directive = Directive.STOP
        if directive is Directive.RESUME:
            self._control(record, Resume())
        elif directive is Directive.STOP:
            self._give_up(record, error)
        elif directive is Directive.ESCALATE:
            self._escalate(record, error)
        else:
            await self._restart(record, error)

    def _give_up(self, record: Record, error: BaseException) -> None:
        detail = f"{type(error).__name__}: {error}"
        self._control(record, Stop(Reason.ERROR, deadline=record.shutdown, detail=detail))

    def _escalate(self, record: Record, error: BaseException) -> None:
        """The child ends; so does its parent, but right under a node, where nobody is above."""
        self._give_up(record, error)
        if not self._by_child:
            self._parent.escalate(error)

    async def _restart(self, record: Record, error: BaseException) -> None:
        if record.ref is None or record.ref not in self._by_ref:
            return
        delay = self._delay(record)
        if delay is None:
            self._escalate(record, error)
        elif isinstance(self._strategy, OneForOne):
            self._restart_one(record, error, delay)
        else:
            group = self._strategy.affected(tuple(self._records.values()), record)
            await self._restart_group(group, record, error, delay)

    def _delay(self, record: Record) -> float | None:
        """Count one restart; return the seconds before it, None where it is one too many."""
        if self._by_child:
            record.window = record.window or RestartWindow(self._strategy)
            window = record.window
        else:
            self._window = self._window or RestartWindow(self._strategy)
            window = self._window
        return window.record(self._node.clock.now(), self._node.random.random)

    def _restart_one(self, record: Record, error: BaseException, delay: float) -> None:
        """Nobody else takes part, so nothing is awaited: the child obeys in order."""
        self._control(record, Halt(error, deadline=record.shutdown))
        start = Start(anew=True, error=error)
        if delay:
            self._node.clock.call_later(delay, self._control, record, start)
        else:
            self._control(record, start)

    async def _restart_group(
        self, group: Sequence[Record], failed: Record, error: BaseException, delay: float
    ) -> None:
        this_round = object()
        for record in reversed(group):
            record.round = this_round
            if record.ref is None:
                continue
            if record.restart == "temporary":
                stop = Stop(Reason.SHUTDOWN, deadline=record.shutdown)
                await record.ref._target.control(stop)
            else:
                halt = Halt(error if record is failed else None, deadline=record.shutdown)
                await record.ref._target.control(halt)
        start = partial(self._start_group, group, this_round, failed, error)
        if delay:
            self._node.clock.call_later(delay, self._schedule, start)
        else:
            await start()

    async def _start_group(
        self, group: Sequence[Record], this_round: object, failed: Record, error: BaseException
    ) -> None:
        for index, record in enumerate(group):
            if record.round is not this_round or self._records.get(record.name) is not record:
                continue
            record.round = None
            if record.ref is None:
                self._place(record, patient=True)
                continue
            cause = error if record is failed else None
            runs = await record.ref._target.control(Start(anew=True, error=cause))
            if not runs and record.ref in self._by_ref:
                # Its failure is decided on first: that may restart the rest in a round of its own.
                rest = partial(self._start_group, group[index + 1 :], this_round, failed, error)
                self._schedule(rest)
                return

    async def _relocate(self, records: Sequence[Record], error: NodeUnreachableError) -> None:
        living = [r for r in records if self._records.get(r.name) is r]
        if self._by_child:
            for record in living:
                await self._relocate_together([record], error)
        elif living:
            await self._relocate_together(living, error)

    async def _relocate_together(self, lost: Sequence[Record], error: NodeUnreachableError) -> None:
        """Start lost children elsewhere, with those that restart with them; it counts once."""
        delay = self._delay(lost[0])
        if delay is None and self._by_child:
            for record in lost:
                del self._records[record.name]
        elif delay is None:
            self._parent.escalate(error)
        else:
            everybody = tuple(self._records.values())
            affected = {id(r) for one in lost for r in self._strategy.affected(everybody, one)}
            group = [record for record in everybody if id(record) in affected]
            await self._restart_group(group, lost[0], error, delay)

    def _control(self, record: Record, command: Halt | Resume | Start | Stop) -> None:
        if record.ref is not None and not self.closed:
            record.ref._target.control(command)


def as_child(
    recipe: Props[Any] | type[Any],
    name: str | None,
    at: str | Role | None,
    restart: Restart,
    shutdown: float | None,
) -> Child:
    """Return the specification that the arguments of `spawn` mean. Raises TypeError, ValueError."""
    if name is not None:
        check_name(name)
    return Child(recipe, name=name, restart=restart, shutdown=shutdown, at=at)
