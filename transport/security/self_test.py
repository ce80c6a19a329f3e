"""Whether a listening socket refuses who must not come in: asked of it before it is relied on."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import zmq
from zmq.utils.monitor import parse_monitor_message

from transport.drain import Drain
from transport.errors import SecurityError
from transport.security.curve import dial_as
from transport.security.keys import KeyPair

if TYPE_CHECKING:
    from transport.interface import Buffer

__all__ = ["REFUSED_BY_ZAP", "check_refusals"]

REFUSED_BY_ZAP = 400
"""What the dialler is told of a key that the ZAP handler does not accept."""

_FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_OUTCOMES = _FAILURES | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_CLOSED | zmq.EVENT_DISCONNECTED
_MAX_FRAME = 1024

_numbers = itertools.count()


async def check_refusals(
    context: zmq.Context[zmq.Socket[bytes]],
    address: str,
    server: str,
    stranger: KeyPair,
    timeout: float,
) -> None:
    """Dial a bound address as nobody may: with an unlisted key, and without any.

    Args:
        context: where the sockets are made.
        address: what to dial.
        server: the public key of who listens there.
        stranger: a key pair that is on no roster.
        timeout: seconds that either may take.

    Raises:
        SecurityError: one was let in, or was not told no.
    """
    unlisted = await _outcome(context, address, timeout, stranger, server)
    if unlisted != (zmq.EVENT_HANDSHAKE_FAILED_AUTH, REFUSED_BY_ZAP):
        raise SecurityError(address, _failed("a key that is not on the roster", unlisted))
    keyless = await _outcome(context, address, timeout)
    if not keyless[0] & _FAILURES:
        raise SecurityError(address, _failed("a connection without a key", keyless))


def _failed(what: str, outcome: tuple[int, int]) -> str:
    return (
        f"the self-test failed: {what} was not refused there as it must be ({_say(outcome)}); "
        "nothing is listened on. This is a fault of the libraries or of this version: report it"
    )


def _say(outcome: tuple[int, int]) -> str:
    kind, value = outcome
    return f"{zmq.Event(kind).name} {value}" if kind else "no answer"


async def _outcome(
    context: zmq.Context[zmq.Socket[bytes]],
    address: str,
    timeout: float,
    keys: KeyPair | None = None,
    server: str = "",
) -> tuple[int, int]:
    """Dial, and return how that ends: an event of the socket and its value, 0 for silence."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.IPV6, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    if keys is not None:
        dial_as(socket, keys, server, _MAX_FRAME)
    monitor = _watch(context, socket)
    ending: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
    drain = Drain(monitor, lambda frames: _settle(ending, frames), max_frames=2, budget=8)
    try:
        socket.connect(address)
        drain.check()
        async with asyncio.timeout(timeout):
            return await ending
    except TimeoutError:
        return 0, 0
    finally:
        drain.stop()
        socket.disable_monitor()
        socket.close(linger=0)
        monitor.close(linger=0)


def _watch(context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    # pyzmq names monitors by file descriptor, which is used again too soon.
    name = f"inproc://self-test-{next(_numbers)}"
    socket.monitor(name, _OUTCOMES)
    monitor = context.socket(zmq.PAIR)
    monitor.setsockopt(zmq.LINGER, 0)
    monitor.connect(name)
    return monitor


def _settle(ending: asyncio.Future[tuple[int, int]], frames: list[Buffer]) -> None:
    event = parse_monitor_message([bytes(frame) for frame in frames])
    if not ending.done():
        ending.set_result((int(event["event"]), int(event["value"])))
