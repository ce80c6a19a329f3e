"""Connections of this process, known by a descriptor that ZeroMQ may close at any time.

By then the same number may mean something else. So a duplicate is made first, and what is asked
and done is asked of and done to that, once it is known to be the same connection still.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["LEAST_FILES", "Lookout", "Sight", "descriptors_allowed", "shortage"]

LEAST_FILES = 48
"""Open files that a node without peers needs; each peer takes about four more."""

_TCP_INFO_SIZE, _BYTES_RECEIVED = 136, struct.Struct("=Q")
_BYTES_RECEIVED_AT = 128
"""Where Linux has `tcpi_bytes_received`, since 4.1."""

_RESET = struct.pack("ii", 1, 0)
"""`struct linger`: on, and for no time."""


class Sight:
    """One connection of this process, as long as it is looked at.

    Attributes:
        names: how it calls its two ends, which no other connection does at the same time.
        is_internet: is it tcp, and no path?
    """

    def __init__(self, duplicate: socket.socket) -> None:
        self.duplicate = duplicate
        self.is_internet = duplicate.family in {socket.AF_INET, socket.AF_INET6}
        self.names = (duplicate.getsockname(), duplicate.getpeername())

    @property
    def door(self) -> int | str:
        """The port or path that it came to."""
        name = self.names[0]
        if self.is_internet:
            return int(name[1])
        return name.decode() if isinstance(name, bytes) else str(name)

    @property
    def host(self) -> str:
        """The address of the other end; empty where it has none."""
        return str(self.names[1][0]) if self.is_internet else ""

    def received(self) -> int | None:
        """How many bytes have come on it; None where the system does not say."""
        if not self.is_internet:
            return None
        info = self.duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        if len(info) < _TCP_INFO_SIZE:
            return None
        (count,) = _BYTES_RECEIVED.unpack_from(info, _BYTES_RECEIVED_AT)
        return int(count)

    def end(self, *, reset: bool) -> None:
        """End it at once; ZeroMQ finds that out, and frees all that it had gathered.

        With `reset` the other end is told so, and nothing stays behind in the kernel: one that is
        still sending would wait for room that never comes.
        """
        with contextlib.suppress(OSError):
            if reset and self.is_internet:
                self.duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.duplicate.shutdown(socket.SHUT_RDWR)


class Lookout:
    """Looks at descriptors that others may close at any time.

    It has two of its own from the beginning, so that it works when there are no more to be had:
    one that a duplicate takes the place of, and one that takes the place of the duplicate.
    """

    counts_bytes: Final = sys.platform == "linux"

    def __init__(self) -> None:
        self._nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._place = os.dup(self._nothing)

    @contextlib.contextmanager
    def at(self, number: int) -> Generator[Sight | None]:
        """The connection with that descriptor, or None where it is none (any more)."""
        seen = self._look(number)
        try:
            yield seen
        finally:
            if seen is not None:
                seen.duplicate.detach()
            os.dup2(self._nothing, self._place, inheritable=False)

    def _look(self, number: int) -> Sight | None:
        try:
            os.dup2(number, self._place, inheritable=False)
            duplicate = socket.socket(fileno=self._place)
        except OSError:
            return None
        try:
            return Sight(duplicate)
        except OSError:  # not connected any more
            duplicate.detach()
            return None

    def close(self) -> None:
        """Look no more."""
        os.close(self._place)
        os.close(self._nothing)


def descriptors_allowed() -> int | None:
    """How many descriptors this process may have; None where that is not limited."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def shortage() -> str | None:
    """Say what is wrong with the limit of open files; None where there are enough of them.

    With too few ZeroMQ aborts the process.
    """
    limit = descriptors_allowed()
    if limit is None or limit >= LEAST_FILES:
        return None
    return (
        f"this process may have {limit} open files, and a node needs {LEAST_FILES} and about four "
        "for each other node; raise the limit, as with `ulimit -n 1024`"
    )
