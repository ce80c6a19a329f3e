"""Whoever connects without being a node: ZMTP by hand, as far as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any

from transport import wire
from transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from tests.transport.kit import Member, Puppet

PATIENCE = 10.0
GREETING = (
    b"\xff" + bytes(7) + b"\x01\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
)
"""ZMTP 3.0 with the NULL mechanism, as a client."""


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def ready(identity: bytes) -> bytes:
    """The READY command of a DEALER of that routing id."""
    properties = _property(b"Socket-Type", b"DEALER") + _property(b"Identity", identity)
    body = b"\x05READY" + properties
    return b"\x04" + bytes([len(body)]) + body


def frame(data: bytes, *, more: bool = False) -> bytes:
    """One long frame."""
    return bytes([3 if more else 2]) + struct.pack(">Q", len(data)) + data


class Stranger:
    """One connection, byte by byte."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._heard = b""

    @classmethod
    async def at(cls, endpoint: str) -> Stranger:
        """Connect to a bound endpoint."""
        parsed = parse_endpoint(endpoint)
        where: Any = (parsed.host, parsed.port)
        if parsed.scheme == "ipc":
            where = "\0" + parsed.host[1:] if parsed.host.startswith("@") else parsed.host
        made = socket.socket(socket.AF_UNIX if parsed.scheme == "ipc" else socket.AF_INET)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, where)
        return cls(made)

    @classmethod
    async def through(cls, endpoint: str, identity: bytes = b"stranger") -> Stranger:
        """Connect, and go through ZMTP's handshake."""
        made = await cls.at(endpoint)
        await made.say(GREETING + ready(identity))
        await made._read(b"\x05READY")  # whoever says more before that is taken for a fool
        return made

    @classmethod
    async def as_peer(cls, member: Member, puppet: Puppet) -> Stranger:
        """Open a session in the name of a puppet."""
        made = await cls.through(member.endpoint)
        await made.say(frame(wire.encode_hello(puppet.node)))
        await made.until(wire.WELCOME)
        await made.say(frame(wire.encode_open(puppet.session, 0)))
        await made.until(wire.OPENED)
        return made

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self._socket, data)

    async def until(self, kind: int) -> None:
        """Read up to the prefix of a word of that kind."""
        await self._read(wire.MAGIC + bytes([wire.VERSION, kind]))

    async def _read(self, wanted: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            while wanted not in self._heard:
                data = await self._loop.sock_recv(self._socket, 65536)
                assert data, "the connection was ended"
                self._heard += data
        self._heard = self._heard.partition(wanted)[2]

    async def ended(self) -> None:
        """Wait until the other side has ended the connection."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await self._loop.sock_recv(self._socket, 65536):
                    pass
        self.leave()

    async def flood(self, chunk: bytes) -> int:
        """Send the same again and again, until the other side ends it; how many bytes went."""
        sent = 0
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while True:
                    await self._loop.sock_sendall(self._socket, chunk)
                    sent += len(chunk)
                    await asyncio.sleep(0)  # what can be sent at once lets nobody else run
        self.leave()
        return sent

    def leave(self) -> None:
        """End it from this side."""
        self._socket.close()
