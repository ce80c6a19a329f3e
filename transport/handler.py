"""The words between a mesh and the layer above it: who a peer is, and what happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transport.interface import Buffer

__all__ = ["Identity", "MeshHandler", "MeshStats", "Parcel"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is.

    Attributes:
        name: unique among living nodes; chosen by whoever runs it.
        incarnation: which life of that name this is: another number after each restart,
            0 to 2**64 - 1. It need not grow.
        endpoints: where others can dial it, the preferred one first.
        metadata: opaque to this package (roles and the like).
    """

    name: str
    incarnation: int
    endpoints: tuple[str, ...] = ()
    metadata: bytes = b""


class Parcel(NamedTuple):
    """One record that was not delivered, as it was pushed."""

    record: bytes
    buffers: Sequence[Buffer]
    weight: int


@dataclass(frozen=True, slots=True)
class MeshStats:
    """Counters of one mesh since its start; records count by number, whatever their weight.

    Attributes:
        peers: connected now (a link that is being re-established included).
        dialling: endpoints that are being tried.
        batches_sent: batches handed to a socket, those sent again included.
        batches_received: batches taken in.
        records_received: records in them.
        reconnects: links that broke and came back.
        rejected: messages that were dropped, and connections that were refused, by reason.
    """

    peers: int = 0
    dialling: int = 0
    batches_sent: int = 0
    batches_received: int = 0
    records_received: int = 0
    reconnects: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


class MeshHandler(Protocol):
    """What a mesh calls. Plain functions, on the loop's thread; they must not block.

    For each peer the order is: `connected`, any number of `received`, `writable`, `interrupted`
    and `restored`, `disconnected`; then perhaps `connected` again. An exception is logged and
    otherwise ignored.
    """

    def admit(self, peer: Identity) -> str | None:
        """May this peer come in?

        Returns:
            None for yes; otherwise why not, as `code: words` (`name-taken: held by ...`).
            Both travel to the peer.
        """
        ...

    def directory(self) -> bytes:
        """What to tell a newcomer along with our welcome; opaque to this package."""
        ...

    def connected(self, peer: Identity, directory: bytes) -> None:
        """Both directions are up; `directory` came with the peer's welcome."""

    def received(
        self, peer: Identity, records: Buffer, buffers: Sequence[Buffer], count: int
    ) -> None:
        """One batch, in order, exactly once.

        Args:
            peer: who sent it.
            records: the pushed records, one after the other without separators.
            buffers: their out-of-band buffers, in the order of the records.
            count: how many records.
        """

    def interrupted(self, peer: Identity, reason: str) -> None:
        """The connection to a peer broke; it is being made anew, and records wait meanwhile."""

    def restored(self, peer: Identity) -> None:
        """It stands again, and nothing was lost."""

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        """The peer was given up for good.

        Args:
            peer: which incarnation.
            reason: `left` (it said goodbye), `restarted` (a new incarnation took its place),
                `closed` (this mesh did), or words.
            undelivered: what was not sent, or not acknowledged, in order. The peer may have
                handled some of the latter: nobody can know.
        """

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        """Somebody refused us.

        Args:
            endpoint: where we dialled; the peer's own where it refused after it dialled us.
            peer: who, where it said so.
            code: `name-taken`, `version`, `not-authorised` (the peer does not accept our key) or
                another word of the peer's handler.
            reason: in words.
        """

    def rejected(self, peer: Identity, code: str, reason: str) -> None:
        """This mesh refused somebody without asking: its key is not the one for its name."""

    def unreachable(self, endpoint: str, reason: str) -> None:
        """One attempt on a dialled endpoint failed; it will be tried again."""

    def writable(self, peer: Identity) -> None:
        """A link whose `push` returned False has room again."""
