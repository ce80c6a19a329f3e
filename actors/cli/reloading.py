"""What SIGHUP has a node read again, and what the log then says of it."""

from __future__ import annotations

import logging

from actors.errors import ActorsError
from actors.node import Node
from transport.security.roster import Roster
from transport.security.security import Security

log = logging.getLogger("actors.cli")


class Reload:
    """Reads the files of a node again while it runs; where one is wrong the old state stays."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __call__(self) -> None:
        """Read them now; on the node's event loop."""
        before = self._node.security
        if before is None:
            log.info("SIGHUP: this node has no roster to read again")
            return
        try:
            self._node.reload_security()
        except ActorsError as error:
            log.error("SIGHUP: the roster stays as it was: %s", error)
            return
        self._say(before, self._node.security or before)

    def _say(self, before: Security, after: Security) -> None:
        changed = changes(before.roster, after.roster)
        log.info("SIGHUP: the roster is read again: %s", "; ".join(changed) or "nothing changed")


def changes(before: Roster, after: Roster) -> list[str]:
    """Return in words what one roster has and the other has not; keys are not shown."""
    old, new = dict(before.items()), dict(after.items())
    differing = [name for name in new if name in old and new[name] != old[name]]
    parts = (
        ("added", [name for name in new if name not in old]),
        ("removed", [name for name in old if name not in new]),
        ("changed", differing),
    )
    return [f"{word} {', '.join(names)}" for word, names in parts if names]
