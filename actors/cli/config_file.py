"""The TOML file: settings in `[node]` and `[security]`, rules in `[[allow]]`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.authorisation import Allow, rules_from_toml
from actors.cli.errors import ConfigError, check, unknown
from actors.cli.exits import CommandError, Exit
from actors.cli.options import BY_KEY, TABLES, Option, Table

ALLOW = "allow"
"""The array of tables that says who may do what here."""

_MOST_BYTES = 64 * 1024
"""Of a file: some hundred rules. What is nested deep takes time by the square of that."""

Rules = tuple[Allow, ...] | None
"""None where the file says nothing of rules: others may do everything then."""


def read_file(path: Path) -> tuple[dict[str, Any], Rules]:
    """Return the settings of a file by their keys, and its rules.

    It is read once: it may be a pipe. Raises `CommandError`.
    """
    document = _read(path)
    found: dict[str, Any] = {}
    for table in TABLES:
        for key, value in _table(path, document, table).items():
            found[key] = _value(path, _option(path, table, key), value)
    return found, _allow(path, document)


def read_allow(path: Path) -> Rules:
    """Return the rules of a file, its `[[allow]]` tables. Raises `CommandError`."""
    return _allow(path, _read(path))


def _allow(path: Path, document: Mapping[str, Any]) -> Rules:
    if ALLOW not in document:
        return None
    try:
        return rules_from_toml(document[ALLOW], str(path))
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(_text(path))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is no UTF-8 text: {error}") from None
    except RecursionError:
        raise ConfigError(str(path), "is not valid TOML: it is nested too deep") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of too many digits
        raise ConfigError(str(path), f"is not valid TOML: {error}") from None
    for word in document:
        if word not in (*TABLES, ALLOW):
            problem = unknown("table", word, (*TABLES, ALLOW), "settings are in [node]")
            raise ConfigError(str(path), problem)
    return document


def _text(path: Path) -> str:
    """The text of a file that may be anything: a device, or larger than the memory."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ConfigError(str(path), f"is larger than {_MOST_BYTES} bytes")
    return data.decode("utf-8")


def _table(path: Path, document: Mapping[str, Any], name: Table) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(str(path), f"{name} is a value; expected a table, [{name}]")
    return table


def _option(path: Path, table: Table, key: str) -> Option:
    option = BY_KEY.get(key)
    if option is not None and option.table == table:
        return option
    where = f"{path}, [{table}]"
    if option is not None:
        raise ConfigError(where, f"{key} does not belong here; expected it in [{option.table}]")
    known = [each.key for each in BY_KEY.values() if each.table == table]
    raise ConfigError(where, unknown("key", key, known))


def _value(path: Path, option: Option, value: object) -> object:
    where = f"{path}, [{option.table}], key {option.key}"
    folder = path.absolute().parent
    if option.many:
        values = value if isinstance(value, list) else [value]
        return tuple(check(option, where, each, folder) for each in values)
    return check(option, where, value, folder)
