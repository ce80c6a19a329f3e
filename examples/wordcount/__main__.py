"""The demo: count words on worker processes, lose one of them, and still be right.

    python -m examples.wordcount [PATH] [--nodes 3] [--kill/--no-kill]

It starts worker nodes as processes of their own, spreads a least-connections pool of actors over
them, sends the text under PATH (by default Python's standard library) in chunks, kills one worker
with SIGKILL half-way, asks again for what was lost with it, and compares the result with a count
in one process.

Exit codes: 0 the counts are equal; 1 they are not, or the workers could not be started; 2 wrong
arguments, or nothing to count; 130 interrupted.
"""

import argparse
import logging
import os
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from actors import ActorsError
from examples.wordcount.cluster import WorkerError
from examples.wordcount.demo import Demo, Interrupted, run_until_signal
from examples.wordcount.display import Display, make_display
from examples.wordcount.files import Found, find

EQUAL: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

MOST_NODES: Final = 64
INSTALLED: Final = ("site-packages", "dist-packages")
"""Folders that lie within the standard library's but are not of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    path: Path
    leave_out: Sequence[str]
    nodes: int
    kill: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options; a usage error ends the program with exit code 2."""
    parser = argument_parser()
    given = parser.parse_args(arguments)
    if given.kill and given.nodes == 1:
        parser.error("--kill needs --nodes 2 or more: somebody has to go on with the work")
    kill = given.nodes > 1 if given.kill is None else given.kill
    if given.path is None:
        return Options(Path(sysconfig.get_path("stdlib")), INSTALLED, given.nodes, kill)
    return Options(given.path, (), given.nodes, kill)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.wordcount",
        description="Count words on several processes, kill one half-way, and still be right.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="PATH",
        help="a folder or a file (default: the standard library)",
    )
    parser.add_argument(
        "--nodes", type=_node_count, default=3, metavar="N", help="worker processes (default: 3)"
    )
    parser.add_argument(
        "--kill",
        action=argparse.BooleanOptionalAction,
        help="kill one worker half-way (default: yes, if there are two or more)",
    )
    return parser


def _node_count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= MOST_NODES:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_NODES}")


class NothingToCountError(Exception):
    """There is no text under the path, or the path cannot be read."""


def search(options: Options) -> Found:
    """Return the text files to count."""
    path = str(options.path)
    try:
        found = find(options.path, leave_out=options.leave_out)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NothingToCountError(f"cannot read {path!r}: {why}") from None
    if found.size == 0:
        raise NothingToCountError(
            f"nothing to count under {path!r}: found no text, {len(found.files)} empty files, "
            f"{found.not_text} that are not text and {found.unreadable} unreadable"
        )
    return found


def run(options: Options, display: Display) -> int:
    """Run the demo and return its exit code."""
    display.note(f"looking for text under {str(options.path)!r}")
    found = search(options)
    display.note(f"text files: {len(found.files):,}, bytes: {found.size:,}")
    with tempfile.TemporaryDirectory(prefix="wordcount-") as logs:
        # The bar has the terminal; what the framework logs is kept as long as the demo runs.
        logging.basicConfig(filename=Path(logs, "demo.log"), level=logging.WARNING)
        demo = Demo(found, options.nodes, kill=options.kill, display=display, logs=Path(logs))
        tally = run_until_signal(demo.count())
    return EQUAL if demo.verify(tally) else FAILED


def complain(text: str) -> None:
    """Write a line to stderr."""
    print(f"wordcount: {text}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    options = parse(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a word may have any letters
    try:
        return run(options, make_display())
    except NothingToCountError as error:
        complain(str(error))
        return USAGE
    except (Interrupted, KeyboardInterrupt):
        complain("interrupted; the workers are ended")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (WorkerError, ActorsError, OSError) as error:
        complain(str(error))
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
