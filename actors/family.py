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

import msgspec

from actors.commands import Halt, Resume, Start, Stop
from actors.errors import NameTakenError, NodeUnreachableError, RestartLimitError
from actors.props import Child, Props, Terms
from actors.reason import Reason
from actors.supervision import Directive, OneForOne, RestartWindow, Strategy

if TYPE_CHECKING:
    from asyncio import Task

    from actors.ref import ActorRef
    from actors.runtime import Runtime

log = logging.getLogger("actors.family")

Operation = Callable[[], Awaitable[None]]


class ChildRecord(msgspec.Struct, eq=False):
    """What a parent knows of one child, and where the child reports (see `cell.Keeper`)."""

    family: Family
    props: Props[Any]
    name: str
    terms: Terms
    ref: ActorRef[Any] | None = None
    """None while no node is there to place it on."""
    round: object = None
    """The latest restart that it takes part in; an earlier one passes it over."""
    window: RestartWindow | None = None

    def started(self) -> None:
        """It runs, for the first time or again."""
        family = self.family
        if family.watcher is not None and self.ref is not None:
            family.watcher.child_joined(self.ref)

    def pause(self) -> None:
        """It takes nothing at present, and may come back."""
        if self.family.watcher is not None and self.ref is not None:
            self.family.watcher.child_paused(self.ref)

    def failed(self, error: BaseException, *, started: bool) -> None:
        """It failed, and waits for what its family decides."""
        self.family.child_failed(self, error, started=started)

    def exited(self) -> None:
        """It stopped itself though it is permanent: it is started anew."""
        self.family.child_exited(self)

    def stopped(self, reason: Reason, detail: str) -> None:
        """It has ended for good."""
        self.family.child_stopped(self)


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
        "_by_child",
        "_node",
        "_operations",
        "_parent",
        "_records",
        "_strategy",
        "_task",
        "_window",
        "base",
        "closed",
        "owner",
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
        self.owner = owner
        """The parent's ref; None for the node."""
        self.base = "" if owner is None else f"{owner.path}/"
        """What the paths of the children begin with."""
        self._strategy = strategy
        self._by_child = by_child
        """Whether restarts are counted by child: right under a node, and in a pool."""
        self._window: RestartWindow | None = None
        self._records: dict[str, ChildRecord] = {}
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

    def spawn(
        self, props: Props[Any], name: str | None, terms: Terms, *, patient: bool = False
    ) -> ActorRef[Any] | None:
        """Start one child and return its ref.

        A `patient` one waits where its node or role is not there, and the ref is None until
        then; for another the ref ends at once with `error`. Raises NameTakenError.
        """
        if name is None:
            name = self._node.made_up_name(props.actor_class)
        elif name in self._records:
            raise NameTakenError(f"{self.base}{name}")
        record = self._records[name] = ChildRecord(self, props, name, terms)
        self._place(record, patient=patient)
        return record.ref

    def _place(self, record: ChildRecord, *, patient: bool) -> None:
        """Build the child where it belongs; a patient one without a place waits for one."""
        node, at = self._node, record.terms.at
        actor_class = record.props.actor_class
        where = node.name if at is None else node.placement.choose(at, actor_class)
        if where is None and patient:
            node.placement.wait(self)
            return
        if where is not None and at is not None:
            node.placement.settled(actor_class, where)
        birth = node.delivery.conceive(record, where)
        record.ref = birth.ref
        if self.watcher is not None:
            self.watcher.child_joined(birth.ref)
        birth.begin()

    def adopt(self, props: Props[Any], name: str, terms: Terms, key: str) -> None:
        """Take in a child that another node has given its key. Raises NameTakenError."""
        if name in self._records:
            raise NameTakenError(f"{self.base}{name}")
        record = ChildRecord(self, props, name, terms)
        permanent = terms.restart == "permanent"
        cell = self._node.delivery.create(key, props, record, self.owner, permanent)
        record.ref = cell.ref
        self._records[name] = record  # not before: with strange arguments there is no cell
        cell.begin()

    def _has(self, record: ChildRecord) -> bool:
        return self._records.get(record.name) is record

    async def start_all(self, children: Iterable[Child]) -> None:
        """Start children from left to right, each when the one before it runs or has failed."""
        for child in children:
            ref = self.spawn(child.recipe, child.name, child.terms, patient=True)
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
            deadline = 0 if brutal else record.terms.shutdown
            done = ref._target.control(Stop(reason, drain=drain, deadline=deadline))
            if not done.done():
                await done

    # --- what children report -------------------------------------------------------------------

    def child_failed(self, record: ChildRecord, error: BaseException, *, started: bool) -> None:
        """A child failed: decide what becomes of it."""
        record.pause()
        self._schedule(partial(self._decide, record, error, started))

    def child_exited(self, record: ChildRecord) -> None:
        """A permanent child stopped itself: start it anew."""
        record.pause()
        assert record.ref is not None
        self._schedule(partial(self._restart, record, None))

    def child_stopped(self, record: ChildRecord) -> None:
        """A child has ended for good."""
        if self._has(record):
            del self._records[record.name]
        if self.watcher is not None and record.ref is not None:
            self.watcher.child_left(record.ref)

    def lost(self, records: Sequence[ChildRecord], detail: str) -> None:
        """The node of these children is gone: one failure, however many lived there."""
        error: NodeUnreachableError | None = None
        returning = []
        for record in records:
            ref, record.ref = record.ref, None
            assert ref is not None
            error = error or NodeUnreachableError(ref, detail)
            if self.watcher is not None:
                self.watcher.child_left(ref)
            if not self._has(record):
                continue
            if record.terms.restart == "temporary":
                del self._records[record.name]
            else:
                returning.append(record)
        if returning and error is not None:
            self._schedule(partial(self._relocate, returning, error))

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
                    log.exception("supervision of the children of %s failed", self.owner)
        finally:
            self._task = None

    async def _decide(self, record: ChildRecord, error: BaseException, started: bool) -> None:
        directive = self._strategy.directive_for(error)
        if directive is Directive.RESUME and not started:
            directive = Directive.RESTART
        if directive is Directive.RESTART and record.terms.restart == "temporary":
            directive = Directive.STOP
        if directive is Directive.RESUME:
            self._control(record, Resume())
        elif directive is Directive.STOP:
            self._give_up(record, error)
        elif directive is Directive.ESCALATE:
            self._escalate(record, error)
        else:
            await self._restart(record, error)

    def _give_up(self, record: ChildRecord, error: BaseException) -> None:
        detail = f"{type(error).__name__}: {error}"
        self._control(record, Stop(Reason.ERROR, deadline=record.terms.shutdown, detail=detail))

    def _escalate(self, record: ChildRecord, error: BaseException) -> None:
        """The child ends; so does its parent, but right under a node, where nobody is above."""
        self._give_up(record, error)
        if not self._by_child:
            self._parent.escalate(error)

    async def _restart(self, record: ChildRecord, error: BaseException | None) -> None:
        """Start it anew: after a failure, or (no error) after it stopped itself."""
        if record.ref is None or not self._has(record):
            return
        delay = self._delay(record)
        if delay is None:
            self._escalate(record, error or RestartLimitError(record.ref))
        elif isinstance(self._strategy, OneForOne):
            self._restart_one(record, error, delay)
        else:
            group = self._strategy.affected(tuple(self._records.values()), record)
            await self._restart_group(group, record, error, delay)

    def _delay(self, record: ChildRecord) -> float | None:
        """Count one restart; return the seconds before it, None where it is one too many."""
        if self._by_child:
            record.window = record.window or RestartWindow(self._strategy)
            window = record.window
        else:
            self._window = self._window or RestartWindow(self._strategy)
            window = self._window
        return window.record(self._node.clock.now(), self._node.random.random)

    def _restart_one(self, record: ChildRecord, error: BaseException | None, delay: float) -> None:
        """Nobody else takes part, so nothing is awaited: the child obeys in order."""
        self._control(record, Halt(error, deadline=record.terms.shutdown))
        start = Start(anew=True, error=error)
        if delay:
            self._node.clock.call_later(delay, self._control, record, start)
        else:
            self._control(record, start)

    async def _restart_group(
        self,
        group: Sequence[ChildRecord],
        failed: ChildRecord,
        error: BaseException | None,
        delay: float,
    ) -> None:
        this_round = object()
        for record in reversed(group):
            record.round = this_round
            if record.ref is None:
                continue
            deadline = record.terms.shutdown
            if record.terms.restart == "temporary":
                await record.ref._target.control(Stop(Reason.SHUTDOWN, deadline=deadline))
            else:
                halt = Halt(error if record is failed else None, deadline=deadline)
                await record.ref._target.control(halt)
        start = partial(self._start_group, group, this_round, failed, error)
        if delay:
            self._node.clock.call_later(delay, self._schedule, start)
        else:
            await start()

    async def _start_group(
        self,
        group: Sequence[ChildRecord],
        this_round: object,
        failed: ChildRecord,
        error: BaseException | None,
    ) -> None:
        for index, record in enumerate(group):
            if record.round is not this_round or not self._has(record):
                continue
            record.round = None
            if record.ref is None:
                self._place(record, patient=True)
                continue
            cause = error if record is failed else None
            runs = await record.ref._target.control(Start(anew=True, error=cause))
            if not runs and self._has(record):
                # Its failure is decided on first: that may restart the rest in a round of its own.
                rest = partial(self._start_group, group[index + 1 :], this_round, failed, error)
                self._schedule(rest)
                return

    async def _relocate(self, records: Sequence[ChildRecord], error: NodeUnreachableError) -> None:
        living = [record for record in records if self._has(record)]
        if self._by_child:
            for record in living:
                await self._relocate_together([record], error)
        elif living:
            await self._relocate_together(living, error)

    async def _relocate_together(
        self, lost: Sequence[ChildRecord], error: NodeUnreachableError
    ) -> None:
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

    def _control(self, record: ChildRecord, command: Halt | Resume | Start | Stop) -> None:
        if record.ref is not None and not self.closed:
            record.ref._target.control(command)
