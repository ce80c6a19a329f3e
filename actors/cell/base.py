"""What a cell is made of, and what others may know of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

from actors.letter import Letter, TaskTurn, Turn
from actors.ref import ActorRef
from actors.state import State

if TYPE_CHECKING:
    from asyncio import Future, Task

    from actors.actor import Actor
    from actors.asks import Ask
    from actors.commands import Command
    from actors.family import Family
    from actors.props import Props
    from actors.reason import Reason
    from actors.runtime import Runtime
    from actors.timers import ReceiveTimer, Reply, Timers
    from transport import TimerHandle


ON_TURN = cast("Task[None]", object())
"""Stands where an activation's task would, while the cell has a turn of the dispatcher's."""


class Keeper(Protocol):
    """Where one actor reports: its record in the family of its parent, here or elsewhere."""

    def failed(self, error: BaseException, *, started: bool) -> None:
        """The child failed and waits for a command; `started` says whether it ever ran."""

    def exited(self) -> None:
        """A permanent child stopped itself, and waits to be started anew."""

    def started(self) -> None:
        """The child runs, for the first time or again."""

    def stopped(self, reason: Reason, detail: str) -> None:
        """The child has ended for good."""


class Order:
    """A command on its way through one cell."""

    __slots__ = ("brutal", "command", "over", "timers", "waiters")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.over = False
        self.brutal = False
        """Its deadline has passed: cancel instead of waiting, call no hook."""
        self.waiters: list[Future[bool]] = []
        """Who waits for it; that one of them gives up changes nothing for the others."""
        self.timers: list[TimerHandle] = []

    def finish(self, result: bool) -> None:
        """Let those know who wait for it."""
        self.over = True
        for timer in self.timers:
            timer.cancel()
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(result)


class CellState:
    """The parts of a cell. There may be a million: what few actors have stands in the class.

    An attribute that is set in the constructor has a place of its own in every instance; one of
    the others takes none until it is first set, and is not set without need: it costs a dictionary.
    """

    asked: dict[Ask, None] | None = None
    ending: Order | None = None
    failure: BaseException | None = None
    interrupted: bool = False
    hands: dict[TaskTurn, Task[None]] | None = None
    family: Family | None = None
    watchers: dict[ActorRef[Any], None] | None = None
    watching: dict[ActorRef[Any], bool] | None = None
    waiters: list[Future[Reason]] | None = None
    senders: deque[tuple[Letter, Future[None]]] | None = None
    behaviours: list[Callable[[Any], Any]] | None = None
    stashed: list[Letter] | None = None
    timers: Timers | None = None
    tasks: dict[Task[Any], None] | None = None
    owed: dict[Reply[Any], None] | None = None

    def __init__(
        self,
        node: Runtime,
        key: str,
        props: Props[Any],
        keeper: Keeper,
        parent: ActorRef[Any] | None,
        permanent: bool,
    ) -> None:
        actor_class = props.actor_class
        self.node = node
        self.ledger = node.ledger
        self.props = props
        self.keeper = keeper
        self.parent = parent
        self.permanent = permanent
        target: Any = self
        self.ref: ActorRef[Any] = ActorRef(node, node.origin, key, target)
        self.functions = actor_class._functions
        """The handlers that are plain functions, by the exact class of their message."""
        self.plain = actor_class.mailbox.capacity is None and not node.closing
        """Whether nothing stands between a message, the mailbox and the handler; see `Door`."""
        self.actor: Actor | None = None
        self.state = State.STARTING
        self.started = False
        self.closing = False
        self.fate: tuple[Reason, str] | None = None
        self.mailbox: deque[Letter] | None = None
        self.task: Task[None] | None = None
        self.turn: Turn | None = None
        """The turn of its task."""
        self.letter: Letter | None = None
        """What a plain function has in hand: then the cell itself is the turn."""
        self.orders: deque[Order] | None = None
        self.receive_timer: ReceiveTimer | None = None

    @property
    def cell(self) -> CellState:
        """Itself, as the `Turn` of its plain functions."""
        return self

    @property
    def is_in_hook(self) -> bool:
        """Whether its own code may run with no message in hand: it starts, or it ends."""
        return self.state is State.STARTING or self.state is State.STOPPING

    def queued(self) -> int:
        """Count the messages that are here and not yet accounted for."""
        count = len(self.mailbox or ()) + len(self.stashed or ())
        for _ in self.turns():
            count += 1
        return count

    def turns(self) -> Iterator[Turn]:
        """Go through the turns that have a message in hand."""
        if self.letter is not None:
            yield self
        if self.turn is not None and self.turn.letter is not None:
            yield self.turn
        for turn in self.hands or ():
            if turn.letter is not None:
                yield turn

    def is_within(self, ref: ActorRef[Any]) -> bool:
        """Whether this actor is the one behind `ref`, or below it."""
        cell: CellState | None = self
        while cell is not None:
            if cell.ref == ref or cell.parent == ref:
                return True
            above: object = cell.parent._target if cell.parent is not None else None
            cell = above if isinstance(above, CellState) else None
        return False
