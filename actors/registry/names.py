"""Names that one actor in the whole cluster has, after Erlang's `global`."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import TYPE_CHECKING, Any

from actors.durations import check_seconds, check_timeout, time_limit
from actors.errors import ActorStoppedError, NameTakenError
from actors.names import check_name
from actors.reason import Reason
from actors.ref import ActorRef, check_ref
from actors.registry.records import Order
from actors.registry.table import Change, Section

if TYPE_CHECKING:
    from actors.registry.registry import Registry
    from actors.runtime import Runtime

NAMES = Section.NAMES


class Names:
    """Registers actors by name, and finds them."""

    def __init__(self, registry: Registry, node: Runtime) -> None:
        self._registry = registry
        self._node = node
        self._waiting: dict[str, set[Future[ActorRef[Any]]]] = {}
        """Who waits for a name that nobody has yet."""

    def holder(self, name: str) -> ActorRef[Any] | None:
        """Return who has the name, as far as this node knows."""
        return self._registry.table.first(NAMES, name)

    async def register(self, name: str, ref: ActorRef[Any], timeout: float | None) -> None:
        """Give the actor the name; return when all members that are up know it."""
        check_name(name)
        check_ref(ref)
        check_timeout(timeout)
        if self._registry.is_here(ref):
            await self.claim(name, ref, timeout)
        else:
            await self._register_there(name, ref, timeout)

    async def unregister(self, name: str, timeout: float | None) -> None:
        """Take the name from whoever has it; return when all members that are up know it."""
        check_name(name)
        check_timeout(timeout)
        holder = self.holder(name)
        if holder is None:
            return
        if self._registry.is_here(holder):
            await self.release(name, holder, timeout)
        else:
            order = self._registry.order(holder, Order(NAMES, name, False, timeout))
            await self._answer(order, holder, timeout)

    async def whereis(self, name: str, timeout: float | None) -> ActorRef[Any] | None:
        """Return who has the name, or None; wait so long for somebody to have it."""
        check_name(name)
        if timeout is not None:
            check_seconds(timeout, "timeout", zero=True)
        holder = self.holder(name)
        if holder is not None or timeout == 0:
            return holder
        return await self._wait(name, timeout)

    async def _wait(self, name: str, timeout: float | None) -> ActorRef[Any] | None:
        waiting = self._waiting.setdefault(name, set())
        found: Future[ActorRef[Any]] = self._node.loop.create_future()
        waiting.add(found)
        try:
            async with time_limit(self._node.clock, timeout):
                return await found
        except TimeoutError:
            return None
        finally:
            waiting.discard(found)
            if not waiting and self._waiting.get(name) is waiting:
                del self._waiting[name]

    def changed(self, change: Change[ActorRef[Any]]) -> None:
        """Somebody has a name now, or has it no more."""
        if change.time is not None:
            for found in self._waiting.pop(change.name, ()):
                if not found.done():
                    found.set_result(change.ref)

    # --- actors of this node --------------------------------------------------------------------

    async def claim(self, name: str, ref: ActorRef[Any], timeout: float | None) -> None:
        """Name an actor of this node: it has the name alone and everywhere, or not at all.

        All members are asked twice. The first answers come behind the tables of nodes that have
        just connected, so the name is not taken from somebody who has had it for long; the second
        ones behind what this node has entered, so all know it.
        """
        deadline = self._deadline(timeout)
        self._living(ref)
        self._refuse_others(name, ref, self.holder(name))
        self._refuse_others(name, ref, *await self._ask_all(name, ref, deadline), self.holder(name))
        is_new = self._registry.add(NAMES, name, self._living(ref))
        try:
            self._refuse_others(name, ref, *await self._ask_all(name, ref, deadline))
            if self.holder(name) != ref:
                self._living(ref)
                raise NameTakenError(name, self.holder(name))
        except BaseException:
            if is_new:
                self._registry.remove(NAMES, name, ref)
            raise

    async def release(self, name: str, ref: ActorRef[Any], timeout: float | None) -> None:
        """Take a name from an actor of this node."""
        if self._registry.remove(NAMES, name, ref):
            await self._ask_all(name, ref, self._deadline(timeout))

    def _living(self, ref: ActorRef[Any]) -> ActorRef[Any]:
        living = self._registry.living(ref)
        if living is None:
            raise ActorStoppedError(ref, Reason.NOPROC, "only a living actor can have a name")
        return living

    def _refuse_others(self, name: str, ref: ActorRef[Any], *holders: ActorRef[Any] | None) -> None:
        for holder in holders:
            if holder is not None and holder != ref:
                raise NameTakenError(name, holder)

    def _deadline(self, timeout: float | None) -> float | None:
        return None if timeout is None else self._node.clock.now() + timeout

    async def _ask_all(
        self, name: str, ref: ActorRef[Any], deadline: float | None
    ) -> list[ActorRef[Any] | None]:
        """Ask all members that are up who has the name; they know by then what was told before."""
        questions = {
            peer.name: self._registry.whereis(peer, name, ref) for peer in self._registry.up()
        }
        left = None if deadline is None else max(deadline - self._node.clock.now(), 0.0)
        try:
            async with time_limit(self._node.clock, left):
                answers = await asyncio.gather(*questions.values(), return_exceptions=True)
        except TimeoutError:
            late = ", ".join(sorted(n for n, question in questions.items() if question.cancelled()))
            raise TimeoutError(
                f"not all members know in time of a change to the name {name!r}: "
                f"no answer from {late}; try again when they are up or down"
            ) from None
        # A node that was lost meanwhile has no say.
        return [None if isinstance(answer, BaseException) else answer for answer in answers]

    # --- actors of other nodes ------------------------------------------------------------------

    async def _register_there(self, name: str, ref: ActorRef[Any], timeout: float | None) -> None:
        """Let the actor's own node name it."""
        holder = self.holder(name)
        self._refuse_others(name, ref, holder)
        order = self._registry.order(ref, Order(NAMES, name, True, timeout))
        try:
            await self._answer(order, ref, timeout)
        except (TimeoutError, asyncio.CancelledError):
            if holder is None:  # it may have been named just now
                self._registry.strike(NAMES, name, ref)
            raise

    async def _answer(self, order: Future[None], ref: ActorRef[Any], timeout: float | None) -> None:
        try:
            async with time_limit(self._node.clock, timeout):
                await order
        except TimeoutError:
            if order.done() and not order.cancelled():
                raise  # in the words of that node
            raise TimeoutError(f"node {ref.node_name!r} did not answer in {timeout} s") from None
