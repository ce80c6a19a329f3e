"""One dialled ZeroMQ connection: a DEALER and its monitor, never reconnected."""

from __future__ import annotations

import asyncio
import itertools
import socket as sockets
from typing import TYPE_CHECKING, Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from transport.drain import NOBLOCK, SNDMORE, Drain
from transport.endpoint import Endpoint
from transport.interface import size_of
from transport.options import KIB, TransportOptions
from transport.security.curve import dial_as
from transport.security.self_test import REFUSED_BY_ZAP
from transport.wire import MAX_HANDSHAKE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.interface import Buffer, OutboundEvents
    from transport.security.server_keys import Attempt

__all__ = ["ZmqOutbound", "configure"]

_COPY_BELOW = 128 * KIB
"""Handing a frame over without a copy costs more than copying so few bytes."""
_SEND_HIGH_WATER = 64
"""Messages that ZeroMQ may hold; what waits beyond them gathers in batches, where it is cheaper."""
_RECEIVE_HIGH_WATER = 2048
"""A connection whose receiver reached this takes no heartbeats either, and dies of that if it
lasts: so this is more than a loop that is busy for seconds lets come together."""
_FORGOTTEN_AFTER = 60.0
"""Seconds without a whole frame after which the other end lets go of a connection."""
_PROBE_TIMEOUT = 0.5
_NO_HANDSHAKE = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_DENIED = "our key is not on its roster: list our public key there under this node's name"
_ENDINGS = zmq.EVENT_CLOSED | zmq.EVENT_DISCONNECTED | _NO_HANDSHAKE
_WATCHED = zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | _ENDINGS

_numbers = itertools.count()


def configure(socket: zmq.Socket[bytes], options: TransportOptions) -> None:
    """What holds for all sockets, inbound and outbound."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.IPV6, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, options.max_frame)
    socket.setsockopt(zmq.HANDSHAKE_IVL, max(1, round(1000 * options.handshake_timeout)))
    socket.setsockopt(zmq.SNDHWM, _SEND_HIGH_WATER)
    socket.setsockopt(zmq.RCVHWM, _RECEIVE_HIGH_WATER)


def beat(socket: zmq.Socket[bytes], interval: float, timeout: float) -> None:
    """Have the dialler's end ask whether the other one lives.

    It alone does: its question leaves behind what it has sent, and the answer comes back at once,
    as next to nothing else comes that way. An end that large frames come to would hear nothing in
    between for as long as one of them takes on a slow network.
    """
    socket.setsockopt(zmq.HEARTBEAT_IVL, max(1, round(1000 * interval)))
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, max(1, round(1000 * timeout)))
    socket.setsockopt(zmq.HEARTBEAT_TTL, round(1000 * _FORGOTTEN_AFTER))


class ZmqOutbound:
    """A dialled connection.

    A host name is resolved here rather than by ZeroMQ, which would do it in its only I/O thread
    and try one address alone. With `keys` it is encrypted: they are tried one after the other at
    once, for who listens there says nothing of itself before it was called by its key.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: Endpoint,
        routing_id: bytes,
        events: OutboundEvents,
        options: TransportOptions,
        patience: float,
        keys: Attempt | None = None,
    ) -> None:
        self._silence = patience * options.heartbeat_timeout
        self._context = context
        self._keys = keys
        self._endpoint = self._address = endpoint
        self._routing_id = routing_id
        self._events = events
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._drain: Drain | None = None
        self._monitor_drain: Drain | None = None
        self._addresses: list[Endpoint] = []
        self._connected = False
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        if endpoint.scheme == "ipc" or endpoint.numeric:
            self._connect(endpoint)
        else:
            self._task = self._loop.create_task(self._resolve())

    @property
    def names(self) -> frozenset[str] | None:
        """Under which names the listener's key is listed now; None where it needs no key."""
        return None if self._keys is None else self._keys.names

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send one message; False when it would block, or the connection has ended."""
        socket, drain = self._socket, self._drain
        if socket is None or drain is None:
            return False
        try:
            if len(frames) == 1:
                socket.send(frames[0], NOBLOCK)
            else:
                _send_parts(socket, frames)
        except zmq.Again:
            drain.await_room()
            return False
        drain.check_soon()
        return True

    def close(self, linger: float = 0.0) -> None:
        """End it, without a `closed`."""
        self._ended = True
        if self._task is not None:
            self._task.cancel()
        self._disconnect(linger)

    @property
    def done(self) -> bool:
        """Has it ended, with nothing left running?"""
        return self._ended and (self._task is None or self._task.done())

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What runs on its behalf, for the transport to wait for."""
        return self._task

    def _connect(self, address: Endpoint) -> None:
        self._address, self._connected = address, False
        if self._keys is not None and self._keys.key is None:
            self._loop.call_soon(self._end, self._keys.exhausted, False)
            return
        try:
            self._open_sockets(address)
        except zmq.ZMQError as error:
            self._disconnect()
            self._loop.call_soon(self._end, f"{error.strerror} (out of sockets?)", False)

    def _open_sockets(self, address: Endpoint) -> None:
        socket = self._socket = self._context.socket(zmq.DEALER)
        configure(socket, self._options)
        # A listener only ever answers hand-shakes.
        most = min(self._options.max_frame, MAX_HANDSHAKE)
        socket.setsockopt(zmq.MAXMSGSIZE, most)
        beat(socket, self._options.heartbeat_interval, self._silence)
        # The mesh dials anew, with a fresh socket: nothing queued may reach a later incarnation.
        socket.setsockopt(zmq.RECONNECT_IVL, -1)
        socket.setsockopt(zmq.ROUTING_ID, self._routing_id)
        if self._keys is not None and self._keys.key is not None:
            dial_as(socket, self._keys.own, self._keys.key, most)
        # pyzmq names monitors by file descriptor, which is used again too soon.
        name = f"inproc://monitor-{next(_numbers)}"
        socket.monitor(name, _WATCHED)
        monitor = self._monitor = self._context.socket(zmq.PAIR)
        monitor.setsockopt(zmq.LINGER, 0)
        monitor.connect(name)
        budget = self._options.recv_budget
        self._monitor_drain = Drain(monitor, self._on_monitor, max_frames=2, budget=budget)
        self._drain = Drain(
            socket,
            self._on_message,
            max_frames=2,
            budget=budget,
            on_writable=self._on_writable,
        )
        socket.connect(str(address))
        self._monitor_drain.check()

    def _disconnect(self, linger: float = 0.0) -> None:
        for drain in (self._drain, self._monitor_drain):
            if drain is not None:
                drain.stop()
        self._drain = self._monitor_drain = None
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=round(1000 * linger))
        if self._monitor is not None:
            self._monitor.close(linger=0)
        self._socket = self._monitor = None

    def _on_message(self, frames: list[Buffer]) -> None:
        self._events.received(frames)

    def _on_writable(self) -> None:
        self._events.writable()

    def _on_monitor(self, frames: list[Buffer]) -> None:
        event: dict[str, Any] = dict(parse_monitor_message([bytes(frame) for frame in frames]))
        kind = int(event["event"])
        if kind == zmq.EVENT_CONNECTED:
            self._connected = True
        elif kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            if self._keys is not None:
                self._keys.answered()
            self._events.opened()
        elif kind & _ENDINGS and not self._ended:
            self._on_ending(kind, int(event["value"]))

    def _on_ending(self, kind: int, value: int) -> None:
        if self._keys is not None and kind & _NO_HANDSHAKE:
            self._on_mistrust(self._keys, kind, value)
            return
        if self._drain is not None:
            # The last words, a refusal perhaps, may still be in the queue.
            self._drain.drain()
        if self._ended:
            return
        if self._connected:
            self._end(_reason(kind, value), False)
            return
        address = self._addresses.pop(0) if self._addresses else self._endpoint
        self._disconnect()
        if self._addresses:
            self._connect(self._addresses[0])
        else:
            self._task = self._loop.create_task(self._diagnose(address))

    def _on_mistrust(self, keys: Attempt, kind: int, value: int) -> None:
        """Who is there has another key, or does not accept ours."""
        if (kind, value) == (zmq.EVENT_HANDSHAKE_FAILED_AUTH, REFUSED_BY_ZAP):
            keys.answered()
            self._ended = True
            self._disconnect()
            self._events.denied(_DENIED)
        elif kind == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._disconnect()
            keys.next()
            self._connect(self._address)
        else:
            self._end(_reason(kind, value), False)

    def _end(self, reason: str, refused: bool) -> None:
        if not self._ended:
            self._ended = True
            self._disconnect()
            self._events.closed(reason, refused)

    async def _resolve(self) -> None:
        host, port = self._endpoint.host, self._endpoint.port
        try:
            found = await self._loop.getaddrinfo(host, port, type=sockets.SOCK_STREAM)
        except OSError as error:
            self._end(f"cannot resolve {host}: {error.strerror or error}", False)
            return
        # IPv4 first: a node bound to 127.0.0.1 is what `localhost` mostly means.
        found.sort(key=lambda info: info[0] != sockets.AF_INET)
        names = dict.fromkeys(str(info[4][0]) for info in found)
        self._addresses = [Endpoint("tcp", name, port) for name in names]
        self._connect(self._addresses[0])

    async def _diagnose(self, address: Endpoint) -> None:
        """Ask the operating system what went wrong: ZeroMQ does not say."""
        reason, refused = "connecting failed", False
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                await _probe(self._loop, address)
        except (ConnectionRefusedError, FileNotFoundError):
            reason, refused = "connection refused", True
        except TimeoutError:
            pass
        except OSError as error:
            reason = error.strerror or str(error)
        self._end(reason, refused)


def _reason(kind: int, value: int) -> str:
    if kind == zmq.EVENT_DISCONNECTED:
        return "connection lost"
    if kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return f"it cannot check keys at present (ZAP status {value})"
    if value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "one side uses keys and the other does not: give both of them [security]"
    return "nobody speaks ZMTP there, or it asks for a key"


def _send_parts(socket: zmq.Socket[bytes], frames: Sequence[Buffer]) -> None:
    # Only the first part can find the queue full; the others belong to the same message.
    for frame in frames[:-1]:
        socket.send(frame, NOBLOCK | SNDMORE, copy=size_of(frame) < _COPY_BELOW)
    socket.send(frames[-1], NOBLOCK, copy=size_of(frames[-1]) < _COPY_BELOW)


async def _probe(loop: asyncio.AbstractEventLoop, address: Endpoint) -> None:
    if address.scheme == "ipc":
        path = address.host
        where: Any = "\0" + path[1:] if path.startswith("@") else path
        family = sockets.AF_UNIX
    else:
        family = sockets.AF_INET6 if ":" in address.host else sockets.AF_INET
        where = (address.host, address.port)
    with sockets.socket(family) as probe:
        probe.setblocking(False)
        await loop.sock_connect(probe, where)
