"""An endpoint that somebody wants to reach, whoever is there: tried until it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from transport.connection import Connection

if TYPE_CHECKING:
    from transport.clock import TimerHandle
    from transport.context import Context
    from transport.handshake import Welcome
    from transport.wire import Opening, Refusal

__all__ = ["Dial", "DialOwner"]


_WORTH_A_WORD = 3
"""So many failures in a row are logged: nodes that start together miss each other at first."""


class DialOwner(Protocol):
    """What a dial tells its mesh."""

    def greeted(self, dial: Dial, connection: Connection, welcome: Welcome) -> None:
        """Somebody is there: see to the connection, and `follow` or `retry`."""

    def met_itself(self, dial: Dial) -> None:
        """It is our own endpoint."""


class Dial:
    """Attempts on one endpoint, with growing pauses, for ever.

    Attributes:
        endpoint: where.
        name: who is expected there; None is anybody.
        following: the peer that answered and is connecting; the dial rests meanwhile.
    """

    def __init__(
        self, context: Context, endpoint: str, owner: DialOwner, name: str | None = None
    ) -> None:
        self.endpoint = endpoint
        self.name = name
        self.following: str | None = None
        self._context = context
        self._owner = owner
        self._failures = 0
        self._backoff = context.backoff()
        self._connection: Connection | None = None
        self._timer: TimerHandle | None = None

    def start(self) -> None:
        """Try now.

        Raises:
            EndpointError: the transport cannot dial such an endpoint.
        """
        self._timer = None
        self._connection = Connection(self._context, self.endpoint, self, name=self.name)

    def stop(self) -> None:
        """Try no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def follow(self, name: str) -> None:
        """The peer `name` is there, and is being connected."""
        self._connection = None
        self.following = name

    def fail(self, reason: str) -> None:
        """This attempt came to nothing: try again later, and say so where that goes on."""
        self._failures += 1
        if self._failures >= _WORTH_A_WORD:
            self._context.journal.complain(
                "unreachable",
                self.endpoint,
                "%s does not answer (%s); trying on",
                self.endpoint,
                reason,
            )
        self.retry()
        self._context.handler.unreachable(self.endpoint, reason)

    def retry(self) -> None:
        """Try again later."""
        self._connection = None
        self.following = None
        self._timer = self._context.clock.call_later(self._backoff.next(), self.start)

    # From the connection.

    def welcomed(self, connection: Connection, welcome: Welcome) -> None:
        """Somebody is there."""
        self._owner.greeted(self, connection, welcome)

    def refused(self, connection: Connection, refusal: Refusal) -> None:
        """Somebody is there, and does not want us."""
        if refusal.code == "self":
            self._owner.met_itself(self)
        elif refusal.is_passing:
            self.fail(f"{refusal.code}: {refusal.reason}")
        else:
            code, reason = refusal.code, refusal.reason
            self._context.journal.complain(
                code, self.endpoint, "refused at %s: %s: %s", self.endpoint, code, reason
            )
            self.retry()
            peer = None if refusal.node is None else refusal.node.identity()
            self._context.handler.refused(self.endpoint, peer, code, reason)

    def lost(self, connection: Connection, reason: str, refused: bool) -> None:
        """Nobody there, or nobody who answers."""
        self.fail(reason)

    def ready(self, connection: Connection, opened: Opening) -> None:
        """A dial opens no session itself: its connection belongs to a peer by then."""
        raise AssertionError("a dial has no session")

    def writable(self, connection: Connection) -> None:
        """Hand-shakes are small; nothing waits for room."""
