"""Other processes: a second node, and whatever prints one line when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence

from actors import Node

READY_WITHIN = 60.0


@contextlib.asynccontextmanager
async def python_process(*arguments: str) -> AsyncGenerator[tuple[str, ...], None]:
    """Run `python ARGUMENTS`; gives the words of the first line that it prints."""
    async with running(*arguments) as (_, words):
        yield words


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncGenerator[tuple[Process, tuple[str, ...]], None]:
    """Run `python ARGUMENTS`; gives the process and the words of the first line it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN)
        if not line:
            raise RuntimeError(f"python {' '.join(arguments)} ended before it was ready")
        yield process, tuple(line.decode().split())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def environment() -> dict[str, str]:
    """Return the environment of other processes."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # As on any user's machine, modules are compiled once: by the warm-up.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


@contextlib.asynccontextmanager
async def second_node(
    node: Node, name: str = "receiver", *, more: Sequence[str] = ()
) -> AsyncGenerator[str, None]:
    """Run `actors-node` as a second node in a process of its own; gives its name."""
    async with node_process(node, name, more=more):
        await node.wait_for_members(2, timeout=READY_WITHIN)
        yield name


@contextlib.asynccontextmanager
async def node_process(
    node: Node, name: str, *, more: Sequence[str] = ()
) -> AsyncGenerator[Process, None]:
    """Run `actors-node`, which joins the node; gives its process once it is ready."""
    command = ["-m", "actors.cli", "--name", name, "--log-level", "error"]
    command += ["--import", "benchmarks.actors_under_test", "--seed", node.address or "", *more]
    async with running(*command) as (process, _):
        yield process
