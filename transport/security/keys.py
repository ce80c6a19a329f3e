"""A node's key pair: CURVE keys (Curve25519) in ZeroMQ's text form, Z85, and the files they are in.

The pair is made by libzmq.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

from transport.errors import SecurityError
from transport.security.files import check_private, create_files, make_directory, read_file

__all__ = ["PUBLIC_FILE", "SECRET_FILE", "KeyPair", "check_key", "is_key", "write_keys"]

PUBLIC_FILE = "public.key"
SECRET_FILE = "secret.key"  # noqa: S105 - a file

_KEY_LENGTH = 40
_Z85 = frozenset(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)
_MOST_BYTES = 4096
"""More than that is no key file, whatever it is."""


class KeyPair:
    """A node's own keys. The secret one stays in this process.

    `repr` shows the public key alone. A pair is neither pickled nor copied, and no dataclass:
    `asdict` would write out what it has.

    Attributes:
        public: what others may know, 40 characters of Z85.
        secret: what nobody may.
    """

    __slots__ = ("public", "secret")

    def __init__(self, public: str, secret: str) -> None:
        self.public: Final = public
        self.secret: Final = secret

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyPair):
            return NotImplemented
        return (self.public, self.secret) == (other.public, other.secret)

    def __hash__(self) -> int:
        return hash(self.public)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key pair is neither pickled nor copied: its secret stays where it is")

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
            secret = _read_secret(path)
            return cls(zmq.curve_public(secret.encode("ascii")).decode("ascii"), secret)
        except SecurityError:
            raise
        except (ValueError, zmq.ZMQError):
            raise SecurityError(str(path), "it holds no secret key") from None


def is_key(text: str) -> bool:
    """Could this text be a key, public or secret? Nothing tells one from the other."""
    return len(text) == _KEY_LENGTH and _Z85.issuperset(text)


def check_key(text: str) -> str:
    """Return a key as it is. Raises ValueError, without the text: it may be a secret one."""
    if not is_key(text):
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
    make_directory(directory)
    create_files([(secret, keys.secret, 0o600), (public, keys.public, 0o644)])
    return public, secret


def _read_secret(path: Path) -> str:
    """Read the key in a file. Raises SecurityError; ValueError, without the text, for no key."""
    content = read_file(path, _MOST_BYTES, check_private)
    return check_key(content.decode("ascii", errors="replace").strip())
