"""Whatever reads bytes from outside, each by itself, and what it may raise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

from actors.address import parse_address
from actors.cluster import probes
from actors.cluster.membership import member_of
from actors.registry.records import read_changes, read_order
from actors.wire import read_command
from benchmarks.fuzz.mutation import mutate
from serialization import ActorsError, Codec, default_registry, unpack_all, unpack_repeat
from transport import Identity
from transport.handshake import Acceptor, AcceptorState, Dialler, DiallerState
from transport.wire import WireError

DECLARED = (WireError, ActorsError, ValueError)
"""What any of them may raise."""

_codec = Codec(default_registry)


def refuse_or_take(decode: Callable[[bytes], object], data: bytes) -> None:
    """Let it decode; only what it declares may come out."""
    try:
        decode(data)
    except DECLARED:
        return
    except BaseException as error:
        raise AssertionError(f"{decode.__name__} raised {error!r} for {data[:200]!r}") from error


def _accept(data: bytes) -> None:
    acceptor = Acceptor()
    for state in AcceptorState:
        acceptor.state = state
        try:
            acceptor.receive([data])
        except WireError:
            acceptor = Acceptor()


def _dial(data: bytes) -> None:
    for state in DiallerState:
        dialler = Dialler()
        dialler.state = state
        try:
            dialler.receive([data])
        except WireError:
            assert dialler.state is DiallerState.CLOSED


def _records(data: bytes) -> None:
    before = None
    for count in (None, 1, 2):
        for record in unpack_all(data, count=count):
            before = unpack_repeat(record, before) if isinstance(record, bytes) else record


def _body(data: bytes) -> None:
    for tag in (None, "benchmarks.fuzz.actors_under_fire.Echo", "actors.SequencedMessage"):
        try:
            _codec.decode(tag, data)
        except ActorsError:
            continue


def _changes(data: bytes) -> None:
    read_changes(_codec.decode(None, data), lambda key: key)  # type: ignore[arg-type, return-value]


def _order(data: bytes) -> None:
    read_order(_codec.decode(None, data))


def _command(data: bytes) -> None:
    read_command(_codec.decode(None, data))


def _address(data: bytes) -> None:
    parse_address(data.decode("utf-8", "replace"))


def _metadata(data: bytes) -> None:
    member_of(Identity("ghost", 1, ("tcp://ghost:1",), data))


ALL: Sequence[Callable[[bytes], object]] = (
    _accept,
    _dial,
    _records,
    _body,
    probes.read,
    _changes,
    _order,
    _command,
    _address,
    _metadata,
)


def with_mutated_field(record: bytes, chance: random.Random) -> bytes:
    """Return an envelope that is well-formed, with one or two fields that are not what they were.

    A record that is broken as a whole ends the session; what is inside gets further.
    """
    fields = list(msgspec.msgpack.decode(record))
    for _ in range(chance.randint(1, 2)):
        at = chance.choice((0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 6))
        fields[at] = _other(fields[at], at, chance)
    return msgspec.msgpack.encode(fields)


_KINDS = (-1, 0, *range(1, 31), 99, 2**31, 2**63)
_NUMBERS = (-1, 0, 1, 2, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
_TEXTS = (
    "",
    "#",
    "a#",
    "#1",
    "nobody#1",
    "topics/a.b#0",
    "../../etc#1",
    "actors://",
    "actors://ghost/actor#7.1",
    "actors://ghost@:0/actor#7.1",
    "actors://ghost@[::1/actor#7.1",
    "actors://victim@victim:1/target#1.1",
    "\x00\n\x1b[31m",
    "x" * 5000,
)
_TAGS = (
    None,
    "os.system",
    "actors.Attach",
    "benchmarks.fuzz.actors_under_fire.Number",
    "benchmarks.fuzz.actors_under_fire.Echo",
    "builtins.ValueError",
    "",
)


def _other(value: object, at: int, chance: random.Random) -> object:
    if at == 0:
        return chance.choice(_KINDS)
    if at in {1, 2}:
        return None if at == 2 and chance.random() < 0.2 else chance.choice(_TEXTS)
    if at == 4:
        return chance.choice(_TAGS)
    if at == 5 and isinstance(value, bytes):
        return mutate(value or b"\xc0", chance)
    return chance.choice(_NUMBERS)
