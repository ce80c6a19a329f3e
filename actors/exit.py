"""How a node ends: nothing new comes in, what is queued is handled, and everything is let go."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from actors.durations import time_limit
from actors.reason import Reason

if TYPE_CHECKING:
    from actors.cluster.cluster import Cluster
    from actors.runtime import Runtime
    from transport import Mesh

LAST_ROUND = 1.0
"""Seconds that a shutdown waits for what it has cancelled."""

JOURNAL_ROUND = 5.0
"""Seconds that it waits for journals to be closed."""


async def shut_down(
    runtime: Runtime, mesh: Mesh | None, cluster: Cluster | None, timeout: float | None
) -> bool:
    """End all actors and links, in `timeout` seconds; return whether the actors ended in time."""
    started = runtime.clock.now()
    if cluster is not None:
        cluster.leave()
    runtime.close_doors()
    drained = await _stop_actors(runtime, timeout)
    with contextlib.suppress(TimeoutError):
        async with time_limit(runtime.clock, JOURNAL_ROUND):
            await runtime.reliable.close()
    if mesh is not None:
        left = 5.0 if timeout is None else timeout - (runtime.clock.now() - started)
        await mesh.close(max(left, 0.5))
    if cluster is not None:
        cluster.close()
    runtime.close()
    return drained


async def _stop_actors(runtime: Runtime, timeout: float | None) -> bool:
    """Let them finish, and cancel those that do not in time."""
    family, remote = runtime.guardian, runtime.remote
    try:
        async with time_limit(runtime.clock, timeout):
            await asyncio.gather(
                family.stop_all(Reason.SHUTDOWN, drain=True), remote.guests.stop(drain=True)
            )
    except TimeoutError:
        with contextlib.suppress(TimeoutError):
            async with time_limit(runtime.clock, LAST_ROUND):
                await family.stop_all(Reason.SHUTDOWN, brutal=True)
                await remote.guests.stop(brutal=True)
        return False
    return True
