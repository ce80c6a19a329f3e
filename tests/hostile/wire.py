"""Bad inputs on the wire: below the protocol, in its handshake, and within a session."""

from __future__ import annotations

import asyncio
import random
import struct

import msgspec
import pytest

from actors import DeadLetter
from actors.wire import Kind
from benchmarks.fuzz import zmtp
from benchmarks.fuzz.actors_under_fire import Number
from serialization import Codec, default_registry, pack_repeat
from tests.hostile.stage import Hosted, Stage, record
from tests.hostile.table import Table
from transport import wire
from transport.wire import Self

TABLE = Table("wire")
row = TABLE.row

ECHO = "tests.actors.remote_kit.Echo"
_codec = Codec(default_registry)


async def cut_off(*streams: zmtp.Stream) -> None:
    """Wait until the node has hung up on each."""
    async with asyncio.timeout(5):
        await asyncio.gather(*(stream.ended() for stream in streams))


# --- below the protocol -----------------------------------------------------------------------


@row("half-greeting", "half a greeting, held open by 50 clients", "cut off after the time for it")
async def half_greeting(stage: Stage) -> None:
    host = await stage.host()
    streams = [await stage.stream(host) for _ in range(50)]
    for stream in streams:
        await stream.send(zmtp.greeting()[:32])
    assert await stage.member(host)
    await cut_off(*streams)


@row("silence", "a connection that says nothing", "cut off after the time for the handshake")
async def silence(stage: Stage) -> None:
    await cut_off(await stage.stream(await stage.host()))


@row("http", "`GET / HTTP/1.1`", "cut off; no byte of it reaches the node")
async def http(stage: Stage) -> None:
    host = await stage.host()
    stream = await stage.stream(host)
    await stream.send(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n" + bytes(64))
    await cut_off(stream)
    assert host.node.stats().rejected == 0


@row("tls", "a TLS ClientHello", "cut off; no byte of it reaches the node")
async def tls(stage: Stage) -> None:
    host = await stage.host()
    stream = await stage.stream(host)
    await stream.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(128))
    await cut_off(stream)
    assert host.node.stats().rejected == 0


@row("mechanism", "a greeting with a mechanism nobody knows", "cut off")
async def mechanism(stage: Stage) -> None:
    stream = await stage.stream(await stage.host())
    await stream.send(zmtp.greeting(mechanism=b"KERBEROS"))
    await cut_off(stream)


@row("plain", "a greeting with the mechanism PLAIN", "cut off")
async def plain(stage: Stage) -> None:
    stream = await stage.stream(await stage.host())
    await stream.send(zmtp.greeting(mechanism=b"PLAIN") + zmtp.command(b"HELLO", b"\x01a\x01b"))
    await cut_off(stream)


@row(
    "zmtp-1", "the greeting of ZMTP 1.0, then garbage", "dropped and counted as no message of ours"
)
async def zmtp_1(stage: Stage) -> None:
    host = await stage.host()
    stream = await stage.stream(host)
    await stream.send(b"\x01\x00" + b"\x08\x00garbage" * 3)
    await stage.until(lambda: host.rejected("short") + host.rejected("magic"))


@row("message-first", "a message where READY belongs", "cut off")
async def message_first(stage: Stage) -> None:
    stream = await stage.stream(await stage.host())
    await stream.send(zmtp.greeting() + zmtp.frame(wire.encode_open(1, 2)))
    await cut_off(stream)


@row("ready-garbage", "a READY whose properties are cut short", "cut off")
async def ready_garbage(stage: Stage) -> None:
    stream = await stage.stream(await stage.host())
    await stream.send(zmtp.greeting() + zmtp.command(b"READY", b"\x0bSocket-Type\xff\xff"))
    await cut_off(stream)


@row("socket-type", "a peer that says it is a PUB socket", "cut off")
async def socket_type(stage: Stage) -> None:
    stream = await stage.stream(await stage.host())
    await stream.send(zmtp.greeting() + zmtp.ready(b"PUB"))
    await cut_off(stream)


@row("size-2-63", "a frame that declares 2^63 bytes", "cut off, and no memory is set aside")
async def size_2_63(stage: Stage) -> None:
    talker = await stage.talker(await stage.host())
    await talker.send(zmtp.frame(b"x", declared=2**63))
    await cut_off(talker)


@row("size-over", "a frame that declares a byte more than `max_frame`", "cut off")
async def size_over(stage: Stage) -> None:
    talker = await stage.talker(await stage.host())
    await talker.send(zmtp.frame(b"x", declared=(1 << 20) + 1))
    await cut_off(talker)


async def _more(talker: zmtp.Stream) -> None:
    """Send 4 GiB of a message that does not end."""
    frame = zmtp.frame(bytes(1 << 16), zmtp.MORE)
    for _ in range(1 << 16):
        await talker.send(frame)
        await asyncio.sleep(0)


@row(
    "endless-more",
    "MORE frames without end",
    "the connection is ended, and the memory given back",
)
async def endless_more(stage: Stage) -> None:
    import psutil

    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    host = await stage.host(options={"max_buffers": 16})
    talker, before = await stage.talker(host), resident()
    with pytest.raises(ConnectionError):
        await _more(talker)
    await stage.until(lambda: host.rejected("unauthenticated"))
    await stage.until(lambda: resident() - before < 20 << 20)


@row("reset", "200 connections that end at once by RST", "gone; nothing is logged of them")
async def reset(stage: Stage) -> None:
    host = await stage.host()
    for _ in range(200):
        stream = await stage.stream(host)
        stream.writer.write(zmtp.greeting()[:12])
        stream.close(reset=True)
    assert host.node.stats().rejected == 0


@row("reconnects", "500 connections in a second that say HELLO and go", "none becomes a member")
async def reconnects(stage: Stage) -> None:
    host = await stage.host()
    node = Self("flapper", 1, ("tcp://127.0.0.1:9",), b"\x91\x90", 1024)
    hello = zmtp.greeting() + zmtp.ready() + zmtp.frame(wire.encode_hello(node))
    for _ in range(500):
        stream = await stage.stream(host)
        await stream.send(hello)
        stream.close()
    assert host.peers == []


# --- the handshake ----------------------------------------------------------------------------


async def dropped(stage: Stage, code: str, *frames: bytes) -> Hosted:
    """A stranger says it; it is dropped for that reason."""
    host = await stage.host()
    _, call = await stage.stranger(host)
    await call.say(*frames)
    await stage.until(lambda: host.rejected(code))
    assert host.peers == []
    return host


@row("empty", "an empty message", "dropped, counted as `short`")
async def empty(stage: Stage) -> None:
    await dropped(stage, "short", b"")


@row("magic", "a message with a wrong magic", "dropped, counted as `magic`")
async def magic(stage: Stage) -> None:
    await dropped(stage, "magic", b"ACTZ\x01\x01\x00\x00")


@row("zap", "a ZAP request, as only an authenticator gets them", "dropped, counted as `magic`")
async def zap(stage: Stage) -> None:
    await dropped(stage, "magic", b"1.0     ", b"1", b"global", b"10.0.0.1", b"admin", b"CURVE")


@row("version", "a HELLO of version 9", "REFUSED `version`, readable in every version")
async def version(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.stranger(host)
    hello = bytearray(wire.encode_hello(made.node))
    hello[4] = 9
    await call.say(bytes(hello))
    refusal = wire.decode_refused(await call.hear(wire.REFUSED))
    assert refusal.code == "version"
    assert "version 9" in refusal.reason


@row("no-hello", "a BATCH before any HELLO", "REFUSED `reset`; nothing of it is delivered")
async def no_hello(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.stranger(host)
    await call.say(made.batch(record(Kind.TELL, host.key), 1))
    assert wire.decode_refused(await call.hear(wire.REFUSED)).code == "reset"
    assert host.rejected("unknown-source") == 1
    assert host.node.stats().told == 0


HELLO = b"ACTS\x01\x01\x00\x00"


@row("c1", "a HELLO of 0xc1, the byte that msgpack never uses", "dropped, counted as `malformed`")
async def c1(stage: Stage) -> None:
    await dropped(stage, "malformed", HELLO + b"\xc1")


@row("nested", "a HELLO of arrays, 10,000 deep", "dropped, counted as `malformed`")
async def nested(stage: Stage) -> None:
    await dropped(stage, "malformed", HELLO + b"\x91" * 10_000)


@row("huge-array", "a HELLO that declares an array of 2^32 - 1", "dropped as `malformed`")
async def huge_array(stage: Stage) -> None:
    await dropped(stage, "malformed", HELLO + b"\xdd\xff\xff\xff\xff")


@row("hello-utf8", "a HELLO whose name is no UTF-8", "dropped, counted as `malformed`")
async def hello_utf8(stage: Stage) -> None:
    await dropped(stage, "malformed", HELLO + b"\x95\xa2\xc3\x28\x01\x91\xa1e\xc4\x00\x7f")


def hello(name: str = "ghost", number: int = 1, endpoint: str = "tcp://h:1") -> bytes:
    """A HELLO that nothing checks on the way out."""
    return HELLO + msgspec.msgpack.encode([name, number, [endpoint], b"\x91\x90", 4096])


@row("hello-name", "a HELLO with the name `../../etc/passwd`", "dropped, counted as `malformed`")
async def hello_name(stage: Stage) -> None:
    await dropped(stage, "malformed", hello("../../etc/passwd"))


@row(
    "hello-newline",
    "a HELLO with a line break in the name",
    "dropped; no line of the log is forged",
)
async def hello_newline(stage: Stage) -> None:
    await dropped(stage, "malformed", hello("ghost\nCRITICAL all is lost"))


@row("hello-endpoint", "a HELLO with an endpoint nobody can dial", "dropped as `malformed`")
async def hello_endpoint(stage: Stage) -> None:
    await dropped(stage, "malformed", hello(endpoint="tcp://h:99999"))


@row("hello-incarnation", "a HELLO with the incarnation -1", "dropped, counted as `malformed`")
async def hello_incarnation(stage: Stage) -> None:
    await dropped(stage, "malformed", hello(number=-1))


@row("oversized", "a handshake of more than 4 MiB", "cut off by ZeroMQ, or dropped as `oversized`")
async def oversized(stage: Stage) -> None:
    host = await stage.host(options={"max_frame": 8 << 20})
    _, call = await stage.stranger(host)
    await call.say(HELLO + bytes(5 << 20))
    await stage.until(lambda: host.rejected("oversized"))


@row("two-frames", "a HELLO of two frames", "dropped, counted as `frames`")
async def two_frames(stage: Stage) -> None:
    await dropped(stage, "frames", hello(), b"more")


@row("metadata", "a HELLO whose metadata are no msgpack", "REFUSED `nonsense`")
async def metadata(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.stranger(host)
    await call.say(wire.encode_hello(Self("ghost", 1, (made.endpoint,), b"\xc1", 4096)))
    assert wire.decode_refused(await call.hear(wire.REFUSED)).code == "nonsense"


@row("self", "a connection to itself: its own name and incarnation", "REFUSED `self`")
async def itself(stage: Stage) -> None:
    host = await stage.host()
    _, call = await stage.stranger(host)
    own = host.node.members[0]
    await call.say(hello(own.name, own.incarnation, str(own.address)))
    assert wire.decode_refused(await call.hear(wire.REFUSED)).code == "self"


@row("name-taken", "a HELLO with the name of a living node", "REFUSED `name-taken`")
async def name_taken(stage: Stage) -> None:
    host = await stage.host()
    _, call = await stage.stranger(host)
    await call.say(hello(host.node.name, 5))
    assert wire.decode_refused(await call.hear(wire.REFUSED)).code == "name-taken"


@row("unreachable", "OPEN by who cannot be dialled back", "REFUSED `unreachable`; it never joined")
async def unreachable(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.stranger(host)
    await made.transport.close(0)
    made = await stage.impostor("deaf")
    made.transport.serve(lambda source, frames: None)
    call = made.call(str(host.node.address))
    await call.say(wire.encode_hello(made.node))
    await call.hear(wire.WELCOME)
    await call.say(wire.encode_open(77, 0))
    assert wire.decode_refused(await call.hear(wire.REFUSED)).code == "unreachable"
    assert host.peers == []


@row(
    "directory", "a directory that is no list of endpoints", "the peer is up, and nobody is dialled"
)
async def directory(stage: Stage) -> None:
    host = await stage.host()
    made = await stage.impostor()
    made.directory = b"\x92\xa3\xed\xa0\x80\xa8tcp://\xff\xff"
    await made.join(str(host.node.address))
    await stage.until(lambda: host.peers == ["impostor"])


@row(
    "directory-endpoints",
    "a directory of malformed endpoints",
    "the peer is up, and they are not dialled",
)
async def directory_endpoints(stage: Stage) -> None:
    host = await stage.host()
    made = await stage.impostor()
    made.directory = msgspec.msgpack.encode(["tcp://:0", "nonsense", "tcp://h:99999"])
    await made.join(str(host.node.address))
    await stage.until(lambda: host.peers == ["impostor"])
    assert host.node._mesh is not None
    assert host.node._mesh.stats().dialling == 0


# --- within a session -------------------------------------------------------------------------


@row(
    "replayed", "a batch that is sent twice", "delivered once; the second is counted as `duplicate`"
)
async def replayed(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.member(host)
    batch = made.batch(record(Kind.TELL, host.key), 1)
    await call.say(batch)
    await call.say(batch)
    await stage.until(lambda: host.rejected("duplicate"))
    assert host.node.stats().told == 1


@row("stale", "a batch of an earlier session", "dropped, counted as `stale`")
async def stale(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.member(host)
    await call.say(made.batch(record(Kind.TELL, host.key), 1, own=76))
    await stage.until(lambda: host.rejected("stale"))
    assert host.node.stats().told == 0


@row("gap", "a batch that comes too early", "dropped, counted as `gap`, and asked for again")
async def gap(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.member(host)
    await call.say(made.batch(record(Kind.TELL, host.key), 1, sequence=5))
    await stage.until(lambda: host.rejected("gap"))
    assert host.node.stats().told == 0


async def expelled(stage: Stage, code: str, host: Hosted, *frames: bytes) -> None:
    """A member says it: the session is over, for that reason."""
    _, call = await stage.member(host)
    await call.say(*frames)
    await stage.until(lambda: not host.peers)
    assert host.rejected(code) == 1


@row("acknowledged", "an acknowledgement of what was never sent", "the session is over: `session`")
async def acknowledged(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.member(host)
    await call.say(wire.encode_acknowledgement(77, made.other, 99))
    await stage.until(lambda: not host.peers)
    assert host.rejected("session") == 1


@row("short-batch", "a BATCH that is cut off in its header", "the session is over: `short`")
async def short_batch(stage: Stage) -> None:
    await expelled(stage, "short", await stage.host(), wire.BATCH_PREFIX + b"\x00" * 12)


@row(
    "buffers",
    "a BATCH that declares 2^32 - 1 buffers and has none",
    "the session is over: `truncated`",
)
async def buffers(stage: Stage) -> None:
    host = await stage.host()
    made, call = await stage.member(host)
    await call.say(made.batch(b"", 0, buffers=2**32 - 1))
    await stage.until(lambda: not host.peers)
    assert host.rejected("truncated") == 1


@row("out-of-order", "a WELCOME within a session", "the session is over: `order`")
async def out_of_order(stage: Stage) -> None:
    node = Self("ghost", 1, ("tcp://h:1",), b"", 4096)
    await expelled(stage, "order", await stage.host(), wire.encode_welcome(node, b""))


async def batch_is_nonsense(stage: Stage, records: bytes, count: int = 1) -> None:
    """A member sends it as its records: it is given up, and nothing was delivered."""
    host = await stage.host()
    made, call = await stage.member(host)
    await call.say(made.batch(records, count))
    await stage.until(lambda: not host.peers)
    assert host.node.stats().told == 0


@row("record-c1", "a record of 0xc1", "the session is over; nothing was delivered")
async def record_c1(stage: Stage) -> None:
    await batch_is_nonsense(stage, b"\xc1")


@row(
    "record-nested", "a record of arrays, 10,000 deep", "the session is over; nothing was delivered"
)
async def record_nested(stage: Stage) -> None:
    await batch_is_nonsense(stage, b"\x91" * 10_000)


@row(
    "record-utf8", "a record whose target is no UTF-8", "the session is over; nothing was delivered"
)
async def record_utf8(stage: Stage) -> None:
    await batch_is_nonsense(stage, b"\x97\x01\xa2\xc3\x28\xc0\x00\xc0\xc4\x01\xc0\x00")


@row(
    "record-huge",
    "a record whose target declares 4 GiB",
    "the session is over; no memory is set aside",
)
async def record_huge(stage: Stage) -> None:
    await batch_is_nonsense(stage, b"\x97\x01\xdb\xff\xff\xff\xffx")


@row(
    "record-count",
    "a batch that declares 2^32 - 1 records and has one that is cut off",
    "the session is over",
)
async def record_count(stage: Stage) -> None:
    await batch_is_nonsense(stage, record(Kind.TELL, "a#1")[:-3], 2**32 - 1)


@row(
    "record-correlation",
    "an envelope with the correlation -1",
    "the session is over; nothing was delivered",
)
async def record_correlation(stage: Stage) -> None:
    await batch_is_nonsense(stage, record(Kind.ASK, "servant#1", correlation=-1))


@row("repeat-first", "a repeat with no envelope before it", "the session is over")
async def repeat_first(stage: Stage) -> None:
    await batch_is_nonsense(stage, pack_repeat(0, b"\xc0"))


@row(
    "kind", "a record of the kind 99", "dropped, counted as `record`; its neighbours are delivered"
)
async def unknown_kind(stage: Stage) -> None:
    host = await stage.host()
    await stage.says(host, record(99, host.key), record(Kind.TELL, host.key))
    await stage.until(lambda: host.node.stats().told == 1)
    assert host.rejected("record") == 1


@row("kind-0", "a record of the kind 0", "a dead letter for the recipient, counted as `record`")
async def kind_0(stage: Stage) -> None:
    host = await stage.host()
    await stage.says(host, record(0, host.key, correlation=5))
    await stage.until(lambda: host.rejected("record"))
    assert host.node.stats().handled == 0


async def one_dead_letter(stage: Stage, host: Hosted, *records: bytes) -> DeadLetter:
    """A member sends it; it becomes one dead letter, and the member stays."""
    await stage.says(host, *records)
    await stage.until(lambda: host.dead)
    assert host.peers == ["impostor"]
    (letter,) = host.dead
    return letter


@row(
    "os-system",
    "a message of the type `os.system`",
    "a dead letter `unknown type`; nothing is imported",
)
async def os_system(stage: Stage) -> None:
    host = await stage.host()
    body = _codec.encode(["rm -rf /"]).body
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, body, tag="os.system"))
    assert letter.reason == "unknown type"
    assert "os.system" in str(letter.message)


@row(
    "pickle",
    "a pickle as the body of a message",
    "a dead letter `undecodable`; nothing is unpickled",
)
async def pickled(stage: Stage) -> None:
    import pickle

    host = await stage.host()
    body = pickle.dumps({"a": 1})
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, body, tag=ECHO))
    assert letter.reason == "undecodable"


@row("body-c1", "a body of 0xc1", "a dead letter `undecodable`")
async def body_c1(stage: Stage) -> None:
    host = await stage.host()
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, b"\xc1"))
    assert letter.reason == "undecodable"


@row("body-nested", "a body of arrays, 10,000 deep", "a dead letter `undecodable`")
async def body_nested(stage: Stage) -> None:
    host = await stage.host()
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, b"\x91" * 10_000))
    assert letter.reason == "undecodable"


@row("body-huge", "a body that declares an array of 2^32 - 1", "a dead letter `undecodable`")
async def body_huge(stage: Stage) -> None:
    host = await stage.host()
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, b"\xdd" + b"\xff" * 4))
    assert letter.reason == "undecodable"


@row("body-ext", "a body of an ext type that nobody knows", "a dead letter `undecodable`")
async def body_ext(stage: Stage) -> None:
    host = await stage.host()
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, b"\xd4\x7f\x00"))
    assert letter.reason == "undecodable"
    assert "unknown ext type 127" in str(letter.message)


@row("body-duplicates", "a map with a key twice", "the last one counts, as msgpack has it")
async def body_duplicates(stage: Stage) -> None:
    host = await stage.host()
    body = b"\x91\x82\xa1a\x01\xa1a\x02"
    made = await stage.says(host, record(Kind.ASK, host.key, body, tag=ECHO, correlation=3))
    answer = await stage.heard(made, Kind.REPLY)
    assert _codec.decode(answer[4], answer[5]) == {"a": 2}


@row(
    "body-type",
    "a body that does not fit its class",
    "the asker gets MessageDecodeError; one dead letter",
)
async def body_type(stage: Stage) -> None:
    default_registry.by_tag[_codec.encode(Number(1)).tag or ""]
    host = await stage.host()
    tag, _, _ = _codec.encode(Number(1))
    bad = record(Kind.ASK, host.key, b"\x91\xa1x", tag=tag, correlation=3)
    made = await stage.says(host, bad)
    answer = await stage.heard(made, Kind.ERROR)
    assert type(_codec.decode(answer[4], answer[5])).__name__ == "MessageDecodeError"
    assert [letter.reason for letter in host.dead] == ["undecodable"]


@row(
    "body-zone",
    "a datetime in the zone `../../etc/passwd`",
    "a dead letter `undecodable`; no file is opened",
)
async def body_zone(stage: Stage) -> None:
    host = await stage.host()
    moment = struct.pack(">BqHBBBBBI", 0, 0, 2026, 1, 1, 0, 0, 0, 0) + b"../../etc/passwd"
    body = b"\xc7" + bytes((len(moment), 8)) + moment
    letter = await one_dead_letter(stage, host, record(Kind.TELL, host.key, body))
    assert letter.reason == "undecodable"


@row(
    "forged-sender",
    "a message whose sender is an actor of a third node",
    "delivered; who answers finds nobody",
)
async def forged_sender(stage: Stage) -> None:
    host = await stage.host()
    forged = "actors://victim@127.0.0.1:9/root#7.1"
    await stage.says(host, record(Kind.TELL, host.key, sender=forged))
    await stage.until(lambda: host.node.stats().told == 1)
    host.node.ref(forged).tell("who are you?")
    await stage.until(lambda: len(host.dead) == 2)
    assert host.node.stats().undelivered == 1


@row(
    "malformed-sender", "a message whose sender is no address", "a dead letter; counted as `record`"
)
async def malformed_sender(stage: Stage) -> None:
    host = await stage.host()
    bad = record(Kind.TELL, host.key, sender="actors://\x00")
    letter = await one_dead_letter(stage, host, bad)
    assert letter.reason == "undecodable"
    assert host.rejected("record") == 1


@row("unknown-target", "a message for an actor that is not there", "a dead letter")
async def unknown_target(stage: Stage) -> None:
    host = await stage.host()
    await one_dead_letter(stage, host, record(Kind.TELL, "nobody#99"))


@row(
    "unknown-correlation", "a reply to a question that nobody asked", "dropped; the session goes on"
)
async def unknown_correlation(stage: Stage) -> None:
    host = await stage.host()
    await stage.says(
        host,
        record(Kind.REPLY, "", correlation=12345),
        record(Kind.ERROR, "", correlation=12345),
        record(Kind.TELL, host.key),
    )
    await stage.until(lambda: host.node.stats().told == 1)
    assert host.peers == ["impostor"]


@row(
    "last-correlation",
    "a COUNTED_SEND with the greatest correlation there is",
    "a dead letter; counted as `record`",
)
async def last_correlation(stage: Stage) -> None:
    host = await stage.host()
    bad = record(Kind.COUNTED_SEND, host.key, correlation=2**64 - 1)
    await one_dead_letter(stage, host, bad)
    assert host.rejected("record") == 1


async def signal_refused(stage: Stage, kind: Kind, value: object, **more: str) -> Hosted:
    """A member gives a signal that makes no sense: it is dropped and counted, and no more."""
    host = await stage.host()
    body = _codec.encode(value)
    target = more.get("target", host.key)
    bad = record(kind, target, body.body, tag=body.tag, correlation=7, sender=more.get("sender"))
    await stage.says(host, bad, record(Kind.TELL, host.key))
    await stage.until(lambda: host.node.stats().told == 1)
    assert host.rejected("record") == 1
    return host


@row(
    "command",
    "an order that no parent gives",
    "refused with MessageDecodeError; counted as `record`",
)
async def command(stage: Stage) -> None:
    await signal_refused(stage, Kind.COMMAND, ["explode", 1])


@row(
    "notice",
    "a notice of an end with a reason that is none",
    "counted as `record`; no watcher hears of it",
)
async def notice(stage: Stage) -> None:
    await signal_refused(stage, Kind.TERMINATED, ["because", ""], sender="actor#1")


@row("probe", "a probe for a cycle that is none", "counted as `record`")
async def probe(stage: Stage) -> None:
    await signal_refused(stage, Kind.PROBE, 5)


@row("done", "a report that more was handled than was sent", "counted as `record`")
async def done(stage: Stage) -> None:
    await signal_refused(stage, Kind.DONE, [1, 2**31])


@row("gossip", "gossip that is no gossip", "counted as `record`")
async def gossip(stage: Stage) -> None:
    await signal_refused(stage, Kind.GOSSIP, b"\x92\x91\xa4ping\xc1")


@row("word", "a word of reliable delivery that is none", "counted as `record`")
async def word(stage: Stage) -> None:
    await signal_refused(stage, Kind.RELIABLE, [1, 2, 3])


async def not_spawned(stage: Stage, value: list[object], target: str) -> Hosted:
    """A member wants it spawned here: it is not, and who asks it learns why."""
    host = await stage.host()
    body = _codec.encode(value).body
    made, call = await stage.member(host)
    spawn = record(Kind.SPAWN, target, body, sender=None)
    ask = record(Kind.ASK, target, correlation=9)
    await call.say(made.batch(spawn + ask, 2))
    answer = await stage.heard(made, Kind.ERROR)
    assert type(_codec.decode(answer[4], answer[5])).__name__ == "ActorStoppedError"
    assert host.node.stats().actors == 1
    return host


@row(
    "spawn-os",
    "a spawn of the class `os.system`",
    "it ends with `error`; nothing is imported or called",
)
async def spawn_os(stage: Stage) -> None:
    await not_spawned(stage, ["os.system", ["ls"], {}, "temporary", 1.0, None], "a#7-1")


@row("spawn-path", "a spawn at the path `../servant`", "it ends with `error`")
async def spawn_path(stage: Stage) -> None:
    servant = "tests.actors.remote_kit.Servant"
    await not_spawned(stage, [servant, [], {}, "temporary", 1.0, None], "../servant#7-1")


@row(
    "spawn-key",
    "a spawn under the key of a living actor",
    "refused; the actor is still the one it was",
)
async def spawn_key(stage: Stage) -> None:
    host = await stage.host()
    servant = "tests.actors.remote_kit.Servant"
    parent = "actors://impostor/actor#1.1"
    body = _codec.encode([servant, [], {}, "temporary", 1.0, parent]).body
    cell = host.servant._target
    await stage.says(host, record(Kind.SPAWN, host.key, body), record(Kind.TELL, host.key))
    await stage.until(lambda: host.node.stats().told == 1)
    assert host.node._runtime is not None
    assert host.node._runtime.delivery.cells[host.key] is cell


@row("noise", "1,000 random messages of a stranger", "all dropped and counted")
async def noise(stage: Stage) -> None:
    host = await stage.host()
    _, call = await stage.stranger(host)
    chance = random.Random(1)
    for _ in range(1000):
        await call.say(chance.randbytes(chance.randrange(64)))
    await stage.until(lambda: host.node.stats().rejected == 1000)
