"""What another node calls an endpoint may be anything."""

from __future__ import annotations

import pytest

from transport.endpoint import is_dialable
from transport.wire import (
    Self,
    WireError,
    decode_hello,
    decode_welcome,
    encode_hello,
    encode_welcome,
)


@pytest.mark.parametrize("text", ["tcp://h:1", "tcp://[::1]:65535", "ipc:///s", "mem://name"])
def test_endpoints_are(text: str) -> None:
    """One can dial them, whoever is there."""
    assert is_dialable(text)


@pytest.mark.parametrize(
    "text",
    ["", "h:1", "tcp://h", "tcp://h:0", "tcp://*:1", "tcp://h:99999", "tcp://h:" + "9" * 5000],
)
def test_nonsense_is_not(text: str) -> None:
    """Nothing is raised, whatever it is."""
    assert not is_dialable(text)


def test_who_shakes_hands_names_endpoints_alone() -> None:
    """HELLO and WELCOME with any other are malformed."""
    node = Self("a", 1, ("tcp://h:1", "tcp://h:0"), b"", 4096)
    with pytest.raises(WireError, match="tcp://h:0"):
        decode_hello(encode_hello(node))
    with pytest.raises(WireError, match="tcp://h:0"):
        decode_welcome(encode_welcome(node, b""))
