"""A node that would let strangers in does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq

from tests.transport.security.kit import SecureFabric, roster
from transport import SecurityError, TransportOptions, ZmqTransport
from transport import zmq as carrier
from transport.security import self_test, zap_handler
from transport.security.zap import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from transport import Transport

IMPATIENT = {"handshake_timeout": 0.5}


class Absent:
    """Where a ZAP handler should be: nobody answers."""

    def __init__(self, *arguments: Any) -> None:
        self.unreported: set[str] = set()

    def close(self) -> None:
        pass


def unenforced(socket: zmq.Socket[bytes], *arguments: Any) -> None:
    encrypted(socket, *arguments)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 0)


encrypted = carrier.listen_as


async def refused(bind: str = "tcp://127.0.0.1:0") -> tuple[SecurityError, ZmqTransport]:
    fabric = SecureFabric(roster("one"))
    transport = fabric.transport("one", TransportOptions(**IMPATIENT))
    assert isinstance(transport, ZmqTransport)
    with pytest.raises(SecurityError, match="self-test failed") as caught:
        await transport.bind(bind)
    return caught.value, transport


async def test_without_a_handler_and_its_enforcement_the_start_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """libzmq lets everybody in then, ZAP domain or not: nothing stays bound."""
    monkeypatch.setattr(carrier, "ZapHandler", Absent)
    monkeypatch.setattr(carrier, "listen_as", unenforced)
    error, transport = await refused()
    assert "HANDSHAKE_SUCCEEDED" in str(error)
    await fabric_can_bind(error.where)
    assert transport._router is not None
    assert transport._router.closed


async def fabric_can_bind(endpoint: str) -> None:
    again = ZmqTransport("two")
    assert await again.bind(endpoint) == endpoint
    await again.close(0)


async def test_a_missing_handler_alone_refuses_all_but_is_no_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The enforced domain keeps everybody out: shut, but not as it should be."""
    monkeypatch.setattr(carrier, "ZapHandler", Absent)
    error, _ = await refused()
    assert "HANDSHAKE_FAILED_NO_DETAIL" in str(error)


async def test_a_handler_that_accepts_everybody_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The self-test comes with a key that it has just made."""
    monkeypatch.setattr(
        zap_handler, "judge", lambda request, admits: Verdict(request[1], 200, "OK", "", "anybody")
    )
    error, _ = await refused()
    assert "a key that is not on the roster" in str(error)


async def test_a_handler_that_says_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is no refusal: it ends within the time for a hand-shake."""
    monkeypatch.setattr(zap_handler.ZapHandler, "_on_request", lambda self, frames: None)
    error, _ = await refused()
    assert "no answer" in str(error) or "HANDSHAKE_FAILED" in str(error)


async def test_a_socket_that_does_not_encrypt_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever comes without a key must not get in either."""
    monkeypatch.setattr(carrier, "listen_as", lambda *arguments: None)
    await refused()


async def test_who_comes_without_a_key_is_tried_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both must be refused, whatever the first one says."""
    outcome = self_test._outcome
    dialled = []

    async def open_to_all(*arguments: Any) -> tuple[int, int]:
        dialled.append(len(arguments))
        if len(arguments) == 3:
            return int(zmq.EVENT_HANDSHAKE_SUCCEEDED), 0
        return await outcome(*arguments)

    monkeypatch.setattr(self_test, "_outcome", open_to_all)
    error, _ = await refused()
    assert "a connection without a key" in str(error)
    assert dialled == [5, 3]


@pytest.mark.parametrize("bind", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://localhost:0", "ipc"])
async def test_every_kind_of_endpoint_is_tested_where_it_can_be_dialled(
    bind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wildcard by its loopback address; and a good one is bound."""
    endpoint = f"ipc://{tmp_path}/one.sock" if bind == "ipc" else bind
    fabric = SecureFabric(roster("one"))
    transport: Transport = fabric.transport("one", TransportOptions())
    assert await transport.bind(endpoint)
    await transport.close(0)
    monkeypatch.setattr(carrier, "ZapHandler", Absent)
    await refused(endpoint)


async def test_several_endpoints_are_tested_each() -> None:
    """One socket, one handler, any number of endpoints; the self-test counts as nobody."""
    async with SecureFabric(roster("one", "other")) as fabric:
        binds = ["tcp://127.0.0.1:0", "tcp://127.0.0.1:0"]
        one = await fabric.member("one", binds=binds)
        other = await fabric.member("other")
        await fabric.join(other, one)
        assert one.mesh.stats().rejected == {}
