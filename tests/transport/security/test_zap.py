"""What libzmq is told about keys: the decision by itself, and who answers for it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from tests.transport.security.kit import pair, roster
from transport import Security
from transport.drain import Drain
from transport.security.access import Access
from transport.security.keys import KeyPair
from transport.security.roster import Key
from transport.security.zap import judge
from transport.security.zap_handler import ZAP_ENDPOINT, ZapHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_000_000.0


def request(public: str, **changes: bytes) -> list[bytes]:
    fields = {
        "version": b"1.0",
        "id": b"7",
        "domain": b"actors",
        "address": b"10.0.0.7",
        "routing_id": b"",
        "mechanism": b"CURVE",
        "credentials": z85.decode(public),
    }
    return list((fields | changes).values())


def access(*names: str, **keys: Any) -> Access:
    return Access(Security(pair("server"), roster(*names, **keys)), lambda: NOW)


def verdict(who: Access, frames: list[bytes]) -> tuple[int, list[bytes]]:
    made = judge(frames, lambda key: bool(who.names_of(key)))
    return made.status, made.frames


def test_a_listed_key_is_let_in_and_is_the_user_id() -> None:
    """So that each message says by whose key it came."""
    key = pair("bank").public
    assert verdict(access("bank"), request(key)) == (
        200,
        [b"1.0", b"7", b"200", b"OK", key.encode(), b""],
    )


def test_an_unlisted_or_expired_key_is_not() -> None:
    """Nor does the answer carry a user id."""
    key = pair("bank").public
    for who in (access("teller"), access(bank=[Key(key, NOW)]), access(bank=[Key(key, NOW - 1)])):
        status, frames = verdict(who, request(key))
        assert (status, frames[1], frames[4]) == (400, b"7", b"")
    assert verdict(access(bank=[Key(key, NOW + 1)]), request(key))[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"version": b"2.0"},
        {"domain": b""},
        {"domain": b"other"},
        {"mechanism": b"NULL"},
        {"mechanism": b"PLAIN"},
        {"credentials": b""},
        {"credentials": b"x" * 31},
        {"credentials": b"x" * 33},
    ],
)
def test_whatever_else_is_asked_is_a_no(change: dict[str, bytes]) -> None:
    """Another version, domain or mechanism, and what is no key."""
    assert verdict(access("bank"), request(pair("bank").public, **change))[0] == 400


def test_frames_too_few_or_too_many_are_a_no() -> None:
    """One credential belongs to CURVE, and nothing may be missing."""
    good = request(pair("bank").public)
    assert verdict(access("bank"), [*good, b"more"])[0] == 400
    for length in range(len(good)):
        assert verdict(access("bank"), good[:length])[0] == 400


def test_a_decision_that_fails_is_a_no() -> None:
    """500: it is our fault, and nobody comes in by it."""

    def broken(key: str) -> bool:
        raise RuntimeError(key)

    made = judge(request(pair("bank").public), broken)
    assert (made.status, made.admitted, made.frames[4]) == (500, False, b"")


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_no_garbage_raises_or_is_let_in(frames: list[bytes]) -> None:
    """And each answer is one that libzmq can read."""
    status, answer = verdict(access("bank"), frames)
    assert status in {400, 500}
    assert len(answer) == 6
    assert all(len(frame) <= 255 for frame in answer)


class Asker:
    """Asks the handler as libzmq does."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(ZAP_ENDPOINT)
        self.answers: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self.drain = Drain(
            self.socket,
            lambda frames: self.answers.put_nowait([bytes(f) for f in frames]),
            max_frames=20,
            budget=64,
        )

    async def ask(self, *frames: bytes) -> list[bytes]:
        self.say(b"", *frames)
        async with asyncio.timeout(10):
            return (await self.answers.get())[1:]

    def say(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)
        self.drain.check()

    def close(self) -> None:
        self.drain.stop()
        self.socket.close(linger=0)


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as made:
        yield made


async def test_the_handler_answers_whatever_comes(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    """Garbage of any number of frames, and questions behind it."""
    key = pair("bank").public
    handler, asker = ZapHandler(context, access("bank")), Asker(context)
    try:
        for garbage in ([], [b""], [b"x"] * 7, [b"1.0"], [b"y" * 10_000] * 7, [b"z"] * 40):
            answer = await asker.ask(*garbage)
            assert answer[2] in {b"400", b"500"}
        asker.say(b"no delimiter")
        await asker.answers.get()
        assert (await asker.ask(*request(key)))[2] == b"200"
    finally:
        asker.close()
        handler.close()


async def test_the_handler_survives_what_fails_in_it(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    """One exception refuses one connection; a broken listener to refusals harms nobody."""
    who, key = access("bank"), pair("bank").public
    good, who.roster = who.roster, None  # type: ignore[assignment]

    def broken(address: str, stranger: str) -> None:
        raise RuntimeError(stranger)

    who.on_refused = broken
    handler, asker = ZapHandler(context, who), Asker(context)
    try:
        assert (await asker.ask(*request(key)))[2] == b"500"
        assert (await asker.ask(*request(key)))[2] == b"500"
        who.roster = good
        assert (await asker.ask(*request(KeyPair.make().public)))[2] == b"400"
        assert (await asker.ask(*request(key)))[2] == b"200"
    finally:
        asker.close()
        handler.close()


async def test_a_handler_whose_socket_is_gone_is_made_anew(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    """Whoever closed it: supervision notices, and there is an answer again."""
    handler = ZapHandler(context, access("bank"), look_interval=0.01)
    before = handler._socket
    assert before is not None
    # uvloop does not bear a descriptor that goes while it is watched.
    asyncio.get_running_loop().remove_reader(before.fileno())
    before.close(linger=0)
    async with asyncio.timeout(10):
        while handler._socket is None or handler._socket is before:
            await asyncio.sleep(0.005)
    asker = Asker(context)
    try:
        assert (await asker.ask(*request(pair("bank").public)))[2] == b"200"
    finally:
        asker.close()
        handler.close()


async def test_a_handler_that_cannot_be_made_anew_is_tried_again(
    context: zmq.Context[zmq.Socket[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody answers meanwhile, which refuses all; it is said once, and so is its return."""
    handler = ZapHandler(context, access("bank"), look_interval=0.01)
    handler._discard()
    with context.socket(zmq.REP) as squatter:
        squatter.linger = 0
        squatter.bind(ZAP_ENDPOINT)
        handler._fail(RuntimeError("first"))
        handler._fail(RuntimeError("again"))
        assert handler._drain is None
        squatter.unbind(ZAP_ENDPOINT)
    async with asyncio.timeout(10):
        while handler._drain is None:
            await asyncio.sleep(0.005)
    asker = Asker(context)
    try:
        assert (await asker.ask(*request(pair("bank").public)))[2] == b"200"
        assert caplog.text.count("there is a ZAP handler again") == 1
        assert "no ZAP handler" not in caplog.text
    finally:
        asker.close()
        handler.close()


async def test_the_loss_of_the_handler_is_logged_once(
    context: zmq.Context[zmq.Socket[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    """As an error: from then on nobody new comes in."""
    handler = ZapHandler(context, access("bank"), look_interval=60)
    handler._open = _unable  # type: ignore[method-assign]
    handler._fail(RuntimeError("first"))
    handler._fail(RuntimeError("again"))
    assert caplog.text.count("no ZAP handler, so all new connections are refused") == 1
    handler.close()


def _unable() -> None:
    raise zmq.ZMQError(zmq.EADDRINUSE)


async def test_a_refusal_is_reported_once_decided(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    """Address and key, for the log; not what the self-test comes with, nor what is let in."""
    who, told = access("bank"), list[tuple[str, str]]()
    who.on_refused = lambda address, key: told.append((address, key))
    handler, asker = ZapHandler(context, who), Asker(context)
    stranger, tester = KeyPair.make().public, KeyPair.make().public
    handler.unreported.add(tester)
    try:
        for key in (tester, pair("bank").public, stranger):
            await asker.ask(*request(key))
        assert told == [("10.0.0.7", stranger)]
    finally:
        asker.close()
        handler.close()


def test_the_time_of_expiry_is_asked_each_time() -> None:
    """A key that counted when the roster was read may not count now."""
    now, key = [time.time()], pair("bank").public
    listed = roster(bank=[Key(key, now[0] + 10)])
    who = Access(Security(pair("server"), listed), lambda: now[0])
    assert who.names_of(key) == {"bank"}
    assert who.until_expiry() == pytest.approx(10)
    now[0] += 11
    assert who.names_of(key) == frozenset()
    assert who.until_expiry() is None
