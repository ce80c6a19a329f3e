"""Who dialled a ROUTER, as far as the connection itself says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.properties import descriptor_of, user_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import zmq

    from transport.descriptors import Lookout
    from transport.security.access import Access

__all__ = ["ZmqCaller"]


class ZmqCaller:
    """The other end of one inbound connection.

    A ROUTER can close no single connection of its own accord. So its file descriptor is shut
    down: only while it still has the two ends that it had, since the number may have gone to
    another one, and only where this end is one that we listen on.

    Args:
        access: whose keys are accepted.
        frame: any frame of a message that came on that connection.
        doors: the ports and paths that are listened on, see `Sight.door`.
        lookout: looks at descriptors.
    """

    def __init__(
        self, access: Access, frame: zmq.Frame, doors: AbstractSet[int | str], lookout: Lookout
    ) -> None:
        self._access = access
        self._key = user_of(frame)
        self._descriptor = descriptor_of(frame)
        self._lookout = lookout
        with lookout.at(self._descriptor) as seen:
            self._ends = seen.names if seen is not None and seen.door in doors else None

    @property
    def names(self) -> frozenset[str]:
        """Under which names its key is listed now."""
        return self._access.names_of(self._key)

    def hang_up(self) -> None:
        """End the connection, unless that has happened already."""
        with self._lookout.at(self._descriptor) as seen:
            if seen is not None and seen.names == self._ends:
                seen.end(reset=False)
