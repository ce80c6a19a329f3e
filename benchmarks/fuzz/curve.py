"""Hostile streams that begin a CURVE handshake, and go wrong at each of its steps.

    greeting -> HELLO -> WELCOME <- INITIATE -> READY <- MESSAGE ...        (RFC 26)

To make up a HELLO that a server takes needs the cryptography. So a real one is recorded: it holds
for ever, as servers keep nothing of it. What comes later holds for its connection alone, and is
changed on the way by somebody in the middle.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Sequence
from types import TracebackType

import zmq

from benchmarks.fuzz import zmtp
from benchmarks.fuzz.crowd import say
from benchmarks.fuzz.middle import HELLO, INITIATE, MESSAGE, Middle, Tamper
from benchmarks.fuzz.mutation import mutate
from benchmarks.fuzz.plain import WORDS, Attack
from transport.security.curve import dial_as
from transport.security.keys import KeyPair

GREETING = zmtp.greeting(mechanism=b"CURVE")
HELLO_BYTES = 200
"""Of its body; the last 80 are the signature."""

SIGNATURE_BYTES = 80
INITIATE_BYTES = 257
"""Of the shortest there is."""

MOST_ENDLESS = 4 << 20
"""Bytes after which something endless ends all the same."""

RECORDED_WITHIN = 30.0
_LINGER = 500
_MAX_FRAME = 1 << 20


class Curve:
    """Attacks on one node that has keys.

    Args:
        endpoint: the node.
        server: its public key.
        traitor: keys that are on its roster, whose owner misbehaves.

    Attributes:
        endpoint: the node.
        frames: what a real DEALER said to it: the greeting in parts, HELLO, INITIATE, a MESSAGE.
    """

    def __init__(self, endpoint: str, server: str, traitor: KeyPair) -> None:
        self.endpoint = endpoint
        self._server = server
        self._traitor = traitor
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.frames: list[bytes] = []

    def __enter__(self) -> Curve:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.destroy(linger=0)

    @property
    def attacks(self) -> Sequence[Attack]:
        """All of them."""
        return (
            self.greeting_alone,
            self.random_hello,
            self.forged_hello,
            self.truncated_hello,
            self.oversized_hello,
            self.hello_twice,
            self.ready_instead,
            self.endless,
            self.forged_initiate,
            self.replay,
            self.mutated,
            self.tampered,
            self.mutated_words,
        )

    async def record(self) -> None:
        """Have a real DEALER shake hands, and write down what it says. Raises TimeoutError."""
        complete = asyncio.Event()

        def note(number: int, frame: bytes) -> bytes:
            self.frames.append(frame)
            if number == MESSAGE:
                complete.set()
            return frame

        async with asyncio.timeout(RECORDED_WITHIN), self.through(note, self._traitor):
            await complete.wait()

    async def greeting_alone(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A greeting with CURVE, of a client or of a server, and then noise."""
        role = chance.choice((b"\0", b"\1", b"\xff"))
        await stream.send(GREETING[:32] + role + GREETING[33:])
        await stream.send(chance.randbytes(chance.randint(0, 1024)))

    async def random_hello(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A HELLO of random bytes and any length."""
        await self._say(stream, zmtp.command(b"HELLO", chance.randbytes(chance.randint(0, 300))))

    async def forged_hello(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A HELLO as it should be, but for its signature."""
        await self._say(stream, self._hello[:-SIGNATURE_BYTES] + chance.randbytes(SIGNATURE_BYTES))

    async def truncated_hello(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A HELLO that is too short, by its frame or before its frame is whole."""
        body = self._hello[2 : 2 + chance.randrange(HELLO_BYTES)]
        declared = chance.choice((None, HELLO_BYTES))
        await self._say(stream, zmtp.frame(body, zmtp.COMMAND, declared))
        await asyncio.sleep(chance.random() / 20)

    async def oversized_hello(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A HELLO with more behind it, or that says so."""
        body = self._hello[2:] + chance.randbytes(chance.choice((1, 56, 4096, 65536)))
        declared = chance.choice((None, 2**31, 2**63, 2**64 - 1))
        await self._say(stream, zmtp.frame(body, zmtp.COMMAND, declared))

    async def hello_twice(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A good HELLO, and again, before its WELCOME or after."""
        await self._say(stream, self._hello)
        if chance.random() < 0.5:
            await stream.heard()
        await stream.send(self._hello)
        await _wait(stream.ended(), chance)

    async def ready_instead(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """The READY of another mechanism, and messages that nobody has agreed on."""
        await self._say(stream, zmtp.ready() + zmtp.frame(mutate(chance.choice(WORDS), chance)))

    async def endless(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """Frames without an end, instead of a HELLO or after one."""
        await self._say(stream, chance.choice((b"", self._hello)))
        flags = chance.choice((0, zmtp.MORE, zmtp.COMMAND))
        for _ in range(MOST_ENDLESS >> 16):
            await stream.send(zmtp.frame(chance.randbytes(1 << 16), flags))

    async def forged_initiate(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A good HELLO, and then an INITIATE of nothing, or of another connection."""
        await self._say(stream, self._hello)
        await stream.heard()
        noise = zmtp.command(
            b"INITIATE", chance.randbytes(INITIATE_BYTES + chance.randint(-99, 99))
        )
        initiate = self.frames[INITIATE]
        await stream.send(chance.choice((noise, initiate, mutate(initiate, chance))))
        await _wait(stream.ended(), chance)

    async def replay(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """All that somebody said who was let in, word for word."""
        for frame in self.frames:
            await stream.send(frame)
        await _wait(stream.ended(), chance)

    async def mutated(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """The same with something wrong somewhere."""
        await stream.send(mutate(b"".join(self.frames), chance))

    async def tampered(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A real handshake, by a listed key or another; one frame is changed on the way."""
        which = chance.randint(0, MESSAGE + 1)

        def change(number: int, frame: bytes) -> bytes:
            return mutate(frame, chance) if number == which else frame

        keys = chance.choice((self._traitor, KeyPair.make()))
        async with self.through(change, keys) as middle:
            await _wait(middle.ended.wait(), chance)

    async def mutated_words(self, stream: zmtp.Stream, chance: random.Random) -> None:
        """A member's key, and mutated words behind the encryption."""
        with self._dealer(self.endpoint, self._traitor, _LINGER) as dealer:
            for _ in range(chance.randint(1, 8)):
                say(dealer, mutate(chance.choice(WORDS), chance))

    @property
    def _hello(self) -> bytes:
        return self.frames[HELLO]

    async def _say(self, stream: zmtp.Stream, data: bytes) -> None:
        await stream.send(GREETING + data)

    @contextlib.asynccontextmanager
    async def through(self, tamper: Tamper, keys: KeyPair) -> AsyncGenerator[Middle, None]:
        """Have a real DEALER with these keys shake hands and speak through a middle; gives it."""
        async with Middle(self.endpoint, tamper) as middle:
            with self._dealer(middle.endpoint, keys, 0) as dealer:
                for word in WORDS[:2]:
                    say(dealer, word)
                yield middle

    def _dealer(self, endpoint: str, keys: KeyPair, linger: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, linger)
        socket.setsockopt(zmq.RECONNECT_IVL, -1)
        dial_as(socket, keys, self._server, _MAX_FRAME)
        socket.connect(endpoint)
        return socket


async def _wait(ending: Awaitable[object], chance: random.Random) -> None:
    """Wait for what may never be, and not for long: others want to attack, too."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(chance.random() / 4):
            await ending
