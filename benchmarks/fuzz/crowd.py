"""Real DEALERs with keys that are on no roster: they call, are told no, and call again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from types import TracebackType
from typing import NamedTuple

import zmq
from zmq.utils.monitor import parse_monitor_message

from benchmarks.fuzz.plain import WORDS
from transport.security.curve import dial_as
from transport.security.keys import KeyPair
from transport.security.self_test import REFUSED_BY_ZAP

SIZE = 100
"""DEALERs at the same time: each has a fifth of a second for a call, at 500 a second."""

ANSWERED_WITHIN = 2.0
"""Seconds that a DEALER waits to hear what comes of its call, before it calls again."""

CALLS_WITH_A_KEY = 10
"""Calls after which a DEALER makes way for one with a new key."""

_LOOK = 0.02
_MAX_FRAME = 1 << 20
_OUTCOMES = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Tally(NamedTuple):
    """How callers with unlisted keys fared."""

    calls: int = 0
    refused: int = 0
    """Were told that their key is not accepted."""
    let_in: int = 0


def say(dealer: zmq.Socket[bytes], data: bytes) -> None:
    """Send without waiting: who was hung up on meanwhile has nobody to say it to."""
    with contextlib.suppress(zmq.Again):
        dealer.send(data, zmq.NOBLOCK)


class Caller:
    """One DEALER with a key of its own, which has something to say if it is let in.

    Attributes:
        calls: how often it has called.
        waiting_since: when it called, as long as it has not heard what came of it.
    """

    _numbers = itertools.count()

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, server: str) -> None:
        self._endpoint = endpoint
        self.calls = 0
        self.waiting_since: float | None = None
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, -1)
        dial_as(self._socket, KeyPair.make(), server, _MAX_FRAME)
        self._monitor = self._watch(context)

    def call(self, now: float) -> None:
        """Hang up where there is a connection, and connect."""
        if self.calls:
            self._socket.disconnect(self._endpoint)
        self.calls += 1
        self.waiting_since = now
        self._socket.connect(self._endpoint)
        say(self._socket, WORDS[0])

    def outcome(self) -> Tally:
        """Return what has come of it since the last time."""
        refused = let_in = 0
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())
            self.waiting_since = None
            let_in += event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            refused += event["value"] == REFUSED_BY_ZAP
        return Tally(0, refused, let_in)

    def close(self) -> None:
        """Hang up for good."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def _watch(self, context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
        # pyzmq names monitors by file descriptor, which is used again too soon.
        name = f"inproc://caller-{next(self._numbers)}"
        self._socket.monitor(name, _OUTCOMES)
        monitor = context.socket(zmq.PAIR)
        monitor.connect(name)
        return monitor


class Crowd:
    """Many callers, which call in turn.

    Args:
        endpoint: the node.
        server: its public key, which is no secret.

    Attributes:
        tally: how they fared so far.
    """

    def __init__(self, endpoint: str, server: str) -> None:
        self.tally = Tally()
        self._endpoint = endpoint
        self._server = server
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._callers = [self._caller() for _ in range(SIZE)]

    def __enter__(self) -> Crowd:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for caller in self._callers:
            caller.close()
        self._context.destroy(linger=0)

    async def call(self, rate: float) -> None:
        """Call `rate` times a second, until cancelled; less often where answers take long."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in itertools.count():
            await asyncio.sleep(begin + number / rate - loop.time())
            self._take_turn(number % SIZE, loop.time())

    async def rest(self) -> None:
        """Call nobody any more, and hear what comes of the calls that were made."""
        for _ in range(round(ANSWERED_WITHIN / _LOOK)):
            if not self._waiting():
                break
            await asyncio.sleep(_LOOK)

    def _waiting(self) -> bool:
        for caller in self._callers:
            self._add(caller.outcome())
        return any(caller.waiting_since is not None for caller in self._callers)

    def _take_turn(self, place: int, now: float) -> None:
        caller = self._callers[place]
        self._add(caller.outcome())
        since = caller.waiting_since
        if since is not None and now < since + ANSWERED_WITHIN:
            return
        if caller.calls == CALLS_WITH_A_KEY:
            caller.close()
            caller = self._callers[place] = self._caller()
        caller.call(now)
        self._add(Tally(calls=1))

    def _add(self, more: Tally) -> None:
        self.tally = Tally(*map(sum, zip(self.tally, more, strict=True)))

    def _caller(self) -> Caller:
        return Caller(self._context, self._endpoint, self._server)
