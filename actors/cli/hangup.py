"""SIGHUP: read the files again; or, where it is what its name says, come to an end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

Received = Callable[[int, FrameType | None], object]


class Hangup:
    """Takes SIGHUP, which asks a daemon to read its files again.

    It also comes when the terminal of a process is gone. Then it asks for the end, once, as
    SIGTERM does; not under `nohup`, where it was ignored before.

    Args:
        ended: is called with that signal when the terminal is gone.
    """

    def __init__(self, ended: Received) -> None:
        self._ended = ended
        self._reload: Callable[[], object] | None = None
        self._is_pending = False
        self._had_terminal = False
        self._is_gone = False

    def install(self) -> None:
        """Take over the signal, and let it through; only the main thread may."""
        was_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._had_terminal = not was_ignored and has_terminal()
        signal.signal(signal.SIGHUP, self._received)
        # Workers are started with the signal held back, so that none of it ends them before this.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def only_reload(self) -> None:
        """Take no terminal into account: a worker hears of its parent's end in another way."""
        self._had_terminal = False

    def attach(self, reload: Callable[[], object]) -> None:
        """Call `reload` at each SIGHUP, from a signal handler; now, if one has come."""
        self._reload = reload
        if self._is_pending:
            self._is_pending = False
            reload()

    def detach(self) -> None:
        """Take no more notice of it: the end is near."""
        self._reload = _nothing

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._is_gone:
            return  # the kernel says it, and the shell says it again
        if self._had_terminal and not has_terminal():
            self._is_gone = True
            self._ended(number, frame)
        elif self._reload is None:
            self._is_pending = True
        else:
            self._reload()


def has_terminal() -> bool:
    """Has this process a terminal that can hang up?"""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _nothing() -> None:
    pass
