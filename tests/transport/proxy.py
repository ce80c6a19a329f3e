"""A TCP relay that a test can break: the wire between two nodes."""

from __future__ import annotations

import asyncio
from asyncio import Queue, StreamReader, StreamWriter

from transport.endpoint import parse_endpoint

CHUNK = 65536
"""Bytes that are read at once."""

CAPACITY = 64
"""Chunks that are under way at once in one direction."""


class Relay:
    """One connection to the proxy, and the one that it made for that."""

    def __init__(self, caller: int) -> None:
        self.caller = caller
        """The port that the connection came from."""
        self.writers: set[StreamWriter] = set()

    def abort(self) -> None:
        """Reset both connections."""
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Relays to `target` in its own time, until a test breaks it.

    - `cut` resets all connections and every new one, `silence` lets nothing through and says
      nothing, as a cable that is pulled out; both until `heal`.
    - `delay`: seconds that everything is under way, in either direction.
    - `rate`: bytes per second that go through each connection in either direction; None is any.
    """

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._relays: set[Relay] = set()
        self._down = False
        self._silent = False
        self._changed = asyncio.Event()
        self.delay = 0.0
        self.rate: float | None = None
        self.endpoint = ""
        self.target = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.endpoint = f"tcp://127.0.0.1:{port}"

    def cut(self) -> None:
        self._down = True
        self.reset()

    def reset(self) -> None:
        """Break what is connected now."""
        for relay in self._relays:
            relay.abort()

    def silence(self) -> None:
        """Hold everything back; what was held back goes on when it is healed, as TCP has it."""
        self._silent = True

    def heal(self) -> None:
        self._down = self._silent = False
        self.changed()

    def holds(self, relay: Relay) -> bool:
        """Whether nothing may pass there at present; `changed` says when to look again."""
        return self._silent

    def changed(self) -> None:
        """What is held back may go on, perhaps."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._down:
            writer.transport.abort()
            return
        relay = Relay(writer.get_extra_info("peername")[1])
        relay.writers.add(writer)
        self._relays.add(relay)
        try:
            await self._join(relay, reader, writer)
        finally:
            self._relays.discard(relay)
            relay.abort()

    async def _join(self, relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
        await self._passable(relay)
        target = parse_endpoint(self.target)
        try:
            onward = await asyncio.open_connection(target.host, target.port)
        except OSError:
            return
        relay.writers.add(onward[1])
        try:
            async with asyncio.TaskGroup() as group:
                for source, sink in ((reader, onward[1]), (onward[0], writer)):
                    under_way: Queue[tuple[float, bytes]] = Queue(CAPACITY)
                    group.create_task(self._take(source, under_way))
                    group.create_task(self._hand_on(relay, under_way, sink))
        except* (OSError, RuntimeError):  # the latter is uvloop's word for what has been reset
            pass

    async def _take(self, reader: StreamReader, under_way: Queue[tuple[float, bytes]]) -> None:
        """Read until the end, which is an empty chunk."""
        loop = asyncio.get_running_loop()
        data = b"..."
        while data:
            data = await reader.read(CHUNK)
            await under_way.put((loop.time() + self.delay, data))

    async def _hand_on(
        self, relay: Relay, under_way: Queue[tuple[float, bytes]], writer: StreamWriter
    ) -> None:
        """Write each chunk when it is due. Raises ConnectionResetError at the end."""
        loop = asyncio.get_running_loop()
        while True:
            due, data = await under_way.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await self._passable(relay)
            if not data:
                raise ConnectionResetError
            if self.rate is not None:
                await asyncio.sleep(len(data) / self.rate)
            writer.write(data)
            await writer.drain()

    async def _passable(self, relay: Relay) -> None:
        while self.holds(relay):
            await self._changed.wait()
