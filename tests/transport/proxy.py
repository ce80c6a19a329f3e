"""A TCP relay that a test can break: the wire between two nodes."""

from __future__ import annotations

import asyncio

from transport.endpoint import parse_endpoint


class Proxy:
    """Relays to `target`; `cut` resets all connections and every new one, until `heal`."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._down = False
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
        for writer in self._writers:
            writer.transport.abort()

    def heal(self) -> None:
        self._down = False

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            writer.transport.abort()
            return
        target = parse_endpoint(self.target)
        try:
            onward = await asyncio.open_connection(target.host, target.port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward[1]}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, onward[1]))
                group.create_task(_pump(onward[0], writer))
        except* OSError:
            pass
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError
