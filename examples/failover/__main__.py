"""The arguments of the fail-over, its keys, and its exit codes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import logging
import random
import sys
from collections.abc import Sequence

from actors import ActorsError, Node
from examples.failover.film import Film, Scene
from examples.failover.keys import pressed
from examples.failover.nodes import Nodes
from examples.failover.picture import Picture
from examples.failover.show import JOIN_TIMEOUT, NAMES, Stage


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.failover",
        description="Supervised jobs that move between three nodes while you kill them.",
    )
    parser.add_argument("--frames", type=int, default=3_000, help="of the film (default: 3000)")
    parser.add_argument("--auto", action="store_true", help="kill a node every few seconds")
    options = parser.parse_args(arguments)
    if options.frames < 1:
        parser.error(f"--frames must be at least 1, not {options.frames}")
    return options


async def run(frames: int, *, auto: bool) -> tuple[Scene, int]:
    """Play the film; return what has become of it, and how many nodes were killed."""
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    live = at_terminal and importlib.util.find_spec("rich") is not None
    async with Node("director", bind="tcp://127.0.0.1:0") as node:
        assert node.address is not None
        nodes = Nodes(node.address, NAMES)
        picture = Picture(NAMES, live=live)
        try:
            stage = Stage(node, nodes, picture)
            await nodes.start()
            await node.wait_for_members(len(NAMES) + 1, timeout=JOIN_TIMEOUT)
            film = node.spawn(Film.props(frames, len(NAMES)), name="film")
            with contextlib.ExitStack() as stack:
                if at_terminal:
                    stack.enter_context(pressed(stage.on_key))
                if auto or not at_terminal:
                    killing = asyncio.create_task(stage.kill_now_and_then(random.Random()))
                    stack.callback(killing.cancel)
                return await stage.play(film), nodes.kills
        finally:
            picture.close()
            await nodes.end()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 when the film is whole, 1 where it could not be, 130 after Ctrl-C."""
    options = parse(arguments)
    logging.basicConfig(level=logging.CRITICAL)  # that a node was lost is said in the picture
    try:
        scene, kills = asyncio.run(run(options.frames, auto=options.auto))
    except KeyboardInterrupt:
        return 130
    except (ActorsError, OSError, TimeoutError) as error:
        print(f"failover: {error}", file=sys.stderr)
        return 1
    made = ", ".join(f"{name} {count}" for name, count in sorted(scene.by_node.items()))
    print(f"{scene.rendered} of {scene.frames} frames, {kills} kills: {made}")
    print(f"{scene.taken_back} frames taken back from the dead, {scene.again} rendered twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
