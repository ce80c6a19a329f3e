"""Erlang/OTP: processes on one node, or on two that speak its distribution protocol.

`erlang_processes.erl` is compiled for the occasion. It reads commands such as `tell 500000` and
answers each with its figures. There is no `epmd`: the second node listens on a port of our choice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from benchmarks.harness import Open, Run
from benchmarks.remote import OUTSTANDING

SOURCE = Path(__file__).with_suffix(".erl")


class Shell:
    """A process that answers a line with a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def answer(self, line: str = "") -> str:
        """Write that line, and return the next of its own. Raises RuntimeError when it ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line.encode())
        answer = await self.process.stdout.readline()
        if not answer:
            raise RuntimeError("erl ended")
        return answer.decode()


@contextlib.asynccontextmanager
async def erl(home: str, *arguments: str, **variables: str) -> AsyncGenerator[Shell, None]:
    """Run `erl ARGUMENTS` with what was compiled into its home."""
    process = await asyncio.create_subprocess_exec(
        *("erl", "-noshell", "-pa", home, "+P", "1000000", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": home, **variables},
    )
    try:
        yield Shell(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def named(name: str, port: int, cookie: str) -> Sequence[str]:
    """Return what makes a node of that name, reachable on the loopback interface only."""
    where = ["-start_epmd", "false", "-erl_epmd_port", str(port)]
    where += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
    return ["-name", name, "-setcookie", cookie, *where]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def shell(*, nodes: int) -> AsyncGenerator[Shell, None]:
    """Compile the workloads, and run them on a node whose peer, of two, is another one."""
    async with contextlib.AsyncExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        compiler = await asyncio.create_subprocess_exec("erlc", "-o", home, str(SOURCE))
        if await compiler.wait():
            raise RuntimeError(f"erlc does not compile {SOURCE.name}")
        main = ["-run", SOURCE.stem, "main"]
        if nodes == 1:
            yield await stack.enter_async_context(erl(home, *main))
            return
        peer, port, cookie = "peer@127.0.0.1", free_port(), secrets.token_hex(16)
        ready = ["-eval", r'io:put_chars("ready\n"), io:get_line(""), halt().']
        receiver = erl(home, *named(peer, port, cookie), *ready)
        await (await stack.enter_async_context(receiver)).answer()
        sender = [*named("bench@127.0.0.1", port, cookie), "-dist_listen", "false", *main]
        yield await stack.enter_async_context(erl(home, *sender, PEER=peer))


def workload(command: str, count: int, *fixed: int, nodes: int = 1) -> Open:
    """Return what runs that command with a count, which is scaled, and with what is not."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        line = " ".join((command, *map(str, (max(int(count * scale), 1), *fixed)))) + "\n"
        async with shell(nodes=nodes) as node:

            async def run() -> Mapping[str, float]:
                figures: Mapping[str, float] = json.loads(await node.answer(line))
                return figures

            yield run

    return open_


w1 = workload("tell", 4_000_000)
w2 = workload("ask", 300_000)
w3 = workload("tell", 1_500_000, nodes=2)
w4 = workload("ask_far", 3_000, nodes=2)
w5a = workload("blobs", 1_024, 2**20, OUTSTANDING, nodes=2)
w5b = workload("blobs", 128, 2**23, OUTSTANDING, nodes=2)
w6 = workload("spawn", 100_000)
w7 = workload("ring", 50_000, 1_000, 100)
