"""One attempt to connect: a dialled connection and the hand-shake on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.handshake import Dialler, DiallerState, Welcome
from transport.security.access import NOT_AUTHORISED, objection
from transport.wire import Opening, Refusal, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.clock import TimerHandle
    from transport.context import Context
    from transport.interface import Buffer, Outbound

__all__ = ["Connection", "ConnectionOwner"]


class ConnectionOwner(Protocol):
    """Who dialled: a dial until the peer is known, the peer from then on."""

    def welcomed(self, connection: Connection, welcome: Welcome) -> None:
        """Somebody is there, and lets us in: `open`, `refuse` or `close` the connection."""

    def ready(self, connection: Connection, opened: Opening) -> None:
        """The session stands."""

    def writable(self, connection: Connection) -> None:
        """There is room again."""

    def refused(self, connection: Connection, refusal: Refusal) -> None:
        """Somebody is there, and does not want us. The connection is closed."""

    def lost(self, connection: Connection, reason: str, refused: bool) -> None:
        """It broke, or never came about (`refused`: nobody listens there). It is closed."""


class Connection:
    """A dialled connection; when it ends another one is made.

    Attributes:
        endpoint: where.
        owner: who hears of it.
        send: sends one message; False when it would block.

    Raises:
        EndpointError: the endpoint is malformed or of an unknown kind.
    """

    def __init__(
        self,
        context: Context,
        endpoint: str,
        owner: ConnectionOwner,
        patience: float = 1.0,
        name: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.owner = owner
        self._context = context
        self._machine = Dialler()
        self._word = b""
        self._repeating: TimerHandle | None = None
        timeout = context.options.handshake_timeout
        self._outbound: Outbound = context.transport.dial(
            endpoint, self, patience=patience, name=name
        )
        self.send: Callable[[Sequence[Buffer]], bool] = self._outbound.send
        self._timer: TimerHandle = context.clock.call_later(timeout, self._on_timeout)

    @property
    def greeted(self) -> bool:
        """Did the other side welcome us, and is all well since?"""
        states = (DiallerState.WELCOMED, DiallerState.OPENING, DiallerState.READY)
        return self._machine.state in states

    @property
    def names(self) -> frozenset[str] | None:
        """Under which names the listener's key is listed now; None where it needs no key."""
        return self._outbound.names

    @property
    def is_ready(self) -> bool:
        """Does the session stand?"""
        return self._machine.state is DiallerState.READY

    def open(self, own: int, other: int) -> None:
        """Ask for a session under these numbers."""
        self._say(self._machine.open(own, other))

    def refuse(self, code: str, reason: str) -> None:
        """Turn down whom we dialled, and close."""
        frame = self._machine.refuse(code, reason, self._context.myself)
        self.send([frame])
        self.close(self._context.options.linger)

    def close(self, linger: float = 0.0) -> None:
        """End it; the owner hears nothing of it."""
        self._machine.close()
        self._timer.cancel()
        self._hush()
        self._outbound.close(linger)

    # From the transport.

    def opened(self) -> None:
        """The carrier connected: say HELLO."""
        if self._machine.state is DiallerState.IDLE:
            self._say(self._machine.greet(self._context.myself))

    def received(self, frames: list[Buffer]) -> None:
        """The listener answered."""
        if self._machine.state is DiallerState.CLOSED:
            return
        try:
            event = self._machine.receive(frames)
        except WireError as error:
            self._violated(error)
            return
        if isinstance(event, Welcome):
            self._on_welcome(event)
        elif isinstance(event, Refusal):
            self.close()
            self.owner.refused(self, event)
        elif isinstance(event, Opening):
            self._timer.cancel()
            self._hush()
            self.owner.ready(self, event)

    def writable(self) -> None:
        """There is room again."""
        self.owner.writable(self)

    def closed(self, reason: str, refused: bool) -> None:
        """The carrier lost it."""
        if self._machine.state is not DiallerState.CLOSED:
            self.close()
            self.owner.lost(self, reason, refused)

    def denied(self, reason: str) -> None:
        """The listener does not accept our key."""
        if self._machine.state is not DiallerState.CLOSED:
            self.close()
            self.owner.refused(self, Refusal(NOT_AUTHORISED, reason))

    def _on_welcome(self, welcome: Welcome) -> None:
        why = objection(welcome.node.name, self.names)
        if why is None:
            self.owner.welcomed(self, welcome)
            return
        self._context.reject(welcome.node.identity(), NOT_AUTHORISED, why)
        self.refuse(NOT_AUTHORISED, why)
        self.owner.lost(self, f"{welcome.node.name} answers there: {why}", False)

    def _say(self, word: bytes) -> None:
        """Say a word of the hand-shake, until it is answered."""
        self._word = word
        self._hush()
        self._repeat()

    def _repeat(self) -> None:
        self.send([self._word])
        interval = self._context.options.handshake_interval
        self._repeating = self._context.clock.call_later(interval, self._repeat)

    def _hush(self) -> None:
        if self._repeating is not None:
            self._repeating.cancel()
            self._repeating = None

    def _violated(self, error: WireError) -> None:
        self._context.journal.reject(error.code, self.endpoint, error.detail)
        self.close()
        if error.code == "version":
            # Only a REFUSED is readable across versions, and a WELCOME of another one is none.
            self.owner.refused(self, wire.Refusal("version", error.detail))
        else:
            self.owner.lost(self, f"malformed answer: {error.code} {error.detail}", False)

    def _on_timeout(self) -> None:
        if self._machine.state is DiallerState.READY:
            return
        waited_for = self._machine.state.value
        self.close()
        timeout = self._context.options.handshake_timeout
        reason = f"no answer within {timeout:g} s ({waited_for})"
        self.owner.lost(self, reason, False)
