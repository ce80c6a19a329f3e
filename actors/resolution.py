"""Which actor has a path now, on this node or on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.cluster.arrivals import wait_for_member
from actors.durations import time_limit
from actors.errors import ActorNotFoundError, NodeUnreachableError
from actors.names import check_name

if TYPE_CHECKING:
    from asyncio import Future

    from actors.ref import ActorRef
    from actors.runtime import Runtime

__all__ = ["resolve"]


async def resolve(node: Runtime, path: str, at: str | None, timeout: float | None) -> ActorRef[Any]:
    """Return the ref of the living actor with that path, here or on the node `at`.

    `timeout` in seconds, also for a node that has yet to come. Raises ActorNotFoundError,
    NodeUnreachableError, TimeoutError; TypeError or ValueError for a wrong name.
    """
    if at is None or check_name(at, "at") == node.name:
        return _here(node, path)
    try:
        async with time_limit(node.clock, timeout):
            return await _there(node, path, at)
    except TimeoutError:
        if node.membership.get(at) is None:
            raise NodeUnreachableError(path, f"no node {at!r} is up") from None
        raise TimeoutError(f"node {at!r} did not answer within {timeout} s") from None


def _here(node: Runtime, path: str) -> ActorRef[Any]:
    ref = node.find(path)
    if ref is None:
        raise ActorNotFoundError(path, node.name)
    return ref


async def _there(node: Runtime, path: str, at: str) -> ActorRef[Any]:
    await wait_for_member(node, at)
    member = node.membership.get(at)
    assert member is not None
    peer = node.remote.peers[at, member.incarnation]
    found: Future[ActorRef[Any]] = node.loop.create_future()
    node.remote.questions.resolve(peer, path, found)
    return await found
