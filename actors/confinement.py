"""Where a node may be used: in the thread of its event loop, of the process that started it.

It is looked at where it costs nothing that counts: at the methods of `Node`, and once for each
slice of time in which messages are handled, not for each message.
"""

from __future__ import annotations

import os
import threading
import weakref


class Home:
    """The thread that a node lives in: the one that makes this."""

    __slots__ = ("__weakref__", "_name", "_thread")

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: int | None = threading.get_ident()
        _homes.add(self)

    def check(self) -> None:
        """Raise RuntimeError in any other thread, and in a process that was forked from it."""
        if threading.get_ident() == self._thread:
            return
        if self._thread is None:
            raise RuntimeError(
                f"node {self._name!r} runs in the process that this one was forked from; start a "
                "node of its own here, or have multiprocessing spawn its processes"
            )
        raise RuntimeError(
            f"node {self._name!r} runs in another thread; hand it the call with "
            "loop.call_soon_threadsafe, or asyncio.run_coroutine_threadsafe to wait for an answer"
        )

    def leave(self) -> None:
        """Nobody is at home any more: this process is a copy of the node's."""
        self._thread = None


_homes: weakref.WeakSet[Home] = weakref.WeakSet()


def _leave_all() -> None:
    for home in tuple(_homes):
        home.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
