"""Keys for a node, for a healthy peer, and for one that is listed and misbehaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from actors import Security
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import roster_line

VICTIM, FRIEND, TRAITOR = "victim", "friend", "ghost"
"""The traitor has the name under which the fuzzer's handshakes are written."""


class Keyring(NamedTuple):
    """Where they are, and what the victim's public one is."""

    folder: Path
    server: str

    @classmethod
    def make(cls, folder: Path) -> Keyring:
        """Draw them, and write keys and roster there."""
        pairs = {name: KeyPair.make() for name in (VICTIM, FRIEND, TRAITOR)}
        for name, pair in pairs.items():
            write_keys(folder / name, pair)
        lines = [roster_line(name, pair.public) for name, pair in pairs.items()]
        (folder / "roster.toml").write_text("".join(f"{line}\n" for line in lines), "ascii")
        return cls(folder, pairs[VICTIM].public)

    @property
    def flags(self) -> Sequence[str]:
        """What the victim's command line needs."""
        return "--key", str(self.folder / VICTIM), "--roster", str(self._roster)

    @property
    def friend(self) -> Security:
        """What the healthy peer goes by."""
        return Security.read(self.folder / FRIEND, self._roster)

    @property
    def attack(self) -> Sequence[str]:
        """What the attacker is told."""
        return f"--server={self.server}", "--traitor", str(self.folder / TRAITOR)

    @property
    def _roster(self) -> Path:
        return self.folder / "roster.toml"
