"""Hostile callers of a node with keys: what they send, and what they notice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import zmq

from benchmarks.fuzz.crowd import Crowd, say
from benchmarks.fuzz.curve import HELLO_BYTES, INITIATE_BYTES, Curve
from benchmarks.fuzz.keyring import FRIEND, TRAITOR, VICTIM, Keyring
from benchmarks.fuzz.middle import HELLO, INITIATE, MESSAGE, Middle
from benchmarks.fuzz.plain import WORDS
from benchmarks.fuzz.zmtp import Stream
from transport.drain import Drain
from transport.interface import Buffer
from transport.security.keys import KeyPair

KEYS = KeyPair.make()
PATIENCE = 10.0


class Careless:
    """A ROUTER with keys that lets everybody in: so does libzmq where nobody is asked."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.CURVE_SERVER, 1)
        self._socket.setsockopt(zmq.CURVE_SECRETKEY, KEYS.secret.encode())
        self.endpoint = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._drain = Drain(self._socket, self._on_message, max_frames=8, budget=64)

    def close(self) -> None:
        self._drain.stop()
        self._socket.close(linger=0)

    def _on_message(self, frames: list[Buffer]) -> None:
        self.heard.put_nowait(bytes(frames[-1]))


@contextlib.asynccontextmanager
async def careless_node() -> AsyncGenerator[Careless, None]:
    with zmq.Context() as context:
        made = Careless(context)
        try:
            yield made
        finally:
            made.close()


@contextlib.asynccontextmanager
async def scene() -> AsyncGenerator[tuple[Curve, Careless], None]:
    async with careless_node() as careless:
        with Curve(careless.endpoint, KEYS.public, KeyPair.make()) as curve:
            await curve.record()
            yield curve, careless


async def test_a_real_handshake_is_recorded() -> None:
    """The greeting in three parts, HELLO, INITIATE and a MESSAGE, as RFC 26 has their sizes."""
    async with scene() as (curve, careless):
        assert len(b"".join(curve.frames[:HELLO])) == 64
        assert curve.frames[HELLO].startswith(b"\x04\xc8\x05HELLO")
        assert len(curve.frames[HELLO]) == 2 + HELLO_BYTES
        assert b"\x08INITIATE" in curve.frames[INITIATE][:20]
        assert len(curve.frames[INITIATE]) >= INITIATE_BYTES
        assert b"\x07MESSAGE" in curve.frames[MESSAGE][:20]
        assert await careless.heard.get() == WORDS[0]


async def test_a_recorded_hello_is_taken_by_another_connection() -> None:
    """So that what goes wrong behind it is what is tested; the recorded INITIATE is not taken."""
    async with scene() as (curve, _):
        stream = await Stream.open(curve.endpoint)
        async with asyncio.timeout(PATIENCE):
            await stream.send(b"".join(curve.frames[: HELLO + 1]))
            assert b"\x07WELCOME" in await stream.heard()
            await stream.send(curve.frames[INITIATE])
            assert b"READY" not in await stream.ended()
        stream.close()


async def test_each_attack_ends() -> None:
    """With nothing raised but what the attacker expects, whatever is made of it."""
    async with scene() as (curve, _):
        for number, attack in enumerate(curve.attacks):
            stream = await Stream.open(curve.endpoint)
            try:
                async with asyncio.timeout(PATIENCE):
                    await attack(stream, random.Random(number))
            except (OSError, EOFError):
                pass  # it was hung up on
            finally:
                stream.close(reset=True)


async def test_who_is_in_the_middle_changes_one_frame() -> None:
    """A frame that was changed on the way reaches nobody, and the connection ends."""

    def spoil(number: int, frame: bytes) -> bytes:
        return frame[:-1] + bytes((frame[-1] ^ 1,)) if number == MESSAGE else frame

    async with careless_node() as careless:
        with Curve(careless.endpoint, KEYS.public, KeyPair.make()) as curve:
            async with asyncio.timeout(PATIENCE), curve.through(spoil, KeyPair.make()) as middle:
                await middle.ended.wait()
            assert careless.heard.empty()


async def test_the_middle_ends_with_who_dialled() -> None:
    """Where the node is not there, too."""
    async with Middle("tcp://127.0.0.1:1", lambda _, frame: frame) as middle:
        stream = await Stream.open(middle.endpoint)
        async with asyncio.timeout(PATIENCE):
            await middle.ended.wait()
        stream.close()


@pytest.mark.timeout(30)
async def test_a_crowd_notices_that_it_is_let_in() -> None:
    """That is what must not be: a server that asks nobody lets in all of them."""
    async with careless_node() as careless:
        with Crowd(careless.endpoint, KEYS.public) as crowd:
            calling = asyncio.create_task(crowd.call(500.0))
            assert await careless.heard.get() == WORDS[0]
            calling.cancel()
            await crowd.rest()
            assert 0 < crowd.tally.let_in <= crowd.tally.calls
            assert crowd.tally.refused == 0


def test_what_cannot_be_said_is_not_waited_for() -> None:
    """libzmq blocks where a DEALER has nobody to send to, such as after its connection failed."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        say(dealer, b"is anybody there?")


def test_a_keyring_lists_all_but_strangers(tmp_path: Path) -> None:
    """The victim, its friend and a traitor; the attacker is told the public key and no secret."""
    keyring = Keyring.make(tmp_path)
    security = keyring.friend
    assert security.roster.names == (VICTIM, FRIEND, TRAITOR)
    assert security.roster.keys_of(VICTIM, 0.0) == (keyring.server,)
    assert keyring.attack[0] == f"--server={keyring.server}"
