"""Decides whether a node may do something, by rules. Pure: it knows names, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from actors.authorisation.patterns import Pattern
from actors.authorisation.rules import EVERYTHING, NODE, ROLE, Action, Allow

__all__ = ["MAX_PATH", "Policy", "TrustedRoles"]

MAX_PATH = 4096
"""Characters of a path or a tag; nobody may do anything to, or with, a longer one."""

TrustedRoles = Callable[[str], frozenset[str]]
"""The roles of a node, by its name, that count for rules."""


class Policy:
    """Deny by default: what no rule allows is forbidden, and no rule forbids anything.

    `trusted_roles` says which roles of a node count.
    """

    def __init__(self, rules: Iterable[Allow], trusted_roles: TrustedRoles) -> None:
        self._grants = tuple(_Grant(rule) for rule in rules)
        self._trusted_roles = trusted_roles

    def allows(self, node: str, action: Action, path: str, what: str | None = None) -> bool:
        """Whether that node may do this to the actor of that path.

        `what` is the tag of the message to send (None: it has none), or the class to spawn.
        """
        if len(path) > MAX_PATH or len(what or "") > MAX_PATH:
            return False
        return any(grant.permits(action, what) for grant in self._for(node, path))

    def allows_some(self, node: str, action: Action, path: str) -> bool:
        """Whether it may do so with any message or class at all."""
        if len(path) > MAX_PATH:
            return False
        return any(grant.permits_some(action) for grant in self._for(node, path))

    def _for(self, node: str, path: str) -> Iterable[_Grant]:
        roles = self._trusted_roles(node)
        return (g for g in self._grants if g.is_for(node, roles) and g.reaches(path))


class _Grant:
    """A rule, ready to be asked."""

    __slots__ = ("_flags", "_is_for_all", "_messages", "_nodes", "_paths", "_roles", "_spawn")

    def __init__(self, rule: Allow) -> None:
        names = [each for each in rule.from_ if not each.startswith((NODE, ROLE))]
        self._is_for_all = EVERYTHING in names
        self._nodes = _without(NODE, rule.from_) | set(names)
        self._roles = _without(ROLE, rule.from_) | set(names)
        self._paths = tuple(Pattern(path, "/") for path in rule.to)
        self._messages = _Names(rule.messages)
        self._spawn = _Names(rule.spawn)
        is_known = bool(rule.messages) or rule.stop or rule.watch
        flags = {
            Action.STOP: rule.stop,
            Action.WATCH: rule.watch,
            Action.ENROL: rule.enrol,
            Action.RESOLVE: is_known,
        }
        self._flags = frozenset(action for action, is_set in flags.items() if is_set)

    def is_for(self, node: str, roles: frozenset[str]) -> bool:
        """Whether that node is meant."""
        return self._is_for_all or node in self._nodes or not self._roles.isdisjoint(roles)

    def reaches(self, path: str) -> bool:
        """Whether the actor of that path is meant."""
        return any(pattern.matches(path) for pattern in self._paths)

    def permits(self, action: Action, what: str | None) -> bool:
        """Whether this may be done, with that message or class."""
        if action is Action.SEND:
            return self._messages.include(what)
        if action is Action.SPAWN:
            return self._spawn.include(what)
        return action in self._flags

    def permits_some(self, action: Action) -> bool:
        """Whether this may be done with any message or class."""
        if action is Action.SEND:
            return self._messages.has_any
        if action is Action.SPAWN:
            return self._spawn.has_any
        return action in self._flags


class _Names:
    """The names of classes that a rule lists."""

    __slots__ = ("_exact", "_has_all", "_patterns", "has_any")

    def __init__(self, names: Iterable[str]) -> None:
        listed = tuple(names)
        self._has_all = EVERYTHING in listed
        self._exact = frozenset(name for name in listed if "*" not in name)
        self._patterns = tuple(Pattern(name, ".") for name in listed if "*" in name)
        self.has_any = bool(listed)

    def include(self, name: str | None) -> bool:
        """Whether this one is listed; None, of what has no class, only where all are."""
        if self._has_all or name is None:
            return self._has_all
        return name in self._exact or any(pattern.matches(name) for pattern in self._patterns)


def _without(prefix: str, names: Iterable[str]) -> set[str]:
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
