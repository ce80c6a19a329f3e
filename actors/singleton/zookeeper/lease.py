"""A lease that ZooKeeper gives out, in the order in which it was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from actors.durations import check_seconds
from actors.singleton.zookeeper import line
from actors.singleton.zookeeper.session import (
    InterruptedSessionError,
    KazooSession,
    Session,
    client_maker,
)

log = logging.getLogger("actors.singleton.zookeeper")

A_DAY = 86_400.0
"""Seconds that a session may be silent, at most."""

COURTESY = 1.0
"""Seconds that one waits for the end of a claim that goes on being withdrawn behind one's back."""


class Claim:
    """One place in the line for one lease."""

    def __init__(self, folder: str, lost: Callable[[], None]) -> None:
        self.folder = folder
        self.mark = line.new_claim()
        self.is_waiting = True
        """Whether `acquire` is still at it."""
        self.is_in_line = False
        """Whether it may have a node."""
        self._lost = lost
        self._is_held = False

    def hold(self, ended: asyncio.Future[None]) -> None:
        """The lease is held from now on, until its node has ended."""
        self.is_waiting = False
        self._is_held = True
        ended.add_done_callback(lambda _: self.lose())

    def lose(self) -> None:
        """Where the lease is held, it is not any more."""
        if self._is_held:
            self._is_held = False
            self._lost()

    def withdraw(self) -> None:
        """Hear of no loss any more."""
        self._is_held = False


class ZooKeeperLease:
    """A `Lease` from ZooKeeper, for `Singleton(..., lease=ZooKeeperLease("zk1:2181,zk2:2181"))`.

    `hosts`: the servers, with commas, as kazoo takes them. `root`: the node below which each
    singleton has one of its own; clusters that share a ZooKeeper need different ones.
    `session_timeout`: seconds after which ZooKeeper gives the lease of a node that is silent to
    another; the server limits it to between 2 and 20 of its ticks. `options` go to kazoo's
    `KazooClient`: `use_ssl`, `auth_data`, `default_acl` and so on.

    The fencing token is the number of the write that created the claim (`czxid`). ZooKeeper
    numbers all its writes in one order, and a claim comes first when all that were created before
    it have ended, so each holder's token is larger than those of all holders before it. The lease
    counts as lost as soon as the connection breaks. While no ZooKeeper answers, that is a warning
    and `acquire` waits.

    One object serves any number of singletons of one node, over one connection, which is closed
    while nothing is held or waited for. Raises TypeError or ValueError.
    """

    def __init__(
        self,
        hosts: str = "127.0.0.1:2181",
        root: str = "/actors/singletons",
        session_timeout: float = 10.0,
        **options: Any,
    ) -> None:
        _check(hosts, root, session_timeout)
        self.hosts = hosts
        self.root = root.rstrip("/")
        self.session_timeout = session_timeout
        self._make_client = client_maker(hosts, session_timeout, options)
        self._make_client()  # it has no threads before it is started, but knows its arguments
        self._session: Session | None = None
        self._claims: dict[str, Claim] = {}
        self._withdrawals: dict[asyncio.Task[None], str] = {}

    def __repr__(self) -> str:
        return f"ZooKeeperLease({self.hosts!r}, {self.root!r})"

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        """Wait in line until the lease is held; return the fencing token, below 2**63.

        Raises RuntimeError where this object holds it or waits for it already, and kazoo's error
        where ZooKeeper refuses for good (`NoAuthError`).
        """
        if name in self._claims:
            raise RuntimeError(
                f"{self!r} holds the lease of {name!r}, or waits for it: "
                "give each node an object of its own"
            )
        claim = self._claims[name] = Claim(f"{self.root}/{quote(name, safe='')}", lost)
        try:
            return await self._stand_in_line(claim, self._opened())
        except BaseException as error:
            self._leave(name)
            if not isinstance(error, GeneratorExit):  # then nothing may be awaited
                await self._wait_for_withdrawals(name)
            raise

    async def release(self, name: str) -> None:
        """Delete what `acquire` made, and wait for that a second at most.

        Where ZooKeeper cannot be reached it is deleted later, or ends with the session.
        """
        claim = self._claims.get(name)
        if claim is not None and not claim.is_waiting:
            self._leave(name)
        await self._wait_for_withdrawals(name)

    # --- the line -------------------------------------------------------------------------------

    async def _stand_in_line(self, claim: Claim, session: Session) -> int:
        while True:
            await session.connected.wait()
            interruptions = session.interruptions
            try:
                found = await self._come_first(claim, session)
            except InterruptedSessionError:
                continue
            if found is None:
                continue
            token, ended = found
            # What was said before the connection broke may not hold any more.
            if session.interruptions == interruptions and not ended.done():
                claim.hold(ended)
                return token

    async def _come_first(
        self, claim: Claim, session: Session
    ) -> tuple[int, asyncio.Future[None]] | None:
        """Return token and end of a claim that comes first; None where one has to look again.

        One's own node is in the list of children, so that is as new as that node, and has all
        that were created before and still exist.
        """
        names = await session.children(claim.folder)
        places = line.own(names, claim.mark)
        if not places:
            claim.is_in_line = True
            await session.create(f"{claim.folder}/{claim.mark}")
            return None
        neighbour = line.before(names, places[0])
        if neighbour is None:
            number, ended = await session.watch(f"{claim.folder}/{places[0]}")
            return None if number is None else (number, ended)
        number, ended = await session.watch(f"{claim.folder}/{neighbour}")
        if number is not None:
            await ended
        return None

    # --- the way out ----------------------------------------------------------------------------

    def _leave(self, name: str) -> None:
        claim = self._claims.pop(name)
        claim.withdraw()
        if claim.is_in_line:
            task = asyncio.ensure_future(self._withdraw(claim, self._opened()))
            self._withdrawals[task] = name
            task.add_done_callback(self._withdrawn)
        self._close_unless_used()

    async def _wait_for_withdrawals(self, name: str) -> None:
        tasks = [task for task, whose in self._withdrawals.items() if whose == name]
        if tasks and self._opened().connected.is_set():
            await asyncio.wait(tasks, timeout=COURTESY)

    async def _withdraw(self, claim: Claim, session: Session) -> None:
        """Delete all nodes of a claim, however long that takes: others wait behind them."""
        while True:
            await session.connected.wait()
            try:
                # A request that was given up may still be on its way; those of one connection are
                # obeyed in their order, and `sync` waits for those of a broken one.
                names = await session.children(claim.folder, sync=True)
                for place in line.own(names, claim.mark):
                    await session.delete(f"{claim.folder}/{place}")
            except InterruptedSessionError:
                continue
            return

    def _withdrawn(self, task: asyncio.Task[None]) -> None:
        name = self._withdrawals.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(
                "the claim to %r in ZooKeeper cannot be deleted: %r; it ends with the session, "
                "and others wait for that: see what its ACL allows",
                name,
                error,
            )
        self._close_unless_used()

    # --- the session ----------------------------------------------------------------------------

    def _opened(self) -> Session:
        if self._session is None:
            self._session = self._open()
        return self._session

    def _open(self) -> Session:
        return KazooSession(self._make_client, self.hosts, self._interrupted)

    def _close_unless_used(self) -> None:
        if self._session is not None and not self._claims and not self._withdrawals:
            self._session.close()
            self._session = None

    def _interrupted(self) -> None:
        """The connection broke: from now on another may be given each lease."""
        for claim in tuple(self._claims.values()):
            claim.lose()


def _check(hosts: object, root: object, session_timeout: float) -> None:
    if not isinstance(hosts, str) or not isinstance(root, str):
        raise TypeError(f"hosts and root must be strings, not {hosts!r} and {root!r}")
    if not hosts.strip():
        raise ValueError("hosts must name a server at least: 'zk1:2181,zk2:2181'")
    if not root.startswith("/") or "//" in root or not root.strip("/"):
        raise ValueError(f"root must be an absolute path below '/', not {root!r}")
    if check_seconds(session_timeout, "session_timeout") > A_DAY:
        raise ValueError(f"session_timeout must be a day at most, not {session_timeout!r} s")
