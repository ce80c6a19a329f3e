"""Log records as lines for people and as JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from actors.cli.logs import configure


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _same_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:  # `configure` closes what it finds
        root.removeHandler(handler)
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_carries_node_and_actor() -> None:
    """A record of an actor's logger says node and path; any other gets the node of the process."""
    stream = io.StringIO()
    configure("info", "json", "bank", stream)
    log = logging.getLogger("shop.till")
    log.info("opened %d", 3)
    logging.LoggerAdapter(log, {"node": "branch", "path": "bank/alice"}).warning("low")
    log.debug("not shown")
    first, second = parsed(stream)
    assert first["message"] == "opened 3"
    assert first["level"] == "info"
    assert first["logger"] == "shop.till"
    assert first["node"] == "bank"
    assert "actor" not in first
    assert first["time"].endswith("Z")
    assert (second["node"], second["actor"], second["level"]) == ("branch", "bank/alice", "warning")


def test_json_is_one_line_whatever_is_in_it() -> None:
    """Tracebacks, extras that are no JSON, and broken ones stay in their line."""

    class Broken:
        def __str__(self) -> str:
            raise ValueError("no text")

    stream = io.StringIO()
    configure("info", "json", "bank", stream)
    log = logging.getLogger("shop")
    try:
        raise KeyError("k")
    except KeyError:
        log.exception("two\nlines", extra={"path": object(), "broken": Broken()})
    (only,) = parsed(stream)
    assert only["message"] == "two\nlines"
    assert "KeyError: 'k'" in only["exception"]
    assert "Broken" in only["broken"]
    assert "object" in only["path"]


def test_auto_is_json_unless_on_a_terminal() -> None:
    """`auto` writes JSON lines to a pipe or file and plain ones, in colour, to a terminal."""
    for stream in (io.StringIO(), Terminal()):
        configure("info", "auto", "bank", stream)
        logging.getLogger("shop").warning("low")
        if stream.isatty():
            assert "\x1b[33mWARNING" in stream.getvalue()
            assert "bank  low" in stream.getvalue()
        else:
            assert parsed(stream)[0]["message"] == "low"


def test_console_lines() -> None:
    """A console line has level, node/actor and extras; a traceback follows; no colour in files."""
    stream = io.StringIO()
    configure("debug", "console", "bank", stream)
    log = logging.LoggerAdapter(logging.getLogger("shop"), {"node": "bank", "path": "a/b"})
    try:
        raise KeyError("k")
    except KeyError:
        log.exception("went wrong")
    logging.getLogger("shop").debug("seen", extra={"size": 3})
    text = stream.getvalue()
    assert "ERROR    bank/a/b  went wrong\nTraceback" in text
    assert "bank  seen size=3" in text
    assert "\x1b" not in text
