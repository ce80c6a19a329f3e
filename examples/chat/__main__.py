"""The arguments of the chat, and its exit codes."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from actors import ActorsError
from examples.chat.demo import ANYWHERE, demo
from examples.chat.terminal import visit


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.chat",
        description="A chat over any number of processes; without a name, a demonstration.",
    )
    parser.add_argument("name", nargs="?", help="who you are")
    parser.add_argument("--bind", default=ANYWHERE, help=f"(default: {ANYWHERE})")
    parser.add_argument("--seed", action="append", default=[], help="where another one is")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration, or be one visitor; return the exit code."""
    options = parse(arguments)
    logging.basicConfig(level=logging.CRITICAL)  # that a node was lost is said in the room
    try:
        if options.name is not None:
            return asyncio.run(visit(options.name, options.bind, options.seed))
        asyncio.run(demo())
    except KeyboardInterrupt:
        return 130
    except (ActorsError, EOFError, OSError, TimeoutError, ValueError) as error:
        print(f"chat: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
