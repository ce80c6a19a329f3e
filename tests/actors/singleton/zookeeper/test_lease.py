"""The lease against a ZooKeeper in the test: whatever breaks at whatever moment, one holder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from actors.singleton.zookeeper import ZooKeeperLease
from tests.actors.kit import begin
from tests.actors.singleton.zookeeper.kit import FakeLease, FakeServer, FakeSession

FOLDER = "/actors/singletons/job"


async def turns(number: int = 20) -> None:
    """Let the loop do all that does not wait for the test."""
    for _ in range(number):
        await asyncio.sleep(0)


class Losses:
    """Counts how often one is told that the lease is lost."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


async def test_the_next_in_line_gets_a_larger_token() -> None:
    """In the order of asking, each when the one before it has released."""
    server = FakeServer()
    leases = [FakeLease(server) for _ in range(3)]
    waiting = []
    for lease in leases:
        waiting.append(await begin(lease.acquire("job", Losses())))
        await turns()
    tokens = []
    for index, lease in enumerate(leases):
        assert [task.done() for task in waiting] == [i <= index for i in range(3)]
        tokens.append(await waiting[index])
        await lease.release("job")
        await turns()
    assert tokens == sorted(set(tokens))
    assert server.names() == []


async def test_the_same_holder_again_gets_a_larger_token() -> None:
    """A claim is never used twice."""
    server = FakeServer()
    lease = FakeLease(server)
    before = await lease.acquire("job", Losses())
    await lease.release("job")
    assert await lease.acquire("job", Losses()) > before
    await lease.release("job")


async def test_cancelled_at_any_moment_it_leaves_nothing_behind() -> None:
    """Before, during and after the node is created, and in the line."""
    server = FakeServer()
    holder, other = FakeLease(server), FakeLease(server)
    await holder.acquire("job", Losses())
    for number in range(15):
        waiting = await begin(other.acquire("job", Losses()))
        await turns(number)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert len(server.names()) == 1, number
        assert not other.is_open
    await holder.release("job")


async def test_cancelled_at_any_moment_before_it_would_be_first() -> None:
    """Also where nobody else is in line: either it has returned, or nothing is left."""
    server = FakeServer()
    lease = FakeLease(server)
    for number in range(15):
        acquiring = await begin(lease.acquire("job", Losses()))
        await turns(number)
        acquiring.cancel()
        await asyncio.wait({acquiring})
        assert len(server.names()) == (0 if acquiring.cancelled() else 1)
        await lease.release("job")
        assert server.names() == []


async def test_a_node_whose_creation_was_not_answered_is_found() -> None:
    """The connection breaks after the write: there is one claim, and it counts."""
    server = FakeServer()
    lease = FakeLease(server)
    acquiring = await begin(lease.acquire("job", Losses()))
    lease.session.after["create"] = FakeSession.suspend
    await turns()
    lease.session.connect()
    assert await acquiring
    assert len(server.names()) == 1
    await lease.release("job")


async def test_a_node_that_came_too_late_is_no_obstacle_and_is_deleted() -> None:
    """A write that a broken connection left on its way makes two nodes of one claim."""
    server = FakeServer()
    lease, other = FakeLease(server), FakeLease(server)
    await lease.acquire("another", Losses())  # its session goes on
    acquiring = await begin(lease.acquire("job", Losses()))

    def twice(session: FakeSession) -> None:
        [name] = server.names()
        server.create(f"{FOLDER}/{name[:-10]}", session)

    lease.session.after["create"] = twice
    await acquiring
    waiting = await begin(other.acquire("job", Losses()))
    await turns()
    assert len(server.names()) == 3
    await lease.release("job")
    await waiting
    assert len(server.names()) == 1
    await other.release("job")
    await lease.release("another")


async def test_a_broken_connection_loses_the_lease_once() -> None:
    """At once, and not again when the session expires, nor after the release."""
    server, losses = FakeServer(), Losses()
    lease = FakeLease(server)
    await lease.acquire("job", losses)
    session = lease.session
    session.suspend()
    assert losses.number == 1
    session.expire()
    session.suspend()
    await lease.release("job")
    session.connect()
    await turns()
    assert losses.number == 1
    assert not lease.is_open


async def test_what_was_said_before_the_connection_broke_does_not_count() -> None:
    """The answer that it comes first arrives late: another may have been first meanwhile."""
    server, losses = FakeServer(), Losses()
    lease, other = FakeLease(server), FakeLease(server)
    acquiring = await begin(lease.acquire("job", losses))
    session = lease.session

    def expire_unnoticed(session: FakeSession) -> None:
        asyncio.get_running_loop().call_soon(session.suspend)
        server.watches.clear()  # what they say comes later still
        session.expire()

    session.after["watch"] = expire_unnoticed
    await turns()
    assert not acquiring.done()
    token = await other.acquire("job", Losses())
    session.connect()
    await turns()
    assert not acquiring.done()
    await other.release("job")
    assert await acquiring > token
    assert losses.number == 0
    await lease.release("job")


async def test_a_node_that_is_deleted_loses_the_lease() -> None:
    """An administrator takes it away."""
    server, losses = FakeServer(), Losses()
    lease = FakeLease(server)
    await lease.acquire("job", losses)
    server.delete(f"{FOLDER}/{server.names()[0]}")
    await turns()
    assert losses.number == 1
    await lease.release("job")


async def test_a_node_that_is_deleted_while_it_comes_first_is_no_lease() -> None:
    """It stands in line again."""
    server, losses = FakeServer(), Losses()
    lease = FakeLease(server)
    acquiring = await begin(lease.acquire("job", losses))
    lease.session.after["watch"] = lambda _: server.delete(f"{FOLDER}/{server.names()[0]}")
    token = await acquiring
    [(number, _)] = server.nodes.values()
    assert token == number
    assert losses.number == 0
    await lease.release("job")


async def test_nobody_hears_of_the_loss_of_what_was_released() -> None:
    """The release itself deletes the node that is watched."""
    server, losses = FakeServer(), Losses()
    lease = FakeLease(server)
    await lease.acquire("job", losses)
    await lease.release("job")
    await turns()
    assert losses.number == 0


async def test_without_a_connection_a_release_returns_and_deletes_later() -> None:
    """Another may take it as soon as ZooKeeper knows; the session is closed after that."""
    server = FakeServer()
    lease = FakeLease(server)
    await lease.acquire("job", Losses())
    session = lease.session
    session.suspend()
    await lease.release("job")
    assert len(server.names()) == 1
    session.before["delete"] = FakeSession.suspend
    session.connect()
    await turns()
    assert len(server.names()) == 1
    session.connect()
    await turns()
    assert server.names() == []
    assert session.is_closed


async def test_the_lease_can_be_asked_for_again_before_the_old_claim_is_gone() -> None:
    """As a manager does whose lease was lost: it waits in line behind itself, for a moment."""
    server = FakeServer()
    lease = FakeLease(server)
    before = await lease.acquire("job", Losses())
    session = lease.session
    session.suspend()
    await lease.release("job")
    again = await begin(lease.acquire("job", Losses()))
    session.connect()
    assert await again > before
    assert len(server.names()) == 1
    await lease.release("job")


async def test_without_a_zookeeper_it_waits() -> None:
    """Until there is one; and it can be cancelled meanwhile."""
    server = FakeServer()
    lease = FakeLease(server, connects=False)
    first = await begin(lease.acquire("job", Losses()))
    await turns()
    first.cancel()
    await asyncio.wait({first})
    assert not lease.is_open
    second = await begin(lease.acquire("job", Losses()))
    lease.session.connect()
    await second
    await lease.release("job")
    assert server.names() == []


async def test_one_session_serves_all_and_is_closed_with_the_last() -> None:
    """And a new one is opened when there is something to hold again."""
    server = FakeServer()
    lease = FakeLease(server)
    await lease.acquire("job", Losses())
    await lease.acquire("bank/teller", Losses())
    assert server.names("/actors/singletons/bank%2Fteller") != []
    await lease.release("job")
    assert len(server.sessions) == 1
    assert not server.sessions[0].is_closed
    await lease.release("bank/teller")
    await turns()
    assert server.sessions[0].is_closed
    await lease.acquire("job", Losses())
    assert len(server.sessions) == 2
    await lease.release("job")


async def test_a_second_holder_of_the_same_object_is_refused() -> None:
    """Two nodes with one object would release each other's lease."""
    lease = FakeLease(FakeServer())
    await lease.acquire("job", Losses())
    with pytest.raises(RuntimeError, match="an object of its own"):
        await lease.acquire("job", Losses())
    await lease.release("job")


async def test_releasing_what_is_not_held_is_harmless() -> None:
    """Neither what was never asked for, nor what is waited for, which goes on waiting."""
    server = FakeServer()
    lease, other = FakeLease(server), FakeLease(server)
    await lease.release("job")
    await other.acquire("job", Losses())
    waiting = await begin(lease.acquire("job", Losses()))
    await turns()
    await lease.release("job")
    await other.release("job")
    await waiting
    await lease.release("job")
    await lease.release("job")
    assert server.names() == []


def refuse(_: FakeSession) -> None:
    """As ZooKeeper does where an ACL forbids it."""
    raise PermissionError("not permitted")


async def test_what_zookeeper_refuses_for_good_raises_and_leaves_nothing() -> None:
    """Waiting would not help; the object can be used again."""
    server = FakeServer()
    lease = FakeLease(server)
    acquiring = await begin(lease.acquire("job", Losses()))
    lease.session.before["watch"] = refuse
    with pytest.raises(PermissionError):
        await acquiring
    assert server.names() == []
    await lease.acquire("job", Losses())
    await lease.release("job")


async def test_a_claim_that_cannot_be_deleted_is_an_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It ends with the session, which is closed at once where nothing else is held."""
    server = FakeServer()
    lease = FakeLease(server)
    await lease.acquire("job", Losses())
    lease.session.before["delete"] = refuse
    await lease.release("job")
    await turns()
    assert "'job' in ZooKeeper cannot be deleted" in caplog.text
    assert server.names() == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"hosts": ""}, ValueError),
        ({"hosts": 2181}, TypeError),
        ({"hosts": "zk:no port"}, ValueError),
        ({"use_tls": True}, TypeError),
        ({"root": "actors"}, ValueError),
        ({"root": "/"}, ValueError),
        ({"root": "/a//b"}, ValueError),
        ({"session_timeout": 0}, ValueError),
        ({"session_timeout": float("inf")}, ValueError),
        ({"session_timeout": "10"}, TypeError),
    ],
)
def test_its_arguments_are_checked(arguments: dict[str, Any], error: type[Exception]) -> None:
    """Where the object is made, which needs no event loop."""
    with pytest.raises(error):
        ZooKeeperLease(**arguments)


def isolated(code: str) -> str:
    """Run it in an interpreter of its own; return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_only_who_wants_it_pays_for_it() -> None:
    """`import actors` imports neither kazoo nor what needs it."""
    code = "import sys, actors; print([m for m in sys.modules if 'kazoo' in m or 'zookeeper' in m])"
    assert isolated(code) == "[]\n"


def test_without_kazoo_the_import_says_what_to_install() -> None:
    """An ImportError, as of any module that is not there."""
    code = """
import sys
sys.modules["kazoo"] = None
try:
    import actors.singleton.zookeeper
except ImportError as error:
    print(error)
"""
    assert "pip install actors-node[zookeeper]" in isolated(code)
