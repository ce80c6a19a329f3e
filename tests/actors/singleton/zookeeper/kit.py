"""A ZooKeeper inside the test, and a lease that talks to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from actors.singleton.zookeeper import ZooKeeperLease
from actors.singleton.zookeeper.session import InterruptedSessionError, Session

Hook = Callable[["FakeSession"], None]


class FakeServer:
    """Nodes, their numbers, and who is told of their ends."""

    def __init__(self) -> None:
        self.nodes: dict[str, tuple[int, FakeSession]] = {}
        self.writes = itertools.count(100)
        self.sequence = itertools.count()
        self.sessions: list[FakeSession] = []
        self.watches: list[tuple[str, FakeSession, asyncio.Future[None]]] = []

    def create(self, path: str, session: FakeSession) -> str:
        path = f"{path}{next(self.sequence):010}"
        self.nodes[path] = next(self.writes), session
        return path

    def delete(self, path: str) -> None:
        if self.nodes.pop(path, None) is not None:
            self.fire(lambda watched, _: watched == path)

    def fire(self, concerns: Callable[[str, FakeSession], bool]) -> None:
        for watch in tuple(self.watches):
            path, session, ended = watch
            if concerns(path, session):
                self.watches.remove(watch)
                if not ended.done():
                    ended.set_result(None)

    def names(self, folder: str = "/actors/singletons/job") -> list[str]:
        """Return the names below a node, in no order that means anything."""
        prefix = f"{folder}/"
        found = [path[len(prefix) :] for path in self.nodes if path.startswith(prefix)]
        return sorted(found, reverse=True)


class FakeSession:
    """A session; the test breaks its connection, or has it expire.

    Each request takes a turn of the loop on its way there and another on its way back.
    """

    def __init__(self, server: FakeServer, interrupted: Callable[[], None]) -> None:
        self.server = server
        self.interruptions = 0
        self.connected = asyncio.Event()
        self.is_closed = False
        self.before: dict[str, Hook] = {}
        """What happens once, by the name of a request, before it is obeyed."""
        self.after: dict[str, Hook] = {}
        """And before its answer arrives."""
        self._interrupted = interrupted
        server.sessions.append(self)

    # --- what the test does ---------------------------------------------------------------------

    def connect(self) -> None:
        self.connected.set()

    def suspend(self) -> None:
        """The connection breaks."""
        self.connected.clear()
        self.interruptions += 1
        self._interrupted()
        self.server.fire(lambda _, session: session is self)

    def expire(self) -> None:
        """The server ends the session, and what was created in it."""
        for path, (_, session) in tuple(self.server.nodes.items()):
            if session is self:
                self.server.delete(path)

    # --- what the lease does --------------------------------------------------------------------

    async def create(self, path: str) -> None:
        await self._request("create", lambda: self.server.create(path, self))

    async def children(self, path: str, *, sync: bool = False) -> list[str]:
        what = "sync" if sync else "children"
        names: list[str] = await self._request(what, lambda: self.server.names(path))
        return names

    async def watch(self, path: str) -> tuple[int | None, asyncio.Future[None]]:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look() -> int | None:
            self.server.watches.append((path, self, ended))
            return self.server.nodes.get(path, (None,))[0]

        return await self._request("watch", look), ended

    async def delete(self, path: str) -> None:
        await self._request("delete", lambda: self.server.delete(path))

    async def _request(self, what: str, obey: Callable[[], Any]) -> Any:
        assert not self.is_closed
        interruptions = self.interruptions
        await asyncio.sleep(0)
        self._happen(self.before, what)
        self._see(interruptions)
        result = obey()
        interruptions = self.interruptions
        self._happen(self.after, what)
        self._see(interruptions)
        await asyncio.sleep(0)
        return result

    def _happen(self, hooks: dict[str, Hook], what: str) -> None:
        hook = hooks.pop(what, None)
        if hook is not None:
            hook(self)

    def _see(self, interruptions: int) -> None:
        if self.interruptions != interruptions:
            raise InterruptedSessionError("connection loss")

    def close(self) -> None:
        self.is_closed = True
        self.expire()


class FakeLease(ZooKeeperLease):
    """A lease whose ZooKeeper is in the test, and answers at once where the test says no else."""

    def __init__(self, server: FakeServer, *, connects: bool = True) -> None:
        super().__init__()
        self.server = server
        self.connects = connects

    def _open(self) -> Session:
        session = FakeSession(self.server, self._interrupted)
        if self.connects:
            session.connect()
        return session

    @property
    def session(self) -> FakeSession:
        """The session that is open."""
        assert isinstance(self._session, FakeSession)
        return self._session

    @property
    def is_open(self) -> bool:
        """Whether there is one."""
        return self._session is not None
