"""Permission to run a singleton, from a coordinator that exists already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Lease(Protocol):
    """What must hold before a singleton runs, besides the membership's word.

    The membership is enough where two instances for a moment do no harm. Where they would, a
    coordinator such as ZooKeeper says who may run, and numbers its permissions: a *fencing token*
    that the singleton hands to whatever it writes to, which refuses smaller ones than it has seen
    (Kleppmann, "How to do distributed locking", 2016).
    """

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        """Wait until the singleton of that name may run here; return the fencing token.

        Each one is larger than those before it. `lost` is called, on the loop's thread, when the
        permission has been lost, or may have been. A call that is cancelled leaves nothing behind.
        """
        ...

    async def release(self, name: str) -> None:
        """Give it back; harmless where it is not held."""
