"""What happened in a simulation, line by line; the same seed gives the same lines."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

from actors.events import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    DeadLetter,
    Event,
    MemberDown,
    MemberSuspect,
    MemberUp,
    NodeRefused,
)

__all__ = ["Entry", "Trace", "describe"]

SHOWN = 40
"""Lines of a shortened trace."""


class Entry(NamedTuple):
    """One line, before it is written down."""

    now: float
    hosts: Sequence[str]
    """Where it happened; none for what concerns all. Of a frame: from where, and to where."""
    what: str | int
    """In words; of a frame its size in bytes."""

    def __str__(self) -> str:
        where = ">".join(self.hosts) or "*"
        what = f"{self.what} bytes" if isinstance(self.what, int) else self.what
        return f"{self.now:.6f} {where} {what}"


class Trace:
    """Everything that went from host to host, that nodes said, and that was done to them."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, now: float, hosts: Sequence[str], what: str | int) -> None:
        """Add a line."""
        self._entries.append(Entry(now, hosts, what))

    @property
    def lines(self) -> list[str]:
        """All lines."""
        return [str(entry) for entry in self._entries]

    @property
    def digest(self) -> str:
        """The SHA-256 of all lines, in hex."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    def shortened(self, hosts: Collection[str] = (), limit: int = SHOWN) -> list[str]:
        """Return the last lines, only those that concern one of `hosts` (none given: all)."""
        kept = [entry for entry in self._entries if _concerns(entry, hosts)]
        left_out = len(self._entries) - len(kept[-limit:])
        head = [f"... {left_out} lines left out"] if left_out else []
        return head + [str(entry) for entry in kept[-limit:]]


def _concerns(entry: Entry, hosts: Collection[str]) -> bool:
    return not hosts or not entry.hosts or any(host in hosts for host in entry.hosts)


def describe(event: Event) -> str:
    """Return an event in words that are the same in all runs: no reprs, which may hold an `id`."""
    kind = type(event).__name__
    match event:
        case MemberUp(member) | MemberSuspect(member):
            return f"{kind} {member.name}#{member.incarnation:x}"
        case MemberDown(member, reason):
            return f"{kind} {member.name}#{member.incarnation:x}: {reason}"
        case DeadLetter(message, recipient, _, reason):
            return f"{kind} {type(message).__qualname__} to {recipient.address}: {reason}"
        case ActorFailed(ref, error, _):
            return f"{kind} {ref.path}: {type(error).__name__}"
        case ActorRestarted(ref, _):
            return f"{kind} {ref.path}"
        case ActorStopped(ref, reason):
            return f"{kind} {ref.path}: {reason}"
        case NodeRefused(endpoint, reason, _):
            return f"{kind} {endpoint}: {reason}"
        case _:
            return kind
