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

    A manager calls `acquire` for a name only when its last call for that name has ended, and has
    been given back where it succeeded. Managers of several names may share one object; those of
    several nodes must not.
    """

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        """Wait until the singleton of that name may run here; return the fencing token.

        Each one is larger than those before it. `lost` is called, on the loop's thread, when the
        permission has been lost, or may have been: that may be before this returns, and more than
        once, but not after `release`. A call that is cancelled leaves nothing behind. What it
        raises is a failure of the manager, so what will pass is to be waited for.
        """
        ...

    async def release(self, name: str) -> None:
        """Give it back, a lost one too; harmless where it is not held.

        It should take no more than a second: a manager that ends waits for it.
        """
