"""The hand-shake machines: the right order works, and every other one ends in CLOSED."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport import wire
from transport.handshake import (
    Acceptor,
    AcceptorState,
    Departure,
    Dialler,
    DiallerState,
    Welcome,
)
from transport.wire import Acknowledgement, Goodbye, Opening, Refusal, Self, WireError

ONE = Self("one", 1, ("tcp://h:1",), b"", 1 << 20)
OTHER = Self("other", 2**64 - 1, ("tcp://h:2", "ipc:///x"), b"meta", 1 << 20)

MESSAGES = {
    "hello": wire.encode_hello(ONE),
    "welcome": wire.encode_welcome(OTHER, b"directory"),
    "refused": wire.encode_refused("code", "reason", None),
    "open": wire.encode_open(5, 0),
    "opened": wire.encode_opened(6, 5, 0),
    "batch": wire.encode_batch_header(5, 6, 1, 0, 1, 0, False) + b"x",
    "ack": wire.encode_acknowledgement(5, 6, 3),
    "goodbye": wire.encode_goodbye(5, 6, 3, "left", "done"),
    "junk": b"junk",
}
words = st.lists(st.sampled_from(sorted(MESSAGES)), max_size=8)


def test_the_right_order_leads_to_ready_and_open() -> None:
    """Both machines, word by word."""
    dialler, acceptor = Dialler(), Acceptor()
    assert acceptor.receive([dialler.greet(ONE)]) == ONE
    assert dialler.receive([acceptor.welcome(OTHER, b"d")]) == Welcome(OTHER, b"d")
    assert acceptor.receive([dialler.open(5, 0)]) == Opening(5, 0)
    assert dialler.receive([acceptor.opened(6, 5, 9)]) == Opening(6, 5, 9)
    assert (dialler.state, acceptor.state) == (DiallerState.READY, AcceptorState.OPEN)
    assert acceptor.receive([MESSAGES["ack"]]) == Acknowledgement(5, 6, 3)
    left = Departure(Acknowledgement(5, 6, 3), Goodbye("left", "done"))
    assert acceptor.receive([MESSAGES["goodbye"]]) == left
    assert acceptor.state is AcceptorState.CLOSED


def test_either_side_may_refuse() -> None:
    """A refusal closes both machines."""
    dialler, acceptor = Dialler(), Acceptor()
    acceptor.receive([dialler.greet(ONE)])
    refusal = dialler.receive([acceptor.refuse("name-taken", "it is", OTHER)])
    assert refusal == Refusal("name-taken", "it is", OTHER)
    assert (dialler.state, acceptor.state) == (DiallerState.CLOSED, AcceptorState.CLOSED)

    dialler, acceptor = Dialler(), Acceptor()
    acceptor.receive([dialler.greet(ONE)])
    dialler.receive([acceptor.welcome(OTHER, b"")])
    assert acceptor.receive([dialler.refuse("no", "why", ONE)]) == Refusal("no", "why", ONE)
    assert (dialler.state, acceptor.state) == (DiallerState.CLOSED, AcceptorState.CLOSED)


@given(words)
def test_a_dialler_survives_any_order(names: list[str]) -> None:
    """Only WireError is raised, and CLOSED is final."""
    dialler = Dialler()
    dialler.greet(ONE)
    for name in names:
        before = dialler.state
        try:
            event = dialler.receive([MESSAGES[name]])
        except WireError:
            assert dialler.state is DiallerState.CLOSED
        else:
            assert before is not DiallerState.CLOSED
            if isinstance(event, Welcome):
                dialler.open(5, 0)


@given(words)
def test_an_acceptor_survives_any_order(names: list[str]) -> None:
    """Only WireError is raised, CLOSED is final, and OPEN is only reached by HELLO and OPEN."""
    acceptor = Acceptor()
    taken = []
    for name in names:
        before = acceptor.state
        try:
            event = acceptor.receive([MESSAGES[name]])
        except WireError:
            assert acceptor.state is AcceptorState.CLOSED
            continue
        assert before is not AcceptorState.CLOSED
        taken.append(name)
        if isinstance(event, Self):
            acceptor.welcome(OTHER, b"")
        elif isinstance(event, Opening):
            acceptor.opened(6, 5, 0)
    if acceptor.state is AcceptorState.OPEN:
        assert list(dict.fromkeys(taken))[:2] == ["hello", "open"]


def test_words_that_come_twice_do_no_harm() -> None:
    """HELLO and OPEN are answered again; a second WELCOME, OPENED or late HELLO says nothing."""
    dialler, acceptor = Dialler(), Acceptor()
    hello = dialler.greet(ONE)
    assert acceptor.receive([hello]) == acceptor.receive([hello]) == ONE
    welcome = acceptor.welcome(OTHER, b"")
    assert acceptor.welcome(OTHER, b"") == welcome
    assert dialler.receive([welcome]) == Welcome(OTHER, b"")
    opening = dialler.open(5, 0)
    assert dialler.receive([welcome]) is None
    assert acceptor.receive([opening]) == acceptor.receive([opening]) == Opening(5, 0)
    opened = acceptor.opened(6, 5, 0)
    assert acceptor.opened(6, 5, 0) == opened
    assert dialler.receive([opened]) == Opening(6, 5, 0)
    for late in (welcome, opened, acceptor.opened(6, 5, 3)):
        assert dialler.receive([late]) is None
    assert acceptor.receive([hello]) is None
    assert (dialler.state, acceptor.state) == (DiallerState.READY, AcceptorState.OPEN)


@pytest.mark.parametrize(
    "first", [["hello"], ["hello", "open"], ["welcome"], ["welcome", "opened"]], ids="-".join
)
def test_nobody_says_two_things_on_one_connection(first: list[str]) -> None:
    """Another life, or another session, in place of a double closes the machine."""
    machine: Dialler | Acceptor
    if first[0] == "hello":
        machine = Acceptor()
    else:
        machine = Dialler()
        machine.greet(ONE)
    for name in first:
        event = machine.receive([MESSAGES[name]])
        if isinstance(machine, Acceptor):
            machine.welcome(OTHER, b"") if name == "hello" else machine.opened(6, 5, 0)
        elif isinstance(event, Welcome):
            machine.open(5, 0)
    others = {
        "hello": wire.encode_hello(Self("one", 2, ("tcp://h:1",), b"", 1 << 20)),
        "open": wire.encode_open(7, 0),
        "welcome": wire.encode_welcome(Self("other", 3, ("tcp://h:2",), b"", 1 << 20), b""),
        "opened": wire.encode_opened(8, 5, 0),
    }
    with pytest.raises(WireError) as caught:
        machine.receive([others[first[-1]]])
    assert caught.value.code == "order"
    assert machine.state in {DiallerState.CLOSED, AcceptorState.CLOSED}


@pytest.mark.parametrize("code", ["unsettled", "name-taken", "quarantined", "whatever"])
def test_a_refusal_of_an_earlier_word_does_not_end_a_session(code: str) -> None:
    """It answered a double of the HELLO; what ends a session has codes of its own."""
    dialler = Dialler()
    dialler.greet(ONE)
    dialler.receive([MESSAGES["welcome"]])
    dialler.open(5, 0)
    dialler.receive([MESSAGES["opened"]])
    assert dialler.receive([wire.encode_refused(code, "late", None)]) is None
    assert dialler.state is DiallerState.READY
    assert dialler.receive([wire.encode_refused("reset", "gone", None)]) == Refusal("reset", "gone")
    assert dialler.state is DiallerState.CLOSED


@given(st.binary(max_size=200), st.sampled_from(sorted(MESSAGES)), st.integers(0, 60))
def test_damaged_messages_raise_only_wire_errors(noise: bytes, name: str, cut: int) -> None:
    """Truncated, extended and random bytes, in both machines."""
    whole = MESSAGES[name]
    for frame in (noise, whole[:cut], whole + noise, whole[:8] + noise):
        for machine in (Dialler(), Acceptor()):
            with contextlib.suppress(WireError):
                machine.receive([frame])
            for frames in ([], [frame, b"more"]):
                with pytest.raises(WireError):
                    machine.receive(frames)


def test_another_version_is_told_apart_from_junk() -> None:
    """Its code asks for an answer; a refusal is understood in any version."""
    hello = bytearray(MESSAGES["hello"])
    hello[4] = 9
    with pytest.raises(WireError) as caught:
        Acceptor().receive([bytes(hello)])
    assert caught.value.code == "version"
    refused = bytearray(MESSAGES["refused"])
    refused[4] = 9
    dialler = Dialler()
    dialler.greet(ONE)
    assert dialler.receive([bytes(refused)]) == Refusal("code", "reason")


@pytest.mark.parametrize(
    "node",
    [
        Self("", 1, ("tcp://h:1",), b"", 4096),
        Self("sp ace", 1, ("tcp://h:1",), b"", 4096),
        Self("line\n", 1, ("tcp://h:1",), b"", 4096),
        Self("x" * 129, 1, ("tcp://h:1",), b"", 4096),
        Self("one", -1, ("tcp://h:1",), b"", 4096),
        Self("one", 1, (), b"", 4096),
        Self("one", 1, ("tcp://h:1",) * 17, b"", 4096),
        Self("one", 1, ("tcp://h:1",), b"", 1),
    ],
)
def test_a_hello_out_of_bounds_is_malformed(node: Self) -> None:
    """Names, numbers and sizes are checked while they are read."""
    with pytest.raises(WireError) as caught:
        Acceptor().receive([wire.encode_hello(node)])
    assert caught.value.code == "malformed"


def test_an_oversized_hello_is_not_parsed() -> None:
    """Bounds come before work."""
    with pytest.raises(WireError) as caught:
        Acceptor().receive([MESSAGES["hello"] + bytes(5 * 1024 * 1024)])
    assert caught.value.code == "oversized"


def test_steps_out_of_order_are_refused() -> None:
    """Our own side cannot skip one either."""
    for step in (lambda: Dialler().open(1, 0), lambda: Acceptor().opened(1, 2, 0)):
        with pytest.raises(WireError):
            step()
    acceptor = Acceptor()
    acceptor.welcome(ONE, b"")
    acceptor.opened(6, 5, 0)
    with pytest.raises(WireError):
        acceptor.welcome(ONE, b"")
    dialler = Dialler()
    dialler.close()
    with pytest.raises(WireError):
        dialler.greet(ONE)
