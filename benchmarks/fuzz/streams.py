"""Hostile TCP streams at a real node, and what a healthy peer notices of them.

Once at a node without keys, and once at one with keys, which strangers with other keys call too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from actors import ActorRef, Node, Security
from benchmarks.figures import Bound, Figure, Outcome, none, percentile
from benchmarks.fuzz import victim
from benchmarks.fuzz.actors_under_fire import Echo
from benchmarks.fuzz.crowd import Tally
from benchmarks.fuzz.keyring import FRIEND, VICTIM, Keyring
from benchmarks.memory import MIB, resident
from benchmarks.processes import environment

QUIET = 5.0
"""Seconds for which the healthy peer is timed before."""

PAUSE = 0.002
"""Seconds between two of its asks."""

SLOWER = 2
"""How many times as long as in quiet a healthy peer may wait meanwhile, by the p99."""

WITH_STRANGERS = 20
"""Milliseconds that its p99 may be while strangers call. One thread of libzmq's proves keys and
carries what peers say, so no multiple of quiet can be promised: a hand-shake takes 0.6 ms of it."""

TOLD = 0.9
"""The share of calls with unlisted keys that are told so; others may run into a limit first."""

ENDS_WITHIN = 60.0


async def play(seed: int, streams: int, quiet: float = QUIET) -> Outcome:
    """Attack a node without keys; say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        return await _play("streams", Path(folder), None, seed, streams, quiet)


async def play_strangers(seed: int, streams: int, quiet: float = QUIET) -> Outcome:
    """Attack a node with keys, by CURVE and by keys that are not listed, too."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = Keyring.make(Path(folder))
        return await _play("strangers", Path(folder), keyring, seed, streams, quiet)


async def _play(
    scene: str, folder: Path, keyring: Keyring | None, seed: int, streams: int, quiet: float
) -> Outcome:
    begin = time.perf_counter()
    outcome = Outcome(scene, 0.0)
    log = folder / "log"
    flags, security, keys = ((), None, ()) if keyring is None else _of(keyring)
    async with (
        victim.running(log, flags) as (process, endpoint),
        _friend(endpoint, security) as (node, target),
    ):
        before_asks, _ = await _asks(target, asyncio.sleep(quiet))
        before = resident(process.pid)
        during_asks, tally = await _asks(target, _attack(endpoint, streams, seed, keys))
        members = len(node.members)
        after = await victim.settled(process.pid, before)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), ENDS_WITHIN)
    complaints = victim.complaints(log)
    outcome.figures = [
        Figure("hostile streams", streams),
        *(() if keyring is None else _crowd(tally)),
        Figure("members, the healthy peer included", members, "", Bound("exactly", 2)),
        *_patience(before_asks, during_asks, keyring is not None),
        *_memory(before, after),
        none("lines of level error or above in its log", len(complaints)),
        Figure("exit code at SIGTERM", code, "", Bound("exactly", 0)),
    ]
    outcome.faults.update(complaints)
    outcome.seconds = time.perf_counter() - begin
    return outcome


def _of(keyring: Keyring) -> tuple[Sequence[str], Security, Sequence[str]]:
    return keyring.flags, keyring.friend, keyring.attack


def _crowd(tally: Tally) -> Sequence[Figure]:
    told = Bound("at least", TOLD)
    return (
        Figure("calls with keys that are not listed", tally.calls),
        Figure("share of them that were told so", tally.refused / max(1, tally.calls), "", told),
        none("of them let in", tally.let_in),
    )


def _patience(
    before: Sequence[float], during: Sequence[float], strangers: bool
) -> Sequence[Figure]:
    quiet, p99 = percentile(before, 0.99), percentile(during, 0.99)
    most = Bound("at most", WITH_STRANGERS) if strangers else None
    times = None if strangers else Bound("at most", SLOWER)
    return (
        Figure("asks of a healthy peer meanwhile", len(during)),
        Figure("their p99 in quiet", 1000 * quiet, " ms"),
        Figure("their p99 meanwhile", 1000 * p99, " ms", most),
        Figure("their p99, in times of quiet", p99 / quiet, "", times),
    )


def _memory(before: int, after: int) -> Sequence[Figure]:
    kept = Bound("at most", victim.KEPT)
    return (
        Figure("memory of the node before", before / MIB, " MiB"),
        Figure("growth when all is over", (after - before) / MIB, " MiB", kept),
    )


@contextlib.asynccontextmanager
async def _friend(
    endpoint: str, security: Security | None
) -> AsyncGenerator[tuple[Node, ActorRef[Any]], None]:
    async with Node(FRIEND, "tcp://127.0.0.1:0", [endpoint], security=security) as node:
        yield node, await node.resolve("target", at=VICTIM, timeout=ENDS_WITHIN)


async def _attack(endpoint: str, streams: int, seed: int, keys: Sequence[str]) -> Tally:
    arguments = ("--streams", str(streams), "--seed", str(seed), *keys)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.fuzz.attacker",
        endpoint,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the attacker ended with {process.returncode}")
    return Tally(**json.loads(said))


async def _asks(target: ActorRef[Any], meanwhile: Any) -> tuple[list[float], Any]:
    """Ask until that is done; return how long each took, in seconds, and what it came to."""
    took: list[float] = []
    task = asyncio.ensure_future(meanwhile)
    try:
        while not task.done():
            begin = time.perf_counter()
            await target.ask(Echo(len(took)))
            took.append(time.perf_counter() - begin)
            await asyncio.sleep(PAUSE)
        return took, await task
    finally:
        task.cancel()
