"""`actors-node keygen DIR`: makes the key pair of a node, and the line by which others know it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from actors.cli.errors import ConfigError
from actors.cli.exits import CommandError, Exit
from actors.names import check_name
from transport.errors import SecurityError
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import roster_line

KEYGEN = "keygen"
"""The word on the command line."""


def keygen(arguments: Sequence[str], program: str) -> int:
    """Make a key pair; stdout gets the line for the roster and nothing else. Returns 0.

    Raises `CommandError` where it cannot be written, or is there already.
    """
    flags = parser(program).parse_args(arguments)
    if not flags.directory:  # an unset variable of a script
        raise ConfigError("DIR", "it is empty; expected a directory")
    directory = Path(flags.directory)
    name = _name(flags.name, directory)
    keys = KeyPair.make()
    try:
        public, secret = write_keys(directory, keys)
    except SecurityError as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    _print(roster_line(name, keys.public), public)
    print(_advice(directory, secret, name), file=sys.stderr)
    return Exit.DRAINED


def parser(program: str) -> argparse.ArgumentParser:
    """Return what reads the command line of `keygen`."""
    parser = argparse.ArgumentParser(
        prog=f"{program} {KEYGEN}",
        description="Make the keys of a node: DIR/secret.key, which only its owner can read, and "
        "DIR/public.key. On stdout comes the line for the roster, the file that lists whom nodes "
        "let in, so that `>> roster.toml` adds it. Nothing is overwritten.",
        epilog="Exit codes: 0 made; 1 made, but the line could not be printed; 2 wrong usage, "
        "there already, or cannot be written.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="DIR", help="where to; made where there is none")
    parser.add_argument(
        "--name", metavar="NAME", help="the node's name (default: the last part of DIR)"
    )
    return parser


def _name(given: str | None, directory: Path) -> str:
    name = directory.absolute().name if given is None else given
    try:
        return check_name(name)
    except ValueError as error:
        where = "DIR" if given is None else "--name"
        more = "; say --name" if given is None else ""
        raise ConfigError(where, f"{error}{more}") from None


def _print(line: str, public: Path) -> None:
    try:
        print(line, flush=True)
    except OSError as error:
        sys.stdout = None  # lest Python fails once more when it flushes it at its end
        problem = f"the keys are made, but the line for the roster cannot be printed: {error}"
        raise CommandError(Exit.FAILED, f"{problem}; its key is in {public}") from None


def _advice(directory: Path, secret: Path, name: str) -> str:
    where = shlex.quote(str(directory))
    return (
        f"{secret} stays on this machine: who has it is {name}.\n"
        "The line on stdout belongs in the roster, which all nodes have; where it has one of that\n"
        'name, put the new key beside the old one, ["OLD", "NEW"]. Then start the node:\n'
        f"    actors-node --name {name} --key {where} --roster ROSTER --bind ENDPOINT"
    )
