"""Some nodes in processes of their own, each at its own port, which can be killed and come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from actors import ActorRef, ActorsError, Message, Node
from benchmarks.chaos.crew import observe, orders
from benchmarks.chaos.links import Links
from benchmarks.chaos.posts import WORKER
from benchmarks.chaos.witness import Members, Sighting, Sightings, Witness
from benchmarks.processes import environment

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that anything may take before the run is given up."""

LOOK = 0.03
"""Seconds between two looks at what has become of something."""

SELF = "director"


class Company:
    """The director here, and the others there."""

    def __init__(
        self,
        node: Node,
        bound: Mapping[str, str],
        called: Mapping[str, str],
        links: Links,
        orders: Mapping[str, str],
    ) -> None:
        self.node = node
        self.names = tuple(name for name in bound if name != SELF)
        self.processes: dict[str, Process] = {}
        self.witnesses: dict[str, ActorRef[Witness]] = {}
        self.links = links
        self._bound = bound
        self._called = called
        """Where others call each node: at its proxy, where it has one."""
        self._orders = orders

    async def start(self, name: str) -> float:
        """Start a node, and return when that began, by the monotonic clock."""
        begun = time.monotonic()
        command = ["-m", "actors.cli", "benchmarks.chaos.crew:populate", "--name", name]
        command += ["--bind", self._bound[name], "--advertise", self._called[name]]
        command += ["--role", WORKER, "--log-level", "critical"]
        for other in self._called.keys() - {name}:
            command += ["--seed", self._called[other]]
        process = self.processes[name] = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=DEVNULL, env={**environment(), **self._orders}
        )
        self.links.processes[name] = process.pid
        return begun

    def signal(self, name: str, number: signal.Signals) -> float:
        """Send a signal to a node's process, and return when."""
        sent = time.monotonic()
        os.kill(self.processes[name].pid, number)
        return sent

    async def attend(self, name: str) -> None:
        """Wait until a node is up here, and has met its witness."""

        async def found() -> bool:
            try:
                self.witnesses[name] = await self.node.resolve("witness", at=name)
            except (ActorsError, TimeoutError):
                return False
            return True

        await self.until(found, f"{name} has a witness")

    async def acquainted(self) -> None:
        """Wait until all members are up everywhere."""
        everyone = len(self.names) + 1

        async def all_are() -> bool:
            counts = await self.ask_all(self.witnesses, Members)
            return set(counts.values()) == {everyone}

        await self.until(all_are, f"all {everyone} members are up everywhere")

    def others(self, name: str) -> dict[str, ActorRef[Witness]]:
        """Return all witnesses but that of one node."""
        return {other: ref for other, ref in self.witnesses.items() if other != name}

    async def ask_all(
        self, names: Iterable[str], question: Callable[[], Message[T]]
    ) -> dict[str, T]:
        """Ask several witnesses the same."""
        refs: dict[str, ActorRef[Any]] = {name: self.witnesses[name] for name in names}
        answers = (ref.ask(question(), timeout=PATIENCE) for ref in refs.values())
        return dict(zip(refs, await asyncio.gather(*answers), strict=True))

    async def sightings(self, names: Iterable[str], since: float) -> dict[str, list[Sighting]]:
        """Return what several witnesses have seen since then."""
        return await self.ask_all(names, lambda: Sightings(since))

    async def seen(self, what: str, name: str, since: float) -> dict[str, float]:
        """Wait until every other node has seen this of a node since then; return when each did."""
        first: dict[str, float] = {}

        async def all_have() -> bool:
            for witness, seen in (await self.sightings(self.others(name), since)).items():
                at = [each.at for each in seen if (each.what, each.name) == (what, name)]
                if at:
                    first[witness] = min(at)
            return len(first) == len(self.names)

        await self.until(all_have, f"{what} of {name} is seen by all")
        return first

    async def until(
        self, condition: Callable[[], bool | Awaitable[bool]], what: str, within: float = PATIENCE
    ) -> None:
        """Wait until it holds. Raises TimeoutError, which says `what` did not."""
        try:
            async with asyncio.timeout(within):
                while True:
                    holds = condition()
                    if holds if isinstance(holds, bool) else await holds:
                        return
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise TimeoutError(f"not within {within} s: {what}") from None

    async def open(self) -> None:
        """Start all, and wait until they know each other."""
        observe(self.node)
        self.links.processes[SELF] = os.getpid()
        self.witnesses[SELF] = await self.node.resolve("witness")
        for name in self.names:
            await self.start(name)
        for name in self.names:
            await self.attend(name)
        await self.acquainted()

    async def close(self) -> None:
        """End all processes, stopped ones too."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await self.links.close()


@contextlib.asynccontextmanager
async def company(
    size: int, folder: Path, *, rate: float = 0.0, proxies: bool = False
) -> AsyncGenerator[Company, None]:
    """Open a director here and `size` nodes in processes of their own.

    With a `rate` each sends so many reliable messages a second to each other one, and keeps its
    books in `folder`. With `proxies` the links between all of them, the director included, are
    the company's to break.
    """
    names = [f"n{number}" for number in range(1, size + 1)]
    bound = dict(zip((SELF, *names), free_endpoints(size + 1), strict=True))
    links = Links()
    called = {name: await links.open(name, bound[name]) for name in bound} if proxies else bound
    async with Node(SELF, bind=bound[SELF], advertise=called[SELF]) as node:
        made = Company(node, bound, called, links, orders(names, folder, rate))
        try:
            await made.open()
            yield made
        finally:
            await made.close()


def free_endpoints(count: int) -> list[str]:
    """Return endpoints that nobody listens at just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()
