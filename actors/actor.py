"""The base class of every actor, and all that one may do from inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from actors import handlers
from actors.commands import Stop
from actors.errors import ActorStoppedError, SerializationError
from actors.handlers import Handler
from actors.letter import Answer, Letter, Turn, current_turn
from actors.mailbox import Mailbox
from actors.names import check_name
from actors.props import Place, Props, as_props, terms
from actors.reason import Reason
from actors.ref import check_ref
from actors.reliable.handover import in_hand
from actors.supervision import OneForOne, Restart, Strategy
from actors.tasks import start_task
from actors.timers import ReceiveTimer, Reply, Timers, refuse_the_dead
from serialization.registry import default_tag

if TYPE_CHECKING:
    from asyncio import Task

    from actors.cell import Cell
    from actors.node import Node
    from actors.ref import ActorRef
    from actors.reliable.message_id import MessageId

A = TypeVar("A", bound="Actor")
P = ParamSpec("P")
T = TypeVar("T")

hosted: dict[str, type[Actor]] = {}
"""Every actor class of this process by its name: what another node may have built here."""


class Actor:
    """State that one message at a time may touch.

    Subclass it, mark methods with `@on(MessageClass)`, and spawn it: `node.spawn(Account.props())`
    or `self.spawn(...)`. Nothing else ever runs inside an actor while it handles a message, so
    its attributes need no locks.
    """

    __slots__ = ("__weakref__", "_cell")

    concurrency: ClassVar[int] = 1
    """Messages handled at once; 1 means one at a time, across awaits."""
    mailbox: ClassVar[Mailbox] = Mailbox()
    """How many messages may wait, and which one gives way."""
    supervision: ClassVar[Strategy] = OneForOne()
    """How this actor treats its children when they fail."""

    _handlers: ClassVar[dict[type, Handler]] = {}
    _functions: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {}
    """Those of them that cannot await, by the very class of the message."""
    _coroutines: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {}
    """Those that can."""
    _has_start_hook: ClassVar[bool] = False
    _has_stop_hook: ClassVar[bool] = False

    _cell: Cell

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_class(cls)
        cls._handlers = handlers.collect(cls)
        one_by_one = cls._handlers if cls.concurrency == 1 else {}
        cls._functions = handlers.functions(one_by_one, is_async=False)
        cls._coroutines = handlers.functions(one_by_one, is_async=True)
        cls._has_start_hook = cls.on_start is not Actor.on_start
        cls._has_stop_hook = cls.on_stop is not Actor.on_stop
        hosted[class_name(cls)] = cls

    @classmethod  # pyright: ignore[reportArgumentType] - how a constructor's signature is borrowed
    def props(cls: Callable[P, A], *args: P.args, **kwargs: P.kwargs) -> Props[A]:
        """Return a recipe with these constructor arguments, for `spawn` and for restarts."""
        assert isinstance(cls, type)
        return Props(cls, args, kwargs)

    # --- hooks ----------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Runs before the first message, at the start and after each restart."""

    async def on_stop(self, reason: Reason) -> None:
        """Runs at the end, after the children's; not when the actor was cancelled (`killed`)."""

    async def on_restart(self, error: BaseException) -> None:
        """Runs on the old instance after its failure, before a new one replaces it."""

    async def receive(self, message: object) -> object:
        """Take what no `@on` method takes. By default that is nothing: the message is unhandled."""
        self._cell.unhandled(message)
        return None

    # --- who is who -----------------------------------------------------------------------------

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref of this actor; hand it out instead of `self`."""
        return self._cell.ref

    @property
    def sender(self) -> ActorRef[Any] | None:
        """Who told or asked the message in hand; None from outside of any actor."""
        turn = current_turn.get()
        if turn is None or turn.cell is not self._cell or turn.letter is None:
            return None
        return turn.letter.sender

    @property
    def message_id(self) -> MessageId | None:
        """What the message in hand is known by, where a `Reliable` sent it; None for others.

        It is the same in every attempt: keep it to tell what was handled before.
        """
        handover = in_hand(self._cell)
        return None if handover is None else handover.message_id

    @property
    def redelivered(self) -> bool:
        """Whether the message in hand, of a `Reliable`, may have been handled before."""
        handover = in_hand(self._cell)
        return handover is not None and handover.redelivered

    @property
    def parent(self) -> ActorRef[Any] | None:
        """The actor that spawned this one; None right under the node."""
        return self._cell.parent

    @property
    def children(self) -> tuple[ActorRef[Any], ...]:
        """The living children, in start order."""
        family = self._cell.family
        return () if family is None else family.refs

    def child(self, name: str) -> ActorRef[Any] | None:
        """Return the child of that name; None where there is none, or no node for it yet."""
        family = self._cell.family
        return None if family is None else family.child(name)

    @property
    def node(self) -> Node:
        """The node that this actor lives on."""
        return self._cell.node.public

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger named after the class's module, whose records carry `node` and `path`."""
        extra = {"node": self._cell.node.name, "path": self._cell.ref.path}
        return logging.LoggerAdapter(logging.getLogger(type(self).__module__), extra)

    # --- life and death -------------------------------------------------------------------------

    def spawn(
        self,
        props: Props[A] | type[A],
        name: str | None = None,
        at: Place | None = None,
        restart: Restart = "transient",
        shutdown: float | None = 5.0,
    ) -> ActorRef[A]:
        """Start a child and return its ref at once; messages queue behind its start.

        `at`: the name of a node, a `Role` or `LeastLoaded()`. `restart`, `shutdown`: as in
        `Child`. A constructor that raises is a failure of the child, not of this call. Raises
        NameTakenError; TypeError or ValueError for wrong arguments.
        """
        recipe, agreed = as_props(props), terms(restart, shutdown, at)
        if name is not None:
            check_name(name)
        cell = self._cell
        if cell.actor is not self or (cell.family is not None and cell.family.closed):
            raise ActorStoppedError(
                cell.ref, Reason.SHUTDOWN, "it ends, and takes no more children"
            )
        ref = cell.kin().spawn(recipe, name, agreed)
        assert ref is not None
        return ref

    def stop(self, ref: ActorRef[Any] | None = None) -> None:
        """Stop this actor after the message in hand, or another one; returns at once."""
        if ref is None:
            self._cell.control(Stop(Reason.NORMAL))
        else:
            check_ref(ref)._target.control(Stop(Reason.SHUTDOWN, deadline=5.0))

    def watch(self, ref: ActorRef[Any]) -> None:
        """Get one `Terminated` when that actor ends, also where it has ended already.

        Without a handler for it this actor then fails with DeathPactError (Erlang's links).
        """
        cell = self._cell
        check_ref(ref)
        refuse_the_dead(cell, "watches")
        if cell.watching is None:
            cell.watching = {}
        if ref not in cell.watching:
            cell.watching[ref] = False
            cell.plain = False
            ref._target.watch(cell.ref)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """End a watch: no `Terminated` of that actor is handled after this."""
        self._cell.end_watch(check_ref(ref))

    # --- behaviour ------------------------------------------------------------------------------

    def become(self, handler: Callable[[Any], Any]) -> None:
        """Let `handler(message)` take every message from the next one on; `unbecome` ends that."""
        if not callable(handler):
            raise TypeError(f"become takes a function of the message, not {handler!r}")
        if self._cell.behaviours is None:
            self._cell.behaviours = []
        self._cell.behaviours.append(handler)
        self._cell.plain = False

    def unbecome(self) -> None:
        """Go back to the behaviour before the last `become`; nothing where there was none."""
        behaviours = self._cell.behaviours
        if behaviours:
            behaviours.pop()
        if not behaviours:
            self._cell.behaviours = None

    def stash(self) -> None:
        """Put the message in hand aside until `unstash_all`, or the end of this instance."""
        turn = self._turn_in_hand("stash")
        if self._cell.stashed is None:
            self._cell.stashed = []
        assert turn.letter is not None
        self._cell.stashed.append(turn.letter)
        turn.letter = None

    def unstash_all(self) -> None:
        """Put what was stashed back to the front of the mailbox, in the order of its coming."""
        self._cell.unstash()

    # --- answers --------------------------------------------------------------------------------

    def forward(self, ref: ActorRef[Any], message: object) -> None:
        """Hand a message on with its sender, so that the answer goes to who asked."""
        letter = self._turn_in_hand("forward").letter
        assert letter is not None
        check_ref(ref)
        answer = _take_answer(letter)
        if answer is not None and (cycle := answer.redirect(ref)) is not None:
            answer.fail(cycle)
            return
        ref._target.deliver(Letter(message, letter.sender, answer))

    def defer_reply(self) -> Reply[Any]:
        """Answer the message in hand later; what its handler returns is no answer then.

        Where the actor ends or restarts first, the asker gets the error.
        """
        letter = self._turn_in_hand("defer_reply").letter
        assert letter is not None
        cell = self._cell
        if cell.owed is None:
            cell.owed = {}
        reply: Reply[Any] = Reply(letter, _take_answer(letter), partial(_forget, cell))
        if reply.wanted:
            cell.owed[reply] = None
        return reply

    def _turn_in_hand(self, what: str) -> Turn:
        turn = current_turn.get()
        if turn is None or turn.cell is not self._cell or turn.letter is None:
            raise RuntimeError(f"{what} needs a message in hand: call it in a handler")
        return turn

    # --- time and work --------------------------------------------------------------------------

    @property
    def timers(self) -> Timers:
        """Messages to this actor itself, later."""
        cell = self._cell
        if cell.timers is None:
            cell.timers = Timers(cell)
        return cell.timers

    @property
    def receive_timeout(self) -> float | None:
        """Seconds without a message after which `ReceiveTimeout` comes; None: never."""
        timer = self._cell.receive_timer
        return None if timer is None else timer.seconds

    @receive_timeout.setter
    def receive_timeout(self, seconds: float | None) -> None:
        cell = self._cell
        new = None if seconds is None else ReceiveTimer(cell, seconds)
        if cell.receive_timer is not None:
            cell.receive_timer.close()
        cell.receive_timer = new

    def create_task(self, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> Task[T]:
        """Run a coroutine beside the messages. It ends with the actor; its failure is the actor's.

        It shares the actor's state with the handlers, between any two awaits.
        """
        return start_task(self._cell, coro, name)

    async def run_blocking(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks in the node's thread pool, and await what it returns."""
        return await self._cell.node.offload.in_thread(function, *args)

    async def run_cpu(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that computes in the node's process pool, and await what it returns.

        Function, arguments and result must be picklable; the function is importable by name.
        """
        return await self._cell.node.offload.in_process(function, *args)


def class_name(actor_class: type) -> str:
    """Return the name by which other nodes know an actor class."""
    return default_tag(actor_class)


def sendable_class(cls: type) -> str:
    """Return the name of an actor class. Raises SerializationError for any other class."""
    if not issubclass(cls, Actor):
        raise SerializationError(f"the class {cls.__qualname__} cannot be sent; an actor's can")
    return class_name(cls)


def hosted_class(node: str, name: str) -> type[Actor]:
    """Return the actor class of that name. Raises ImportError where `node` has not imported it."""
    actor_class = hosted.get(name)
    if actor_class is None:
        raise ImportError(
            f"node {node!r} has not imported the actor class {name!r}; "
            "start it with --import MODULE"
        )
    return actor_class


def _check_class(cls: type[Actor]) -> None:
    if isinstance(cls.concurrency, bool) or not isinstance(cls.concurrency, int):
        raise TypeError(f"{cls.__qualname__}.concurrency must be an int, not {cls.concurrency!r}")
    if cls.concurrency < 1:
        raise ValueError(f"{cls.__qualname__}.concurrency must be >= 1, not {cls.concurrency}")
    if not isinstance(cls.mailbox, Mailbox):
        raise TypeError(f"{cls.__qualname__}.mailbox must be a Mailbox(...), not {cls.mailbox!r}")
    if not isinstance(cls.supervision, Strategy):
        raise TypeError(
            f"{cls.__qualname__}.supervision must be OneForOne(...), OneForAll(...) or "
            f"RestForOne(...), not {cls.supervision!r}"
        )


def _take_answer(letter: Letter) -> Answer | None:
    """Take over the duty to answer; where nobody waits the end of the handler is what counts."""
    answer = letter.answer
    if answer is None or not answer.wanted:
        return None
    letter.answer = None
    return answer


def _forget(cell: Cell, reply: Reply[Any]) -> None:
    if cell.owed is not None:
        cell.owed.pop(reply, None)
