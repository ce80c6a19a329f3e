"""The settings of the command: one table that flags, environment and TOML file are read by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.cli.logs import LOG_FORMATS, LOG_LEVELS
from actors.names import check_name
from transport.endpoint import parse_endpoint
from transport.errors import EndpointError

PARTITION_POLICIES = ("keep-majority", "static-quorum")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting holds.

    `check` returns the value in its final form, and raises ValueError with what is wrong. `read`
    makes a value of a text, for flags and environment variables; TOML has its own types.
    """

    expected: str
    check: Callable[[object], object]
    read: Callable[[str], object] = str


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: `key` in TOML, `--key` as a flag, `ACTORS_KEY` in the environment."""

    key: str
    kind: Kind
    metavar: str
    help: str
    many: bool = False
    """Flags are repeated, environment variables have commas, TOML has a string or a list."""

    @property
    def flag(self) -> str:
        """Return the flag, such as `--log-level`."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Return the environment variable, such as `ACTORS_LOG_LEVEL`."""
        return f"ACTORS_{self.key.upper()}"


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


def _directory(value: object) -> Path:
    path = Path(_text(value)).expanduser()
    if not path.is_dir():
        raise ValueError("there is no such directory")
    return path.absolute()


NAME = Kind("1 to 128 of A-Z a-z 0-9 _ . - and no dot first", _name)
_DIALLED = Kind("an endpoint to dial, tcp://HOST:PORT or ipc://PATH", _dialled)

APP = Option(
    "app",
    Kind("module:attribute, such as bank:Bank", _app),
    "APP",
    "what the node runs: an Actor or Supervisor class (its root), or `async def setup(node)`",
)
CONFIG = Option("config", Kind("a file", _text), "FILE", "TOML file with these words under [node]")
PARENT = "parent_fd"
"""The descriptor that joins a worker to its parent; for `--workers` alone."""

OPTIONS = (
    Option("name", NAME, "NAME", "the node's name (default: a made-up one)"),
    Option(
        "bind",
        Kind("an endpoint to listen on, tcp://HOST:PORT (port 0: any) or ipc://PATH", _listening),
        "ENDPOINT",
        "where to listen; may be repeated (default: tcp://127.0.0.1:0)",
        many=True,
    ),
    Option("advertise", _DIALLED, "ENDPOINT", "what other nodes are told to dial"),
    Option("seed", _DIALLED, "ENDPOINT", "a node to join through; may be repeated", many=True),
    Option("role", NAME, "ROLE", "a role of this node; may be repeated", many=True),
    Option(
        "app_version",
        Kind("a text", _text),
        "VERSION",
        "the version of what runs here, for others to see (default: none)",
    ),
    Option(
        "capacity",
        Kind("a number, more than 0", _positive, float),
        "NUMBER",
        "how much more this node can bear than one of 1, for LeastLoaded (default: 1)",
    ),
    Option(
        "partition",
        Kind(f"one of {', '.join(PARTITION_POLICIES)}", _one_of(PARTITION_POLICIES)),
        "POLICY",
        f"which side of a partition goes on: {', '.join(PARTITION_POLICIES)} (default: both)",
    ),
    Option(
        "quorum_size",
        Kind("a whole number, 1 or more", _count, int),
        "N",
        "with static-quorum: how many nodes a side must have to go on",
    ),
    Option(
        "stable_after",
        Kind("seconds, more than 0", _positive, float),
        "SECONDS",
        "how long the membership must be unchanged before a partition is decided (default: 5)",
    ),
    Option(
        "workers",
        Kind("a whole number, 1 or more", _count, int),
        "N",
        "run N nodes, NAME-1 to NAME-N, and start again what crashes",
    ),
    Option(
        "import",
        Kind("a module name, such as bank.tellers", _module),
        "MODULE",
        "a module whose classes others may spawn here; may be repeated",
        many=True,
    ),
    Option(
        "drain_timeout",
        Kind("seconds, more than 0", _positive, float),
        "SECONDS",
        "how long stopping may take (default: 25)",
    ),
    Option(
        "log_level",
        Kind(f"one of {', '.join(LOG_LEVELS)}", _one_of(LOG_LEVELS)),
        "LEVEL",
        f"{', '.join(LOG_LEVELS)} (default: info)",
    ),
    Option(
        "log_format",
        Kind(f"one of {', '.join(LOG_FORMATS)}", _one_of(LOG_FORMATS)),
        "FORMAT",
        "auto, console or json (default: auto, console on a terminal and json elsewhere)",
    ),
    Option(
        "app_dir",
        Kind("a directory", _directory),
        "DIR",
        "where APP and the imports are looked for first (default: the current directory)",
    ),
)
"""What every source may say, APP and the configuration file aside."""
