"""What travels between hosts belongs to nobody, until it has come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence

from actors.testing.carrier import Carrier, HostTransport
from actors.testing.host import Host, current_host
from actors.testing.loop import VirtualLoop
from actors.testing.trace import Trace
from transport import Buffer, TransportOptions

ENDPOINT = "tcp://b:1"

MOMENT = 0.01
"""Seconds in which a frame goes there and back."""


class Events:
    """Writes down what happens to a connection, and on which host."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def note(self, what: str) -> None:
        host = current_host.get()
        self.seen.append((what, "nobody" if host is None else host.name))

    def opened(self) -> None:
        self.note("opened")

    def received(self, frames: list[Buffer]) -> None:
        self.note(f"received {[bytes(frame) for frame in frames]}")

    def writable(self) -> None:
        self.note("writable")

    def closed(self, reason: str, refused: bool) -> None:
        self.note(f"closed: {reason}")


class World:
    """Two hosts, of which the first dials the second."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()  # type: ignore[abstract]
        self.trace = Trace()
        self.carrier = Carrier(self.loop, self.trace, random.Random(1), (0.001, 0.002))
        self.a, self.b = Host("a"), Host("b")
        self.one, self.other = self.transport(self.a), self.transport(self.b)
        self.events = Events()
        self.arrived: list[tuple[bytes, str]] = []

    def transport(self, host: Host) -> HostTransport:
        return self.carrier.transport(host, TransportOptions())

    def arrive(self, source: bytes, frames: Sequence[Buffer]) -> None:
        host = current_host.get()
        self.arrived.append((bytes(frames[0]), "nobody" if host is None else host.name))
        if frames[0] == b"question":
            self.other.answer(source, [b"answer"])

    async def connect(self) -> None:
        self.other.serve(self.arrive)
        await self.other.bind(ENDPOINT)
        self.line = self.one.dial(ENDPOINT, self.events)
        await asyncio.sleep(MOMENT)


def play(scenario: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Run it, on two hosts that are connected."""
    world = World()

    async def whole() -> None:
        await world.connect()
        await scenario(world)

    world.loop.run_until_complete(whole())
    world.loop.close()


def test_each_end_hears_on_its_own_host() -> None:
    """Messages, answers and all else that happens to a connection."""

    async def scenario(world: World) -> None:
        assert world.line.send([b"question"])
        await asyncio.sleep(MOMENT)
        assert world.arrived == [(b"question", "b")]
        assert world.events.seen == [("opened", "a"), ("received [b'answer']", "a")]

    play(scenario)


def test_frames_take_some_time_and_are_in_the_trace() -> None:
    """When they came, from where, to where, and how large they are."""

    async def scenario(world: World) -> None:
        world.line.send([b"question"])
        await asyncio.sleep(MOMENT)
        [there, back] = world.trace.lines
        assert there.endswith(" a>b 8 bytes")
        assert back.endswith(" b>a 6 bytes")
        assert 0.011 <= float(there.split()[0]) <= 0.012
        assert 0.012 <= float(back.split()[0]) <= 0.014

    play(scenario)


def test_what_a_host_has_sent_arrives_though_it_stalls() -> None:
    """It is not the sender's any more."""

    async def scenario(world: World) -> None:
        world.line.send([b"last"])
        world.a.stop()
        await asyncio.sleep(MOMENT)
        assert world.arrived == [(b"last", "b")]

    play(scenario)


def test_a_host_that_stalls_hears_later_of_it() -> None:
    """What came meanwhile waits at its door."""

    async def scenario(world: World) -> None:
        world.b.stop()
        world.line.send([b"one"])
        world.line.send([b"two"])
        await asyncio.sleep(1.0)
        assert world.arrived == []
        assert world.b.go_on()
        world.loop.resume(world.b)
        await asyncio.sleep(MOMENT)
        assert world.arrived == [(b"one", "b"), (b"two", "b")]

    play(scenario)


def test_a_crashed_host_sends_and_hears_nothing() -> None:
    """Whatever of it may still be about."""

    async def scenario(world: World) -> None:
        world.loop.bury(world.b)
        assert not world.other.answer(b"a:1", [b"answer"])
        world.line.send([b"question"])
        await asyncio.sleep(MOMENT)
        assert world.arrived == []
        world.loop.bury(world.a)
        assert not world.line.send([b"question"])

    play(scenario)


def test_who_has_closed_a_connection_hears_no_more_of_it() -> None:
    """Not even of what had come before and was not looked at yet."""

    async def scenario(world: World) -> None:
        world.line.send([b"question"])
        world.a.stop()
        await asyncio.sleep(MOMENT)
        world.line.close()
        assert world.a.go_on()
        world.loop.resume(world.a)
        await asyncio.sleep(MOMENT)
        assert world.events.seen == [("opened", "a")]

    play(scenario)
