"""Three nodes, each a process of its own that can be killed, and is started again."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from actors import Node
from examples.failover.film import ROLE

COMES_BACK_AFTER: Final = 2.0
"""Seconds that a killed node stays away."""

END_TIMEOUT: Final = 5.0

_CLONE: Final = Path(__file__).resolve().parents[2]


class Nodes:
    """The processes; ends them whatever happens, and only those."""

    def __init__(self, seed: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.kills = 0
        self._seed = seed
        self._processes: dict[str, Process] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all of them."""
        for name in self.names:
            await self._start(name)

    async def _start(self, name: str) -> None:
        self._processes[name] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "actors.cli", "--name", name, "--role", ROLE),
            *("--seed", self._seed, "--import", "examples.failover.film"),
            *("--app-dir", str(_CLONE), "--log-level", "critical"),
            cwd=_CLONE,
            env={key: value for key, value in os.environ.items() if key[:7] != "ACTORS_"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the example alone, which then ends them
        )

    def runs(self, name: str) -> bool:
        """Whether the process is alive, as far as is known."""
        return self._processes[name].returncode is None

    def kill(self, name: str) -> bool:
        """Kill a node with SIGKILL, and have it come back; False where it is dead already."""
        if not self.runs(name):
            return False
        self.kills += 1
        self._processes[name].kill()
        keeper = asyncio.create_task(self._bring_back(name))
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)
        return True

    async def _bring_back(self, name: str) -> None:
        await self._processes[name].wait()
        await asyncio.sleep(COMES_BACK_AFTER)
        await self._start(name)

    async def end(self) -> None:
        """End them all: SIGTERM first, SIGKILL for what is still there after a while."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for name in filter(self.runs, self.names):
            with contextlib.suppress(ProcessLookupError):  # it ended a moment ago
                self._processes[name].terminate()
        for process in self._processes.values():
            try:
                await asyncio.wait_for(process.wait(), END_TIMEOUT)
            except TimeoutError:
                process.kill()
                await process.wait()


def statuses(node: Node) -> dict[str, str]:
    """Return what the node thinks of the others."""
    return {member.name: member.status for member in node.members}
