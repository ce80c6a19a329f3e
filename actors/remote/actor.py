"""What stands behind the ref of an actor on another node."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from serialization import REPEATABLE_BYTES, pack_repeat

if TYPE_CHECKING:
    from actors.address import Origin
    from actors.commands import Command
    from actors.letter import Letter
    from actors.peer import Peer
    from actors.reason import Reason, Terminated
    from actors.ref import ActorRef
    from actors.remote.remote import Remote

__all__ = ["RemoteActor", "Run"]


# A struct, for its fields are looked at for each message.
class Run(msgspec.Struct, eq=False, frozen=True):
    """What tells are like that are repeats of the last one on a link."""

    actor: RemoteActor
    sender: ActorRef[Any] | None
    message_class: type
    encode: Callable[[Any], bytes | None]


class RemoteActor:
    """What stands behind the ref of an actor on another node."""

    __slots__ = ("_remote", "key", "origin", "peer", "ref")

    def __init__(self, remote: Remote, origin: Origin, key: str) -> None:
        self._remote = remote
        self.origin = origin
        self.key = key
        self.peer: Peer | None = None
        """Its node, once something was sent there."""
        self.ref: ActorRef[Any]

    def deliver(self, letter: Letter) -> None:
        """Send the message there. Raises SerializationError."""
        # The hot path of tells: nothing but the body is new.
        link = None if self.peer is None else self.peer.link
        if link is not None and letter.answer is None:
            run, message = link.last, letter.message
            if (
                type(run) is Run
                and run.actor is self
                and run.sender is letter.sender
                and run.message_class is type(message)
            ):
                body = run.encode(message)
                if (
                    body is not None
                    and len(body) <= REPEATABLE_BYTES
                    and link.push(pack_repeat(0, body), (), 1, run)
                ):
                    self._remote.ledger.outbound += 1
                    return
        self._remote.deliver(self, letter)

    def deliver_ask(self, letter: Letter) -> None:
        """Ask it there. Raises SerializationError."""
        self._remote.deliver(self, letter)

    def offer(self, letter: Letter) -> Future[None]:
        """Send the message when the link has room; done when it is in the mailbox there."""
        return self._remote.backpressure.offer(self, letter)

    def control(self, command: Command) -> Future[bool]:
        """Have the actor obey; False where its node is lost."""
        return self._remote.questions.control(self, command)

    def watch(self, watcher: ActorRef[Any]) -> None:
        """Let a watcher here know of the end there, or of the loss of that node."""
        self._remote.death_watch.watch(self, watcher)

    def unwatch(self, watcher: ActorRef[Any]) -> None:
        """End that."""
        self._remote.death_watch.unwatch(self, watcher)

    def notify(self, notice: Terminated) -> None:
        """Tell a watcher there of an end here."""
        self._remote.death_watch.notify(self, notice)

    def ended(self) -> Future[Reason]:
        """Return a future of the reason; `noconnection` where that node is lost."""
        return self._remote.questions.ended(self)

    def condition(self) -> tuple[str, int] | None:
        """Nobody knows from here."""
        return None
