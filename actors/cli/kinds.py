"""What a setting may hold: its check, its form as a text, and what is expected of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.cli.logs import LOG_FORMATS, LOG_LEVELS
from actors.names import check_name
from transport.endpoint import parse_endpoint
from transport.errors import EndpointError
from transport.security.keys import is_key

PARTITION_POLICIES = ("keep-majority", "static-quorum")
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting holds.

    `check` returns the value in its final form, and raises ValueError with what is wrong. `read`
    makes a value of a text, for flags and environment variables; TOML has its own types. The
    folder is what a path is relative to: that of the TOML file, where it stands in one.
    """

    expected: str
    check: Callable[[object, Path], object]
    read: Callable[[str], object] = str
    veiled: bool = False
    """A wrong value is not shown: it may be a secret in the wrong place."""


def _anywhere(check: Callable[[object], object]) -> Callable[[object, Path], object]:
    """What is no path means the same wherever it stands."""
    return lambda value, _: check(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it is {_kind_of(value)}, not text")
    return value


def _kind_of(value: object) -> str:
    names = {"bool": "a boolean", "int": "a number", "float": "a number", "dict": "a table"}
    name = type(value).__name__
    return names.get(name, f"a {name}")


def _name(value: object) -> str:
    try:
        return check_name(_text(value))
    except ValueError:
        raise ValueError from None


def _app(value: object) -> str:
    module, colon, attribute = _text(value).partition(":")
    if not (module and colon and attribute):
        raise ValueError("it is not of the form module:attribute")
    return str(value)


def _module(value: object) -> str:
    if not _text(value).strip():
        raise ValueError("it is empty")
    return str(value)


def _endpoint(value: object, *, listening: bool) -> str:
    try:
        endpoint = parse_endpoint(_text(value), listening=listening)
    except EndpointError as error:
        raise ValueError(error.reason) from None
    if endpoint.scheme == "mem":
        raise ValueError("mem:// does not leave its process")
    return str(value)


def _listening(value: object) -> str:
    return _endpoint(value, listening=True)


def _dialled(value: object) -> str:
    return _endpoint(value, listening=False)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("it is no whole number of 1 or more")
    return value


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"it is {_kind_of(value)}, not a number")
    if not math.isfinite(value) or value <= 0:
        raise ValueError("it is not more than 0 and finite")
    return float(value)


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        word = _text(value).lower()
        if word not in words:
            raise ValueError
        return word

    return check


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"it is {_kind_of(value)}")
    return value


def _read_switch(text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def _path(text: str, folder: Path) -> Path:
    if not text or "\0" in text:
        raise ValueError("it is no path")
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # ~nobody
        raise ValueError("there is no such home directory") from None


def _directory(value: object, folder: Path) -> Path:
    path = _path(_text(value), folder)
    if not path.is_dir():
        raise ValueError("there is no such directory")
    return path.absolute()


def _file(value: object, folder: Path) -> Path:
    """A file that may hold a secret. What is no file may be the secret itself."""
    text = _text(value).strip()
    path = _path(text, folder)
    if is_key(text) and not path.exists():
        raise ValueError("it looks like a key itself, and whoever sees it here has it")
    return path.absolute()


TEXT = Kind("a text", _anywhere(_text))
FILE = Kind("a file", _anywhere(_text))
NAME = Kind("1 to 128 of A-Z a-z 0-9 _ . - and no dot first", _anywhere(_name))
APP = Kind("module:attribute, such as bank:Bank", _anywhere(_app))
MODULE = Kind("a module name, such as bank.tellers", _anywhere(_module))
DIRECTORY = Kind("a directory", _directory)
COUNT = Kind("a whole number, 1 or more", _anywhere(_count), int)
NUMBER = Kind("a number, more than 0", _anywhere(_positive), float)
SECONDS = Kind("seconds, more than 0", _anywhere(_positive), float)
SWITCH = Kind("true or false", _anywhere(_switch), _read_switch)
LISTENING = Kind(
    "an endpoint to listen on, tcp://HOST:PORT (port 0: any) or ipc://PATH", _anywhere(_listening)
)
DIALLED = Kind("an endpoint to dial, tcp://HOST:PORT or ipc://PATH", _anywhere(_dialled))
POLICY = Kind(f"one of {', '.join(PARTITION_POLICIES)}", _anywhere(_one_of(PARTITION_POLICIES)))
LOG_LEVEL = Kind(f"one of {', '.join(LOG_LEVELS)}", _anywhere(_one_of(LOG_LEVELS)))
LOG_FORMAT = Kind(f"one of {', '.join(LOG_FORMATS)}", _anywhere(_one_of(LOG_FORMATS)))
KEY = Kind("the file of a secret key, or its directory; never the key itself", _file, veiled=True)
ROSTER = Kind("the file that lists the public keys", _file, veiled=True)
