"""The time for which a manager may run the instance: with a lease, from acquiring to releasing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.ref import ActorRef
    from actors.singleton.lease import Lease

HASTE = 1.0
"""Seconds that an instance has for the message in hand, once its lease is lost."""

_returning: set[asyncio.Task[None]] = set()
"""Leases that are being given back: asyncio itself would forget who still waits."""


class Unconditional:
    """The lease of a singleton that needs none but the membership's word."""

    async def acquire(self, name: str, lost: Callable[[], None]) -> int:
        """Permit it at once."""
        return 0

    async def release(self, name: str) -> None:
        """Nothing was lent."""


class Tenure:
    """Acquires the lease, starts the instance, stops it when told or when the lease is lost.

    It runs once, in a task of the manager. Those are cancelled after the manager's children have
    ended, whatever ends or restarts it, a kill included. So the lease is given back in any case,
    and never while an instance runs.
    """

    def __init__(
        self,
        lease: Lease,
        name: str,
        start: Callable[[int], ActorRef[Any]],
        lost: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._name = name
        self._start = start
        self._lost = lost
        self._task: asyncio.Task[Any] | None = None
        self._instance: ActorRef[Any] | None = None
        self._hurry: asyncio.Task[None] | None = None
        self._is_over = asyncio.Event()
        self._is_waiting = False
        self._is_lost = False
        self._has_ended = False

    async def run(self) -> None:
        """Return when the instance has stopped and the lease is given back."""
        if self._is_over.is_set():
            return
        self._task, self._is_waiting = asyncio.current_task(), True
        token = await self._lease.acquire(self._name, self._lose)
        self._is_waiting = False
        try:
            if not self._is_over.is_set():
                await self._run_instance(token)
        finally:
            self._has_ended = True
            await self._give_back()

    async def end(self) -> None:
        """Stop the instance after what it has queued, and wait for the end of `run`."""
        self._is_over.set()
        if self._task is not None:
            if self._is_waiting:
                self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def has_run(self) -> bool:
        """Whether there was an instance."""
        return self._instance is not None

    async def _run_instance(self, token: int) -> None:
        self._instance = self._start(token)
        await self._is_over.wait()
        if self._is_lost:
            await self._instance.stop(timeout=HASTE)
        else:
            await self._instance.stop(drain=True)

    def _lose(self) -> None:
        """The lease is lost: the instance has little time, also where it was to stop anyway."""
        if self._is_lost or self._has_ended:
            return
        self._is_lost = True
        if self._instance is not None and self._is_over.is_set():
            self._hurry = asyncio.ensure_future(self._instance.stop(timeout=HASTE))
        self._is_over.set()
        self._lost()

    async def _give_back(self) -> None:
        """In a task of its own: this one may be cancelled, or abandoned, before that is done."""
        task = asyncio.ensure_future(self._lease.release(self._name))
        _returning.add(task)
        task.add_done_callback(_returning.discard)
        await asyncio.shield(task)
