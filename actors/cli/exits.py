"""What the command's exit code says."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `actors-node`."""

    DRAINED = 0
    """Asked to stop, or the root stopped normally; everything queued was handled."""
    FAILED = 1
    """The root failed for good, `setup` raised, draining timed out, or it was told twice."""
    USAGE = 2
    """A flag, an environment variable or the configuration file is wrong."""
    REFUSED = 3
    """An endpoint could not be bound, or another node refused this one."""
    IMPORT = 4
    """APP or a module of `--import` could not be imported."""


class CommandError(Exception):
    """Ends the command with `code`; the text says why, for the person who typed it."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
