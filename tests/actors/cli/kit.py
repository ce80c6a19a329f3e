"""What the tests of settings share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.cli.config import Settings, load_settings
from actors.cli.main import parser


def load(*arguments: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a command line and an environment."""
    return load_settings(parser().parse_args(arguments), environ or {})


def toml(folder: Path, text: str) -> str:
    """Write a configuration file; return its path."""
    path = folder / "node.toml"
    path.write_text(text)
    return str(path)
