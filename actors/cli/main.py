"""The entry point of `actors-node`: reads its settings, then runs a node or its workers."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from actors.cli.config import Settings, load_settings, stray_variables
from actors.cli.exits import CommandError, Exit
from actors.cli.keygen import KEYGEN, keygen
from actors.cli.logs import configure
from actors.cli.making import make_node, open_doors
from actors.cli.options import ALLOW_FILE, APP, CONFIG, OPTIONS, PARENT, Option
from actors.cli.show import shown
from actors.cli.stopping import StoppedEarly, StopSignals
from transport.descriptors import shortage

PROGRAM = "actors-node"
log = logging.getLogger("actors.cli")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    _open_standard_streams()
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] == KEYGEN:  # APP has a colon in it, so this is none
        return _keygen(words[1:])
    signals = StopSignals()
    try:
        signals.install()
        return _command(words, signals)
    except StoppedEarly:
        return Exit.DRAINED


def _keygen(words: Sequence[str]) -> int:
    try:
        return keygen(words, PROGRAM)
    except CommandError as error:
        return _misused(error, f"{PROGRAM} {KEYGEN}")


def _misused(error: CommandError, program: str) -> int:
    print(f"{program}: error: {error} (see {program} --help)", file=sys.stderr)
    return error.code


def _open_standard_streams() -> None:
    """Where one was closed, its number would go to a socket: give it to the null device."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _command(words: Sequence[str], signals: StopSignals) -> int:
    flags = parser().parse_args(words)
    try:
        settings = load_settings(flags, os.environ)
    except CommandError as error:
        return _misused(error, PROGRAM)
    if flags.show_config:
        print(shown(settings))
        return Exit.DRAINED
    configure(settings.log_level, settings.log_format, settings.name)
    if settings.parent_fd is None:  # said once is enough
        for warning in (*stray_variables(os.environ), *open_doors(settings)):
            log.warning(warning)
    else:
        signals.hangup.only_reload()
    try:
        return _run(settings, signals)
    except CommandError as error:
        log.critical("%s", error)
        return error.code


def _run(settings: Settings, signals: StopSignals) -> int:
    wanting = shortage()  # before the event loop, which needs some files itself
    if wanting is not None:
        raise CommandError(Exit.REFUSED, wanting)
    # What is not safe ends here, before any code of the application runs.
    node = make_node(settings)
    if settings.workers is not None:
        from actors.cli.workers import run_workers

        return run_workers(settings, signals)
    from actors.cli.app import load_app
    from actors.cli.run import run_node

    root = load_app(settings.app, settings.imports, settings.app_dir)
    return run_node(node, settings, root, signals)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line; values are checked later, as those of all sources."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Run a node of actors, or several. Settings come from flags, then from "
        "ACTORS_* environment variables, then from the TOML file. "
        f"`{PROGRAM} keygen DIR` makes the keys of a node; see `{PROGRAM} keygen --help`.",
        epilog="Exit codes: 0 drained; 1 failed; 2 wrong usage or configuration; 3 could not bind "
        "or was refused; 4 could not import APP or a module.",
        allow_abbrev=False,
    )
    parser.add_argument(APP.key, nargs="?", metavar=APP.metavar, help=APP.help)
    parser.add_argument(CONFIG.flag, metavar=CONFIG.metavar, help=CONFIG.help)
    for option in OPTIONS:
        _add(parser, option)
    parser.add_argument(
        "--show-config", action="store_true", help="print the settings and their origins, and exit"
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    parser.add_argument("--parent-fd", dest=PARENT, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--allow-file", dest=ALLOW_FILE, help=argparse.SUPPRESS)
    return parser


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    if option.switch:
        parser.add_argument(
            option.flag, dest=option.key, help=option.help, action="store_const", const="true"
        )
        return
    parser.add_argument(
        option.flag,
        dest=option.key,
        metavar=option.metavar,
        help=option.help,
        action="append" if option.many else "store",
    )


class _Version(argparse.Action):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nargs=0, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from actors import __version__

        print(f"{PROGRAM} {__version__}")
        parser.exit(Exit.DRAINED)
