"""`python -m benchmarks.fuzz.attacker ENDPOINT`: hostile TCP streams, in a process of their own.

With `--server KEY --traitor FOLDER` the node has keys: there are streams then that begin a CURVE
handshake, and a crowd that calls with keys which are on no roster. At the end it prints what was
done, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.fuzz.crowd import Crowd, Tally
from benchmarks.fuzz.curve import Curve
from benchmarks.fuzz.plain import PLAIN, Attack
from benchmarks.fuzz.zmtp import Stream
from transport.security.keys import KeyPair

PATIENCE = 5.0
"""Seconds that one stream may take."""


async def attack(
    endpoint: str, attacks: Sequence[Attack], streams: int, seed: int, most: int, rate: float
) -> None:
    """Open so many streams, `rate` of them a second, and no more than `most` at the same time."""
    places = asyncio.Semaphore(most)
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def one(number: int) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await _one(endpoint, attacks, random.Random(seed + number))
        finally:
            places.release()

    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            await asyncio.sleep(begin + number / rate - loop.time())
            await places.acquire()
            group.create_task(one(number))


async def _one(endpoint: str, attacks: Sequence[Attack], chance: random.Random) -> None:
    stream = await Stream.open(endpoint)
    try:
        await chance.choice(attacks)(stream, chance)
    finally:
        stream.close(reset=chance.random() < 0.2)


async def run(options: argparse.Namespace) -> Tally:
    """Attack, as the arguments say; return how the crowd fared."""
    streams, seed, most, rate = options.streams, options.seed, options.most, options.rate
    if options.server is None:
        await attack(options.endpoint, PLAIN, streams, seed, most, rate)
        return Tally()
    with Curve(options.endpoint, options.server, KeyPair.read(options.traitor)) as curve:
        await curve.record()
        with Crowd(options.endpoint, options.server) as crowd:
            calling = asyncio.create_task(crowd.call(options.calls))
            attacks = (*PLAIN, *curve.attacks)
            await attack(options.endpoint, attacks, streams, seed, most, rate)
            calling.cancel()
            await crowd.rest()
            return crowd.tally


def main() -> None:
    """Attack, and say what was done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz.attacker")
    parser.add_argument("endpoint")
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=64, help="at the same time")
    parser.add_argument("--rate", type=float, default=200.0, help="streams a second")
    parser.add_argument("--server", metavar="KEY", help="the node's public key, if it has one")
    parser.add_argument("--traitor", type=Path, metavar="FOLDER", help="a key that is listed")
    parser.add_argument("--calls", type=float, default=500.0, help="of the crowd, a second")
    options = parser.parse_args()
    os.nice(10)  # what is measured is the node, not two processes that share a processor
    print(json.dumps(uvloop.run(run(options))._asdict()), flush=True)


if __name__ == "__main__":
    main()
