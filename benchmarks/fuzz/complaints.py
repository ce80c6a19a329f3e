"""Log records that a malformed input must not bring about."""

from __future__ import annotations

import logging
import traceback

_OURS = ("actors", "transport", "serialization", "asyncio")


class Complaints(logging.Handler):
    """Keeps each record of level error or above of the framework, with its traceback.

    An actor that fails says so with its path: that is the application's, and only counted.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.failures = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if not record.name.startswith(_OURS):
            return
        if hasattr(record, "path"):
            self.failures += 1
            return
        self.found.append(f"{record.name}: {record.getMessage()}{_trace(record)}")


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "\n" + "".join(traceback.format_exception(record.exc_info[1]))
