"""What ZeroMQ knows of a message beside its bytes: the connection that it came on."""

from __future__ import annotations

from typing import Any

import zmq

__all__ = ["descriptor_of", "user_of"]

_USER_ID = "User-Id"


def descriptor_of(frame: zmq.Frame) -> int:
    """The file descriptor of the connection; -1 where it is not known, as of ZMTP 1.0."""
    return int(_property(frame, zmq.SRCFD) or -1)


def user_of(frame: zmq.Frame) -> str:
    """The user id that ZAP gave the caller; empty where it gave none."""
    return _property(frame, _USER_ID)


def _property(frame: zmq.Frame, which: Any) -> str:
    try:
        return str(frame.get(which))
    except zmq.ZMQError:
        return ""
