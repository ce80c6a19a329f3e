"""With which key to dial: CURVE wants to know whom it calls before it is told who is there."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transport.security.access import Access
    from transport.security.keys import KeyPair

__all__ = ["Attempt", "ServerKeys"]

_REMEMBERED = 1024
"""Endpoints of which it is known which key answered there, and which did not."""


class ServerKeys:
    """What was found at which endpoint: the key that answered there comes first, those that did
    not come last, so that attempts that are cut short get through all of them in the end.

    Args:
        access: the node's own keys, and the others'.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._ranks: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._failures = 0

    def attempt(self, endpoint: str, name: str | None) -> Attempt:
        """Begin an attempt to reach `name` there; None is anybody on the roster."""
        ranks = self._ranks_of(endpoint)
        own = self._access.keys.public
        # Least likely of all, a node calls itself.
        keys = sorted(self._access.keys_of(name), key=lambda key: (ranks.get(key, 0), key == own))
        return Attempt(self, self._access, endpoint, name, keys)

    def answered(self, endpoint: str, key: str) -> None:
        """That key's holder listens there."""
        ranks = self._ranks_of(endpoint)
        ranks.clear()
        ranks[key] = -1

    def failed(self, endpoint: str, key: str) -> None:
        """Nobody with that key does."""
        self._failures += 1
        self._ranks_of(endpoint)[key] = self._failures

    def _ranks_of(self, endpoint: str) -> dict[str, int]:
        ranks = self._ranks.setdefault(endpoint, {})
        self._ranks.move_to_end(endpoint)
        if len(self._ranks) > _REMEMBERED:
            self._ranks.popitem(last=False)
        return ranks


class Attempt:
    """The keys of one dial, tried one after the other."""

    def __init__(
        self,
        book: ServerKeys,
        access: Access,
        endpoint: str,
        name: str | None,
        keys: list[str],
    ) -> None:
        self._book = book
        self._access = access
        self._endpoint = endpoint
        self._name = name
        self._keys = keys

    @property
    def own(self) -> KeyPair:
        """The node's own keys."""
        return self._access.keys

    @property
    def key(self) -> str | None:
        """The key to try now; None where none is left."""
        return self._keys[0] if self._keys else None

    @property
    def names(self) -> frozenset[str]:
        """Under which names that key is listed now."""
        return frozenset() if self.key is None else self._access.names_of(self.key)

    @property
    def exhausted(self) -> str:
        """Why no key is left, in words."""
        whom = "anybody on the roster" if self._name is None else repr(self._name)
        return f"nobody there has a key of {whom}, or it uses no keys"

    def answered(self) -> None:
        """The holder of this key is there."""
        if self.key is not None:
            self._book.answered(self._endpoint, self.key)

    def next(self) -> bool:
        """Whoever is there does not have this key: go on to the next. False where none is left."""
        self._book.failed(self._endpoint, self._keys.pop(0))
        return bool(self._keys)
