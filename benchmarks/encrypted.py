"""W12: what encryption costs. The same tells between two processes, with keys and without.

`python -m benchmarks.encrypted NAME SEED [KEYS ROSTER]` is the second process, for either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import uvloop

from actors import Node, Security
from actors.tuning import tune
from benchmarks.actors_under_test import Counter, Reading
from benchmarks.baselines import sockets
from benchmarks.harness import ACTORS, Contender, Measure, Run, Target, Workload
from benchmarks.local import tell_all
from benchmarks.processes import READY_WITHIN, running
from benchmarks.remote import blobs_to
from transport.security.keys import KeyPair, write_keys

NAMES = ("bench", "receiver")
MEBIBYTE = os.urandom(2**20)
_BIND = "tcp://127.0.0.1:0"


@contextlib.asynccontextmanager
async def counter(encrypted: bool) -> AsyncGenerator[Node, None]:
    """A node here that is connected to one in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = make_keys(Path(folder)) if encrypted else ()
        security = Security.read(files[0], files[2]) if files else None
        async with Node(NAMES[0], bind=_BIND, security=security) as node:
            command = ["-m", "benchmarks.encrypted", NAMES[1], node.address or "", *files[1:]]
            async with running(*command):
                await node.wait_for_members(2, timeout=READY_WITHIN)
                yield node


def make_keys(folder: Path) -> tuple[str, str, str]:
    """Make both nodes' keys and a roster; return where the keys and the roster are."""
    lines = []
    for name in NAMES:
        keys = KeyPair.make()
        write_keys(folder / name, keys)
        lines.append(f'{name} = "{keys.public}"\n')
    roster = folder / "roster.toml"
    roster.write_text("".join(lines))
    return str(folder / NAMES[0]), str(folder / NAMES[1]), str(roster)


def tell(*, encrypted: bool) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """One actor there, told from here."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        count = int(500_000 * scale)
        async with counter(encrypted) as node:
            ref = node.spawn(Counter, at=NAMES[1])

            async def run() -> Mapping[str, float]:
                return {"rate": count / await tell_all(ref, count)}

            yield run

    return open_


def ask(*, encrypted: bool) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """One actor there, asked from here."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        async with counter(encrypted) as node:
            ref = node.spawn(Counter, at=NAMES[1])

            async def ask_one(number: int) -> int:
                return await ref.ask(Reading(number, "x" * 22), timeout=60)

            async def run() -> Mapping[str, float]:
                return await sockets.ask_figures(ask_one, scale)

            yield run

    return open_


def large(*, encrypted: bool) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """Payloads of 1 MiB."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        async with counter(encrypted) as node:
            yield blobs_to(node.spawn(Counter, at=NAMES[1]), MEBIBYTE, int(256 * scale))

    return open_


async def second(name: str, seed: str, keys: str = "", roster: str = "") -> None:
    """Be the second process, until it is ended."""
    security = Security.read(keys, roster) if keys else None
    async with Node(name, bind=_BIND, seeds=[seed], security=security) as node:
        tune()
        print("ready", flush=True)
        await node.wait_closed()


_PLAIN = "without keys"

WORKLOADS = (
    Workload(
        "W12a",
        "tell, two processes, encrypted",
        [Measure("rate", "messages/s")],
        [Contender(ACTORS, tell(encrypted=True)), Contender(_PLAIN, tell(encrypted=False))],
        [Target("rate", 0.7, _PLAIN)],
    ),
    Workload(
        "W12b",
        "ask, two processes, encrypted",
        [Measure("p50", "us", False), Measure("p99", "us", False), Measure("rate", "asks/s")],
        [Contender(ACTORS, ask(encrypted=True)), Contender(_PLAIN, ask(encrypted=False))],
    ),
    Workload(
        "W12c",
        "1 MiB of bytes, two processes, encrypted",
        [Measure("rate", "MiB/s")],
        [Contender(ACTORS, large(encrypted=True)), Contender(_PLAIN, large(encrypted=False))],
    ),
)

if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(second(*sys.argv[1:]))
