"""How much memory a sender that outruns its receiver may take at most, on either side.

The bounds follow from what is queued where, and from the defaults; what objects and allocators
need besides is allowed for.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.memory import MIB
from transport import TransportOptions

KIB = 1024

ALLOWANCE = 32 * MIB
"""For what no queue holds: code that is loaded later, and the slack of two allocators."""

MESSAGE = 1 * KIB
"""The same of a message in a mailbox, with its letter."""

ADMISSION = 8 * KIB
"""The same of a `send` under way: a task, futures, and what is noted of it on both sides."""

SENT_AHEAD, READ_AHEAD = 64, 2048
"""Batches in the queues of the two ZeroMQ sockets."""

HEAPS = 2
"""Times as much as that is what the allocator takes for it: what one thread reads and another
frees leaves gaps, and a new heap of 64 MiB is begun before they are filled."""

KEPT, KEPT_SHARE = 32 * MIB, 1 / 8
"""How much of its growth a process may keep when all is over, in bytes and of the most that it
had: blocks in which a few small objects still live."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes that each process may grow by."""

    sender: int
    receiver: int


def of_send(size: int, senders: int, capacity: int) -> Bounds:
    """Return the bounds for so many that `send` messages of `size` bytes, one by one each.

    Each has one message under way: as it was made, as a record, and in the socket's queue.
    """
    under_way = senders * (3 * size + ADMISSION)
    return Bounds(under_way + ALLOWANCE, capacity * (size + MESSAGE) + under_way + ALLOWANCE)


def of_tell(size: int, capacity: int) -> Bounds:
    """Return the bounds for who tells messages of `size` bytes as fast as can be.

    They fill the link's window and the queues of the sockets, and the mailbox.
    """
    options = TransportOptions()
    batch = max(options.batch_bytes, size) + KIB
    read = min(options.capacity, HEAPS * READ_AHEAD * batch)
    return Bounds(
        options.capacity + SENT_AHEAD * batch + ALLOWANCE,
        capacity * (size + MESSAGE) + read + ALLOWANCE,
    )


def of_rest(most: int) -> int:
    """Return by how much a process may have grown when all is over, which grew by `most` before."""
    return KEPT + round(KEPT_SHARE * max(most, 0))
