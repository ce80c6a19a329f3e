"""kazoo from the event loop: what its threads say is done there, and nothing waits for them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kazoo.exceptions import ConnectionLoss, NoAuthError, NoNodeError, SessionExpiredError
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.states import KazooState, KeeperState

from actors.singleton.zookeeper import session as module
from actors.singleton.zookeeper.session import InterruptedSessionError, KazooSession


class FakeClient:
    """Says what the test has it say, in a thread of its own."""

    made: list[FakeClient] = []

    def __init__(self, hosts: str, timeout: float, **options: Any) -> None:
        self.options = options
        self.client_state = KeeperState.CONNECTING
        self.answer = SequentialThreadingHandler().async_result()
        self.asked: list[tuple[Any, ...]] = []
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        FakeClient.made.append(self)

    def add_listener(self, listener: Callable[[str], None]) -> None:
        self.listener = listener

    def start_async(self) -> None:
        pass

    async def become(self, state: str, detail: str = KeeperState.CONNECTING) -> None:
        """Tell the listener, in a thread, and let the loop act on it."""
        self.client_state = detail
        await asyncio.to_thread(self.listener, state)
        await asyncio.sleep(0)

    def get_children_async(self, *args: Any) -> Any:
        self.asked.append(args)
        return self.answer

    def delete_async(self, *args: Any) -> Any:
        self.asked.append(args)
        return self.answer

    def stop(self) -> None:
        self.stopped_in = threading.get_ident()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self.ended.set)


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeClient]]:
    """The clients that were made."""
    FakeClient.made.clear()
    monkeypatch.setattr(module, "KazooClient", FakeClient)
    monkeypatch.setattr(module, "COMPLAINT", 0.0)
    yield FakeClient.made
    FakeClient.made.clear()


def opened(interrupted: Callable[[], None] = lambda: None, **options: Any) -> KazooSession:
    """A session that is not connected yet."""
    make_client = module.client_maker("zk:2181", 10.0, options)
    return KazooSession(make_client, "zk:2181", interrupted)


async def test_what_a_thread_says_is_done_on_the_loop(clients: list[FakeClient]) -> None:
    """A broken connection and an expired session interrupt; neither is heard in kazoo's thread."""
    threads: list[int] = []
    session = opened(lambda: threads.append(threading.get_ident()))
    [client] = clients
    await client.become(KazooState.CONNECTED)
    assert session.connected.is_set()
    await client.become(KazooState.SUSPENDED)
    assert not session.connected.is_set()
    await client.become(KazooState.LOST)
    assert threads == [threading.get_ident()] * 2
    assert session.interruptions == 2
    session.close()


async def test_a_closed_session_hears_nothing(clients: list[FakeClient]) -> None:
    """It is stopped in another thread, for that waits."""
    heard: list[None] = []
    session = opened(lambda: heard.append(None))
    [client] = clients
    session.close()
    await client.ended.wait()
    assert client.stopped_in != threading.get_ident()
    await client.become(KazooState.LOST, KeeperState.CLOSED)
    assert heard == []


def test_what_comes_after_the_loop_has_ended_is_let_go(clients: list[FakeClient]) -> None:
    """kazoo's threads may live a little longer than the event loop."""

    async def open_only() -> None:
        opened().close()
        await clients[0].ended.wait()

    asyncio.run(open_only())
    clients[0].listener(KazooState.LOST)


async def test_the_answer_of_a_request_comes_to_the_loop(clients: list[FakeClient]) -> None:
    """From whichever thread, and nobody minds who does not wait for it any more."""
    session = opened()
    [client] = clients
    waiting = asyncio.ensure_future(session.children("/a"))
    given_up = asyncio.ensure_future(session.children("/a"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.to_thread(client.answer.set, ["x"])
    assert await waiting == ["x"]
    assert client.asked == [("/a",), ("/a",)]
    session.close()


@pytest.mark.parametrize("error", [ConnectionLoss(), SessionExpiredError()])
async def test_what_will_pass_is_an_interruption(
    error: Exception, clients: list[FakeClient]
) -> None:
    """Whether it was done is not known then."""
    session = opened()
    clients[0].answer.set_exception(error)
    with pytest.raises(InterruptedSessionError):
        await session.delete("/a")
    session.close()


async def test_what_will_not_pass_is_raised_as_it_is(clients: list[FakeClient]) -> None:
    """kazoo's own error says what it was."""
    session = opened()
    clients[0].answer.set_exception(NoAuthError())
    with pytest.raises(NoAuthError):
        await session.children("/a")
    session.close()


async def test_what_is_not_there_has_no_children_and_is_deleted(
    clients: list[FakeClient],
) -> None:
    """Neither is an error."""
    session = opened()
    clients[0].answer.set_exception(NoNodeError())
    assert await session.children("/a") == []
    await session.delete("/a")
    session.close()


async def test_silence_is_a_warning_and_its_end_is_told(
    clients: list[FakeClient], caplog: pytest.LogCaptureFixture
) -> None:
    """It names the servers, and says what to do."""
    caplog.set_level(logging.INFO)
    session = opened()
    await clients[0].become(KazooState.SUSPENDED)
    assert "no ZooKeeper at zk:2181 has answered" in caplog.text
    await clients[0].become(KazooState.CONNECTED)
    assert "ZooKeeper at zk:2181 answers" in caplog.text
    session.close()


async def test_a_client_that_gave_up_is_replaced(clients: list[FakeClient]) -> None:
    """kazoo ends at an answer that is none of ZooKeeper's: somebody else had the port."""
    session = opened(use_ssl=True)
    await clients[0].become(KazooState.CONNECTED)
    await clients[0].become(KazooState.LOST, KeeperState.CLOSED)
    await clients[0].ended.wait()
    assert len(clients) == 2
    assert clients[1].options["use_ssl"] is True
    await clients[0].become(KazooState.CONNECTED)
    assert not session.connected.is_set()
    await clients[1].become(KazooState.CONNECTED)
    assert session.connected.is_set()
    session.close()
