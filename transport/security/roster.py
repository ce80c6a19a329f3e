"""Whose public keys are accepted, and under which names: a TOML file that all nodes have.

    bank = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    branch-2 = ["its old key", "its new key"]

    [teller]
    keys = ["a key", { key = "a key for a while", expires = 2027-01-01T00:00:00Z }]
    roles = ["teller"]

A name may have several keys, so that keys can be changed while all nodes run; a key may have
several names, as the workers of one host do. Roles bind: a node that claims others is refused.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transport.errors import SecurityError
from transport.security.files import check_public, read_file
from transport.security.keys import check_key, is_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Entry", "Key", "Roster", "roster_line"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""What needs no quotes in TOML."""
_MOST_BYTES = 1024 * 1024
"""A roster of ten thousand nodes has half of that."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key; from `expires` on, seconds since the epoch, it counts no more."""

    public: str
    expires: float | None = None

    def counts(self, now: float) -> bool:
        """Does it still count?"""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name: its keys, and its roles (None: those that it claims)."""

    keys: tuple[Key, ...]
    roles: frozenset[str] | None = None


class Roster:
    """Names and their keys. Times are seconds since the epoch. Never changed: a new one is read.

    Args:
        entries: by name.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)
        self._holders: dict[str, list[tuple[str, Key]]] = {}
        for name, entry in self._entries.items():
            for key in entry.keys:
                self._holders.setdefault(key.public, []).append((name, key))

    def __repr__(self) -> str:
        return f"Roster({', '.join(self._entries)})"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the file's order."""
        return tuple(self._entries)

    def items(self) -> Iterable[tuple[str, Entry]]:
        """Each name with what is known of it, in the file's order."""
        return self._entries.items()

    def names_of(self, public: str, now: float) -> frozenset[str]:
        """Under which names this key is accepted; none for a stranger's."""
        return frozenset(name for name, key in self._holders.get(public, ()) if key.counts(now))

    def keys_of(self, name: str, now: float) -> tuple[str, ...]:
        """The keys under which this name is accepted, in the file's order."""
        entry = self._entries.get(name)
        return () if entry is None else tuple(k.public for k in entry.keys if k.counts(now))

    def keys(self, now: float) -> tuple[str, ...]:
        """Every key that is accepted under some name, in the file's order."""
        return tuple(public for public in self._holders if self.names_of(public, now))

    def roles_of(self, name: str) -> frozenset[str] | None:
        """The only roles that this name may have; None where the roster does not say."""
        entry = self._entries.get(name)
        return None if entry is None else entry.roles

    def next_expiry(self, now: float) -> float | None:
        """When the next key ceases to count."""
        moments = (key.expires for entry in self._entries.values() for key in entry.keys)
        return min((m for m in moments if m is not None and m > now), default=None)

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Read a roster file. Raises SecurityError, which says what is wrong and where."""
        content = read_file(path, _MOST_BYTES, check_public)
        try:
            document = tomllib.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:  # too many digits are a plain ValueError
            raise SecurityError(str(path), f"is not valid TOML: {error}{_hint(error)}") from None
        return cls(dict(_entries(str(path), document)))


def roster_line(name: str, public: str) -> str:
    """Return what a roster says of a node that has one key, as a line of TOML."""
    key = name if _BARE.fullmatch(name) else json.dumps(name)
    return f'{key} = "{public}"'


def _hint(error: Exception) -> str:
    """What to do about it, where that is known: `keygen ... >> roster.toml` makes a line twice."""
    if "overwrite" not in str(error):
        return ""
    return '; a name stands there once, with all its keys: name = ["one", "another"]'


def _entries(where: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Entry]]:
    if not document:
        raise SecurityError(where, 'it lists nobody; a line is: name = "public key"')
    for name, value in document.items():
        try:
            yield _check_name(name), _entry(value)
        except ValueError as error:
            raise SecurityError(where, f"{name}: {error}") from None


def _check_name(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError("a name has 1 to 128 of A-Z a-z 0-9 _ . - and no dot first")
    return name


def _entry(value: object) -> Entry:
    if isinstance(value, dict) and "keys" in value:
        _check_words(value, {"keys", "roles"})
        return Entry(_keys(value["keys"]), _roles(value))
    if isinstance(value, dict) and "key" in value:
        roles = _roles(value)
        return Entry((_key({k: v for k, v in value.items() if k != "roles"}),), roles)
    if isinstance(value, dict):
        raise ValueError("it has neither key nor keys (a name with a dot in it needs quotes)")
    return Entry(_keys(value))


def _keys(value: object) -> tuple[Key, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise ValueError("it has no key; to shut a node out, remove its line")
    return tuple(_key(each) for each in listed)


def _key(value: object) -> Key:
    if isinstance(value, str):
        return Key(check_key(value))
    if not isinstance(value, dict):
        raise ValueError("a key is a text, or { key = ..., expires = ... }, and this is neither")
    _check_words(value, {"key", "expires"})
    public = value.get("key")
    if not isinstance(public, str):
        raise ValueError("key must be a text")
    return Key(check_key(public), _moment(value["expires"]) if "expires" in value else None)


def _roles(value: Mapping[str, object]) -> frozenset[str] | None:
    roles = value.get("roles")
    if roles is None:
        return None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError("roles must be a list of texts")
    return frozenset(_check_name(role) for role in roles)


def _moment(value: object) -> float:
    """A date is its first moment in UTC; so is a time that says no zone."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp()
    raise ValueError(f"expires must be a date, such as 2027-01-01, not {value!r}")


def _check_words(table: Mapping[str, object], known: set[str]) -> None:
    for word in table:
        if word not in known:
            expected = f"it says {word!r}, and knows {', '.join(sorted(known))}"
            raise ValueError(expected + _misplaced(table[word]))


def _misplaced(value: object) -> str:
    """What to do about a line of `keygen` that was put behind a [table], and so fell into it."""
    if isinstance(value, str) and is_key(value):
        return "; if that is a name with its key, its line belongs above the first [table]"
    return ""
