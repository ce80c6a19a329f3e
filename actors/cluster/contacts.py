"""Whom a node calls by itself: its seeds until they answer, and members that were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from transport import Mesh
from transport.endpoint import is_dialable

if TYPE_CHECKING:
    from transport import Clock, TimerHandle

RECALL = 600.0
"""Seconds for which a member that was lost is called again, in case it was only cut off."""

RECALL_DEAD = 60.0
"""The same where nobody listened at its endpoints any more: it may be started again there."""

MOST_LOST = 100
"""Members that are called again at the same time; beyond that the longest lost are given up."""

LOOK_UP_AGAIN = 5.0
"""Seconds after which a name is looked up again, while nobody has been found."""

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the endpoints that a seed with a name stands for at present."""


class Contacts:
    """The endpoints that are called, and which of them have been heard of.

    Args:
        mesh: what calls them.
        clock: the node's.
        seeds: endpoints to call for as long as it takes.
        names: seeds that stand for any number of endpoints, and `look_up` says for which.
        is_alone: whether no other member has been found.
    """

    def __init__(
        self,
        mesh: Mesh,
        clock: Clock,
        seeds: Sequence[str],
        names: Sequence[str],
        look_up: LookUp,
        is_alone: Callable[[], bool],
    ) -> None:
        self._mesh = mesh
        self._clock = clock
        self._seeds = tuple(seeds)
        self._names = tuple(names)
        self._look_up = look_up
        self._is_alone = is_alone
        self._untried = {*seeds, *names}
        self._lost: dict[str, TimerHandle] = {}
        self._searching: asyncio.Task[None] | None = None
        self.first_answers = asyncio.Event()
        """Every seed has answered, refused, or failed to answer once."""

    def begin(self) -> None:
        """Call the seeds, now and until they answer."""
        for seed in self._seeds:
            self._mesh.dial(seed)
        if self._names:
            self._searching = asyncio.ensure_future(self._search())
        self.tried(())

    def close(self) -> None:
        """Call nobody any more."""
        if self._searching is not None:
            self._searching.cancel()
        for timer in self._lost.values():
            timer.cancel()

    async def _search(self) -> None:
        """Look the names up until somebody has been found there."""
        while self._is_alone():
            for name in self._names:
                endpoints = await self._look_up(name)
                if name in self._untried:
                    self._untried.update(endpoints)
                for endpoint in endpoints:
                    self.call(endpoint)
                self.tried((name,))
            await self._clock.sleep(LOOK_UP_AGAIN)

    # --- what has become of the calls -----------------------------------------------------------

    def tried(self, endpoints: Sequence[str]) -> None:
        """Somebody answered there, or nobody did."""
        self._untried.difference_update(endpoints)
        if not self._untried:
            self.first_answers.set()

    def found(self, endpoints: Sequence[str], members: int) -> None:
        """A member is connected; that makes so many others."""
        for endpoint in endpoints:
            timer = self._lost.pop(endpoint, None)
            if timer is not None:
                timer.cancel()
        self.tried(endpoints)
        # A seed may be known under another address than the one that was given.
        if members >= len(self._seeds) + len(self._names):
            self.first_answers.set()

    def is_seed(self, endpoint: str) -> bool:
        """Whether it is called for as long as it takes."""
        return endpoint in self._seeds

    # --- whom else to call ----------------------------------------------------------------------

    def call(self, endpoint: str, seconds: float = RECALL, name: str | None = None) -> None:
        """Call somebody who is said to be there, or was lost, for a while; by name if known."""
        if not is_dialable(endpoint):
            return
        if not self.is_seed(endpoint) and endpoint not in self._lost:
            if len(self._lost) >= MOST_LOST:
                self._forget(next(iter(self._lost)))
            self._lost[endpoint] = self._clock.call_later(seconds, self._forget, endpoint)
        self._mesh.dial(endpoint, None if self.is_seed(endpoint) else name)

    def call_all(self, endpoints: Sequence[str | None]) -> None:
        """Call the seeds and those."""
        for endpoint in dict.fromkeys((*self._seeds, *filter(None, endpoints))):
            self._mesh.dial(endpoint)

    def recall(self, name: str, endpoints: Sequence[str], seconds: float) -> None:
        """A member is gone: call it where it is a seed; else for so many seconds, if any."""
        for endpoint in endpoints:
            if self.is_seed(endpoint):
                self._mesh.dial(endpoint)
        if seconds and endpoints:
            self.call(endpoints[0], seconds, name)

    def _forget(self, endpoint: str) -> None:
        self._lost.pop(endpoint).cancel()
        self._mesh.forget(endpoint)
