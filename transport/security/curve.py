"""CURVE on ZeroMQ's sockets: which options make one encrypt, and ask about whom it lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zmq

from transport.security.zap import DOMAIN

if TYPE_CHECKING:
    from transport.security.keys import KeyPair

__all__ = ["dial_as", "listen_as"]

_OVERHEAD = 64
"""Bytes by which an encrypted frame is longer than the frame, at most: the command's name, a
nonce, a MAC and flags are 33. libzmq holds its limit against what travels."""


def listen_as(socket: zmq.Socket[bytes], keys: KeyPair, max_frame: int) -> None:
    """Let in who proves to have a key, and whom the ZAP handler accepts with it."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode("ascii"))
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    # Without it libzmq lets everybody in when nobody answers for that domain.
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, max_frame + _OVERHEAD)


def dial_as(socket: zmq.Socket[bytes], keys: KeyPair, server: str, max_frame: int) -> None:
    """Speak only with who has the secret key to the public key `server`."""
    socket.setsockopt(zmq.CURVE_SERVERKEY, server.encode("ascii"))
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public.encode("ascii"))
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode("ascii"))
    socket.setsockopt(zmq.MAXMSGSIZE, max_frame + _OVERHEAD)
