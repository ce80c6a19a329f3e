"""Whom a node turns away at its door, before what they send costs memory. No I/O, no clock.

A connection is a stranger's from when it is accepted until a session stands on it, and again once
that is over. Strangers have a time limit and may send few bytes; so have they in sshd, whose
LoginGraceTime and MaxStartups this follows. A peer may send as much as its messages need: what is
bounded is what comes without ever becoming a whole message, which nobody else would notice.

Time is what `sweep` is told, but for longer gaps than a sweep is late for at most: while this
node stood still nobody could be heard, and it is held against nobody.
"""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.options import TransportOptions

__all__ = ["Bounds", "Ending", "Entrant", "Gate", "Grounds", "address_of", "connections_allowed"]

_STOOD_STILL = 0.5
"""Seconds between two sweeps beyond which this node was not there to listen."""
_KEPT_FREE = 48
"""Descriptors for all else: what a node has open by itself, and three for each peer it dials."""
_LOOKS = 512
"""So many strangers are looked at in one sweep: a few milliseconds."""
_SUBNET = 64
"""Bits of an IPv6 address that stand for one site: the others are its own to choose."""


class Grounds(enum.StrEnum):
    """Why a connection is ended: its code in `MeshStats.rejected`."""

    CONNECTIONS = "connections"
    HANDSHAKE = "handshake"
    UNAUTHENTICATED = "unauthenticated"
    UNFINISHED = "unfinished"


class Ending(NamedTuple):
    """One connection that is to be ended, and why."""

    number: int
    grounds: Grounds
    detail: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is let in.

    Attributes:
        connections: at one time, in total...
        per_address: ... and from one address.
        patience: seconds that a connection may take until a session stands on it.
        stranger_bytes: so much may come before that.
        unfinished_bytes: so much may come from a peer without a whole message among it.
    """

    connections: int
    per_address: int
    patience: float
    stranger_bytes: int
    unfinished_bytes: int

    @classmethod
    def of(cls, options: TransportOptions, descriptors: int | None) -> Bounds:
        """The bounds of a node; `descriptors` is how many the system lets it have, if it does."""
        return cls(
            connections_allowed(options.max_connections, descriptors),
            options.max_connections_per_address,
            # ZMTP's handshake may take as long as ours, which comes after it.
            2 * options.handshake_timeout,
            options.unauthenticated_bytes,
            # What a sender has under way at most, and one record that is larger than that.
            options.capacity + options.max_frame,
        )


class Entrant:
    """An inbound connection.

    Attributes:
        number: its file descriptor.
        address: whose it counts as; empty where there is none (a path).
        since: when it became a stranger's, in the gate's time.
        source: the routing id under which a session stands on it, or None.
        doomed: is it being ended?
    """

    __slots__ = ("_base", "_is_heard", "address", "doomed", "number", "since", "source")

    def __init__(self, number: int, address: str, since: float) -> None:
        self.number = number
        self.address = address
        self.since = since
        self.source: bytes | None = None
        self.doomed = False
        self._is_heard = False
        self._base: int | None = 0

    def hear(self) -> None:
        """A whole message of it was taken."""
        self._is_heard = True

    def was_quiet(self) -> bool:
        """Was nothing taken from it since this was asked last?"""
        was_heard, self._is_heard = self._is_heard, False
        if was_heard:
            self.count_anew()
        return not was_heard

    def count_anew(self) -> None:
        """What came up to the next look is not held against it."""
        self._base = None

    def counted(self, received: int) -> int:
        """How many of all the bytes that it has sent count."""
        if self._base is None:
            self._base = received
        return received - self._base


class Gate:
    """All inbound connections of a node, by descriptor.

    Args:
        bounds: what is let in.
        now: the time, in seconds.
    """

    def __init__(self, bounds: Bounds, now: float = 0.0) -> None:
        self.bounds = bounds
        self._entrants: dict[int, Entrant] = {}
        self._strangers: dict[int, Entrant] = {}
        self._by_source: dict[bytes, Entrant] = {}
        self._by_address: dict[str, int] = {}
        self._doomed = 0
        self._last = now
        self._time = 0.0

    def __len__(self) -> int:
        return len(self._entrants)

    def __getitem__(self, number: int) -> Entrant:
        return self._entrants[number]

    def __contains__(self, number: int) -> bool:
        return number in self._entrants

    @property
    def strangers(self) -> int:
        """How many have no session."""
        return len(self._strangers)

    def accept(self, number: int, address: str) -> Ending | None:
        """A connection came. Returns why it is to be ended at once, or None."""
        self.end(number)
        entrant = self._entrants[number] = Entrant(number, address, self._time)
        self._strangers[number] = entrant
        held, same = self._count(address)
        if held > self.bounds.connections:
            return self._doom(entrant, Grounds.CONNECTIONS, f"{held - 1} are open, the most")
        if address and same > self.bounds.per_address:
            detail = f"{same - 1} from this address are open, the most"
            return self._doom(entrant, Grounds.CONNECTIONS, detail)
        return None

    def end(self, number: int) -> None:
        """A connection is no more; harmless where there was none."""
        entrant = self._entrants.pop(number, None)
        if entrant is None:
            return
        self._strangers.pop(number, None)
        if entrant.source is not None:
            self._by_source.pop(entrant.source, None)
        if entrant.doomed:
            self._doomed -= 1
        else:
            self._leave(entrant)

    def establish(self, number: int, source: bytes) -> None:
        """A session stands on a connection, under that routing id."""
        entrant = self._entrants.get(number)
        if entrant is None:
            return
        self.forget(source)
        if entrant.source is not None:
            del self._by_source[entrant.source]
        self._strangers.pop(number, None)
        entrant.source = source
        entrant.count_anew()
        self._by_source[source] = entrant

    def forget(self, source: bytes) -> None:
        """The session of that routing id is over, or has moved on: a stranger's from now on."""
        entrant = self._by_source.pop(source, None)
        if entrant is not None:
            entrant.source, entrant.since = None, self._time
            entrant.count_anew()
            self._strangers[entrant.number] = entrant

    def sweep(self, now: float) -> Iterator[Ending]:
        """Let time pass, and say who took too long."""
        self._time += min(now - self._last, _STOOD_STILL)
        self._last = now
        latest = self._time - self.bounds.patience
        for entrant in list(self._strangers.values()):
            if entrant.since < latest and not entrant.doomed:
                detail = f"no session stands after {self.bounds.patience:g} s"
                yield self._doom(entrant, Grounds.HANDSHAKE, detail)

    def suspects(self, *, peers: bool) -> list[Entrant]:
        """Whose bytes to look at now: strangers, by turns where there are many...

        ... and with `peers` those of whom no message was taken since that was asked last.
        """
        found = list(islice((e for e in self._strangers.values() if not e.doomed), _LOOKS))
        for entrant in found:
            self._strangers[entrant.number] = self._strangers.pop(entrant.number)
        if peers:
            found += [e for e in list(self._by_source.values()) if e.was_quiet()]
        return found

    def judge(self, entrant: Entrant, received: int) -> Ending | None:
        """It has sent so many bytes in all. Returns why it is to be ended, or None."""
        counted, bounds = entrant.counted(received), self.bounds
        if entrant.doomed:
            return None
        if entrant.source is None and counted > bounds.stranger_bytes:
            detail = f"{counted} bytes before a session stands; {bounds.stranger_bytes} may come"
            return self._doom(entrant, Grounds.UNAUTHENTICATED, detail)
        if entrant.source is not None and counted > bounds.unfinished_bytes:
            detail = f"{counted} bytes of one message; {bounds.unfinished_bytes} may come"
            return self._doom(entrant, Grounds.UNFINISHED, detail)
        return None

    def _count(self, address: str) -> tuple[int, int]:
        """One more: how many there are now, in total and from that address."""
        same = self._by_address[address] = self._by_address.get(address, 0) + 1
        return len(self._entrants) - self._doomed, same

    def _doom(self, entrant: Entrant, grounds: Grounds, detail: str) -> Ending:
        entrant.doomed = True
        self._doomed += 1
        self._leave(entrant)
        return Ending(entrant.number, grounds, detail)

    def _leave(self, entrant: Entrant) -> None:
        left = self._by_address[entrant.address] = self._by_address[entrant.address] - 1
        if not left:
            del self._by_address[entrant.address]


def connections_allowed(wanted: int, descriptors: int | None) -> int:
    """How many connections a process may accept that may have so many descriptors.

    At least half of them, and 48, stay free: what cannot be opened for want of one, be it a file
    or a connection to a peer, would be missing where no stranger should reach.
    """
    if descriptors is None:
        return wanted
    return max(1, min(wanted, descriptors - max(_KEPT_FREE, descriptors // 2)))


def address_of(host: str) -> str:
    """Whose connection it counts as: an IPv4 address, or an IPv6 network of 64 bits."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _SUBNET), strict=False))
