"""Hostile TCP streams at a real node, and what a healthy peer notices of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from actors import ActorRef, Node
from benchmarks.chaos.figures import Bound, Figure, Outcome, none, percentile
from benchmarks.fuzz.actors_under_fire import Echo
from benchmarks.memory import MIB, resident
from benchmarks.processes import environment

APP = "benchmarks.fuzz.actors_under_fire:setup"
QUIET = 5.0
"""Seconds for which the healthy peer is timed before."""

PAUSE = 0.002
"""Seconds between two of its asks."""

KEPT = 20
"""MiB that the node may have grown by when all is over."""

SETTLED_WITHIN = 20.0
"""Seconds that it has to give the memory back."""

LOOK = 0.1
"""Seconds between two looks at its memory."""

ENDS_WITHIN = 60.0


async def play(seed: int, streams: int, quiet: float = QUIET) -> Outcome:
    """Attack a node of its own; say what came of it."""
    begin = time.perf_counter()
    outcome = Outcome("streams", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        async with _victim(log) as (process, endpoint), _friend(endpoint) as target:
            before_asks = await _asks(target, asyncio.sleep(quiet))
            before = resident(process.pid)
            during_asks = await _asks(target, _attack(endpoint, streams, seed))
            after = await _settled(process.pid, before)
            process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(process.wait(), ENDS_WITHIN)
        complaints = _complaints(log)
    p99, quiet_p99 = percentile(during_asks, 0.99), percentile(before_asks, 0.99)
    outcome.figures = [
        Figure("hostile streams", streams),
        Figure("asks of a healthy peer meanwhile", len(during_asks)),
        Figure("their p99 in quiet", 1000 * quiet_p99, " ms"),
        Figure("their p99 meanwhile", 1000 * p99, " ms"),
        Figure("the same, in times of quiet", p99 / quiet_p99, "", Bound("at most", 2)),
        Figure("memory of the node before", before / MIB, " MiB"),
        Figure("growth when all is over", (after - before) / MIB, " MiB", Bound("at most", KEPT)),
        none("lines of level error or above in its log", len(complaints)),
        Figure("exit code at SIGTERM", code, "", Bound("exactly", 0)),
    ]
    outcome.faults.update(complaints)
    outcome.seconds = time.perf_counter() - begin
    return outcome


@contextlib.asynccontextmanager
async def _victim(log: Path) -> AsyncGenerator[tuple[Process, str], None]:
    with log.open("wb") as stderr:
        command = ("-m", "actors.cli", APP, "--name", "victim", "--log-format", "json")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=environment(),
        )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield process, line.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def _friend(endpoint: str) -> AsyncGenerator[ActorRef[Any], None]:
    async with Node("friend", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        yield await node.resolve("target", at="victim", timeout=ENDS_WITHIN)


async def _attack(endpoint: str, streams: int, seed: int) -> None:
    arguments = ("--streams", str(streams), "--seed", str(seed))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.fuzz.attacker",
        endpoint,
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise RuntimeError(f"the attacker ended with {code}")


async def _asks(target: ActorRef[Any], meanwhile: Any) -> list[float]:
    """Ask again and again until that is done; return how long each took, in seconds."""
    took: list[float] = []
    task = asyncio.ensure_future(meanwhile)
    try:
        while not task.done():
            begin = time.perf_counter()
            await target.ask(Echo(len(took)))
            took.append(time.perf_counter() - begin)
            await asyncio.sleep(PAUSE)
        await task
    finally:
        task.cancel()
    return took


async def _settled(pid: int, before: int) -> int:
    """Return the memory of the process, as soon as it is back or its time is over."""
    after = before
    for _ in range(round(SETTLED_WITHIN / LOOK)):
        after = resident(pid)
        if after <= before + KEPT * MIB:
            break
        await asyncio.sleep(LOOK)
    return after


def _complaints(log: Path) -> list[str]:
    """Return what its log has of level error or above, and what is no line of the log at all."""
    found = []
    for line in log.read_text("utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            found.append(f"no line of the log: {line}")
            continue
        if record["level"] in {"error", "critical"}:
            found.append(f"{record['message']} {record.get('exception', '')}")
    return found
