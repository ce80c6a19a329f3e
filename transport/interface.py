"""What a carrier of frames must do.

A carrier moves lists of frames over connections. It knows endpoints and connections, and
neither names, sessions nor batches: those are the mesh's. `ZmqTransport` and
`MemoryTransport` are two of them, and one set of tests holds for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from transport.security.access import Access

__all__ = [
    "Buffer",
    "Caller",
    "EndingCallback",
    "FramesCallback",
    "Outbound",
    "OutboundEvents",
    "Transport",
    "size_of",
]

Buffer: TypeAlias = bytes | bytearray | memoryview
"""A contiguous run of bytes."""

FramesCallback: TypeAlias = Callable[[bytes, list[Buffer]], None]
"""Called with the source of a message (one inbound connection) and its frames."""

EndingCallback: TypeAlias = Callable[[str, str, str], None]
"""Called when an inbound connection is ended: why (a code), whose it was, and more in words."""


class OutboundEvents(Protocol):
    """What happens to a dialled connection. All calls come on the loop's thread."""

    def opened(self) -> None:
        """The connection is there: frames may be sent."""

    def received(self, frames: list[Buffer]) -> None:
        """The other side answered."""

    def writable(self) -> None:
        """There is room again after a `send` that returned False."""

    def closed(self, reason: str, refused: bool) -> None:
        """The connection broke, or never came; nothing follows.

        Args:
            reason: in words.
            refused: nobody listens there, says the operating system.
        """

    def denied(self, reason: str) -> None:
        """The listener does not accept our key; nothing follows."""


class Caller(Protocol):
    """Who is at the other end of an inbound connection, as its key proves."""

    @property
    def names(self) -> frozenset[str]:
        """Under which names its key is listed now."""
        ...

    def hang_up(self) -> None:
        """End the connection."""


class Outbound(Protocol):
    """One dialled connection. It is never re-established: who wants another dials again."""

    @property
    def names(self) -> frozenset[str] | None:
        """Under which names the listener's key is listed now; None where it needs no key."""
        ...

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send one message, in order.

        Returns:
            False when it would block (nothing was taken; `writable` follows) or is closed.
        """
        ...

    def close(self, linger: float = 0.0) -> None:
        """End it, without a `closed`. What was sent has `linger` seconds to leave."""


class Transport(Protocol):
    """A carrier of frames: inbound connections to what it binds, outbound ones that it dials."""

    @property
    def access(self) -> Access | None:
        """Whose keys are accepted; None where nobody needs a key."""
        ...

    def serve(self, on_frames: FramesCallback, on_ending: EndingCallback | None = None) -> None:
        """Say who takes the messages of all inbound connections; once, before `bind`.

        Args:
            on_frames: takes them.
            on_ending: hears of connections that are ended because a bound was crossed.
        """

    def established(self, source: bytes) -> None:
        """Within `on_frames`: this message opened a session, so its connection is no stranger's.

        Until then, and after `forgotten`, a connection may neither last long nor bring much.
        """

    def forgotten(self, source: bytes) -> None:
        """That session is over, or goes on elsewhere; harmless where there was none."""

    async def bind(self, endpoint: str) -> str:
        """Listen on an endpoint.

        Returns:
            The endpoint that it became (a port 0 resolved).

        Raises:
            EndpointError: it is malformed, or of a kind that this transport does not know.
            BindError: it could not be had.
            SecurityError: it would let in who must not come in.
        """
        ...

    def answer(self, source: bytes, frames: Sequence[Buffer]) -> bool:
        """Send a small message back on an inbound connection.

        Returns:
            False when the connection is gone or full: the message is lost.
        """
        ...

    def caller(self, source: bytes) -> Caller | None:
        """Who sent the message that is being handed over, from `source`.

        Returns:
            None where nobody needs a key.
        """
        ...

    def dial(
        self,
        endpoint: str,
        events: OutboundEvents,
        *,
        patience: float = 1.0,
        name: str | None = None,
    ) -> Outbound:
        """Begin to connect; `opened`, `closed` or `denied` follows, never within this call.

        Args:
            endpoint: where.
            events: who hears what becomes of it.
            patience: how many times `heartbeat_timeout` it may be silent.
            name: who is expected there, whose key is asked for; None is anybody on the roster.

        Raises:
            EndpointError: it is malformed, or of a kind that this transport does not know.
        """
        ...

    async def close(self, timeout: float) -> None:
        """Close everything, within about `timeout` seconds; may be called twice."""


def size_of(buffer: Buffer) -> int:
    """How many bytes it has; the `len` of a memoryview counts items."""
    return buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)
