"""Bytes between nodes: connections, sessions and batches of opaque records.

A `Mesh` knows nodes by name and incarnation; a `Link` carries records to one of them; a
`Transport` moves frames. Nothing here knows what a record means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.clock import Clock, LoopClock, TimerHandle
from transport.errors import (
    BindError,
    EndpointError,
    RecordTooLargeError,
    SecurityError,
    TransportError,
)
from transport.handler import Identity, MeshHandler, MeshStats, Parcel
from transport.interface import Buffer, FramesCallback, Outbound, OutboundEvents, Transport
from transport.link import Link
from transport.memory import MemoryNetwork, MemoryTransport
from transport.mesh import Mesh
from transport.options import TransportOptions
from transport.security.security import Security

if TYPE_CHECKING:
    from transport.zmq import ZmqTransport

__all__ = [
    "BindError",
    "Buffer",
    "Clock",
    "EndpointError",
    "FramesCallback",
    "Identity",
    "Link",
    "LoopClock",
    "MemoryNetwork",
    "MemoryTransport",
    "Mesh",
    "MeshHandler",
    "MeshStats",
    "Outbound",
    "OutboundEvents",
    "Parcel",
    "RecordTooLargeError",
    "Security",
    "SecurityError",
    "TimerHandle",
    "Transport",
    "TransportError",
    "TransportOptions",
    "ZmqTransport",
]


def __getattr__(name: str) -> object:
    """Load ZeroMQ when it is asked for: a node that is local only does without."""
    if name == "ZmqTransport":
        from transport.zmq import ZmqTransport

        return ZmqTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
