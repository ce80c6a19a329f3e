"""Where log records go: lines for people on a terminal, JSON lines for machines elsewhere."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS = ("auto", "console", "json")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def configure(level: str, form: str, node: str, stream: TextIO | None = None) -> None:
    """Send all log records of `level` and above to stderr, in the form that fits.

    `form` is `console`, `json`, or `auto`: console where stderr is a terminal, JSON elsewhere.
    `node` names the node in records that do not say it themselves.
    """
    stream = sys.stderr if stream is None else stream
    terminal = stream is not None and stream.isatty()
    formatter: logging.Formatter
    if form == "console" or (form == "auto" and terminal):
        formatter = ConsoleFormatter(node, colour=terminal)
    else:
        formatter = JsonFormatter(node)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, node, actor, and what else is known."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        extra = _extra(record)
        fields: dict[str, object] = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_whereabouts(extra, self._node),
            **extra,
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json.dumps(fields, default=_text, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """One line for people: time, level, node and actor, message; a traceback below it."""

    def __init__(self, node: str, *, colour: bool) -> None:
        super().__init__()
        self._node = node
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with its traceback, if any, on the lines below."""
        extra = _extra(record)
        where = "/".join(_whereabouts(extra, self._node).values())
        level = f"{record.levelname:<8}"
        if self._colour and record.levelname in _COLOURS:
            level = f"\x1b[{_COLOURS[record.levelname]}m{level}\x1b[0m"
        time = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        more = "".join(f" {key}={value!r}" for key, value in extra.items())
        lines = [f"{time} {level} {where}  {record.getMessage()}{more}"]
        if record.exc_info and record.exc_info[0] is not None:
            lines.append(self.formatException(record.exc_info))
        if record.stack_info:
            lines.append(record.stack_info)
        return "\n".join(lines)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    """What the caller added to the record, such as `node` and `actor`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _whereabouts(extra: dict[str, object], node: str) -> dict[str, str]:
    """Take node and actor out of `extra`: an actor's logger says `node` and `path`."""
    if "node" not in extra:
        return {"node": node}
    found = {"node": str(extra.pop("node"))}
    if "path" in extra:
        found["actor"] = str(extra.pop("path"))
    return found


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a log line must not fail for a broken __str__
        return f"<{type(value).__name__}: {error!r}>"
