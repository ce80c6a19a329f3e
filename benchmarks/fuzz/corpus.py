"""Valid messages of every kind, for mutations to begin with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from actors.cluster.loads import Report
from actors.cluster.probes import Ack, Enquiry, Finding, Message, Ping, Roster, write
from actors.cluster.rumours import Rumour
from actors.reliable.words import (
    Attach,
    Confirmed,
    Detach,
    Inquiry,
    LargeSequencedMessage,
    SequencedMessage,
)
from actors.wire import Kind
from benchmarks.fuzz.actors_under_fire import Echo, Number
from serialization import Codec, pack, pack_repeat
from transport import wire

CHILD = "impostor-1/child#7-1"
CLASS = "benchmarks.fuzz.actors_under_fire.Target"

_RUMOURS = [
    Rumour("up", "ghost", 7, 1, "", "tcp://ghost:1"),
    Rumour("suspect", "ghost", 7, 1, "phantom"),
    Rumour("down", "ghost", 7, 1, "phantom", "it was silent"),
    Rumour("busy", "ghost", 7, 2, "", "main.py", 1.5),
]


class Entry(NamedTuple):
    """A valid envelope, and a repeat of it where it can have one."""

    record: bytes
    repeat: bytes


def handshakes(node: wire.Self) -> Sequence[bytes]:
    """Return a message of each kind that is a single frame."""
    return (
        wire.encode_hello(node),
        wire.encode_welcome(node, b"\x92\xacmem://ghost:1\xabmem://ghost"),
        wire.encode_refused("version", "I speak another one", node),
        wire.encode_open(77, 0),
        wire.encode_opened(77, 5, 0),
        wire.encode_acknowledgement(77, 5, 0),
        wire.encode_acknowledgement(77, 5, 0, resend=True),
        wire.encode_goodbye(77, 5, 0, "left", "the node is going"),
        wire.encode_batch_header(77, 5, 1, 0, 1, 0, False) + _envelope(Kind.TELL, None, b"\xc0"),
        _as_zap(),
    )


def envelopes(codec: Codec, target: str, other: str) -> Sequence[Entry]:
    """Return an envelope of each kind: for the actor of the key `target`, of that of `other`."""
    numbers = itertools.count(1)

    def made(kind: Kind, value: object, to: str = target, sender: str | None = "actor#1") -> Entry:
        encoded = codec.encode(value)
        correlation = next(numbers)
        record = pack(int(kind), to, sender, correlation, encoded.tag, encoded.body, 0)
        return Entry(record, pack_repeat(correlation, encoded.body[:200]))

    values = [made(kind, value) for kind in _MESSAGES for value in _values()]
    signals = [made(kind, value, to) for kind, value, to in _signals(target, other)]
    gossip = [made(Kind.GOSSIP, data, "") for data in _gossip()]
    words = [made(kind, word, to) for kind, word, to in _words(target)]
    abroad = made(Kind.TELL, 1, sender="actors://ghost@127.0.0.1:9/actor#7.1")
    return (*values, *signals, *gossip, *words, abroad)


_MESSAGES = (Kind.TELL, Kind.COUNTED, Kind.ASK, Kind.ASK_IN_HAND, Kind.SEND, Kind.COUNTED_SEND)


def _values() -> Sequence[object]:
    return (
        Number(1),
        Echo([1, "two", {"three": 3.0}, (4,), {5}]),
        None,
        2**70,
        "\ud800",
        {(1, 2): b"bytes"},
    )


def _signals(target: str, other: str) -> Sequence[tuple[Kind, Any, str]]:
    """What is the framework's own; commands are for an actor that nobody will miss."""
    return (
        (Kind.REPLY, [1, 2], ""),
        (Kind.REPLY, "normal", ""),
        (Kind.ERROR, ValueError("no"), ""),
        (Kind.WITHDRAW, None, target),
        (Kind.WATCH, None, target),
        (Kind.UNWATCH, None, target),
        (Kind.TERMINATED, ["normal", "it is over"], target),
        (
            Kind.SPAWN,
            [CLASS, [], {}, "temporary", 1.0, "actors://ghost/actor#7.1"],
            CHILD,
        ),
        (Kind.COMMAND, ["start", False, None], other),
        (Kind.COMMAND, ["halt", None, 0.1], other),
        (Kind.COMMAND, ["resume"], other),
        (Kind.COMMAND, ["stop", "shutdown", False, 0.1, "go"], other),
        (Kind.ENDED, None, target),
        (Kind.CHILD, ["failed", ValueError("no"), True], target),
        (Kind.CHILD, ["stopped", "normal", ""], target),
        (Kind.RESOLVE, None, "target"),
        (Kind.PROBE, ["actors://ghost/actor#7.1", 1], target),
        (Kind.LEAVING, None, ""),
        (Kind.DONE, [1, 1], ""),
        (Kind.ENTRIES, [3, [[1, "name", "actor#1", 2], [2, "group", "actor#1", None]]], ""),
        (Kind.ENROL, [2, "group", True, 1.0], target),
        (Kind.ENROL, [1, "name", True, 0.1], target),
        (Kind.WHEREIS, None, "name"),
        (Kind.PUBLISH, Number(1), "topics/prices.steel#0"),
    )


def _gossip() -> Sequence[bytes]:
    report = Report("ghost", 7, 1, 0.01, 3, {CLASS: 2})
    said: Sequence[Message] = (
        Ping(_RUMOURS, 1, 2),
        Ack(_RUMOURS, 1, 2),
        Enquiry([], "ghost", 7),
        Finding([], "ghost", 7, True),
        Roster([], _RUMOURS[:1], False),
    )
    return [write(message, [report]) for message in said]


def _words(target: str) -> Sequence[tuple[Kind, object, str]]:
    return (
        (Kind.RELIABLE, Attach("producer-1", 1), target),
        (Kind.RELIABLE, SequencedMessage("producer-1", 1, 1, False, None, b"\x01"), target),
        (Kind.RELIABLE, LargeSequencedMessage("producer-1", 2, 1, True, None, b"\x01", ()), target),
        (Kind.RELIABLE, Inquiry("producer-1", 1, 9), target),
        (Kind.RELIABLE, Detach("producer-1", True), target),
        (Kind.CONFIRMED, Confirmed("producer-1", 1, 2, False), "producer-1"),
    )


def _envelope(kind: Kind, tag: str | None, body: bytes) -> bytes:
    return pack(int(kind), "target#1", None, 0, tag, body, 0)


def _as_zap() -> bytes:
    """What a ZAP request looks like, in one piece (RFC 27): nobody here may take it for his."""
    parts = (b"1.0", b"1", b"global", b"10.0.0.1", b"client", b"CURVE", b"\x07" * 32)
    return b"".join(bytes((len(part),)) + part for part in parts)
