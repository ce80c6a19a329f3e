"""Answers libzmq's questions about keys, from the event loop, whatever happens.

libzmq asks over an inproc endpoint. Who does not answer there lets nobody in: the listening
sockets enforce their domain, so a handler that fails closes the door and does not open it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import zmq

from transport.drain import NOBLOCK, Drain
from transport.journal import LOGGER
from transport.security.zap import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.interface import Buffer
    from transport.security.access import Access
    from transport.security.zap import Verdict

__all__ = ["ZAP_ENDPOINT", "ZapHandler"]

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
_LOOK_INTERVAL = 1.0
"""Seconds between two looks whether the socket is still there."""
_BUDGET = 64
"""Questions in one turn of the loop: each comes with a connection that somebody made."""
_MOST_FRAMES = 16
_MAPPED = "::ffff:"
"""How an address of IPv4 begins where a socket takes both kinds."""


class ZapHandler:
    """The ZAP handler of one context: at work from construction until `close`.

    It is a ROUTER where most use a REP: one question that cannot be answered keeps no other
    waiting. When its socket fails it is made anew; as long as it cannot be, nobody is let in.

    Args:
        context: of the sockets that it answers for.
        access: who is let in.
        look_interval: seconds between two looks whether the socket is still there.

    Raises:
        ZMQError: the context has a handler already, or no sockets left.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        access: Access,
        look_interval: float = _LOOK_INTERVAL,
    ) -> None:
        self._context = context
        self._access = access
        self._look_interval = look_interval
        self._loop = asyncio.get_running_loop()
        self._socket: zmq.Socket[bytes] | None = None
        self._drain: Drain | None = None
        self.unreported: set[str] = set()
        """Keys whose refusal is no news: those of the self-test."""
        self._open()
        self._timer = self._loop.call_later(look_interval, self._look)

    def close(self) -> None:
        """Answer nothing any more."""
        self._timer.cancel()
        self._discard()

    def _open(self) -> None:
        socket = self._socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        try:
            socket.bind(ZAP_ENDPOINT)
        except zmq.ZMQError:
            self._discard()
            raise
        self._drain = _SupervisedDrain(socket, self._on_request, self._fail)
        self._drain.check()

    def _discard(self) -> None:
        drain, self._drain = self._drain, None
        socket, self._socket = self._socket, None
        if drain is not None:
            drain.stop()
        if socket is not None and not socket.closed:
            # Closing alone gives the name back a moment later.
            with contextlib.suppress(zmq.ZMQError):
                socket.unbind(ZAP_ENDPOINT)
            socket.close(linger=0)

    def _on_request(self, frames: list[Buffer]) -> None:
        assert self._socket is not None
        # Whom to answer is in front of an empty frame, as libzmq asks like a REQ.
        caller, request = frames[:2], [bytes(frame) for frame in frames[2:]]
        verdict = judge(request, self._admits)
        with contextlib.suppress(zmq.Again):
            self._send([*caller, *verdict.frames])
        self._report(verdict)

    def _send(self, frames: list[Buffer]) -> None:
        assert self._socket is not None
        self._socket.send_multipart(frames, NOBLOCK)

    def _admits(self, key: str) -> bool:
        return bool(self._access.names_of(key))

    def _report(self, verdict: Verdict) -> None:
        report = self._access.on_refused
        if verdict.admitted or verdict.key in self.unreported or report is None:
            return
        report(verdict.address.removeprefix(_MAPPED), verdict.key)

    def _look(self) -> None:
        """A socket whose file descriptor is gone wakes nobody: ask it now and then."""
        self._timer = self._loop.call_later(self._look_interval, self._look)
        try:
            if self._drain is None:
                self._open()
                LOGGER.warning("there is a ZAP handler again")
            else:
                self._drain.check()
        except Exception as error:  # noqa: BLE001 - supervised: the next look tries again
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Make it anew; where that fails the next look tries again, and all are refused."""
        was_there = self._drain is not None
        self._discard()
        try:
            self._open()
        except zmq.ZMQError as problem:
            if was_there:
                LOGGER.error("no ZAP handler, so all new connections are refused: %s", problem)
        else:
            LOGGER.error("the ZAP handler failed (%r), and was made anew", error)


class _SupervisedDrain(Drain):
    """One that tells of its failure, where others leave it to the event loop."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        on_message: Callable[[list[Buffer]], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._on_failure = on_failure
        super().__init__(socket, on_message, max_frames=_MOST_FRAMES, budget=_BUDGET)

    def _run(self) -> None:
        try:
            super()._run()
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody has to answer
            self._on_failure(error)
