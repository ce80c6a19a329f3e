"""`--show-config`: the settings that a run would go by, as TOML, and where each comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from actors.cli.config import Settings
from actors.cli.options import APP, OPTIONS, TABLES, Option


def shown(settings: Settings) -> str:
    """Return the settings as a configuration file that leads to them; of keys only the paths."""
    lines = [line for table in TABLES for line in (f"[{table}]", *_lines(settings, table), "")]
    if settings.allow is not None:
        where = settings.allow_file or "the file"
        lines.append(f"# and {len(settings.allow)} [[allow]] tables of {where}")
    return "\n".join(lines).rstrip()


def _lines(settings: Settings, table: str) -> Iterator[str]:
    for option in (APP, *OPTIONS):
        value = getattr(settings, option.field)
        if option.table == table and value is not None:
            yield f"{option.key} = {_toml(value)}  # {_origin(settings, option)}"


def _origin(settings: Settings, option: Option) -> str:
    return settings.origins.get(option.key, "default")


def _toml(value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = json.dumps(str(plain) if isinstance(plain, Path) else plain, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")  # the one character that TOML escapes and JSON does not
