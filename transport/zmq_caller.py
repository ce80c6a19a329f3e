"""Who dialled a ROUTER, as far as the connection itself says it."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

import zmq

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from transport.security.access import Access

__all__ = ["ZmqCaller"]

_USER_ID = "User-Id"


class ZmqCaller:
    """The other end of one inbound connection.

    A ROUTER can close no single connection of its own accord. So its file descriptor is shut
    down: only while it still has the two ends that it had, since the number may have gone to
    another one, and only where this end is one that we listen on.

    Args:
        access: whose keys are accepted.
        frame: any frame of a message that came on that connection.
        bound: the ports and paths that are listened on.
    """

    def __init__(self, access: Access, frame: zmq.Frame, bound: AbstractSet[int | str]) -> None:
        self._access = access
        self._key = _property(frame, _USER_ID)
        self._descriptor = int(_property(frame, zmq.SRCFD) or -1)
        ends = _ends(self._descriptor)
        self._ends = ends if ends is not None and _place(ends[0]) in bound else None

    @property
    def names(self) -> frozenset[str]:
        """Under which names its key is listed now."""
        return self._access.names_of(self._key)

    def hang_up(self) -> None:
        """End the connection, unless that has happened already."""
        if self._ends is None:
            return
        with contextlib.suppress(OSError), _opened(self._descriptor) as line:
            if (line.getsockname(), line.getpeername()) == self._ends:
                line.shutdown(socket.SHUT_RDWR)


def _property(frame: zmq.Frame, which: Any) -> str:
    try:
        return str(frame.get(which))
    except zmq.ZMQError:
        return ""


def _opened(descriptor: int) -> socket.socket:
    return socket.socket(fileno=os.dup(descriptor))


def _ends(descriptor: int) -> tuple[Any, Any] | None:
    try:
        with _opened(descriptor) as line:
            return line.getsockname(), line.getpeername()
    except OSError:
        return None


def _place(address: Any) -> int | str:
    """The port of an address, or its path."""
    return address[1] if isinstance(address, tuple) else _path(address)


def _path(address: str | bytes) -> str:
    # A path in Linux's abstract namespace begins with a zero byte, and with @ in an endpoint.
    text = os.fsdecode(address)
    return "@" + text[1:] if text.startswith("\0") else text
