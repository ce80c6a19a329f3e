"""What a row has to do with: nodes, their dead letters, bad company, and processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from actors import ActorRef, DeadLetter, Node
from actors.wire import Kind
from benchmarks.fuzz.impostor import Call, Impostor
from benchmarks.fuzz.zmtp import Stream
from serialization import pack
from tests.actors.remote_kit import Echo, Servant
from tests.integration.kit import APPS
from transport import TransportOptions
from transport.zmq import ZmqTransport

PATIENCE = 10.0
"""Seconds that anything may take that is certain to come; only a failure takes them all."""

QUICK: dict[str, Any] = {
    "handshake_timeout": 0.3,
    "heartbeat_interval": 0.1,
    "heartbeat_timeout": 0.5,
    "linger": 0.05,
    "max_frame": 1 << 20,
}
READY = re.compile(r"actors-node (\S+) ready at (\S+)")


class Hosted:
    """A node of the stage, its servant, and what became dead letters on it."""

    def __init__(self, node: Node, servant: ActorRef[Any]) -> None:
        self.node = node
        self.servant = servant
        self.dead: list[DeadLetter] = []
        self.end = node.events.subscribe(self.dead.append, DeadLetter)  # type: ignore[arg-type]

    def rejected(self, code: str) -> int:
        """How many messages were dropped for that reason."""
        mesh = self.node._mesh
        assert mesh is not None
        return mesh.stats().rejected.get(code, 0)

    @property
    def peers(self) -> list[str]:
        """The names of the other members."""
        return [member.name for member in self.node.members[1:]]

    @property
    def key(self) -> str:
        """The servant's key."""
        return self.servant._key


class Stage:
    """Makes all that for one row, and takes it down again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[Hosted] = []
        self.given_up: set[Hosted] = set()
        """Those that a row has shut down itself."""
        self._stack = AsyncExitStack()
        self._names = iter(range(1000))

    async def __aenter__(self) -> Stage:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # --- nodes ----------------------------------------------------------------------------------

    async def host(self, *, bind: str | None = "tcp://127.0.0.1:0", **more: Any) -> Hosted:
        """Start a node."""
        options = TransportOptions(**{**QUICK, **more.pop("options", {})})
        name = more.pop("name", f"host-{next(self._names)}")
        node = Node(name, bind=bind, options=options, **more)
        await node.start()
        self._stack.push_async_callback(node.shutdown, timeout=1.0)
        hosted = Hosted(node, node.spawn(Servant, name="servant"))
        self.hosts.append(hosted)
        return hosted

    async def local(self) -> Hosted:
        """Start a node without endpoints."""
        return await self.host(bind=None)

    async def still_answers(self) -> None:
        """Every node does, and its ledger adds up."""
        for host in self.hosts:
            if host not in self.given_up:
                async with asyncio.timeout(PATIENCE):
                    assert await host.servant.ask(Echo(host.node.name)) == host.node.name
                stats = host.node.stats()
                assert stats.told == stats.handled + stats.failed + stats.dead + stats.queued
                assert stats.outbound == stats.sent + stats.undelivered + stats.waiting

    # --- bad company ----------------------------------------------------------------------------

    async def stream(self, host: Hosted) -> Stream:
        """Connect to a node by TCP."""
        assert host.node.address is not None
        stream = await Stream.open(host.node.address)
        self._stack.callback(stream.close)
        return stream

    async def talker(self, host: Hosted) -> Stream:
        """Connect by TCP, and get through ZeroMQ's part of the handshake by hand."""
        stream = await self.stream(host)
        await stream.shake_hands()
        return stream

    async def impostor(self, name: str = "impostor", incarnation: int = 1) -> Impostor:
        """Return a peer that says what it is told to, over ZeroMQ."""
        transport = ZmqTransport(name, TransportOptions(**QUICK))
        self._stack.push_async_callback(transport.close, 0)
        made = Impostor(name, transport, incarnation)
        await made.start("tcp://127.0.0.1:0")
        return made

    async def stranger(self, host: Hosted) -> tuple[Impostor, Call]:
        """Return one that is connected, and has said nothing."""
        made = await self.impostor()
        assert host.node.address is not None
        return made, made.call(host.node.address)

    async def member(self, host: Hosted, name: str = "impostor") -> tuple[Impostor, Call]:
        """Return one that has become a member."""
        made = await self.impostor(name)
        assert host.node.address is not None
        async with asyncio.timeout(PATIENCE):
            call = await made.join(host.node.address)
        await self.until(lambda: name in host.peers)
        return made, call

    async def says(self, host: Hosted, *records: bytes, count: int | None = None) -> Impostor:
        """Have a member send a batch of these records."""
        made, call = await self.member(host)
        number = len(records) if count is None else count
        await call.say(made.batch(b"".join(records), number))
        return made

    async def heard(self, made: Impostor, wanted: Kind) -> tuple[Any, ...]:
        """Wait until a member is sent a record of that kind; return its envelope."""
        from serialization import unpack_all, unpack_repeat
        from transport import wire

        async with asyncio.timeout(PATIENCE):
            while True:
                frames = await made.heard.get()
                if wire.read_prefix(frames[0])[1] != wire.BATCH:
                    continue
                before: Any = None
                records = frames[0][wire.HEADER_SIZE :] or frames[1]
                for each in unpack_all(records):
                    before = unpack_repeat(each, before) if isinstance(each, bytes) else each
                    if before[0] == wanted:
                        return tuple(before)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what a socket does has no event
                await asyncio.sleep(0.002)

    # --- processes ------------------------------------------------------------------------------

    async def run(self, *arguments: object, redirections: str = "", before: str = "") -> Program:
        """Start `actors-node` as a shell does; it is killed at the end where it still runs."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ACTORS_")}
        script = f'{before} exec "$0" -m actors.cli "$@" {redirections}'
        given = (*map(str, arguments),)
        if "--app-dir" not in given:
            given = ("--app-dir", str(APPS), *given)
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", script, sys.executable, *given,
            cwd=self.folder, env=clean, stdin=None, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        program = Program(process)
        self._stack.push_async_callback(program.kill)
        return program


class Program:
    """A run of `actors-node`."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def line(self) -> str:
        """Return the next line of its stdout."""
        assert self.process.stdout is not None
        async with asyncio.timeout(6 * PATIENCE):
            return (await self.process.stdout.readline()).decode()

    async def ready(self) -> str:
        """Wait until it is ready; return its endpoint."""
        line = await self.line()
        match = READY.match(line)
        assert match is not None, (line, await self.end())
        return match[2]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code, and what it wrote on stderr."""
        async with asyncio.timeout(6 * PATIENCE):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()

    async def kill(self) -> None:
        """End it for sure."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        transport: Any = self.process._transport  # type: ignore[attr-defined]
        transport.close()


def record(
    kind: int,
    target: str,
    body: bytes = b"\xc0",
    *,
    tag: str | None = None,
    sender: str | None = None,
    correlation: int = 0,
) -> bytes:
    """Return an envelope."""
    return pack(int(kind), target, sender, correlation, tag, body, 0)
