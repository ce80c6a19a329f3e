"""The settings of the command: one table that flags, environment and TOML file are read by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from actors.cli import kinds
from actors.cli.kinds import Kind
from actors.cli.logs import LOG_LEVELS

Table = Literal["node", "security"]
TABLES: tuple[Table, ...] = ("node", "security")
"""The tables of the TOML file that hold settings."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: `key` in TOML, `--key` as a flag, `ACTORS_KEY` in the environment."""

    key: str
    kind: Kind
    metavar: str
    help: str
    many: bool = False
    """Flags are repeated, environment variables have commas, TOML has a string or a list."""
    table: Table = "node"
    """Where it stands in the TOML file."""

    @property
    def flag(self) -> str:
        """Return the flag, such as `--log-level`."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def place(self) -> str:
        """Return what the command line calls it: its flag, or APP."""
        return self.metavar if self is APP else self.flag

    @property
    def variable(self) -> str:
        """Return the environment variable, such as `ACTORS_LOG_LEVEL`."""
        return f"ACTORS_{self.key.upper()}"

    @property
    def field(self) -> str:
        """Return the name of the attribute of `Settings`."""
        return "imports" if self.key == "import" else self.key  # a keyword in Python

    @property
    def switch(self) -> bool:
        """Is the flag one without a value?"""
        return self.kind is kinds.SWITCH


APP = Option(
    "app",
    kinds.APP,
    "APP",
    "what the node runs: an Actor or Supervisor class (its root), or `async def setup(node)`",
)
CONFIG = Option(
    "config", kinds.FILE, "FILE", "TOML file with these words under [node] and [security]"
)
PARENT = "parent_fd"
"""The descriptor that joins a worker to its parent; for `--workers` alone."""
ALLOW_FILE = "allow_file"
"""The file whose `[[allow]]` tables count for a worker; for `--workers` alone."""

OPTIONS = (
    Option("name", kinds.NAME, "NAME", "the node's name (default: a made-up one)"),
    Option(
        "bind",
        kinds.LISTENING,
        "ENDPOINT",
        "where to listen; may be repeated (default: tcp://127.0.0.1:0)",
        many=True,
    ),
    Option("advertise", kinds.DIALLED, "ENDPOINT", "what other nodes are told to dial"),
    Option("seed", kinds.DIALLED, "ENDPOINT", "a node to join through; may be repeated", many=True),
    Option("role", kinds.NAME, "ROLE", "a role of this node; may be repeated", many=True),
    Option(
        "app_version",
        kinds.TEXT,
        "VERSION",
        "the version of what runs here, for others to see (default: none)",
    ),
    Option(
        "capacity",
        kinds.NUMBER,
        "NUMBER",
        "how much more this node can bear than one of 1, for LeastLoaded (default: 1)",
    ),
    Option(
        "partition",
        kinds.POLICY,
        "POLICY",
        f"which side of a partition goes on: {', '.join(kinds.PARTITION_POLICIES)} (default: both)",
    ),
    Option(
        "quorum_size",
        kinds.COUNT,
        "N",
        "with static-quorum: how many nodes a side must have to go on",
    ),
    Option(
        "stable_after",
        kinds.SECONDS,
        "SECONDS",
        "how long the membership must be unchanged before a partition is decided (default: 5)",
    ),
    Option(
        "workers",
        kinds.COUNT,
        "N",
        "run N nodes, NAME-1 to NAME-N, and start again what crashes",
    ),
    Option(
        "import",
        kinds.MODULE,
        "MODULE",
        "a module whose classes others may spawn here; may be repeated",
        many=True,
    ),
    Option("drain_timeout", kinds.SECONDS, "SECONDS", "how long stopping may take (default: 25)"),
    Option("log_level", kinds.LOG_LEVEL, "LEVEL", f"{', '.join(LOG_LEVELS)} (default: info)"),
    Option(
        "log_format",
        kinds.LOG_FORMAT,
        "FORMAT",
        "auto, console or json (default: auto, console on a terminal and json elsewhere)",
    ),
    Option(
        "app_dir",
        kinds.DIRECTORY,
        "DIR",
        "where APP and the imports are looked for first (default: the current directory)",
    ),
    Option(
        "key",
        kinds.KEY,
        "PATH",
        "the node's secret key: its file, or the directory of `keygen`; needs --roster",
        table="security",
    ),
    Option(
        "roster",
        kinds.ROSTER,
        "FILE",
        "TOML file with everybody's public keys; read again at SIGHUP",
        table="security",
    ),
    Option(
        "insecure",
        kinds.SWITCH,
        "",
        "let in whoever can reach the node, also from other machines, without keys",
        table="security",
    ),
)
"""What every source may say, APP and the configuration file aside."""

BY_KEY = {option.key: option for option in (APP, *OPTIONS)}
"""Every setting by its key."""
