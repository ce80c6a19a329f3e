"""ZooKeeper as seen from the event loop: kazoo's threads call here, and only the loop acts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from kazoo.client import KazooClient
from kazoo.exceptions import (
    ConnectionLoss,
    NoNodeError,
    OperationTimeoutError,
    RequestTimeoutError,
    SessionExpiredError,
    SessionMovedError,
    ThrottledOpError,
)
from kazoo.protocol.states import KazooState, KeeperState

log = logging.getLogger("actors.singleton.zookeeper")

kazoo_log = logging.getLogger("actors.singleton.kazoo")
"""kazoo warns of each attempt to connect, once a second; what matters of that is said here."""
if kazoo_log.level == logging.NOTSET:
    kazoo_log.setLevel(logging.ERROR)

COMPLAINT = 5.0
"""Seconds without an answer after which that is a warning."""
COMPLAINT_AGAIN = 60.0
"""Seconds after which it is one again."""

GIVEN_UP = (KeeperState.CLOSED, KeeperState.AUTH_FAILED)
"""States in which kazoo does not try again by itself."""

TRANSIENT = (
    ConnectionLoss,
    OperationTimeoutError,
    RequestTimeoutError,
    SessionExpiredError,
    SessionMovedError,
    ThrottledOpError,
)


class InterruptedSessionError(Exception):
    """The connection broke, or the session ended: whether the request was granted is not known."""


class Session(Protocol):
    """What a lease needs of ZooKeeper. Each request raises InterruptedSessionError."""

    interruptions: int
    """How often the connection broke: what was known before is to be asked again."""
    connected: asyncio.Event

    async def create(self, path: str) -> None:
        """Create a node that ends with this session, and a number behind its name."""
        ...

    async def children(self, path: str, *, sync: bool = False) -> list[str]:
        """Return the names below a node; with `sync` as the leader knows them."""
        ...

    async def watch(self, path: str) -> tuple[int | None, asyncio.Future[None]]:
        """Return the number of the write that created a node; None where there is no such node.

        The future is done when the node has ended, or may have.
        """
        ...

    async def delete(self, path: str) -> None:
        """Delete a node, if there is one."""
        ...

    def close(self) -> None:
        """End the session, and what was created in it. Returns at once."""


def client_maker(hosts: str, timeout: float, options: Mapping[str, Any]) -> Callable[[], Any]:
    """Return what makes clients, whose `timeout` is that of the session in seconds."""
    # To be back before the session expires, try often enough.
    retry = {"max_tries": -1, "delay": 0.1, "backoff": 2, "max_delay": timeout / 10}
    given = {"connection_retry": retry, "logger": kazoo_log, **options}
    return partial(KazooClient, hosts, timeout, **given)


class KazooSession:
    """One KazooClient. When its session expires it begins another one by itself."""

    def __init__(
        self, make_client: Callable[[], Any], hosts: str, interrupted: Callable[[], None]
    ) -> None:
        self.interruptions = 0
        self.connected = asyncio.Event()
        self._make_client = make_client
        self._hosts = hosts
        self._interrupted = interrupted
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(COMPLAINT, self._complain, COMPLAINT)
        self._has_complained = False
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        client: Any = self._make_client()
        self._client = client
        client.add_listener(lambda state: self._from_thread(self._become, client, state))
        client.start_async()

    # --- requests -------------------------------------------------------------------------------

    async def create(self, path: str) -> None:
        """See `Session`. The node says who made it, for people who look."""
        made_by = f"{socket.gethostname()}:{os.getpid()}".encode()
        await self._request(
            self._client.create_async, path, made_by, ephemeral=True, sequence=True, makepath=True
        )

    async def children(self, path: str, *, sync: bool = False) -> list[str]:
        """See `Session`."""
        try:
            if sync:
                await self._request(self._client.sync_async, path)
            names: list[str] = await self._request(self._client.get_children_async, path)
        except NoNodeError:
            return []
        return names

    async def watch(self, path: str) -> tuple[int | None, asyncio.Future[None]]:
        """See `Session`. A broken connection fires all watches, too."""
        ended: asyncio.Future[None] = self._loop.create_future()

        def fire(_event: object) -> None:
            self._from_thread(_resolve, ended)

        try:
            # Not `exists`, whose watch would wait for a node that never comes back.
            _, stat = await self._request(self._client.get_async, path, watch=fire)
        except NoNodeError:
            return None, ended
        return int(stat.czxid), ended

    async def delete(self, path: str) -> None:
        """See `Session`."""
        with contextlib.suppress(NoNodeError):
            await self._request(self._client.delete_async, path)

    async def _request(self, begin: Callable[..., Any], *args: Any, **more: Any) -> Any:
        answer: asyncio.Future[Any] = self._loop.create_future()
        begin(*args, **more).rawlink(partial(self._from_thread, _settle, answer))
        try:
            return await answer
        except TRANSIENT as error:
            raise InterruptedSessionError(str(error)) from error

    # --- the connection -------------------------------------------------------------------------

    def close(self) -> None:
        """See `Session`."""
        self._is_closed = True
        self._timer.cancel()
        _discard(self._client)

    def _from_thread(self, function: Callable[..., None], *args: Any) -> None:
        """Call it on the loop, if that still runs."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("the event loop is closed: what ZooKeeper says has come too late")

    def _become(self, client: Any, state: str) -> None:
        """The connection stands, is broken (SUSPENDED), or the session has ended (LOST)."""
        if self._is_closed or client is not self._client:
            return
        if state == KazooState.CONNECTED:
            self._has_come()
            return
        if self.connected.is_set():
            self.connected.clear()
            self._timer = self._loop.call_later(COMPLAINT, self._complain, COMPLAINT)
        self.interruptions += 1
        self._interrupted()
        if client.client_state in GIVEN_UP:
            self._loop.call_later(COMPLAINT, self._begin_again)

    def _has_come(self) -> None:
        self.connected.set()
        self._timer.cancel()
        if self._has_complained:
            self._has_complained = False
            log.info("ZooKeeper at %s answers", self._hosts)

    def _begin_again(self) -> None:
        """A client gave up: at an answer that is none of ZooKeeper's, or where it was refused."""
        if not self._is_closed:
            client = self._client
            self._begin()
            _discard(client)

    def _complain(self, since: float) -> None:
        self._has_complained = True
        log.warning(
            "no ZooKeeper at %s has answered for %.0f s: singletons that need its lease do not run "
            "here until one does; see that it runs and can be reached from here",
            self._hosts,
            since,
        )
        self._timer = self._loop.call_later(
            COMPLAINT_AGAIN, self._complain, since + COMPLAINT_AGAIN
        )


def _discard(client: Any) -> None:
    """Stop a client elsewhere: that waits for its threads, and for an attempt to connect."""
    threading.Thread(target=_stop, args=(client,), name="zookeeper-close", daemon=True).start()


def _stop(client: Any) -> None:
    client.stop()
    client.close()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    """Hand on what kazoo's own kind of future holds."""
    if future.done():
        return
    if answer.exception is None:
        future.set_result(answer.value)
    else:
        future.set_exception(answer.exception)
