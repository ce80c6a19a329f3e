"""A real node in a process of its own, which hostile streams are for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from benchmarks.memory import MIB, resident
from benchmarks.processes import environment

APP = "benchmarks.fuzz.actors_under_fire:setup"
KEPT = 20
"""MiB that the node may have grown by when all is over."""

SETTLED_WITHIN = 20.0
"""Seconds that it has to give the memory back."""

LOOK = 0.1
"""Seconds between two looks at its memory."""


@contextlib.asynccontextmanager
async def running(log: Path, flags: Sequence[str]) -> AsyncGenerator[tuple[Process, str], None]:
    """Run `actors-node` with these flags; gives its process and its endpoint."""
    with log.open("wb") as stderr:
        command = ("-m", "actors.cli", APP, "--name", "victim", "--log-format", "json", *flags)
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
        if not line:
            raise RuntimeError(f"the node ended before it was ready, see {log}")
        yield process, line.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def settled(pid: int, before: int) -> int:
    """Return the memory of the process, as soon as it is back or its time is over."""
    after = before
    for _ in range(round(SETTLED_WITHIN / LOOK)):
        after = resident(pid)
        if after <= before + KEPT * MIB:
            break
        await asyncio.sleep(LOOK)
    return after


def complaints(log: Path) -> list[str]:
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
