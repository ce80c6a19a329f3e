"""The bytes of docs/protocol.md: whoever changes them changes the version."""

from __future__ import annotations

import msgspec
import pytest

from transport import TransportOptions, wire
from transport.wire import Goodbye, Self, WireError

NODE = Self("a", 7, ("tcp://h:1",), b"", 65536)
SELF = "95 a1 61 07 91 a9 74 63 70 3a 2f 2f 68 3a 31 c4 00 ce 00 01 00 00"


def test_handshake_messages_are_these_bytes() -> None:
    """HELLO, WELCOME, REFUSED, OPEN, OPENED."""
    assert wire.encode_hello(NODE) == bytes.fromhex(f"41 43 54 53 01 01 00 00 {SELF}")
    welcome = f"41 43 54 53 01 02 00 00 92 {SELF} c4 01 64"
    assert wire.encode_welcome(NODE, b"d") == bytes.fromhex(welcome)
    refused = "41 43 54 53 01 03 00 00 93 a4 73 65 6c 66 a3 79 6f 75 c0"
    assert wire.encode_refused("self", "you", None) == bytes.fromhex(refused)
    opening = "41 43 54 53 01 04 00 00 0000000000000005 0000000000000000"
    assert wire.encode_open(5, 0) == bytes.fromhex(opening)
    opened = "41 43 54 53 01 05 00 00 0000000000000006 0000000000000005 0000000000000003"
    assert wire.encode_opened(6, 5, 3) == bytes.fromhex(opened)


def test_session_messages_are_these_bytes() -> None:
    """BATCH with and without its flag, ACK, GOODBYE."""
    numbers = "0000000000000005 0000000000000006"
    counts = "0000000000000001 0000000000000002 00000003 00000004"
    for flag, detached in (("00", False), ("01", True)):
        batch = f"41 43 54 53 01 06 00 {flag} {numbers} {counts}"
        assert wire.encode_batch_header(5, 6, 1, 2, 3, 4, detached) == bytes.fromhex(batch)
    ack = f"41 43 54 53 01 07 00 00 {numbers} 0000000000000009"
    assert wire.encode_acknowledgement(5, 6, 9) == bytes.fromhex(ack)
    goodbye = f"41 43 54 53 01 08 00 00 {numbers} 0000000000000009 92 a4 6c 65 66 74 a2 6f 6b"
    assert wire.encode_goodbye(5, 6, 9, "left", "ok") == bytes.fromhex(goodbye)
    assert wire.decode_goodbye(bytes.fromhex(goodbye)) == Goodbye("left", "ok")


def test_elements_of_later_versions_are_ignored() -> None:
    """An array may have grown behind what we know."""
    hello = bytearray(wire.encode_hello(NODE))
    hello[8] = 0x96
    assert wire.decode_hello(bytes(hello) + b"\xc0") == NODE


def test_words_are_cut_to_what_peers_accept() -> None:
    """A handler's reason may be long."""
    refusal = wire.decode_refused(wire.encode_refused("c" * 100, "r" * 5000, NODE))
    assert (len(refusal.code), len(refusal.reason), refusal.node) == (64, 1000, NODE)


def test_metadata_are_bounded() -> None:
    """A HELLO with the most that they may be is less than half of what a stranger may send."""
    largest = wire.encode_hello(msgspec.structs.replace(NODE, metadata=bytes(wire.MAX_METADATA)))
    assert len(wire.decode_hello(largest).metadata) == wire.MAX_METADATA
    assert len(largest) < 0.51 * TransportOptions().unauthenticated_bytes
    with pytest.raises(WireError) as caught:
        wire.decode_hello(
            wire.encode_hello(msgspec.structs.replace(NODE, metadata=bytes(wire.MAX_METADATA + 1)))
        )
    assert caught.value.code == "malformed"
