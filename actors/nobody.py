"""What stands behind the ref of an actor that is not there."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING, Any

from actors.commands import Command, Stop
from actors.errors import ActorStoppedError
from actors.letter import Letter
from actors.reason import Reason, Terminated

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.runtime import Runtime


class Nobody:
    """An actor of this node that has ended, or one that could not be placed anywhere."""

    __slots__ = ("_detail", "_node", "_reason", "ref")

    def __init__(self, node: Runtime, reason: Reason, detail: str) -> None:
        self._node = node
        self._reason = reason
        self._detail = detail
        self.ref: ActorRef[Any]

    def _error(self) -> ActorStoppedError:
        return ActorStoppedError(self.ref, self._reason, self._detail)

    def deliver(self, letter: Letter) -> None:
        """Make it a dead letter."""
        self._node.ledger.told += 1
        self._node.bury(letter, self.ref, self._detail or "stopped", self._error())

    def deliver_ask(self, letter: Letter) -> None:
        """Make it a dead letter."""
        self.deliver(letter)

    def offer(self, letter: Letter) -> Future[None] | None:
        """Make it a dead letter, and raise ActorStoppedError."""
        self.deliver(letter)
        raise self._error()

    def control(self, command: Command) -> Future[bool]:
        """Nobody obeys; that it is stopped is true already."""
        done: Future[bool] = self._node.loop.create_future()
        done.set_result(isinstance(command, Stop))
        return done

    def watch(self, watcher: ActorRef[Any]) -> None:
        """Tell the watcher at once."""
        watcher._target.notify(Terminated(self.ref, Reason.NOPROC, self._detail))

    def unwatch(self, watcher: ActorRef[Any]) -> None:
        """Nothing is watched."""

    def notify(self, notice: Terminated) -> None:
        """Nobody is there to be told."""

    def ended(self) -> Future[Reason]:
        """Return the reason, where it is still known."""
        ended: Future[Reason] = self._node.loop.create_future()
        ended.set_result(self._reason)
        return ended

    def condition(self) -> tuple[str, int] | None:
        """Return that it has stopped."""
        return "stopped", 0
