"""Hostile TCP streams that know of no keys: noise, greetings gone wrong, frames that lie."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.fuzz import zmtp
from benchmarks.fuzz.corpus import handshakes
from benchmarks.fuzz.mutation import mutate
from transport.wire import Self

Attack = Callable[[zmtp.Stream, random.Random], Awaitable[None]]
"""What is done with one connection."""

WORDS = handshakes(Self("ghost", 7, ("tcp://127.0.0.1:9",), b"\x91\x90", 1 << 20))
"""What nodes say to each other before a session stands, as `ghost` would."""


async def noise(stream: zmtp.Stream, chance: random.Random) -> None:
    """Random bytes."""
    await stream.send(chance.randbytes(chance.randint(1, 4096)))


async def half_greeting(stream: zmtp.Stream, chance: random.Random) -> None:
    """The beginning of a greeting, held open for a while."""
    await stream.send(zmtp.greeting()[: chance.randint(1, 63)])
    await asyncio.sleep(chance.random() / 4)


async def greeting_then_garbage(stream: zmtp.Stream, chance: random.Random) -> None:
    """A greeting as it should be, and nothing else that is."""
    await stream.send(zmtp.greeting() + chance.randbytes(chance.randint(1, 1024)))


async def mutated_greeting(stream: zmtp.Stream, chance: random.Random) -> None:
    """A greeting and a READY that have gone wrong somewhere."""
    await stream.send(mutate(zmtp.greeting() + zmtp.ready(), chance))


async def mutated_frames(stream: zmtp.Stream, chance: random.Random) -> None:
    """A handshake that is good as far as ZeroMQ goes, and mutated messages behind it."""
    await stream.shake_hands()
    for _ in range(chance.randint(1, 8)):
        body = mutate(chance.choice(WORDS), chance)
        await stream.send(zmtp.frame(body, chance.choice((0, 0, 0, zmtp.MORE, zmtp.COMMAND))))


async def huge_sizes(stream: zmtp.Stream, chance: random.Random) -> None:
    """Frames that declare far more than ever comes."""
    await stream.shake_hands()
    size = chance.choice((2**31, 2**32, 2**48, 2**63, 2**64 - 1, 79 << 20))
    await stream.send(zmtp.frame(chance.randbytes(64), declared=size))
    await asyncio.sleep(chance.random() / 20)


async def slow_loris(stream: zmtp.Stream, chance: random.Random) -> None:
    """A greeting, byte by byte."""
    for byte in zmtp.greeting()[: chance.randint(4, 16)]:
        await stream.send(bytes((byte,)))
        await asyncio.sleep(0.02)


async def at_once(stream: zmtp.Stream, chance: random.Random) -> None:
    """Nothing at all."""


async def reset(stream: zmtp.Stream, chance: random.Random) -> None:
    """A few bytes, and RST."""
    stream.writer.write(chance.randbytes(chance.randint(0, 64)))
    stream.close(reset=True)


PLAIN: Sequence[Attack] = (
    noise,
    half_greeting,
    greeting_then_garbage,
    mutated_greeting,
    mutated_frames,
    mutated_frames,
    huge_sizes,
    slow_loris,
    at_once,
    reset,
)
