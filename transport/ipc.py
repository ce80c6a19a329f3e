"""Listening on a path: the folder that keeps others out, and the lock that keeps it one's own.

Who can reach the path of a socket can connect to it, and ZeroMQ takes a path over without asking
who has it. So a path is listened on in a folder that nobody else may enter, and under a lock.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from pathlib import Path

from transport.errors import BindError

__all__ = ["PathLock"]

_OTHERS = 0o077
"""What the mode of a folder must not grant."""


class PathLock:
    """The right to listen on `path`, from construction to `release`.

    The folder of the path is made where it is missing, for its owner alone; one that is there must
    be so already. A lock on `path`.lock is held as long; it ends with the process, however that
    ends. A socket file that nobody listens on is removed. Paths that begin with @ are in Linux's
    abstract namespace: the kernel sees to there being one listener, and lets everybody connect
    who shares the machine's network.

    Raises:
        BindError: somebody living has it, or the folder is not one's own, or cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._fd = -1
        if path.startswith("@"):
            return
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._check_folder(self._path.parent)
            self._acquire()
            self._check_path()
        except OSError as error:
            self._close()
            raise BindError(f"ipc://{path}", error.strerror or str(error)) from error

    def seal(self) -> None:
        """The socket is bound: let nobody else write to it, whatever becomes of the folder.

        Raises:
            BindError: it is gone already.
        """
        if self._fd < 0:
            return
        try:
            self._path.chmod(0o600)
        except OSError as error:
            raise BindError(f"ipc://{self._path}", error.strerror or str(error)) from error

    def release(self) -> None:
        """Remove the socket's file and give the lock back."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self._lock_path.unlink(missing_ok=True)
            self._close()

    @property
    def _lock_path(self) -> Path:
        return self._path.with_name(self._path.name + ".lock")

    def _check_folder(self, folder: Path) -> None:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise self._refusal(f"{folder} is no folder; a link to one may be changed meanwhile")
        if found.st_uid != os.geteuid():
            raise self._refusal(
                f"its folder {folder} belongs to another user: name one of your own, or one that"
                " is not there yet, which is then made"
            )
        if found.st_mode & _OTHERS:
            mode = stat.S_IMODE(found.st_mode)
            raise self._refusal(
                f"others may enter its folder {folder} (mode {mode:04o}): chmod 700 it, or name"
                " one that is not there yet, which is then made"
            )
        for above in folder.absolute().parents:
            mode = above.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise self._refusal(f"everybody may replace what is in {above}: chmod o-w it")

    def _acquire(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            self._fd = os.open(self._lock_path, flags, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._refusal("another process holds its lock") from None
            if self._is_current():
                return
            # The last holder removed the file between our opening and locking it.
            self._close()

    def _is_current(self) -> bool:
        try:
            return os.fstat(self._fd).st_ino == self._lock_path.stat().st_ino
        except FileNotFoundError:
            return False

    def _check_path(self) -> None:
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            kind = "symbolic link" if stat.S_ISLNK(mode) else "file"
            raise self._refusal(f"there is a {kind} of that name, which is no socket")
        if self._is_live():
            raise self._refusal("something listens there")
        self._path.unlink(missing_ok=True)

    def _is_live(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(self._path))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
            except OSError:
                pass  # whoever has no room for us is there all the same
            return True

    def _refusal(self, why: str) -> BindError:
        self._close()
        return BindError(f"ipc://{self._path}", why)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
