"""What a cell is made of, and what others may know of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

from actors.letter import Letter, Turn
from actors.ref import ActorRef
from actors.state import State

if TYPE_CHECKING:
    from asyncio import Future, Task

    from actors.actor import Actor
    from actors.commands import Command
    from actors.family import Family
    from actors.props import Props
    from actors.reason import Reason
    from actors.ref import Target
    from actors.runtime import Runtime
    from actors.timers import ReceiveTimer, Reply, Timers
    from transport import TimerHandle


class Keeper(Protocol):
    """Who supervises an actor: the family of its parent, here or on another node."""

    def child_failed(self, ref: ActorRef[Any], error: BaseException, *, started: bool) -> None:
        """The child failed and waits for a command; `started` says whether it ever ran."""

    def child_exited(self, ref: ActorRef[Any]) -> None:
        """A permanent child stopped itself, and waits to be started anew."""

    def child_started(self, ref: ActorRef[Any]) -> None:
        """The child runs, for the first time or again."""

    def child_stopped(self, ref: ActorRef[Any], reason: Reason, detail: str) -> None:
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
    """The parts of a cell: one slot each, for there may be a million cells."""

    __slots__ = (
        "actor",
        "behaviours",
        "closing",
        "ending",
        "failure",
        "family",
        "fate",
        "hands",
        "interrupted",
        "keeper",
        "ledger",
        "mailbox",
        "node",
        "orders",
        "owed",
        "parent",
        "permanent",
        "plain",
        "props",
        "receive_timer",
        "ref",
        "senders",
        "started",
        "stashed",
        "state",
        "task",
        "tasks",
        "timers",
        "turn",
        "waiters",
        "watchers",
        "watching",
    )

    def __init__(
        self,
        node: Runtime,
        key: str,
        props: Props[Any],
        keeper: Keeper,
        parent: ActorRef[Any] | None,
        *,
        permanent: bool = False,
    ) -> None:
        self.node = node
        self.ledger = node.ledger
        self.ref: ActorRef[Any] = ActorRef(node, node.origin, key, cast("Target", self))
        self.props = props
        self.keeper = keeper
        self.parent = parent
        self.permanent = permanent
        self.actor: Actor | None = None
        self.state = State.STARTING
        self.started = False
        self.closing = False
        self.plain = props.actor_class.mailbox.capacity is None
        """Whether a new letter may go straight into the mailbox."""
        self.mailbox: deque[Letter] | None = None
        self.task: Task[None] | None = None
        self.turn: Turn | None = None
        # What few actors ever have is made when it is first used.
        self.orders: deque[Order] | None = None
        self.ending: Order | None = None
        self.fate: tuple[Reason, str] | None = None
        self.failure: BaseException | None = None
        self.interrupted = False
        self.hands: dict[Turn, Task[None]] | None = None
        self.family: Family | None = None
        self.watchers: dict[ActorRef[Any], None] | None = None
        self.watching: dict[ActorRef[Any], bool] | None = None
        self.waiters: list[Future[Reason]] | None = None
        self.senders: deque[tuple[Letter, Future[None]]] | None = None
        self.behaviours: list[Callable[[Any], Any]] | None = None
        self.stashed: list[Letter] | None = None
        self.timers: Timers | None = None
        self.receive_timer: ReceiveTimer | None = None
        self.tasks: set[Task[Any]] | None = None
        self.owed: dict[Reply[Any], None] | None = None

    @property
    def is_starting(self) -> bool:
        """Whether the constructor or `on_start` has yet to end."""
        return self.state is State.STARTING

    def queued(self) -> int:
        """Count the messages that are here and not yet accounted for."""
        in_hand = sum(1 for _ in self.turns())
        return len(self.mailbox or ()) + len(self.stashed or ()) + in_hand

    def turns(self) -> Iterator[Turn]:
        """Go through the turns that have a message in hand."""
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
