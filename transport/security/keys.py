"""A node's key pair: CURVE keys (Curve25519) in ZeroMQ's text form, Z85, and the files they are in.

The pair is made by libzmq; the rules for the secret file are those of ssh.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from transport.errors import SecurityError

__all__ = ["PUBLIC_FILE", "SECRET_FILE", "KeyPair", "check_key", "write_keys"]

PUBLIC_FILE = "public.key"
SECRET_FILE = "secret.key"  # noqa: S105 - a file

_KEY_LENGTH = 40
_Z85 = frozenset(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)
_MOST_BYTES = 4096
"""More than that is no key file, whatever it is."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A node's own keys; `repr` shows the public one alone.

    Attributes:
        public: what others may know, 40 characters of Z85.
        secret: what nobody may.
    """

    public: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls) -> KeyPair:
        """Draw a new pair."""
        import zmq

        public, secret = zmq.curve_keypair()
        return cls(public.decode("ascii"), secret.decode("ascii"))

    @classmethod
    def read(cls, path: Path) -> KeyPair:
        """Read the secret key at `path`, or in that directory; the public one follows from it.

        Raises:
            SecurityError: there is none, it is malformed, or others may read it.
        """
        import zmq

        if path.is_dir():
            path /= SECRET_FILE
        try:
            secret = check_key(_read_private(path))
            return cls(zmq.curve_public(secret.encode("ascii")).decode("ascii"), secret)
        except (ValueError, zmq.ZMQError) as error:
            if isinstance(error, SecurityError):
                raise
            raise SecurityError(str(path), "it holds no secret key") from None


def check_key(text: str) -> str:
    """Return a key as it is. Raises ValueError, without the text: it may be a secret one."""
    if len(text) != _KEY_LENGTH or not _Z85.issuperset(text):
        raise ValueError(f"a key is {_KEY_LENGTH} characters of Z85, and this is none")
    return text


def write_keys(directory: Path, keys: KeyPair) -> tuple[Path, Path]:
    """Write both keys into a directory, which is made where there is none.

    Returns:
        The paths of the public and of the secret key; the latter only its owner can read.

    Raises:
        SecurityError: one is there already, or they cannot be written.
    """
    public, secret = directory / PUBLIC_FILE, directory / SECRET_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(secret, keys.secret, 0o600)
        try:
            _create(public, keys.public, 0o644)
        except OSError:
            with contextlib.suppress(OSError):
                secret.unlink()
            raise
    except FileExistsError as error:
        problem = "it is there already, and is not overwritten; choose another directory"
        raise SecurityError(str(error.filename), problem) from None
    except OSError as error:
        raise SecurityError(
            str(error.filename or directory), error.strerror or str(error)
        ) from None
    return public, secret


def _create(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{text}\n")


def _read_private(path: Path) -> str:
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SecurityError(str(path), f"cannot be read: {error.strerror}") from None
    try:
        return content[:_MOST_BYTES].decode("ascii").strip()
    except UnicodeDecodeError:
        raise SecurityError(str(path), "it holds no secret key") from None


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecurityError(str(path), "it is no regular file")
    # A file that somebody else owns may be there for our group: mounted secrets are.
    forbidden = 0o077 if status.st_uid == os.geteuid() else 0o007
    if status.st_mode & forbidden:
        mode = stat.filemode(status.st_mode)
        raise SecurityError(
            str(path), f"others can read this secret ({mode}); run: chmod 600 {path}"
        )
