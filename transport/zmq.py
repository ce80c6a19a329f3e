"""Frames over ZeroMQ: one ROUTER for what is bound, one DEALER for each dialled connection.

The sockets are plain ones, read by the event loop's `add_reader`: `zmq.asyncio` costs several
times as much, and loses a message when a receive is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING

import zmq

from transport.descriptors import shortage
from transport.drain import NOBLOCK, Drain
from transport.endpoint import Endpoint, parse_endpoint
from transport.errors import BindError, EndpointError, SecurityError, TransportError
from transport.gatekeeper import Gatekeeper
from transport.ipc import PathLock
from transport.journal import LOGGER
from transport.options import TransportOptions
from transport.security.access import Access
from transport.security.curve import listen_as
from transport.security.keys import KeyPair
from transport.security.self_test import check_refusals
from transport.security.server_keys import ServerKeys
from transport.security.zap_handler import ZapHandler
from transport.zmq_caller import ZmqCaller
from transport.zmq_outbound import ZmqOutbound, configure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.interface import Buffer, EndingCallback, FramesCallback, OutboundEvents
    from transport.security.security import Security

__all__ = ["ZmqTransport"]

_MAX_SOCKETS = 16384
_ROUTING_BYTES = 8


class ZmqTransport:
    """A carrier of frames over ZeroMQ (tcp and ipc).

    Args:
        name: the node's, for the routing ids of its connections: it helps in packet dumps, and
            nobody trusts it.
        options: the tunables.
        security: with it all sockets are encrypted (CURVE), and let in only who is on the roster.
        wall: tells the time, in seconds since the epoch: keys expire.

    Attributes:
        access: whose keys are accepted; None without `security`.
    """

    def __init__(
        self,
        name: str,
        options: TransportOptions | None = None,
        security: Security | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self.access = None if security is None else Access(security, wall)
        self._server_keys = None if self.access is None else ServerKeys(self.access)
        self._zap: ZapHandler | None = None
        self._options = TransportOptions() if options is None else options
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _MAX_SOCKETS)
        self._router: zmq.Socket[bytes] | None = None
        self._drain: Drain | None = None
        self._gatekeeper: Gatekeeper | None = None
        self._heard: set[bytes] = set()
        self._on_frames: FramesCallback | None = None
        self._on_ending: EndingCallback = _ignore
        self._locks: list[PathLock] = []
        self._outbounds: set[ZmqOutbound] = set()
        self._closed = False

    def serve(self, on_frames: FramesCallback, on_ending: EndingCallback | None = None) -> None:
        """Say who takes the messages of all inbound connections; once, before `bind`."""
        self._on_frames = on_frames
        self._on_ending = on_ending or _ignore

    def established(self, source: bytes) -> None:
        """The message that is being taken opened a session."""
        if self._gatekeeper is not None and self._drain is not None:
            self._gatekeeper.establish(source, self._drain.envelope)

    def forgotten(self, source: bytes) -> None:
        """That session is over."""
        if self._gatekeeper is not None:
            self._gatekeeper.forget(source)

    async def bind(self, endpoint: str) -> str:
        """Listen on a tcp or ipc endpoint.

        Raises:
            EndpointError: it is malformed, or of another kind.
            BindError: it could not be had.
            SecurityError: it would let in who must not come in; it is closed then.
        """
        parsed = parse_endpoint(endpoint, listening=True)
        wanting = shortage()
        if wanting is not None:
            raise BindError(endpoint, wanting)
        if parsed.scheme == "ipc":
            path = self._bind_path(endpoint, parsed)
            await self._check_refusals(path)
            return path
        if parsed.scheme != "tcp":
            raise EndpointError(endpoint, "ZeroMQ carries tcp and ipc")
        address = parsed.host if parsed.wildcard else await _local_address(endpoint, parsed)
        bound = self._bind(endpoint, str(Endpoint("tcp", address, parsed.port)))
        port = parse_endpoint(bound, listening=True).port
        await self._check_refusals(str(Endpoint("tcp", _dialable(parsed, address), port)))
        return str(Endpoint("tcp", parsed.host, port))

    def answer(self, source: bytes, frames: Sequence[Buffer]) -> bool:
        """Send a small message back on an inbound connection; False where that is gone."""
        if self._router is None or self._drain is None:
            return False
        try:
            self._router.send_multipart([source, *frames], NOBLOCK)
        except zmq.ZMQError:
            # EHOSTUNREACH for one that is gone, EAGAIN for one that does not read.
            return False
        finally:
            self._drain.check()
        return True

    def caller(self, source: bytes) -> ZmqCaller | None:
        """Who sent the message that is being handed over; None without `security`."""
        frame = None if self._drain is None else self._drain.envelope
        keeper = self._gatekeeper
        if self.access is None or frame is None or keeper is None:
            return None
        return ZmqCaller(self.access, frame, keeper.doors, keeper.lookout)

    def dial(
        self,
        endpoint: str,
        events: OutboundEvents,
        *,
        patience: float = 1.0,
        name: str | None = None,
    ) -> ZmqOutbound:
        """Begin to connect.

        Raises:
            EndpointError: it is malformed, or neither tcp nor ipc.
        """
        parsed = parse_endpoint(endpoint)
        if parsed.scheme == "mem":
            raise EndpointError(endpoint, "ZeroMQ carries tcp and ipc")
        if self._closed:
            raise TransportError("the transport is closed")
        # Nobody may guess it: what comes from a known source is not asked for its key again.
        routing_id = f"{self._name[:128]}:{secrets.token_hex(_ROUTING_BYTES)}".encode()
        keys = None if self._server_keys is None else self._server_keys.attempt(str(parsed), name)
        outbound = ZmqOutbound(
            self._context, parsed, routing_id, events, self._options, patience, keys
        )
        self._outbounds = {o for o in self._outbounds if not o.done}
        self._outbounds.add(outbound)
        return outbound

    async def close(self, timeout: float) -> None:
        """Close everything; what was sent has `timeout` seconds to leave."""
        if self._closed:
            return
        self._closed = True
        if self._drain is not None:
            self._drain.stop()
        if self._zap is not None:
            self._zap.close()
        if self._gatekeeper is not None:
            self._gatekeeper.close()
            self._gatekeeper = None
        if self._router is not None:
            self._router.close(linger=round(1000 * timeout))
        for outbound in self._outbounds:
            outbound.close()
        tasks = [o.task for o in self._outbounds if o.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        await self._terminate(timeout)
        for lock in self._locks:
            lock.release()

    def _bind_path(self, endpoint: str, parsed: Endpoint) -> str:
        lock = PathLock(parsed.host)
        try:
            self._bind(endpoint, str(parsed))
            lock.seal()
        except BindError:
            lock.release()
            raise
        self._locks.append(lock)
        return str(parsed)

    def _bind(self, endpoint: str, address: str) -> str:
        router = self._router or self._make_router()
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            raise BindError(endpoint, str(error.strerror)) from error
        last = router.get(zmq.LAST_ENDPOINT)
        assert isinstance(last, bytes)
        bound = last.rstrip(b"\0").decode()
        if self._gatekeeper is not None:
            self._gatekeeper.watch(parse_endpoint(bound, listening=True))
        return bound

    async def _check_refusals(self, address: str) -> None:
        """Try whether the door is shut; where it is not, close it. Raises SecurityError."""
        if self.access is None or self._zap is None:
            return
        stranger = KeyPair.make()
        self._zap.unreported.add(stranger.public)
        timeout = self._options.handshake_timeout
        try:
            await check_refusals(self._context, address, self.access.keys.public, stranger, timeout)
        except SecurityError:
            await self.close(0)
            raise
        finally:
            self._zap.unreported.discard(stranger.public)

    def _make_router(self) -> zmq.Socket[bytes]:
        router = self._router = self._context.socket(zmq.ROUTER)
        configure(router, self._options)
        if self.access is not None:
            self._secure(router, self.access)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._gatekeeper = Gatekeeper(self._context, router, self._options, self._on_ending)
        self._heard = self._gatekeeper.heard
        self._drain = Drain(
            router,
            self._on_message,
            max_frames=3 + self._options.max_buffers,
            budget=self._options.recv_budget,
        )
        return router

    def _secure(self, router: zmq.Socket[bytes], access: Access) -> None:
        try:
            # Before the bind: from then on there are questions.
            self._zap = ZapHandler(self._context, access)
            listen_as(router, access.keys, self._options.max_frame)
        except zmq.ZMQError as error:
            raise SecurityError("CURVE", f"this ZeroMQ cannot encrypt: {error.strerror}") from None

    def _on_message(self, frames: list[Buffer]) -> None:
        source = frames.pop(0)
        assert isinstance(source, bytes)
        if source not in self._heard:
            self._note(source)
        if self._on_frames is not None:
            self._on_frames(source, frames)

    def _note(self, source: bytes) -> None:
        """Let it be known that whole messages come from there."""
        if self._gatekeeper is not None and self._drain is not None:
            self._gatekeeper.hear(source, self._drain.envelope)

    async def _terminate(self, timeout: float) -> None:
        """End the context: in a thread, because that blocks until all that lingers has left."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not done.done():
                done.set_result(None)

        def terminate() -> None:
            self._context.term()
            with contextlib.suppress(RuntimeError):  # the loop may be gone by now
                loop.call_soon_threadsafe(settle)

        threading.Thread(target=terminate, name="zmq-term", daemon=True).start()
        try:
            await asyncio.wait_for(done, timeout + 1.0)
        except TimeoutError:
            LOGGER.warning("ZeroMQ did not end within %.1f s", timeout + 1.0)


def _dialable(parsed: Endpoint, address: str) -> str:
    """Where this machine itself reaches what is bound."""
    if not parsed.wildcard:
        return address
    return "::1" if parsed.host == "::" else "127.0.0.1"


def _ignore(code: str, address: str, detail: str) -> None:
    """Nobody wants to hear of connections that are ended."""


async def _local_address(endpoint: str, parsed: Endpoint) -> str:
    """The address of a host name; ZeroMQ would take it for the name of an interface."""
    if parsed.numeric:
        return parsed.host
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parsed.host, parsed.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BindError(endpoint, f"cannot resolve {parsed.host}") from error
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return str(found[0][4][0])
