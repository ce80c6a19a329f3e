"""Ping pong between two nodes: how many round trips a second an ask makes over ZeroMQ.

In one go, with the ponger in a process of its own:

    python -m examples.pingpong

In two terminals, in any order:

    python -m examples.pingpong ponger
    python -m examples.pingpong pinger

What it shows: a node that binds, a node that joins through a seed, finding an actor by its name on
another node, and typed messages that cross the wire without any set-up.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from actors import Actor, ActorNotFoundError, ActorRef, ActorsError, Message, Node, on

ENDPOINT = "tcp://127.0.0.1:7701"
ANYWHERE = "tcp://127.0.0.1:0"
AT_ONCE = 100


class Ping(Message[int]):
    """Send this number back."""

    number: int


class Ponger(Actor):
    """Answers each ping with its number."""

    @on(Ping)
    def pong(self, message: Ping) -> int:
        return message.number


async def ponger(bind: str, seeds: Sequence[str] = ()) -> None:
    """Host a `Ponger` until SIGINT or SIGTERM."""
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with Node("ponger", bind=bind, seeds=seeds) as node:
        node.spawn(Ponger, name="ponger")
        print(f"ponger ready at {node.address}, Ctrl-C ends it", flush=True)
        await end.wait()
    print("ponger ended", flush=True)


async def pinger(seed: str, rounds: int) -> None:
    """Join the ponger at `seed` and play `rounds` rounds with it."""
    async with Node("pinger", bind=ANYWHERE, seeds=[seed]) as node:
        print(f"looking for the ponger at {seed}", flush=True)
        await play(node, rounds)


async def in_one_go(rounds: int) -> None:
    """Start the ponger as a process of its own, play, and end it."""
    async with (
        Node("pinger", bind=ANYWHERE) as node,
        ponger_process(str(node.address)) as process,
    ):
        playing = asyncio.ensure_future(play(node, rounds))
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait([playing, ended], return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                raise ChildProcessError(f"the ponger ended with exit code {process.returncode}")
            await playing
        finally:
            playing.cancel()
            ended.cancel()


@contextlib.asynccontextmanager
async def ponger_process(seed: str) -> AsyncGenerator[Process, None]:
    """Run `python -m examples.pingpong ponger` as long as the block lasts."""
    role = ("ponger", "--endpoint", ANYWHERE, "--seed", seed)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.pingpong", *role, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def play(node: Node, rounds: int) -> None:
    """Wait for the ponger, then ask it `rounds` times, one after another and many at once."""
    await node.wait_for_members(2, timeout=60.0)
    ref = await find_ponger(node)
    print(f"playing with {ref}")
    began = time.perf_counter()
    await ask_in_turn(ref, rounds)
    report("one after another", rounds, time.perf_counter() - began)
    began = time.perf_counter()
    each = max(rounds // AT_ONCE, 1)
    await asyncio.gather(*(ask_in_turn(ref, each) for _ in range(AT_ONCE)))
    report(f"{AT_ONCE} at once", each * AT_ONCE, time.perf_counter() - began)


async def find_ponger(node: Node) -> ActorRef[Any]:
    """Return the ponger's ref; its node is up a moment before it has spawned the actor."""
    async with asyncio.timeout(10.0):
        while True:
            try:
                return await node.resolve("ponger", at="ponger")
            except ActorNotFoundError:
                await asyncio.sleep(0.05)


async def ask_in_turn(ref: ActorRef[Any], rounds: int) -> None:
    """Ask `rounds` times, each after the answer to the one before."""
    for number in range(rounds):
        answer = await ref.ask(Ping(number))
        assert answer == number


def report(how: str, rounds: int, seconds: float) -> None:
    """Print how fast it was."""
    print(f"{rounds} round trips, {how}: {seconds:.2f} s, {rounds / seconds:,.0f} round trips/s")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.pingpong",
        description="Ping pong between two nodes, in one go or in two terminals.",
    )
    parser.add_argument("role", nargs="?", choices=["ponger", "pinger"])
    parser.add_argument("--endpoint", default=ENDPOINT, help=f"the ponger's (default: {ENDPOINT})")
    parser.add_argument("--seed", action="append", default=[], help="a node that the ponger joins")
    parser.add_argument("--rounds", type=_positive, default=5000, help="(default: 5000)")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a number from 1 up")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the part that the arguments name, and return the exit code."""
    options = parse(arguments)
    try:
        match options.role:
            case "ponger":
                asyncio.run(ponger(options.endpoint, options.seed))
            case "pinger":
                asyncio.run(pinger(options.endpoint, options.rounds))
            case _:
                asyncio.run(in_one_go(options.rounds))
    except KeyboardInterrupt:
        return 130
    except (ActorsError, OSError, TimeoutError, ValueError) as error:
        print(f"pingpong: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
