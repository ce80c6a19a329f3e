"""What a node goes by: its own keys, and the roster of the others'."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from transport.security.keys import KeyPair
from transport.security.roster import Roster

__all__ = ["Security"]


@dataclass(frozen=True, slots=True)
class Security:
    """A node's keys, and who else is let in. With it everything is encrypted (CURVE).

    Attributes:
        keys: the node's own.
        roster: everybody's public keys.
        roster_file: where the roster was read, so that it can be read again.
    """

    keys: KeyPair
    roster: Roster
    roster_file: Path | None = None

    @classmethod
    def read(cls, key: str | Path, roster: str | Path) -> Security:
        """Read the secret key and the roster from files.

        Raises:
            SecurityError: one is missing or malformed, or others can read the secret.
        """
        path = Path(roster)
        return cls(KeyPair.read(Path(key)), Roster.read(path), path)

    def reread(self) -> Security:
        """The same with the roster as it is now. Raises SecurityError; nothing changes then."""
        if self.roster_file is None:
            return self
        return replace(self, roster=Roster.read(self.roster_file))
