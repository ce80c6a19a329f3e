"""The right of one process to use a file."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from actors.errors import JournalError


class FileLock:
    """Holds `path`.lock from construction to `release`, or to the end of the process.

    The lock file stays, and says who held it last. Raises JournalError where somebody has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(str(path), f"its lock cannot be made: {error}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 200).decode("utf-8", "replace") or "another process"
            os.close(self._fd)
            detail = f"{holder} uses it; end that, or take another file"
            raise JournalError(str(path), detail) from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def release(self) -> None:
        """Give it back."""
        os.close(self._fd)
