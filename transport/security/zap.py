"""What libzmq asks about each key, and what it is told: ZAP (RFC 27), as a pure function.

A request is [version, id, domain, address, routing id, mechanism, credentials...], an answer
[version, id, status, text, user id, metadata]. Only a 200 lets a connection in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zmq.utils import z85

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DOMAIN", "Verdict", "judge"]

DOMAIN = b"actors"
"""The ZAP domain of a node's sockets: libzmq asks for sockets that have one."""

_VERSION = b"1.0"
_MECHANISM = b"CURVE"
_FRAMES = 7
_KEY_BYTES = 32
_MOST_BYTES = 255
"""RFC 27 lets no field be longer."""


class Verdict(NamedTuple):
    """What is answered: the key is the user id, which comes back with each message."""

    request_id: bytes
    status: int
    reason: str
    address: str = ""
    key: str = ""

    @property
    def admitted(self) -> bool:
        """May the connection stand?"""
        return self.status == 200

    @property
    def frames(self) -> list[bytes]:
        """The answer as libzmq reads it."""
        user = self.key.encode("ascii") if self.admitted else b""
        status, reason = str(self.status).encode("ascii"), self.reason.encode("ascii")
        return [_VERSION, self.request_id, status, reason, user, b""]


def judge(request: Sequence[bytes], admits: Callable[[str], bool]) -> Verdict:
    """Decide about one connection. Never raises: what makes no sense, and what fails, is a no.

    Args:
        request: the frames, without those that say whom to answer.
        admits: whether a public key, in Z85, is accepted.
    """
    request_id = request[1][:_MOST_BYTES] if len(request) > 1 else b""
    try:
        return _judge(request, request_id, admits)
    except Exception:  # noqa: BLE001 - whatever fails in here, nobody may come in by it
        return Verdict(request_id, 500, "the node could not decide")


def _judge(request: Sequence[bytes], request_id: bytes, admits: Callable[[str], bool]) -> Verdict:
    if len(request) != _FRAMES or request[0] != _VERSION:
        return Verdict(request_id, 400, "malformed request")
    if request[2] != DOMAIN or request[5] != _MECHANISM:
        return Verdict(request_id, 400, "another domain or mechanism")
    address, credentials = request[3][:_MOST_BYTES].decode("ascii", "replace"), request[6]
    if len(credentials) != _KEY_BYTES:
        return Verdict(request_id, 400, "malformed key", address)
    key = z85.encode(credentials).decode("ascii")
    if not admits(key):
        return Verdict(request_id, 400, "the key is not on the roster", address, key)
    return Verdict(request_id, 200, "OK", address, key)
