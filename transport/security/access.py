"""Who is let in at present: what the roster says now, for all who ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.security.keys import KeyPair
    from transport.security.roster import Roster
    from transport.security.security import Security

__all__ = ["NOT_AUTHORISED", "Access", "objection"]

NOT_AUTHORISED = "not-authorised"
"""The code of a refusal because of a key: it is on no roster, or not under that name."""


class Access:
    """The roster in force; whoever asks keeps this and no roster, so that a new one holds at once.

    Args:
        security: the node's keys, and the roster to begin with.
        wall: tells the time, in seconds since the epoch: keys expire.

    Attributes:
        keys: the node's own.
        roster: what is gone by; assign another one.
        on_refused: called with the address and public key of each stranger that was refused.
    """

    def __init__(self, security: Security, wall: Callable[[], float]) -> None:
        self.keys: KeyPair = security.keys
        self.roster: Roster = security.roster
        self.on_refused: Callable[[str, str], None] | None = None
        self._wall = wall

    def names_of(self, public: str) -> frozenset[str]:
        """Under which names this key is accepted now; none for a stranger's."""
        return self.roster.names_of(public, self._wall())

    def keys_of(self, name: str | None) -> tuple[str, ...]:
        """The keys under which this name is accepted now; every key where no name is given."""
        now = self._wall()
        return self.roster.keys(now) if name is None else self.roster.keys_of(name, now)

    def roles_of(self, name: str) -> frozenset[str] | None:
        """The only roles that this name may have; None where the roster does not say."""
        return self.roster.roles_of(name)

    def until_expiry(self) -> float | None:
        """Seconds until the next key ceases to count; None where none ever does."""
        now = self._wall()
        moment = self.roster.next_expiry(now)
        return None if moment is None else moment - now


def objection(name: str, names: frozenset[str] | None) -> str | None:
    """Say why somebody may not be called `name`.

    Args:
        name: what it calls itself.
        names: under which its key is listed; None where the carrier knows no keys.

    Returns:
        None where it may.
    """
    if names is None or name in names:
        return None
    return f"its key is not on the roster under the name {name!r}"
