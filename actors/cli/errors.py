"""What is wrong with a setting: where it stands, its value, and what was expected there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from actors.cli.exits import CommandError, Exit
from actors.cli.options import Option

HERE = Path()
"""What paths are relative to on the command line and in the environment."""


class ConfigError(CommandError):
    """A setting is wrong: where it stands, its value, and what was expected there."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(Exit.USAGE, f"{where}: {problem}")


def check(option: Option, where: str, value: object, folder: Path = HERE) -> object:
    """Return the value of an option in its final form. Raises `ConfigError`."""
    try:
        return option.kind.check(value, folder)
    except ValueError as error:
        raise wrong(option, where, value, str(error)) from None


def wrong(option: Option, where: str, value: object, problem: str) -> ConfigError:
    """Return what says that a value is not one of this option."""
    because = f" ({problem})" if problem else ""
    shown = "the value" if option.kind.veiled else repr(value)
    return ConfigError(where, f"{shown} is wrong{because}; expected {option.kind.expected}")


def unknown(what: str, word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the words for a word that means nothing, with the one that was meant perhaps."""
    close = difflib.get_close_matches(word.replace("-", "_"), list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else otherwise or f"expected {', '.join(known)}"
    return f"unknown {what} {word}; {hint}"
