"""Who sits on the line between a real DEALER and a node, and changes what the DEALER says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from types import TracebackType

from benchmarks.fuzz.zmtp import Stream

Tamper = Callable[[int, bytes], bytes]
"""What is handed on in the place of a frame, by its number; the greeting has three parts."""

GREETING_PARTS = (10, 1, 53)
"""Signature, version and the rest, in bytes: libzmq says each when it has heard the one before."""

HELLO, INITIATE, MESSAGE = 3, 4, 5
CHUNK = 65536


class Middle:
    """Relays one connection at a time.

    Args:
        node: the endpoint of who is dialled.
        tamper: what becomes of each frame of who dials; what the node says is handed on as it is.

    Attributes:
        endpoint: what to dial.
        ended: set as soon as a connection has ended, from whichever side.
    """

    def __init__(self, node: str, tamper: Tamper) -> None:
        self._node = node
        self._tamper = tamper
        self._server: asyncio.Server | None = None
        self._callers: set[Stream] = set()
        self.endpoint = ""
        self.ended = asyncio.Event()

    async def __aenter__(self) -> Middle:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.endpoint = f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for caller in self._callers:
            caller.close(reset=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Stream(reader, writer)
        self._callers.add(caller)
        try:
            await self._relay(caller, await Stream.open(self._node))
        except* (OSError, EOFError, RuntimeError):
            pass  # RuntimeError is uvloop's word for what has been reset
        finally:
            self._callers.discard(caller)
            caller.close(reset=True)
            self.ended.set()

    async def _relay(self, caller: Stream, node: Stream) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._there(caller, node))
                group.create_task(self._back(caller, node))
        finally:
            node.close()

    async def _there(self, caller: Stream, node: Stream) -> None:
        for number in itertools.count():
            if number < len(GREETING_PARTS):
                frame = await caller.reader.readexactly(GREETING_PARTS[number])
            else:
                frame = await caller.read_frame()
            await node.send(self._tamper(number, frame))

    async def _back(self, caller: Stream, node: Stream) -> None:
        while data := await node.reader.read(CHUNK):
            await caller.send(data)
        raise EOFError
