"""The network of a simulation, and each host's end of it.

Frames belong to the network while they travel, so that a host that crashes or stalls takes nothing
back that it has sent; from their arrival on they belong to the host that they are for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from actors.testing.host import Host
from transport import Buffer, FramesCallback, MemoryNetwork, MemoryTransport, Outbound
from transport.endpoint import parse_endpoint
from transport.interface import EndingCallback

if TYPE_CHECKING:
    from actors.testing.loop import VirtualLoop
    from actors.testing.trace import Trace
    from transport import OutboundEvents, TransportOptions
    from transport.interface import Caller
    from transport.security.access import Access

__all__ = ["Carrier", "HostTransport"]

T = TypeVar("T")


class _Network(MemoryNetwork):
    """One on which no two frames take equally long, unless chance will have it."""

    def __init__(self, rng: random.Random, latency: tuple[float, float]) -> None:
        super().__init__(rng=rng)
        self._chance = rng
        self._usual = latency

    def latency(self, source: str, target: str) -> float:
        """How long the next frame takes, in seconds."""
        return super().latency(source, target) + self._chance.uniform(*self._usual)


class Carrier:
    """What lies between the hosts.

    Args:
        latency: the least and the most seconds that a frame takes.
    """

    def __init__(
        self, loop: VirtualLoop, trace: Trace, rng: random.Random, latency: tuple[float, float]
    ) -> None:
        self._loop = loop
        self._trace = trace
        self._context = Context()
        self.network = _Network(rng, latency)

    def run(self, function: Callable[..., T], *args: Any, **more: Any) -> T:
        """Call it as the network's own: what it brings about is no host's."""
        return self._context.copy().run(function, *args, **more)

    def arrived(self, source: str, host: Host, frames: Sequence[Buffer]) -> None:
        """Write down that a message has come."""
        self._trace.add(self._loop.now, (source, host.name), sum(map(len, frames)))

    def post(self, host: Host, callback: Callable[..., object], *args: object) -> None:
        """Call back on a host, when it runs."""
        self._loop.call_soon(callback, *args, context=host.context.copy())

    def disturb(self, **shares: float) -> None:
        """Lose, double and delay frames from now on, see `MemoryNetwork.disturb`."""
        self.run(self.network.disturb, **shares)

    def transport(self, host: Host, options: TransportOptions) -> HostTransport:
        """Make a host's end."""
        return HostTransport(self, host, MemoryTransport(self.network, host.name, options))


class HostTransport:
    """A `Transport` whose callbacks run on its host."""

    def __init__(self, carrier: Carrier, host: Host, inner: MemoryTransport) -> None:
        self._carrier = carrier
        self._host = host
        self._inner = inner
        self._closed = False
        self.access: Access | None = None
        """In a simulation nobody needs a key."""

    def serve(self, on_frames: FramesCallback, on_ending: EndingCallback | None = None) -> None:
        """Say who takes the messages of all inbound connections; once, before `bind`."""
        self._inner.serve(partial(self._arrive, on_frames), on_ending)

    def established(self, source: bytes) -> None:
        """Say that a session stands on that connection."""
        self._inner.established(source)

    def forgotten(self, source: bytes) -> None:
        """Say that it is over."""
        self._inner.forgotten(source)

    async def bind(self, endpoint: str) -> str:
        """Listen on an endpoint; see `MemoryTransport.bind`."""
        return await self._inner.bind(endpoint)

    def answer(self, source: bytes, frames: Sequence[Buffer]) -> bool:
        """Send a small message back on an inbound connection; False where that is gone."""
        return self._host.alive and self._carrier.run(self._inner.answer, source, frames)

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
        """Begin to connect. Raises EndpointError."""
        line = _Line(self._carrier, self._host, parse_endpoint(endpoint).host, events)
        line.outbound = self._carrier.run(self._inner.dial, endpoint, line, patience=patience)
        return line

    async def close(self, timeout: float) -> None:
        """Close everything, once what was sent has arrived."""
        self._closed = True
        await self._inner.close(timeout)

    def _arrive(self, on_frames: FramesCallback, source: bytes, frames: list[Buffer]) -> None:
        name = source.decode().rpartition(":")[0]
        self._carrier.arrived(name, self._host, frames)
        self._carrier.post(self._host, self._hand_in, on_frames, source, frames)

    def _hand_in(self, on_frames: FramesCallback, source: bytes, frames: list[Buffer]) -> None:
        if not self._closed:
            on_frames(source, frames)


class _Line:
    """One dialled connection: what the host sends on it, and what it is told of it."""

    outbound: Outbound

    def __init__(self, carrier: Carrier, host: Host, target: str, events: OutboundEvents) -> None:
        self._carrier = carrier
        self._host = host
        self._target = target
        self._events = events
        self._over = False

    # What the host does.

    @property
    def names(self) -> frozenset[str] | None:
        """Nobody needs a key."""
        return None

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send one message, in order; False where there is no room."""
        return self._host.alive and self._carrier.run(self.outbound.send, frames)

    def close(self, linger: float = 0.0) -> None:
        """End it: the host hears no more of it."""
        self._over = True
        self._carrier.run(self.outbound.close, linger)

    # What the network says.

    def opened(self) -> None:
        """The connection is there."""
        self._post(self._events.opened)

    def received(self, frames: list[Buffer]) -> None:
        """The other side answered."""
        self._carrier.arrived(self._target, self._host, frames)
        self._post(self._events.received, frames)

    def writable(self) -> None:
        """There is room again."""
        self._post(self._events.writable)

    def closed(self, reason: str, refused: bool) -> None:
        """The connection broke, or never came."""
        self._post(self._events.closed, reason, refused)

    def denied(self, reason: str) -> None:
        """Our key is not accepted there."""
        self._post(self._events.denied, reason)

    def _post(self, callback: Callable[..., object], *args: object) -> None:
        self._carrier.post(self._host, self._tell, callback, *args)

    def _tell(self, callback: Callable[..., object], *args: object) -> None:
        if not self._over:
            callback(*args)
