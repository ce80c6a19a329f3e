"""What one node asks of the framework of another: commands, ends, and who has a path."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.address import Origin
from actors.asks import Ask
from actors.commands import Command, Halt, Stop
from actors.errors import ActorNotFoundError, NotAuthorizedError
from actors.peer import Expected, Peer
from actors.reason import Reason
from actors.wire import Kind, read_command, write_command

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.remote.actor import RemoteActor
    from actors.remote.remote import Remote
    from actors.runtime import Runtime

__all__ = ["Questions"]

SLACK = 0.5
"""Seconds beyond its deadline that the end of a command on another node is waited for."""


class Questions:
    """Puts questions to other nodes, and answers theirs."""

    def __init__(self, node: Runtime, remote: Remote) -> None:
        self._node = node
        self._remote = remote

    def control(self, actor: RemoteActor, command: Command) -> Future[bool]:
        """Send a command; True when it is done there."""
        done: Future[bool] = self._node.loop.create_future()
        peer = self._remote.associations.peer(actor.origin)
        if peer is None:
            done.set_result(isinstance(command, Stop))
            return done
        outcome = Outcome(done, lost=isinstance(command, Stop), translate=bool)
        value = write_command(command, self._node.codec, f"node {self._node.name!r}")
        self._put(peer, Kind.COMMAND, actor.key, Expected(outcome, actor.ref), value)
        if isinstance(command, Stop | Halt) and command.deadline is not None:
            # Where that node hangs it cannot keep the deadline: who waits here does not hang too.
            patience = self._node.clock.call_later(command.deadline + SLACK, outcome.give_up)
            done.add_done_callback(lambda _: patience.cancel())
        return done

    def ended(self, actor: RemoteActor) -> Future[Reason]:
        """Ask for the end of an actor there."""
        ended: Future[Reason] = self._node.loop.create_future()
        peer = self._remote.associations.peer(actor.origin)
        if peer is None:
            ended.set_result(Reason.NOCONNECTION)
        else:
            outcome = Outcome(ended, lost=Reason.NOCONNECTION, translate=Reason)
            self._put(peer, Kind.ENDED, actor.key, Expected(outcome, actor.ref))
        return ended

    def resolve(self, peer: Peer, path: str, future: Future[Any]) -> None:
        """Ask another node for the key of a path."""
        ref = self._remote.ref(Origin(peer.name, peer.incarnation), f"{path}#0")
        self._put(peer, Kind.RESOLVE, path, Expected(Ask((ref,), future), ref))

    def _put(
        self, peer: Peer, kind: Kind, target: str, expected: Expected, value: object = None
    ) -> None:
        correlation = next(self._remote.correlations)
        peer.pending[correlation] = expected
        self._remote.signal(peer, kind, target, None, correlation, value)

    # --- what other nodes ask -------------------------------------------------------------------

    def on_command(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """An actor here is to obey."""
        done = self._node.delivery.local(target)._target.control(read_command(value))
        done.add_done_callback(lambda d: self._remote.reply(peer, correlation, d.result()))

    def on_ended(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """Somebody there waits for the end of an actor here."""
        ended = self._node.delivery.local(target)._target.ended()
        ended.add_done_callback(
            lambda done: self._remote.reply(peer, correlation, str(done.result()))
        )

    def on_resolve(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """Somebody there wants the ref of a path here."""
        ref = self._node.find(target)
        if ref is None:
            error = ActorNotFoundError(target, self._node.name)
            self._remote.reply_error(peer, correlation, error)
        else:
            self._remote.reply(peer, correlation, ref)


class Outcome:
    """An answer that is a fact of the framework, with a value for the case of a lost node."""

    __slots__ = ("_future", "_lost", "_translate", "wanted")

    def __init__(
        self, future: Future[Any], *, lost: object, translate: Callable[[Any], object]
    ) -> None:
        self._future = future
        self._lost = lost
        self._translate = translate
        self.wanted = True

    def send(self, value: object) -> None:
        """It is so. What is no such fact is as good as no answer."""
        try:
            fact = self._translate(value)
        except ValueError:
            self.give_up()
            return
        if not self._future.done():
            self._future.set_result(fact)

    def fail(self, error: BaseException) -> None:
        """Nobody can know any more, or this node may not know."""
        if isinstance(error, NotAuthorizedError) and not self._future.done():
            self._future.set_exception(error)
            self._future.exception()  # nobody has to wait for it
        self.give_up()

    def give_up(self) -> None:
        """Wait no longer."""
        if not self._future.done():
            self._future.set_result(self._lost)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> None:
        """Facts are not handed on."""
