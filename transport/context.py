"""What the parts of one mesh share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.backoff import Backoff
from transport.journal import LOGGER, Journal
from transport.wire import Self

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from transport.clock import Clock
    from transport.handler import Identity, MeshHandler, Parcel
    from transport.interface import Buffer, Caller, Transport
    from transport.options import TransportOptions

__all__ = ["Context", "Counters", "Guard", "split_refusal"]


@dataclass(slots=True)
class Counters:
    """What a mesh counts."""

    batches_sent: int = 0
    batches_received: int = 0
    records_received: int = 0
    reconnects: int = 0


class Guard:
    """A handler whose exceptions are logged: they must not end the reader that calls it."""

    def __init__(self, handler: MeshHandler) -> None:
        self._handler = handler

    def admit(self, peer: Identity) -> tuple[str, str] | None:
        """Code and words of a refusal, or None. A handler that fails refuses."""
        try:
            verdict = self._handler.admit(peer)
        except Exception:  # noqa: BLE001
            LOGGER.exception("admit() failed for %s", peer.name)
            return "error", "the node could not decide"
        return None if verdict is None else split_refusal(verdict)

    def directory(self) -> bytes:
        """The directory, or nothing where the handler fails."""
        try:
            return self._handler.directory()
        except Exception:  # noqa: BLE001
            LOGGER.exception("directory() failed")
            return b""

    def received(
        self, peer: Identity, records: Buffer, buffers: Sequence[Buffer], count: int
    ) -> None:
        """Hand a batch up."""
        try:
            self._handler.received(peer, records, buffers, count)
        except Exception:  # noqa: BLE001
            LOGGER.exception("received() failed for a batch from %s", peer.name)

    def connected(self, peer: Identity, directory: bytes) -> None:
        """Pass it on."""
        self._call(self._handler.connected, peer, directory)

    def interrupted(self, peer: Identity, reason: str) -> None:
        """Pass it on."""
        self._call(self._handler.interrupted, peer, reason)

    def restored(self, peer: Identity) -> None:
        """Pass it on."""
        self._call(self._handler.restored, peer)

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        """Pass it on."""
        self._call(self._handler.disconnected, peer, reason, undelivered)

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        """Pass it on."""
        self._call(self._handler.refused, endpoint, peer, code, reason)

    def rejected(self, peer: Identity, code: str, reason: str) -> None:
        """Pass it on."""
        self._call(self._handler.rejected, peer, code, reason)

    def unreachable(self, endpoint: str, reason: str) -> None:
        """Pass it on."""
        self._call(self._handler.unreachable, endpoint, reason)

    def writable(self, peer: Identity) -> None:
        """Pass it on."""
        self._call(self._handler.writable, peer)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception:  # noqa: BLE001
            LOGGER.exception("%s() failed", getattr(callback, "__name__", callback))


@dataclass(slots=True)
class Context:
    """What dials, connections, peers and their mesh share."""

    identity: Identity
    transport: Transport
    clock: Clock
    options: TransportOptions
    handler: Guard
    rng: random.Random
    journal: Journal
    counters: Counters = field(default_factory=Counters)

    @property
    def myself(self) -> Self:
        """What this node says about itself."""
        return Self.of(self.identity, self.options.max_frame)

    def reject(self, peer: Identity, code: str, reason: str) -> None:
        """Somebody is refused by this mesh itself: count it, log it and say so."""
        where = peer.endpoints[0] if peer.endpoints else "no endpoint"
        self.journal.rejected[code] += 1
        self.journal.complain(
            code, peer.name, "refused %s (%s): %s: %s", peer.name, where, code, reason
        )
        self.handler.rejected(peer, code, reason)

    def hang_up(self, caller: Caller) -> None:
        """End an inbound connection, after the time for a last word."""
        self.clock.call_later(self.options.linger, caller.hang_up)

    def backoff(self) -> Backoff:
        """Fresh pauses between attempts to dial."""
        options = self.options
        return Backoff(
            options.reconnect_initial,
            options.reconnect_maximum,
            options.reconnect_jitter,
            self.rng,
        )

    def session_number(self) -> int:
        """A number that no other session has; never 0, which means unknown."""
        return self.rng.getrandbits(64) or 1


def split_refusal(verdict: str) -> tuple[str, str]:
    """Take `code: words` apart; where there is no code it is `refused`."""
    code, separator, words = verdict.partition(":")
    if separator and code and all(c.isalnum() or c in "-_" for c in code):
        return code, words.strip()
    return "refused", verdict
