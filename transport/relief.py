"""Giving memory back to the system once an attack is over.

What one thread has read and another has freed leaves gaps that glibc keeps, and a process that
hosts actors has told it to keep more (`actors.tuning`). After what should never have come there
is no use for that.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from transport.allocator import give_back, keep_little

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Relief"]

_DELAY = 2.0
"""Seconds for which more of the same is waited for: it takes the allocator some milliseconds."""


class Relief:
    """Has memory given back, once for all that asked for it within two seconds.

    Args:
        begin: called at once, before the memory is freed.
        finish: called two seconds later, in a thread of its own.
    """

    def __init__(
        self,
        begin: Callable[[], object] = keep_little,
        finish: Callable[[], object] = give_back,
    ) -> None:
        self._begin = begin
        self._finish = finish
        self._timer: asyncio.TimerHandle | None = None

    def needed(self) -> None:
        """Much memory is about to be freed."""
        if self._timer is None:
            self._begin()
            self._timer = asyncio.get_running_loop().call_later(_DELAY, self._start)

    def close(self) -> None:
        """Do now what is left to do."""
        if self._timer is not None:
            self._timer.cancel()
            self._start()

    def _start(self) -> None:
        self._timer = None
        threading.Thread(target=self._finish, name="give-back", daemon=True).start()
