"""What SIGHUP has a node read again, and what the log then says of it."""

from __future__ import annotations

import logging
from pathlib import Path

from actors.cli.config_file import Rules, read_allow
from actors.cli.exits import CommandError
from actors.errors import ActorsError
from actors.node import Node
from transport.security.roster import Roster
from transport.security.security import Security

log = logging.getLogger("actors.cli")


class Reload:
    """Reads the files of a node again while it runs; where one is wrong the old state stays.

    Args:
        node: the node.
        allow_file: where its rules are, if in a file that can be read again.
    """

    def __init__(self, node: Node, allow_file: Path | None = None) -> None:
        self._node = node
        self._allow_file = allow_file

    def __call__(self) -> None:
        """Read them now; on the node's event loop."""
        security = self._node.security
        if security is None and self._allow_file is None:
            log.info("SIGHUP: this node has neither a roster nor a file of rules to read again")
        if security is not None:
            self._read_roster(security)
        if self._allow_file is not None:
            self._read_rules(self._allow_file)

    def _read_roster(self, before: Security) -> None:
        try:
            self._node.reload_security()
        except ActorsError as error:
            log.error("SIGHUP: the roster stays as it was: %s", error)
            return
        after = self._node.security or before
        changed = "; ".join(changes(before.roster, after.roster)) or "nothing changed"
        log.info("SIGHUP: the roster is read again: %s", changed)

    def _read_rules(self, path: Path) -> None:
        before = self._node.rules
        try:
            after = read_allow(path)
        except CommandError as error:
            log.error("SIGHUP: the rules stay as they were: %s", error)
            return
        if after == before:
            log.info("SIGHUP: the rules are read again: nothing changed")
            return
        self._node.replace_rules(after)
        log.info(
            "SIGHUP: the rules have changed: now %s, where there were %s", said(after), said(before)
        )


def said(rules: Rules) -> str:
    """Return in words how many rules those are."""
    return "none (everything is allowed)" if rules is None else f"{len(rules)}"


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
