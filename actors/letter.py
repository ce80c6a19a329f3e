"""What lies in a mailbox, and who is at work on it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from actors.asks import Ask
    from actors.cell.base import CellState
    from actors.errors import AskCycleError
    from actors.ref import ActorRef


class Answer(Protocol):
    """Where the outcome of a letter goes. Exactly one of the two is called, once."""

    @property
    def wanted(self) -> bool:
        """False where nobody waits for the value, and only the end counts: that of a router."""
        ...

    def send(self, value: object) -> None:
        """The message was handled with this result."""

    def fail(self, error: BaseException) -> None:
        """The message ended with this error."""

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> AskCycleError | None:
        """These are to answer now, `every` one of them or any; an error where they never can."""


class EndOnly:
    """The answer of a message that nobody waits for: all that counts is its end."""

    __slots__ = ()

    wanted = False

    def send(self, value: object) -> None:
        """It was handled."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """It ended otherwise, which makes no difference."""
        self.send(None)

    def redirect(self, *refs: object, every: bool = True) -> None:
        """Nobody waits for a value, so it does not matter who is to give it."""


# gc=False: a backlog of a million letters must not be walked by the collector; a letter is
# dropped as soon as it is handled, so it closes no lasting cycle.
class Letter(msgspec.Struct, gc=False):
    """One message on its way into a mailbox: what, from whom, and where the answer goes."""

    message: object
    sender: ActorRef[Any] | None = None
    answer: Answer | None = None


class Turn(Protocol):
    """An actor at work: with a message in hand, or with none.

    Work that a handler starts inherits it as a context variable, so what it tells and asks
    carries the right sender and is known to be awaited by the message in hand. While a plain
    function runs the cell itself is the turn: nobody else runs meanwhile, and what the function
    leaves running later finds no message in hand. A handler that may await has a turn of its own
    for each message, so that what it leaves running is not taken for work on a later one.
    """

    letter: Letter | None
    asked: dict[Ask, None] | None
    """What the message in hand asked others, and waits for, in that order."""

    @property
    def ref(self) -> ActorRef[Any]:
        """Whose turn it is."""
        ...

    @property
    def cell(self) -> CellState:
        """What stands behind that ref."""
        ...


# A struct, for its constructor runs in C: there is one for each message of an `async` handler.
class TaskTurn(msgspec.Struct, eq=False):
    """The turn of a task that handles one message, or obeys one order (no letter)."""

    cell: CellState
    ref: ActorRef[Any]
    letter: Letter | None = None
    begun: bool = False
    """Whether the task runs; one that is cancelled before never ends in order."""
    asked: dict[Ask, None] | None = None


class Detour(TaskTurn, eq=False, kw_only=True):
    """A task that an actor started: it acts for the actor, and for its message while in hand."""

    origin: Turn


def detour(turn: Turn) -> Detour:
    """Return the turn of a task that is started in this one."""
    origin = turn.origin if isinstance(turn, Detour) else turn
    return Detour(turn.cell, turn.ref, turn.letter, origin=origin)


current_turn: ContextVar[Turn | None] = ContextVar("current_turn", default=None)
"""Whose code runs: None outside of any actor."""
