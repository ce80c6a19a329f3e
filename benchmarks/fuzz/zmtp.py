"""ZMTP 3 by hand, over a plain TCP stream: what no ZeroMQ library would send.

After RFC 23 and RFC 37 of the ZeroMQ project (https://rfc.zeromq.org/).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from urllib.parse import urlsplit

MORE, LONG, COMMAND = 1, 2, 4
GREETING_BYTES = 64


def greeting(version: int = 3, mechanism: bytes = b"NULL") -> bytes:
    """Return the 64 bytes that every connection begins with."""
    signature = b"\xff" + bytes(8) + b"\x7f"
    return signature + bytes((version, 1)) + mechanism.ljust(20, b"\0") + bytes(32)


def frame(body: bytes, flags: int = 0, declared: int | None = None) -> bytes:
    """Return a frame; `declared` is the size that it says it has, its own by default."""
    size = len(body) if declared is None else declared
    if size > 255:
        return struct.pack(">BQ", flags | LONG, size) + body
    return struct.pack(">BB", flags, size) + body


def command(name: bytes, body: bytes = b"") -> bytes:
    """Return a command."""
    return frame(bytes((len(name),)) + name + body, COMMAND)


def metadata(name: bytes, value: bytes) -> bytes:
    """Return one property, as READY has them."""
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


def ready(kind: bytes = b"DEALER", identity: bytes = b"") -> bytes:
    """Return the READY of the NULL mechanism."""
    return command(b"READY", metadata(b"Socket-Type", kind) + metadata(b"Identity", identity))


class Stream:
    """A TCP connection to a node, on which anything may be written."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, endpoint: str) -> Stream:
        """Connect to a tcp endpoint. Raises OSError."""
        parts = urlsplit(endpoint)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def shake_hands(self, kind: bytes = b"DEALER") -> None:
        """Get as far as messages go, by the NULL mechanism."""
        await self.send(greeting() + ready(kind))
        await self.heard()

    async def heard(self) -> bytes:
        """Wait for the other side's greeting, and return the first command behind it."""
        await self.read_greeting()
        return await self.read_frame()

    async def read_greeting(self) -> bytes:
        """Return the greeting of who connected. Raises EOFError where there is no whole one."""
        return await self.reader.readexactly(GREETING_BYTES)

    async def read_frame(self) -> bytes:
        """Return the next frame with its header. Raises EOFError where there is no whole one."""
        head = await self.reader.readexactly(2)
        if head[0] & LONG:
            head += await self.reader.readexactly(7)
        return head + await self.reader.readexactly(int.from_bytes(head[1:], "big"))

    async def send(self, data: bytes) -> None:
        """Write it all. Raises ConnectionError where the node has hung up."""
        self.writer.write(data)
        await self.writer.drain()

    async def ended(self) -> bytes:
        """Wait until the node hangs up; return what it said before."""
        try:
            return await self.reader.read(-1)
        except ConnectionError:
            return b""

    def close(self, *, reset: bool = False) -> None:
        """Hang up; with `reset` at once, by RST."""
        sock = self.writer.get_extra_info("socket")
        if reset and sock is not None and not self.writer.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        self.writer.close()
