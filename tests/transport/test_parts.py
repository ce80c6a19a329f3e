"""The small parts: endpoints, options, pauses, the journal, clocks."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import transport
from tests.transport.kit import VirtualClock
from transport import EndpointError, LoopClock, TransportOptions
from transport.addresses import advertised
from transport.backoff import Backoff
from transport.context import split_refusal
from transport.endpoint import parse_endpoint
from transport.errors import ActorsError, BindError, RecordTooLargeError, TransportError
from transport.grace import Grace
from transport.journal import Journal


@pytest.mark.parametrize(
    "text",
    [
        "tcp://127.0.0.1:7770",
        "tcp://[::1]:7770",
        "tcp://host.example-1.org:65535",
        "ipc:///run/actors/a.sock",
        "ipc://@abstract",
        "mem://name",
    ],
)
def test_endpoints_are_their_own_text(text: str) -> None:
    """Parsing and printing are inverse."""
    assert str(parse_endpoint(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:1",
        "udp://h:1",
        "tcp://",
        "tcp://h",
        "tcp://:1",
        "tcp://h:",
        "tcp://h:x",
        "tcp://h:-1",
        "tcp://h:65536",
        "tcp://h:٣",
        "tcp://::1:7",
        "tcp://[host]:7",
        "tcp://h/x:7",
        "tcp://h :7",
        "ipc://",
        "ipc://*",
        "ipc://" + "x" * 108,
        "mem://",
        "mem://a\nb",
    ],
)
def test_malformed_endpoints(text: str) -> None:
    """The error names what was given."""
    with pytest.raises(EndpointError) as caught:
        parse_endpoint(text, listening=True)
    assert caught.value.endpoint == text
    assert repr(text) in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_an_error(text: str) -> None:
    """No other exception, and what is accepted survives a round trip."""
    for prefix in ("", "tcp://", "ipc://"):
        try:
            endpoint = parse_endpoint(prefix + text)
        except EndpointError:
            continue
        assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize("text", ["tcp://h:0", "tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1"])
def test_only_listeners_may_leave_it_open(text: str) -> None:
    """A port 0 or a wildcard is fine to bind, and nothing to dial."""
    parse_endpoint(text, listening=True)
    with pytest.raises(EndpointError):
        parse_endpoint(text)


def test_what_is_advertised() -> None:
    """The bound endpoints, wildcards made concrete; or what the user wants, ports filled in."""
    bound = ["tcp://127.0.0.1:50", "ipc:///x"]
    assert advertised(bound, []) == tuple(bound)
    assert advertised(bound, ["tcp://name:0", "tcp://name:7"]) == ("tcp://name:50", "tcp://name:7")
    for text in advertised(["tcp://0.0.0.0:50", "tcp://*:51", "tcp://[::]:52"], []):
        assert parse_endpoint(text).port in {50, 51, 52}
    for text in ("tcp://*:1", "tcp://[::]:0"):
        with pytest.raises(EndpointError):
            advertised(bound, [text])
    with pytest.raises(EndpointError):
        advertised(["ipc:///x"], ["tcp://name:0"])


def test_options_are_checked() -> None:
    """Positive and finite; jitter is a share."""
    options = TransportOptions()
    assert replace(options, linger=0.0, reconnect_jitter=0.0).linger == 0
    for name in ("capacity", "batch_bytes", "ack_delay", "heartbeat_timeout", "recv_budget"):
        for value in (0, -1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match=name):
                TransportOptions(**{name: value})
    with pytest.raises(ValueError, match="jitter"):
        TransportOptions(reconnect_jitter=1.5)


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_pauses_double_within_their_jitter(jitter: float, seed: int) -> None:
    """Up to the maximum, and from the start again after a reset."""
    backoff = Backoff(0.1, 1.0, jitter, random.Random(seed))
    for _ in range(2):
        for expected in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
            assert abs(backoff.next() - expected) <= expected * jitter / 2 + 1e-9
        backoff.reset()


async def test_a_grace_that_begins_anew_is_a_whole_one() -> None:
    """Only the last beginning counts, and a cancelled one is never over."""
    clock, over = VirtualClock(), list[float]()
    grace = Grace(clock, 1.0, lambda: over.append(clock.now()))
    grace.begin()
    await clock.advance(0.9)
    grace.begin()
    await clock.advance(0.9)
    assert over == []
    await clock.advance(0.2)
    assert over == [1001.9]
    grace.begin()
    grace.cancel()
    await clock.advance(5.0)
    assert over == [1001.9]


async def test_a_grace_is_not_over_while_this_process_stands_still() -> None:
    """A timer that is late by half the period says so: the period begins again."""
    clock, over = VirtualClock(), list[float]()
    Grace(clock, 1.0, lambda: over.append(clock.now())).begin()
    clock._now += 1.6
    await clock.advance(0.9)
    assert over == []
    await clock.advance(0.2)
    assert len(over) == 1


async def test_the_journal_counts_all_and_says_little(caplog: pytest.LogCaptureFixture) -> None:
    """One line a peer, reason and minute."""
    clock = VirtualClock()
    journal = Journal(clock, 60.0)
    for _ in range(5):
        journal.reject("short", "a", "3 bytes")
        journal.reject("magic", "a")
        journal.reject("short", "b")
    assert len(caplog.records) == 3
    await clock.advance(61.0)
    journal.reject("short", "a")
    assert len(caplog.records) == 4
    assert journal.rejected == {"short": 11, "magic": 5}
    for number in range(1100):
        journal.reject("short", f"name {number}")
    assert len(journal._complaints) <= 1025


def test_verdicts_split_into_code_and_words() -> None:
    """Where there is no code it is `refused`."""
    assert split_refusal("name-taken: by b: really") == ("name-taken", "by b: really")
    assert split_refusal("go away") == ("refused", "go away")
    assert split_refusal("I say: no") == ("refused", "I say: no")
    assert split_refusal(": no") == ("refused", ": no")


async def test_the_clock_of_the_loop() -> None:
    """Monotonic and wall time, timers that can be cancelled, sleep."""
    clock = LoopClock()
    loop = asyncio.get_running_loop()
    assert clock.now() == pytest.approx(loop.time(), abs=1)
    assert clock.wall() > 1.7e9
    fired: list[str] = []
    clock.call_later(0.0, fired.append, "now")
    clock.call_later(0.05, fired.append, "soon")
    clock.call_later(0.0, fired.append, "never").cancel()
    await clock.sleep(0.1)
    assert fired == ["now", "soon"]


def test_errors_say_what_they_are_about() -> None:
    """Data as attributes, one root, builtin cousins."""
    bind = BindError("tcp://h:1", "Address already in use")
    assert str(bind) == "cannot bind tcp://h:1: Address already in use"
    assert isinstance(bind, TransportError)
    assert isinstance(bind, ActorsError)
    large = RecordTooLargeError(10, 5)
    assert isinstance(large, ValueError)
    assert str(large) == "record part of 10 exceeds the limit of 5"


def test_everything_exported_is_there() -> None:
    """ZeroMQ is loaded when it is asked for."""
    for name in transport.__all__:
        assert getattr(transport, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = transport.nothing
