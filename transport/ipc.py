"""Listening on a path: ZeroMQ takes one over without asking, so a lock is held beside it."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from transport.errors import BindError

__all__ = ["PathLock"]


class PathLock:
    """The right to listen on `path`, from construction to `release`.

    A lock on `path`.lock is held as long; it ends with the process, however that ends. A socket
    file that nobody listens on is removed. Paths that begin with @ are in Linux's abstract
    namespace, where the kernel sees to all of that.

    Raises:
        BindError: somebody living has it, or the folder cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._fd = -1
        if path.startswith("@"):
            return
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._acquire()
        except OSError as error:
            self._close()
            raise BindError(f"ipc://{path}", error.strerror or str(error)) from error
        if self._path.exists():
            self._remove_stale()

    def release(self) -> None:
        """Remove the socket's file and give the lock back."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self._lock_path.unlink(missing_ok=True)
            self._close()

    @property
    def _lock_path(self) -> Path:
        return self._path.with_name(self._path.name + ".lock")

    def _acquire(self) -> None:
        while True:
            self._fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._taken("another process holds its lock") from None
            if self._is_current():
                return
            # The last holder removed the file between our opening and locking it.
            self._close()

    def _is_current(self) -> bool:
        try:
            return os.fstat(self._fd).st_ino == self._lock_path.stat().st_ino
        except FileNotFoundError:
            return False

    def _remove_stale(self) -> None:
        if not self._path.is_socket():
            self._close()
            raise self._taken("there is a file of that name, which is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(self._path))
            except (ConnectionRefusedError, FileNotFoundError):
                self._path.unlink(missing_ok=True)
                return
            except OSError:
                pass
        self._close()
        raise self._taken("something listens there")

    def _taken(self, why: str) -> BindError:
        self._close()
        return BindError(f"ipc://{self._path}", why)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
