"""How a node enters its cluster: it binds, calls its seeds, and is let in or refused."""

from __future__ import annotations

import contextlib
import logging
import random
from typing import Any

from actors.authorisation.roles import rostered_roles
from actors.cluster.cluster import Cluster
from actors.cluster.contacts import Contacts
from actors.durations import time_limit
from actors.runtime import Runtime
from actors.settings import Settings
from transport import Clock, Mesh, Security, Transport
from transport.dns import is_named, resolved
from transport.security.roster import roster_line

log = logging.getLogger("actors.cluster")

FIRST_ANSWERS = 2.0
"""Seconds that entering waits for the first answer of the seeds."""


class Porter:
    """Stands at the door between the bind and the join: only the bind says what the port is."""

    def __init__(self) -> None:
        self.cluster: Cluster | None = None
        """Who answers from the join on."""

    def __getattr__(self, name: str) -> Any:
        if self.cluster is None:
            raise RuntimeError("the node is not set up yet")
        return getattr(self.cluster, name)


async def bind(
    settings: Settings,
    incarnation: int,
    transport: Transport | None,
    clock: Clock,
    rng: random.Random,
) -> tuple[Mesh, Porter, tuple[str, ...]]:
    """Listen at the node's endpoints; return what others are told.

    The mesh draws its session numbers from `rng`: a peer sees some, and must not guess others.
    Raises BindError, SecurityError.
    """
    porter = Porter()
    handler: Any = porter
    mesh = Mesh(
        settings.name,
        incarnation,
        transport=transport or _zmq(settings, clock),
        clock=clock,
        handler=handler,
        options=settings.options,
        rng=rng,
    )
    return mesh, porter, await mesh.start(settings.binds, settings.advertise)


def cluster_of(settings: Settings, runtime: Runtime, mesh: Mesh, *, is_real: bool) -> Cluster:
    """Return the node's part in its cluster. Names are looked up where the network `is_real`."""
    own = {runtime.membership.own.address, *settings.binds}
    seeds = [seed for seed in settings.seeds if seed not in own]
    # Within one process a name is all that an endpoint has.
    names = [seed for seed in seeds if is_real and is_named(seed)]
    contacts = Contacts(
        mesh,
        runtime.clock,
        [seed for seed in seeds if seed not in names],
        names,
        resolved,
        lambda: len(runtime.membership.members) == 1,
    )
    cluster = Cluster(runtime, mesh, contacts, settings.detection)
    access = mesh.access
    if access is not None:
        runtime.trusted_roles = rostered_roles(lambda: access)
    cluster.authorise(settings.allow)
    return cluster


async def join(runtime: Runtime, cluster: Cluster) -> None:
    """Call the seeds, and wait for their first answers. Raises NodeRefusedError."""
    with contextlib.suppress(TimeoutError):
        async with time_limit(runtime.clock, FIRST_ANSWERS):
            await cluster.join()
    if cluster.refusal is not None:
        raise cluster.refusal
    runtime.membership.joined()


def _zmq(settings: Settings, clock: Clock) -> Transport:
    from transport.zmq import ZmqTransport

    security = settings.security
    if security is not None:
        _check_listed(settings.name, security, clock.wall())
    return ZmqTransport(settings.name, settings.options, security, clock.wall)


def _check_listed(name: str, security: Security, now: float) -> None:
    """Who goes by the same roster would refuse this node."""
    public = security.keys.public
    if public not in security.roster.keys_of(name, now):
        log.warning(
            "%s does not list %s with this node's key: who goes by it refuses this node; the line "
            "that it lacks: %s",
            security.roster_file or "the roster",
            name,
            roster_line(name, public),
        )
