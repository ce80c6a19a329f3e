"""`python -m benchmarks`: tell, ask and spawn, local and between two processes.

Each figure is the median of its repetitions, with the least and the greatest. Baseline and
framework take turns within one run, so their ratio holds on a machine whose speed drifts.
"""

from __future__ import annotations

import argparse
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version

import uvloop

from actors import ActorRef, Node
from benchmarks import workloads
from benchmarks.actors_under_test import Counter, Reading


def show(name: str, figures: Sequence[float], unit: str) -> None:
    """Print one row: median, least and greatest."""
    median = statistics.median(figures)
    spread = f"({min(figures):,.0f} - {max(figures):,.0f})"
    print(f"{name:<34} {median:>12,.0f} {unit:<10} {spread}", flush=True)


async def local(repeat: int, scale: float) -> None:
    """Tell, ask and spawn within one node."""
    count = int(200_000 * scale)
    async with Node("bench") as node:
        ref = node.spawn(Counter)
        queue, told = [], []
        for _ in range(repeat):
            queue.append(await workloads.queue_tell(count))
            already = await ref.ask(Reading(0, ""))
            told.append(await workloads.tell(ref, count, already))
        show("asyncio.Queue, one consumer", queue, "messages/s")
        show("tell, same node", told, "messages/s")
        ratios = [mine / bare for mine, bare in zip(told, queue, strict=True)]
        print(f"{'  ratio to asyncio.Queue':<34} {statistics.median(ratios):>12.2f}")
        asks = int(20_000 * scale)
        show("ask, same node, one at a time", await _asks(ref, repeat, asks, 1), "asks/s")
        show("ask, same node, 100 at a time", await _asks(ref, repeat, asks, 100), "asks/s")
    async with Node("bench") as node:
        rate, size = await workloads.spawn(node, int(50_000 * scale))
        show("spawn", [rate], "actors/s")
        show("  memory of an idle actor", [size], "bytes")


async def _asks(ref: ActorRef[Counter], repeat: int, n: int, width: int) -> list[float]:
    return [await workloads.ask(ref, n, width) for _ in range(repeat)]


async def remote(repeat: int, scale: float) -> None:
    """Tell and ask between two processes, over tcp on the loopback interface."""
    count = int(200_000 * scale)
    async with (
        Node("bench", bind="tcp://127.0.0.1:0") as node,
        workloads.second_process(node) as other,
    ):
        ref = node.spawn(Counter, at=other)
        told = []
        for _ in range(repeat):
            already = await ref.ask(Reading(0, ""))
            told.append(await workloads.tell(ref, count, already))
        show("tell, two processes", told, "messages/s")
        asks = int(5_000 * scale)
        show("ask, two processes, one at a time", await _asks(ref, repeat, asks, 1), "asks/s")
        show("ask, two processes, 100 at a time", await _asks(ref, repeat, asks, 100), "asks/s")


async def run(arguments: argparse.Namespace) -> None:
    """Run all of it."""
    print("Python", platform.python_version(), "uvloop", version("uvloop"))
    await local(arguments.repeat, arguments.scale)
    await remote(arguments.repeat, arguments.scale)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="repetitions of each workload")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many messages")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
