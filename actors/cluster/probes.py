"""What failure detectors say to each other, and how it is written down."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import msgspec

from actors.cluster.loads import Report
from actors.cluster.rumours import Rumour

MOST_MEMBERS = 10_000
"""A roster of more members is refused."""

MOST_SAID = 64
"""So are more rumours, or reports, in one message; members say a few at a time."""


class Probe(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What all of them carry."""

    rumours: list[Rumour]


class Ping(Probe, frozen=True, tag="ping"):
    """Are you there? `digest` stands for all that the sender takes for living."""

    sequence: int
    digest: int


class Ack(Probe, frozen=True, tag="ack"):
    """I am."""

    sequence: int
    digest: int


class Enquiry(Probe, frozen=True, tag="enquiry"):
    """I cannot reach that one; can you? (SWIM's ping-req.)"""

    name: str
    incarnation: int


class Finding(Probe, frozen=True, tag="finding"):
    """The answer to an enquiry: I can, or I cannot. (Lifeguard's nack is the latter.)"""

    name: str
    incarnation: int
    reached: bool


class Roster(Probe, frozen=True, tag="roster"):
    """All that the sender takes for living, since our digests differ: anti-entropy."""

    members: list[Rumour]
    is_answer: bool
    """Whether this answers another: that one is not answered again."""


Message: TypeAlias = Ping | Ack | Enquiry | Finding | Roster


class Said(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A message, and how busy some members are."""

    message: Message
    loads: list[Report]


@cache
def _decoder() -> msgspec.msgpack.Decoder[Said]:
    """Made when it is needed: a node that is alone imports this too, and need not wait for it."""
    return msgspec.msgpack.Decoder(Said)


_encoder = msgspec.msgpack.Encoder()


def write(message: Message, loads: list[Report]) -> bytes:
    """Return them as bytes."""
    return _encoder.encode(Said(message, loads))


def read(data: object) -> Said:
    """Return what was written. Raises ValueError where it makes no sense."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"bytes are expected, not {type(data).__name__}")
    try:
        said = _decoder().decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    message = said.message
    most = max(len(message.rumours), len(said.loads))
    if most > MOST_SAID:
        raise ValueError(f"{most} rumours or reports, where {MOST_SAID} is the most")
    if isinstance(message, Roster) and len(message.members) > MOST_MEMBERS:
        raise ValueError(f"{len(message.members)} members, where {MOST_MEMBERS} is the most")
    return said
