"""The files of keys and rosters: how they are made, and which ones are not trusted.

Who else may read a secret, or write where keys and rosters lie, is refused as ssh's StrictModes
does. Nothing is waited for: a pipe in the place of a file does not hold up a node's start.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from shlex import quote

from transport.errors import SecurityError

__all__ = ["check_private", "check_public", "create_files", "make_directory", "read_file"]

_MAKE = "`actors-node keygen DIR` makes keys, and prints their line for the roster"

Check = Callable[[Path, os.stat_result], None]


def read_file(path: Path, most: int, check: Check) -> bytes:
    """Read a regular file of at most `most` bytes that passes the check of its mode.

    Raises:
        SecurityError: it cannot be read, is larger, or is not to be trusted.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SecurityError(str(path), "it is no regular file")
            check(path, status)
            content = file.read(most + 1)
    except IsADirectoryError:
        raise SecurityError(str(path), "it is no regular file") from None
    except FileNotFoundError as error:
        raise SecurityError(str(path), f"cannot be read: {error.strerror}; {_MAKE}") from None
    except OSError as error:
        raise SecurityError(str(path), f"cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise SecurityError(str(path), f"it has more than {most} bytes")
    return content


def check_private(path: Path, status: os.stat_result) -> None:
    """Raise SecurityError where anybody else can read the file."""
    # A file that somebody else owns may be there for our group: mounted secrets are.
    forbidden = 0o077 if status.st_uid == os.geteuid() else 0o007
    if status.st_mode & forbidden:
        mode = stat.filemode(status.st_mode)
        problem = f"others can read this secret ({mode}); run: chmod 600 {quote(str(path))}"
        raise SecurityError(str(path), problem)


def check_public(path: Path, status: os.stat_result) -> None:
    """Raise SecurityError where everybody can write to the file, and so let in whom they like."""
    if status.st_mode & 0o002:
        mode = stat.filemode(status.st_mode)
        raise SecurityError(
            str(path), f"anybody can change it ({mode}); run: chmod o-w {quote(str(path))}"
        )


def make_directory(path: Path) -> None:
    """Make a directory, and what is missing above it, for its owner alone.

    Raises:
        SecurityError: it cannot be made, or others can write to the one that is there.
    """
    try:
        for each in reversed((path, *path.parents)):
            if not each.is_dir():
                each.mkdir(mode=0o700)
        _check_directory(path, path.stat())
    except FileExistsError as error:
        raise SecurityError(str(error.filename), "it is there, and is no directory") from None
    except OSError as error:
        raise _explained(path, error) from None


def _check_directory(path: Path, status: os.stat_result) -> None:
    is_sticky = status.st_mode & stat.S_ISVTX  # there nobody can replace what is another's
    if status.st_mode & 0o022 and not is_sticky:
        mode = stat.filemode(status.st_mode)
        problem = f"others can replace what is in it ({mode}); run: chmod go-w {quote(str(path))}"
        raise SecurityError(str(path), problem)


def create_files(files: Iterable[tuple[Path, str, int]]) -> None:
    """Create each file with its text and exactly its mode: all of them, or none.

    Raises:
        SecurityError: one is there already, or they cannot be written.
    """
    with contextlib.ExitStack() as undo:
        for path, text, mode in files:
            try:
                _create(path, text, mode, undo)
            except OSError as error:
                raise _explained(path, error) from None
        undo.pop_all()


def _create(path: Path, text: str, mode: int, undo: contextlib.ExitStack) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    undo.callback(path.unlink, missing_ok=True)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(descriptor, mode)  # whatever the umask
        file.write(f"{text}\n")


def _explained(path: Path, error: OSError) -> SecurityError:
    where = str(error.filename or path)
    if isinstance(error, FileExistsError):
        problem = "it is there already, and is not overwritten; choose another directory"
        return SecurityError(where, problem)
    return SecurityError(where, f"cannot be written: {error.strerror or error}")
