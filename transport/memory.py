"""Frames within one process, for tests: deterministic, with faults that can be switched on.

Several `MemoryTransport`s share a `MemoryNetwork`. A connection is two queues of frames. Without
a delay a frame arrives in the next turn of the loop; every other delay, and the time after which
silence ends a connection, is the clock's. Chance has a say only where a test asks for it, and
then all of it comes from one generator: under a clock that a test turns the same calls give the
same order.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import TYPE_CHECKING

from transport.clock import LoopClock
from transport.disturbance import CALM, Disturbance
from transport.endpoint import Endpoint, parse_endpoint
from transport.errors import BindError, EndpointError
from transport.memory_pipe import Pipe
from transport.options import TransportOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.clock import Clock
    from transport.disturbance import Fate
    from transport.interface import (
        Buffer,
        Caller,
        EndingCallback,
        FramesCallback,
        Outbound,
        OutboundEvents,
    )
    from transport.security.access import Access

__all__ = ["MemoryNetwork", "MemoryTransport"]

_FIRST_PORT = 50_000


class MemoryNetwork:
    """What connects the transports of one process, and what can be wrong with it.

    Names are those of the transports. A cut or stalled connection behaves as TCP does: frames
    wait, arrive when the fault ends in time, and otherwise both ends are closed once
    `heartbeat_timeout` of silence has passed.

    Args:
        clock: what delays are measured by; the event loop's by default.
        rng: where `disturb` has its chance from; a generator with a fixed seed by default.
    """

    def __init__(self, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        self.clock: Clock = LoopClock() if clock is None else clock
        self._rng = random.Random(0) if rng is None else rng
        self._disturbance = CALM
        self._numbers = itertools.count(1)
        self._listeners: dict[str, MemoryTransport] = {}
        self._pipes: list[Pipe] = []
        self._ports = itertools.count(_FIRST_PORT)
        self._refusing: set[str] = set()
        self._cuts: set[tuple[str, str]] = set()
        self._stalled: set[str] = set()
        self._delays: dict[tuple[str, str], float] = {}

    def transport(self, name: str | None = None) -> MemoryTransport:
        """Make one node's end, under the node's name or a made-up one."""
        return MemoryTransport(self, name or f"end-{next(self._numbers)}")

    def refuse(self, endpoint: str) -> None:
        """From now on dialling `endpoint` is refused, as if nobody listened there."""
        self._refusing.add(endpoint)

    def allow(self, endpoint: str) -> None:
        """End a `refuse`."""
        self._refusing.discard(endpoint)

    def cut(self, source: str, target: str, *, both: bool = True) -> None:
        """Nothing passes from `source` to `target`, nor (`both`) back, until `heal`."""
        self._cuts.add((source, target))
        if both:
            self._cuts.add((target, source))
        self._faulted()

    def heal(self, source: str, target: str, *, both: bool = True) -> None:
        """End a `cut`."""
        self._cuts.discard((source, target))
        if both:
            self._cuts.discard((target, source))
        self._mended()

    def stall(self, name: str) -> None:
        """Stop `name` as SIGSTOP would: what it sends and is sent waits, until `unstall`."""
        self._stalled.add(name)
        self._faulted()

    def unstall(self, name: str) -> None:
        """End a `stall`."""
        self._stalled.discard(name)
        self._mended()

    def delay(self, source: str, target: str, seconds: float, *, both: bool = True) -> None:
        """Frames from `source` to `target` (`both`: and back) take so long; 0 ends it."""
        self._delays[source, target] = seconds
        if both:
            self._delays[target, source] = seconds

    def disturb(
        self,
        loss: float = 0.0,
        duplication: float = 0.0,
        reordering: float = 0.0,
        jitter: float = 0.0,
    ) -> None:
        """Do this by chance to each message that is sent from now on, hand-shakes included.

        A message is all frames of one `send`. Each call replaces what the one before it said, so
        `disturb()` ends it. Connections stand: a carrier that loses messages does not know it.

        Args:
            loss: the share of messages that never arrive, 0 to 1.
            duplication: the share of messages that arrive twice, 0 to 1.
            reordering: the share of messages that take a detour of up to 10 ms more, on which
                later ones overtake them, 0 to 1.
            jitter: up to so many seconds are added to the `delay` of each; order is kept.

        Raises:
            ValueError: a share is not within 0 to 1, or the jitter is negative or not finite.
        """
        self._disturbance = Disturbance(loss, duplication, reordering, jitter)

    def sever(self, one: str, other: str) -> None:
        """Break the connections between two names now; what is on its way is lost."""
        for pipe in list(self._pipes):
            if {pipe.dialler.name, pipe.listener.name} == {one, other}:
                pipe.break_off("connection reset")

    def kill(self, name: str) -> None:
        """End `name` as SIGKILL would: its endpoints and connections are gone.

        A later transport of that name is another one, and lives.
        """
        for pipe in list(self._pipes):
            if pipe.dialler.name == name:
                pipe.close()
        for transport in set(self._listeners.values()):
            if transport.name == name:
                transport.vanish()

    # For transports and pipes.

    def listen(self, endpoint: Endpoint, transport: MemoryTransport) -> str:
        """Register a listener; a port 0 becomes a free one."""
        if endpoint.scheme == "tcp" and endpoint.port == 0:
            endpoint = Endpoint("tcp", endpoint.host, next(self._ports))
        key = str(endpoint)
        if key in self._listeners:
            raise BindError(key, "Address already in use")
        self._listeners[key] = transport
        return key

    def routing_id(self, name: str) -> bytes:
        """A name for a connection that no other has, not even of a later life."""
        return f"{name}:{next(self._numbers)}".encode()

    def remove(self, transport: MemoryTransport) -> None:
        """Forget a transport's endpoints."""
        self._listeners = {e: t for e, t in self._listeners.items() if t is not transport}

    def connect(self, dialler: MemoryTransport, endpoint: str, pipe: Pipe) -> None:
        """A dial arrives: find its listener."""
        listener = self._listeners.get(endpoint)
        if listener is None or endpoint in self._refusing or dialler.closed:
            pipe.end("connection refused", refused=True)
            return
        pipe.listener = listener
        listener.inbound[pipe.source] = pipe
        self._pipes.append(pipe)
        pipe.establish()

    def hang_up(self, dialler: MemoryTransport) -> None:
        """End what a transport dialled; what it sent still arrives."""
        for pipe in list(self._pipes):
            if pipe.dialler is dialler:
                pipe.close(linger=1.0)

    def disconnect(self, pipe: Pipe) -> None:
        """Forget a connection."""
        if pipe in self._pipes:
            self._pipes.remove(pipe)

    def passes(self, source: str, target: str) -> bool:
        """Does anything get from `source` to `target` at present?"""
        stalled = source in self._stalled or target in self._stalled
        return not stalled and (source, target) not in self._cuts

    def latency(self, source: str, target: str) -> float:
        """How long frames take, in seconds."""
        return self._delays.get((source, target), 0.0)

    def fates(self, source: str, target: str) -> list[Fate]:
        """When a message from `source` to `target` arrives: once, mostly."""
        return self._disturbance.fates(self.latency(source, target), self._rng)

    def _faulted(self) -> None:
        for pipe in list(self._pipes):
            pipe.watch()

    def _mended(self) -> None:
        for pipe in list(self._pipes):
            pipe.mended()


class MemoryTransport:
    """A carrier of frames within one process.

    Endpoints are `tcp://host:port` and `mem://name`; no host is looked up, and a port 0 becomes
    one that is free in this network.

    Args:
        network: what connects it to others.
        name: which end it is, for the faults of the network; the node's name.
        options: of these, `heartbeat_timeout` and `max_frame` matter.
    """

    def __init__(
        self, network: MemoryNetwork, name: str, options: TransportOptions | None = None
    ) -> None:
        self.name = name
        self.inbound: dict[bytes, Pipe] = {}
        self._network = network
        self._options = TransportOptions() if options is None else options
        self._on_frames: FramesCallback | None = None
        self.closed = False
        self.access: Access | None = None
        """Within one process nobody needs a key."""

    def serve(self, on_frames: FramesCallback, on_ending: EndingCallback | None = None) -> None:
        """Say who takes the messages of all inbound connections; once, before `bind`."""
        self._on_frames = on_frames

    def established(self, source: bytes) -> None:
        """There are no strangers within a process."""

    def forgotten(self, source: bytes) -> None:
        """There are no strangers within a process."""

    async def bind(self, endpoint: str) -> str:
        """Listen on a tcp or mem endpoint.

        Raises:
            EndpointError: it is malformed, or of another kind.
            BindError: another transport of the network has it.
        """
        parsed = parse_endpoint(endpoint, listening=True)
        if parsed.scheme == "ipc":
            raise EndpointError(endpoint, "the memory transport carries tcp and mem")
        return self._network.listen(parsed, self)

    def answer(self, source: bytes, frames: Sequence[Buffer]) -> bool:
        """Send a small message back on an inbound connection; False where that is gone."""
        pipe = self.inbound.get(source)
        return pipe is not None and pipe.answer(frames)

    def caller(self, source: bytes) -> Caller | None:
        """Nobody needs a key."""

    def dial(
        self,
        endpoint: str,
        events: OutboundEvents,
        *,
        patience: float = 1.0,
        name: str | None = None,
    ) -> Outbound:
        """Begin to connect.

        Raises:
            EndpointError: it is malformed, or neither tcp nor mem.
        """
        parsed = parse_endpoint(endpoint)
        if parsed.scheme == "ipc":
            raise EndpointError(endpoint, "the memory transport carries tcp and mem")
        source = self._network.routing_id(self.name)
        silence = patience * self._options.heartbeat_timeout
        pipe = Pipe(self._network, self, source, events, silence)
        loop = asyncio.get_running_loop()
        loop.call_soon(self._network.connect, self, str(parsed), pipe)
        return pipe

    async def close(self, timeout: float) -> None:
        """Close everything, once what was sent has arrived."""
        if not self.closed:
            self.closed = True
            self._network.remove(self)
            self._network.hang_up(self)
            for pipe in list(self.inbound.values()):
                pipe.end("connection closed")

    def vanish(self) -> None:
        """End as a killed process would: without a word, and without closing properly."""
        self.closed = True
        self._network.remove(self)
        self._on_frames = None
        for pipe in list(self.inbound.values()):
            pipe.break_off("connection reset")

    def on_inbound(self, source: bytes, frames: list[Buffer]) -> None:
        """A message came in."""
        if self._on_frames is not None:
            self._on_frames(source, frames)
