"""Worker nodes: processes, started with the `actors-node` command and ended whatever happens."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors import Node

__all__ = ["ROLE", "Worker", "WorkerError", "Workers"]

ROLE: Final = "worker"
JOIN_TIMEOUT: Final = 60.0
END_TIMEOUT: Final = 5.0

_CLONE: Final = Path(__file__).resolve().parents[2]


class WorkerError(Exception):
    """A worker process could not be started, or ended before it joined."""


@dataclass(slots=True)
class Worker:
    """One worker process."""

    name: str
    process: Process
    log: Path
    killed: bool = False

    @property
    def runs(self) -> bool:
        """Whether the process is alive, as far as is known."""
        return self.process.returncode is None


class Workers:
    """Starts worker processes and ends them; only those, by their process ids."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._all: list[Worker] = []

    @property
    def names(self) -> list[str]:
        """The names of all workers, in the order they were started."""
        return [worker.name for worker in self._all]

    async def start(self, count: int, seed: str) -> None:
        """Start `count` workers that join the node at `seed`."""
        for number in range(1, count + 1):
            self._all.append(await self._start(f"worker-{number}", seed))

    async def _start(self, name: str, seed: str) -> Worker:
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command(name, seed),
                cwd=_CLONE,
                env=environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the demo alone, which then ends them
            )
        return Worker(name, process, log)

    async def joined(self, node: Node) -> None:
        """Return when all workers are members of the cluster; WorkerError where one will not be."""
        waiting = asyncio.ensure_future(
            node.wait_for_members(len(self._all) + 1, timeout=JOIN_TIMEOUT)
        )
        ended = [asyncio.ensure_future(worker.process.wait()) for worker in self._all]
        try:
            await asyncio.wait([waiting, *ended], return_when=asyncio.FIRST_COMPLETED)
            self._check_alive()
            await waiting
        except TimeoutError:
            raise WorkerError(f"not all workers joined within {JOIN_TIMEOUT:g} s") from None
        finally:
            for future in (waiting, *ended):
                future.cancel()

    def _check_alive(self) -> None:
        for worker in self._all:
            if not worker.runs:
                code = worker.process.returncode
                why = f"ended with exit code {code} before it joined"
                raise WorkerError(f"{worker.name} {why}\n{tail(worker.log)}")

    def kill_one(self) -> Worker | None:
        """Kill the last worker that still runs with SIGKILL, and return it."""
        for worker in reversed(self._all):
            if worker.runs:
                worker.killed = True
                _send(worker.process, signal.SIGKILL)
                return worker
        return None

    async def end(self) -> None:
        """End all workers: SIGTERM first, SIGKILL for what is still there after a while."""
        for worker in self._all:
            _send(worker.process, signal.SIGTERM)
        try:
            async with asyncio.timeout(END_TIMEOUT):
                await self._wait()
        except TimeoutError:
            for worker in self._all:
                _send(worker.process, signal.SIGKILL)
            await self._wait()

    async def _wait(self) -> None:
        for worker in self._all:
            await worker.process.wait()


def command(name: str, seed: str) -> Sequence[str]:
    """Return the command line of a worker; `python -m actors.cli` is `actors-node`."""
    return [
        *(sys.executable, "-m", "actors.cli", "examples.wordcount.actors:Worker"),
        *("--name", name, "--role", ROLE, "--seed", seed),
        *("--import", "examples.wordcount.actors", "--app-dir", str(_CLONE)),
        *("--log-level", "warning"),
    ]


def environment() -> dict[str, str]:
    """Return this process's environment without what `actors-node` would take from it."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ACTORS_")}


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log."""
    text = log.read_text("utf-8", "replace").rstrip()
    return "\n".join(text.splitlines()[-lines:])


def _send(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it ended a moment ago
            process.send_signal(number)
