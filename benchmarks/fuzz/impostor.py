"""A peer whose every word is made up: a stranger, or a member once it has shaken hands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from actors.cluster.member import Member
from actors.cluster.membership import metadata
from transport import Buffer, Outbound, Transport, wire

SESSION = 77
"""The number that an impostor has for its end of any session."""


class Call:
    """One connection that an impostor dialled."""

    def __init__(self, transport: Transport, endpoint: str) -> None:
        self.answers: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.ended = ""
        self.outbound: Outbound = transport.dial(endpoint, self)

    def opened(self) -> None:
        """It stands."""
        self.up.set()

    def received(self, frames: list[Buffer]) -> None:
        """The other side answered."""
        self.answers.put_nowait([bytes(frame) for frame in frames])

    def writable(self) -> None:
        """There is room again."""
        self.up.set()

    def denied(self, reason: str) -> None:
        """Its key is not accepted there."""
        self.closed(reason, False)

    def closed(self, reason: str, refused: bool) -> None:
        """It broke."""
        self.ended = reason or "closed"
        self.up.set()

    async def say(self, *frames: bytes) -> None:
        """Send one message, when there is room. Raises ConnectionError where it broke."""
        await self.up.wait()
        while not self.ended and not self.outbound.send(frames):
            self.up.clear()
            await self.up.wait()
        if self.ended:
            raise ConnectionError(self.ended)

    async def hear(self, *kinds: int) -> bytes:
        """Return the next message of one of these kinds."""
        while True:
            frame = (await self.answers.get())[0]
            if wire.read_prefix(frame)[1] in kinds:
                return frame


class Impostor:
    """A node that says what it is told to say.

    Args:
        name: the node's name.
        transport: carries what it says; nothing checks that.
        incarnation: which life of that name it plays.
    """

    def __init__(self, name: str, transport: Transport, incarnation: int = 1) -> None:
        self.name = name
        self.incarnation = incarnation
        self.transport = transport
        self.endpoint = ""
        self.other = 0
        """The number of the other side for the session; 0 while there is none."""
        self.sequence = 0
        self.heard: asyncio.Queue[list[bytes]] = asyncio.Queue()
        """Batches and all else that the other side sends once the session stands."""
        self.directory = b"\x90"
        """What it says of whom it knows."""

    async def start(self, bind: str) -> None:
        """Listen, for those who dial back."""
        self.transport.serve(self._on_frames)
        self.endpoint = await self.transport.bind(bind)

    @property
    def node(self) -> wire.Self:
        """What it says of itself."""
        member = Member(self.name, self.endpoint, frozenset(), "up", self.incarnation)
        said = metadata(member)
        return wire.Self(self.name, self.incarnation, (self.endpoint,), said, 1 << 20)

    def call(self, endpoint: str) -> Call:
        """Dial."""
        return Call(self.transport, endpoint)

    async def join(self, endpoint: str) -> Call:
        """Become a member; the session stands in both directions when it returns."""
        call = self.call(endpoint)
        self.other, self.sequence = 0, 0
        await call.say(wire.encode_hello(self.node))
        await call.hear(wire.WELCOME, wire.REFUSED)
        await call.say(wire.encode_open(SESSION, 0))
        self.other = wire.decode_opened(await call.hear(wire.OPENED, wire.REFUSED)).own
        return call

    def batch(self, records: bytes, count: int, buffers: int = 0, **said: int) -> bytes:
        """Return the frame of the next batch; `said` may forge own, other, sequence, received."""
        self.sequence += 1
        header = wire.encode_batch_header(
            said.get("own", SESSION),
            said.get("other", self.other),
            said.get("sequence", self.sequence),
            said.get("received", 0),
            count,
            buffers,
            False,
        )
        return header + records

    def _on_frames(self, source: bytes, frames: list[Buffer]) -> None:
        heard = [bytes(frame) for frame in frames]
        kind = wire.read_prefix(heard[0])[1]
        if kind == wire.HELLO:
            self.transport.answer(source, [wire.encode_welcome(self.node, self.directory)])
        elif kind == wire.OPEN:
            self._on_open(source, heard)
        else:
            self.heard.put_nowait(heard)

    def _on_open(self, source: bytes, frames: Sequence[bytes]) -> None:
        opening = wire.decode_open(frames[0])
        self.transport.answer(source, [wire.encode_opened(SESSION, opening.own, 0)])
