"""What the tests of the transport share: recording handlers, a clock to turn, fabrics, puppets."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from typing import TYPE_CHECKING, Any

from tests.transport.proxy import Proxy
from transport import (
    Buffer,
    Clock,
    Identity,
    Link,
    LoopClock,
    MemoryNetwork,
    MemoryTransport,
    Mesh,
    Outbound,
    Parcel,
    Transport,
    TransportOptions,
    ZmqTransport,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 10.0
QUICK: dict[str, Any] = {
    "handshake_timeout": 5.0,
    "heartbeat_interval": 0.5,
    "heartbeat_timeout": 4.0,
    "disconnect_grace": 0.5,
    "refused_grace": 0.15,
    "reconnect_initial": 0.02,
    "reconnect_maximum": 0.2,
    "ack_delay": 0.005,
}
"""Options that make faults show quickly."""


class _Timer:
    def __init__(self, due: float, callback: Callable[..., object], args: tuple[object, ...]):
        self.due, self.callback, self.args, self.cancelled = due, callback, args, False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """Time that stands still until `advance` moves it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return 1.7e9 + self._now

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> _Timer:
        timer = _Timer(self._now + max(delay, 0.0), callback, args)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        done = asyncio.get_running_loop().create_future()
        self.call_later(delay, done.set_result, None)
        await done

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, timer by timer, with time for the loop after each."""
        end = self._now + seconds
        await settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            if not timer.cancelled:
                timer.callback(*timer.args)
                await settle()
        self._now = end
        await settle()


async def settle(turns: int = 30) -> None:
    """Let the loop run what is ready."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Recorder:
    """A MeshHandler that writes down what happens, and can be waited on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[tuple[Any, ...]] = []
        self.broken: list[tuple[Any, ...]] = []
        """Interruptions and what followed; apart, for most tests are about what stays."""
        self.records: list[bytes] = []
        self.buffers: list[bytes] = []
        self.batches: list[tuple[bytes, int]] = []
        self.count = 0
        self.verdict: Callable[[Identity], str | None] = lambda peer: None
        self.on_received: Callable[[], None] | None = None
        self._news = asyncio.Event()

    def admit(self, peer: Identity) -> str | None:
        return self.verdict(peer)

    def directory(self) -> bytes:
        return f"directory of {self.name}".encode()

    def connected(self, peer: Identity, directory: bytes) -> None:
        self._note("connected", peer, directory)

    def received(
        self, peer: Identity, records: Buffer, buffers: Sequence[Buffer], count: int
    ) -> None:
        self.batches.append((bytes(records), count))
        self.records += [r for r in bytes(records).split(b";") if r]
        self.buffers += [bytes(b) for b in buffers]
        self.count += count
        if self.on_received is not None:
            self.on_received()
        self._news.set()

    def interrupted(self, peer: Identity, reason: str) -> None:
        self.broken.append(("interrupted", peer, reason))
        self._news.set()

    def restored(self, peer: Identity) -> None:
        self.broken.append(("restored", peer))
        self._news.set()

    def disconnected(self, peer: Identity, reason: str, undelivered: Sequence[Parcel]) -> None:
        self._note("disconnected", peer, reason, list(undelivered))

    def refused(self, endpoint: str, peer: Identity | None, code: str, reason: str) -> None:
        self._note("refused", endpoint, peer, code, reason)

    def rejected(self, peer: Identity, code: str, reason: str) -> None:
        self._note("rejected", peer, code, reason)

    def unreachable(self, endpoint: str, reason: str) -> None:
        self._note("unreachable", endpoint, reason)

    def writable(self, peer: Identity) -> None:
        self._note("writable", peer)

    def all(self, kind: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == kind]

    def kinds(self) -> list[str]:
        return [event[0] for event in self.events]

    async def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until something that comes with an event of this handler holds."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} saw only {self.events}, {self.count}") from None

    async def event(self, kind: str, number: int = 1, timeout: float = PATIENCE) -> Any:
        """Wait for the `number`-th event of a kind."""
        await self.until(lambda: len(self.all(kind)) >= number, timeout)
        return self.all(kind)[number - 1]

    def _note(self, *event: Any) -> None:
        self.events.append(event)
        self._news.set()


class Member:
    """A mesh with its handler and transport."""

    def __init__(self, mesh: Mesh, handler: Recorder, transport: Transport) -> None:
        self.mesh = mesh
        self.handler = handler
        self.transport = transport
        self.bound: list[str] = []
        self.gone = False

    @property
    def name(self) -> str:
        return self.mesh.identity.name

    @property
    def endpoint(self) -> str:
        return self.mesh.identity.endpoints[0]

    def link(self, other: Member | str) -> Link:
        link = self.mesh.link(other if isinstance(other, str) else other.name)
        assert link is not None
        return link

    async def idle(self, other: Member) -> None:
        """Wait until everything is acknowledged."""
        async with asyncio.timeout(PATIENCE):
            while self.link(other).waiting:
                await asyncio.sleep(0.001)


class Wire:
    """What is between two members of a fabric."""

    def cut(self) -> None:
        """Break all connections, and let none come about."""

    def heal(self) -> None:
        """End a cut."""


class ProxyWire(Wire):
    def __init__(self, proxies: Sequence[Proxy]) -> None:
        self._proxies = proxies

    def cut(self) -> None:
        for proxy in self._proxies:
            proxy.cut()

    def heal(self) -> None:
        for proxy in self._proxies:
            proxy.heal()


class MemoryWire(Wire):
    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    def cut(self) -> None:
        self._network.sever("one", "other")
        self._network.cut("one", "other")

    def heal(self) -> None:
        self._network.heal("one", "other")


class Fabric:
    """Makes members over one kind of transport, and faults between them."""

    kind = ""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.clock: Clock = LoopClock()

    def transport(self, name: str, options: TransportOptions) -> Transport:
        raise NotImplementedError

    async def member(
        self,
        name: str,
        incarnation: int = 1,
        *,
        binds: Sequence[str] = ("tcp://127.0.0.1:0",),
        advertise: Sequence[str] = (),
        metadata: bytes = b"",
        **options: Any,
    ) -> Member:
        tunables = TransportOptions(**{**QUICK, **options})
        handler = Recorder(name)
        transport = self.transport(name, tunables)
        mesh = Mesh(
            name,
            incarnation,
            transport=transport,
            clock=self.clock,
            handler=handler,
            options=tunables,
            metadata=metadata,
            rng=random.Random(f"{name}{incarnation}"),
        )
        member = Member(mesh, handler, transport)
        bind = transport.bind

        async def remember(endpoint: str) -> str:
            member.bound.append(await bind(endpoint))
            return member.bound[-1]

        transport.bind = remember  # type: ignore[method-assign]
        await mesh.start(binds, advertise)
        self.members.append(member)
        return member

    async def wired_pair(self, **options: Any) -> tuple[Member, Member, Wire]:
        """Two members that are connected over a wire that can be cut."""
        raise NotImplementedError

    async def __aenter__(self) -> Fabric:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def pair(self, **options: Any) -> tuple[Member, Member]:
        """Two members that are connected."""
        one, other = await self.member("one", **options), await self.member("other", **options)
        await self.join(one, other)
        return one, other

    async def join(self, one: Member, other: Member) -> None:
        one.mesh.dial(other.endpoint)
        await one.handler.event("connected")
        await other.handler.event("connected")

    async def vanish(self, member: Member) -> None:
        """End a member without a word, as SIGKILL would."""
        raise NotImplementedError

    async def puppet(self, name: str) -> Puppet:
        options = TransportOptions(**QUICK)
        puppet = Puppet(name, self.transport(name, options))
        await puppet.start()
        self.members.append(puppet)  # type: ignore[arg-type]
        return puppet

    async def close(self) -> None:
        for member in self.members:
            if isinstance(member, Puppet):
                await member.transport.close(0)
            elif not member.gone:
                await member.mesh.close(0.2)


class ZmqFabric(Fabric):
    kind = "zmq"

    def __init__(self) -> None:
        super().__init__()
        self._proxies: list[Proxy] = []

    def transport(self, name: str, options: TransportOptions) -> Transport:
        return ZmqTransport(name, options)

    async def vanish(self, member: Member) -> None:
        member.gone = True
        await member.transport.close(0)

    async def wired_pair(self, **options: Any) -> tuple[Member, Member, Wire]:
        members = []
        for name in ("one", "other"):
            proxy = Proxy()
            await proxy.start()
            self._proxies.append(proxy)
            member = await self.member(name, advertise=[proxy.endpoint], **options)
            proxy.target = member.bound[0]
            members.append(member)
        await self.join(*members)
        return members[0], members[1], ProxyWire(self._proxies)

    async def close(self) -> None:
        await super().close()
        for proxy in self._proxies:
            await proxy.close()


class MemoryFabric(Fabric):
    kind = "memory"

    def __init__(self, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        super().__init__()
        if clock is not None:
            self.clock = clock
        self.network = MemoryNetwork(self.clock, rng)

    def transport(self, name: str, options: TransportOptions) -> Transport:
        return MemoryTransport(self.network, name, options)

    async def vanish(self, member: Member) -> None:
        member.gone = True
        self.network.kill(member.name)

    async def wired_pair(self, **options: Any) -> tuple[Member, Member, Wire]:
        one, other = await self.pair(**options)
        return one, other, MemoryWire(self.network)


class Still(MemoryFabric):
    """A memory fabric whose time only moves when told."""

    def __init__(self, seed: int = 0) -> None:
        self.time = VirtualClock()
        super().__init__(self.time, random.Random(seed))

    async def two(self, **options: float) -> tuple[Member, Member]:
        """Two connected members, without any time having passed."""
        one, other = await self.member("one", **options), await self.member("other", **options)
        one.mesh.dial(other.endpoint)
        await settle(60)
        assert one.handler.kinds() == other.handler.kinds() == ["connected"]
        return one, other

    async def close(self) -> None:
        closing = asyncio.gather(super().close(), return_exceptions=True)
        await self.time.advance(1.0)
        async with asyncio.timeout(PATIENCE):
            await closing


class Call:
    """One connection that a puppet dialled."""

    def __init__(self, transport: Transport, endpoint: str) -> None:
        self.answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.up = asyncio.Event()
        self.ended = ""
        self.outbound: Outbound = transport.dial(endpoint, self)

    def opened(self) -> None:
        self.up.set()

    def received(self, frames: list[Buffer]) -> None:
        self.answers.put_nowait(bytes(frames[0]))

    def writable(self) -> None:
        self.up.set()

    def denied(self, reason: str) -> None:
        self.closed(reason, False)

    def closed(self, reason: str, refused: bool) -> None:
        self.ended = reason
        self.answers.put_nowait(None)
        self.up.set()

    async def say(self, *frames: Buffer) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.up.wait()
            while not self.outbound.send(frames):
                assert not self.ended, self.ended
                self.up.clear()
                await self.up.wait()

    async def hear(self) -> tuple[int, bytes]:
        """The next answer: its kind and frame."""
        async with asyncio.timeout(PATIENCE):
            frame = await self.answers.get()
        assert frame is not None, "the connection closed"
        return wire.read_prefix(frame)[1], frame


class Puppet:
    """A node whose every word is the test's."""

    def __init__(self, name: str, transport: Transport, incarnation: int = 1) -> None:
        self.name = name
        self.transport = transport
        self.incarnation = incarnation
        self.heard: asyncio.Queue[tuple[bytes, list[bytes]]] = asyncio.Queue()
        self._words: list[tuple[bytes, list[bytes]]] = []
        self.endpoint = ""
        self.session = 77

    async def start(self) -> None:
        self.transport.serve(self._on_frames)
        self.endpoint = await self.transport.bind("tcp://127.0.0.1:0")

    @property
    def node(self) -> wire.Self:
        return wire.Self(self.name, self.incarnation, (self.endpoint,), b"", 1 << 20)

    def call(self, endpoint: str) -> Call:
        return Call(self.transport, endpoint)

    async def listen(self) -> tuple[bytes, list[bytes]]:
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()

    async def expect(self, kind: int) -> tuple[bytes, bytes]:
        """The source and first frame of the next message, which must be of that kind."""
        source, frames = await self.listen()
        assert wire.read_prefix(frames[0])[1] == kind
        return source, frames[0]

    async def connect(self, member: Member) -> tuple[Call, int]:
        """Shake hands in both directions; the call, and the member's session number."""
        call = self.call(member.endpoint)
        await call.say(wire.encode_hello(self.node))
        assert (await call.hear())[0] == wire.WELCOME
        await call.say(wire.encode_open(self.session, 0))
        kind, frame = await call.hear()
        assert kind == wire.OPENED
        source, _ = await self.expect(wire.HELLO)
        self.transport.answer(source, [wire.encode_welcome(self.node, b"")])
        source, opening = await self.expect(wire.OPEN)
        other = wire.decode_open(opening).own
        self.transport.answer(source, [wire.encode_opened(self.session, other, 0)])
        await member.handler.event("connected")
        assert wire.decode_opened(frame).own == other
        return call, other

    def batch(self, other: int, sequence: int, *records: bytes, **more: Any) -> bytes:
        """The frame of a batch."""
        header = wire.encode_batch_header(
            more.get("own", self.session),
            other,
            sequence,
            more.get("received", 0),
            len(records),
            more.get("buffers", 0),
            False,
        )
        return header + b"".join(records)

    def _on_frames(self, source: bytes, frames: list[Buffer]) -> None:
        message = (source, [bytes(frame) for frame in frames])
        # A word of the hand-shake that waits too long for its answer is said again.
        if wire.read_prefix(frames[0])[1] in {wire.HELLO, wire.OPEN}:
            if message in self._words:
                return
            self._words.append(message)
        self.heard.put_nowait(message)
