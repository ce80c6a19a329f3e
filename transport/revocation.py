"""What follows when keys are accepted no more: who has no other is given up at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from transport.clock import TimerHandle
    from transport.context import Context
    from transport.peer import Peer
    from transport.security.roster import Roster

__all__ = ["UNLISTED", "Revocation"]

UNLISTED = "its key is no longer on the roster"
"""Why such a peer is given up."""

_STRANGER = "unlisted-key"
_LOOK_AGAIN = 60.0
"""Seconds until the time is looked at again, while some key will expire: wall clocks are set."""


class Revocation:
    """Watches over peers while the roster changes and its keys expire.

    Args:
        context: what the parts of a mesh share.
        peers: all of them, at any time.
    """

    def __init__(self, context: Context, peers: Iterable[Peer]) -> None:
        self._context = context
        self._peers = peers
        self._access = context.transport.access
        self._timer: TimerHandle | None = None

    def begin(self) -> None:
        """From now on keys expire, and strangers are reported."""
        if self._access is not None:
            self._access.on_refused = self._on_stranger
            self._wait()

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def go_by(self, roster: Roster) -> None:
        """Another roster is in force."""
        if self._access is not None:
            self._access.roster = roster
            self._look()

    def _look(self) -> None:
        self._wait()
        for peer in [peer for peer in self._peers if not peer.is_listed]:
            # It ends with a word, for it may not know; then its connection does.
            caller = peer.caller
            peer.give_up(UNLISTED, goodbye="dropped")
            if caller is not None:
                self._context.hang_up(caller)

    def _wait(self) -> None:
        self.close()
        wait = None if self._access is None else self._access.until_expiry()
        if wait is not None:
            delay = min(wait, _LOOK_AGAIN)
            self._timer = self._context.clock.call_later(delay, self._look)

    def _on_stranger(self, address: str, key: str) -> None:
        journal = self._context.journal
        journal.rejected[_STRANGER] += 1
        who = address or "this machine"
        journal.complain(_STRANGER, who, "refused %s: the key %s is not on the roster", who, key)
