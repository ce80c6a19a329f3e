"""Rules as tables of a TOML file: `[[allow]]`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from actors.authorisation.rules import Allow

__all__ = ["rules_from_toml"]

_TEXTS = ("from", "to", "messages", "spawn")
_FLAGS = ("stop", "watch", "enrol")


def rules_from_toml(tables: object, where: str) -> tuple[Allow, ...]:
    """Return the rules that `[[allow]]` tables make; `where` says which file they are from.

    An empty list is no rule at all: nothing is allowed. Raises ValueError, which names file, table
    (counted from 1) and key.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str | bytes):
        raise ValueError(f"{where}: allow = {tables!r}: expected tables, each headed [[allow]]")
    return tuple(
        _rule(table, f"{where}, [[allow]] number {number}")
        for number, table in enumerate(tables, 1)
    )


def _rule(table: object, where: str) -> Allow:
    if not isinstance(table, Mapping):
        raise ValueError(f"{where}: {table!r}: expected a table, headed [[allow]]")
    given: dict[str, Any] = {_known(key, where): value for key, value in table.items()}
    if "from" not in given:
        raise ValueError(f"{where}: it has no from; say which role or node it is for, or '*'")
    for key, value in given.items():
        _check(key, value, f"{where}, key {key}")
    source = given.pop("from")
    try:
        return Allow(source, **given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def _known(key: str, where: str) -> str:
    keys = (*_TEXTS, *_FLAGS)
    if key not in keys:
        close = difflib.get_close_matches(key, keys, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected {', '.join(keys)}"
        raise ValueError(f"{where}: unknown key {key}; {hint}")
    return key


def _check(key: str, value: object, where: str) -> None:
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise ValueError(f"{where}: {value!r} is wrong; expected true or false")
        return
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where}: {value!r} is wrong; expected a string or a list of them")
