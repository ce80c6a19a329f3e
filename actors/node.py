"""A node: one process's home for actors, and its place in a cluster."""

from __future__ import annotations

import asyncio
import contextvars
import random
import secrets
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from actors import entry
from actors.address import host_port
from actors.cluster.arrivals import check_count, wait_for_members
from actors.cluster.cluster import Cluster
from actors.cluster.detection import Detection
from actors.cluster.member import Member
from actors.cluster.partition import PartitionPolicy
from actors.durations import check_timeout
from actors.errors import NodeClosedError, NodeRefusedError
from actors.events import EventStream
from actors.exit import LAST_ROUND, shut_down
from actors.family import ChildRecord
from actors.names import check_name, check_path
from actors.offload import Offload
from actors.props import Place, Props, as_props, terms
from actors.ref import ActorRef, check_ref
from actors.registry import Groups, Topics
from actors.reliable.arguments import check_journal, check_producer, check_window
from actors.reliable.journal import Journal
from actors.reliable.reliable import Reliable
from actors.resolution import resolve
from actors.runtime import Runtime
from actors.settings import Settings, endpoints, name_or_made_up, rules, strings
from actors.stats import NodeStats, snapshot
from actors.supervision import Restart
from actors.watchdog import Watchdog
from transport import (
    Clock,
    LoopClock,
    Mesh,
    Security,
    SecurityError,
    Transport,
    TransportOptions,
)

if TYPE_CHECKING:
    from actors.actor import Actor
    from actors.authorisation.rules import Allow

A = TypeVar("A", bound="Actor")


class Node:
    """Hosts actors, and joins others that do.

    Use it as `async with Node("bank", bind="tcp://127.0.0.1:0") as node:`. Without `bind` it is
    local only. `seeds` are endpoints of nodes to join, in any order of starting; `roles` say what
    others may place here; `advertise` is what others are told instead of the bound endpoints.

    `serialize_local` sends local messages through the codec too. `options` are the tunables of
    links; `detection` says how fast failures are detected, `partition` which side of a partition
    goes on (both, without it). `version` is for others to see (`Member.version`); `capacity` is how
    much more this node can bear than one of 1.0, for `LeastLoaded`.

    `allow` are rules for what the actors of other nodes may do to those of this one: without any
    everything, with an empty list nothing (`docs/authorisation.md`). While `max_queued` messages
    wait in the mailboxes of this node, more from other nodes are refused (`NodeFullError`).

    `transport`, `clock`, `rng`, `context` (what the contexts of its actors are copies of, an empty
    one by default) and `offload` (what runs what must not run on the event loop) are for tests,
    see `actors.testing`. With an `rng` all that the node leaves to chance comes from it.

    `security` encrypts all that leaves the node, and lets in only who is on its roster, under the
    name that goes with the key. Without it a node may listen on loopback and ipc alone, unless
    it is `insecure`: who reaches a node without keys can do there whatever a member can.

    Raises TypeError or ValueError for wrong names, endpoints and roles, SecurityError (a
    ValueError) for a bind that other machines can reach without `security`; entering raises
    BindError where an endpoint cannot be had, SecurityError where it would let strangers in, and
    NodeRefusedError where a seed does not let it in.
    """

    def __init__(
        self,
        name: str | None = None,
        bind: str | Sequence[str] | None = None,
        seeds: Sequence[str] = (),
        roles: Sequence[str] = (),
        advertise: str | Sequence[str] | None = None,
        *,
        serialize_local: bool = False,
        transport: Transport | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        options: TransportOptions | None = None,
        detection: Detection | None = None,
        partition: PartitionPolicy | None = None,
        version: str = "",
        capacity: float = 1.0,
        allow: Sequence[Allow] | None = None,
        max_queued: int = 4_000_000,
        context: contextvars.Context | None = None,
        offload: Offload | None = None,
        security: Security | None = None,
        insecure: bool = False,
    ) -> None:
        self._settings = Settings(
            name_or_made_up(name),
            endpoints(bind, "bind"),
            endpoints(seeds, "seeds"),
            strings(roles, "roles"),
            endpoints(advertise, "advertise"),
            serialize_local,
            options or TransportOptions(),
            detection or Detection(),
            partition,
            version,
            capacity,
            security,
            rules(allow),
            max_queued,
        )
        if transport is None and not insecure:
            self._settings.check_exposure()
        if transport is not None and security is not None:
            raise TypeError("security= is for ZeroMQ; a transport= brings its own")
        self.name = self._settings.name
        self.events = EventStream()
        """What happens here, as typed events."""
        self._transport = transport
        self._clock = clock
        self._random = rng or random.Random()
        self._secret = rng or secrets.SystemRandom()
        """What others must not be able to work out from what they have seen is drawn from it."""
        self._incarnation = self._secret.getrandbits(52) | 1
        # Nothing of whoever makes the node gets into its actors.
        self._context = contextvars.Context() if context is None else context
        self._offload = Offload() if offload is None else offload
        self._runtime: Runtime | None = None
        self._mesh: Mesh | None = None
        self._cluster: Cluster | None = None
        self._watchdog: Watchdog | None = None
        self._ending: asyncio.Future[bool] | None = None
        self._closed = asyncio.Event()

    # --- set-up and tear-down -------------------------------------------------------------------

    async def __aenter__(self) -> Node:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.shutdown()

    async def start(self) -> None:
        """Bind, join, and be ready; `async with` does it. A node runs once."""
        if self._runtime is not None:
            raise NodeClosedError(self.name)
        clock = self._clock or LoopClock()
        if not self._settings.binds:
            self._run(clock, ())
            return
        mesh, porter, bound = await entry.bind(
            self._settings, self._incarnation, self._transport, clock, self._secret
        )
        runtime = self._run(clock, bound)
        self._mesh = runtime.remote.mesh = mesh
        is_real = self._transport is None
        porter.cluster = self._cluster = entry.cluster_of(
            self._settings, runtime, mesh, is_real=is_real
        )
        self._go_by_roster()
        try:
            await entry.join(runtime, self._cluster)
        except BaseException:  # a cancelled start leaves no sockets behind either
            await self.shutdown(LAST_ROUND)
            raise

    def _run(self, clock: Clock, bound: Sequence[str]) -> Runtime:
        """Begin to host actors, at the endpoints that others are told."""
        address = bound[0] if bound else None
        tcp = next((endpoint for endpoint in bound if host_port(endpoint)), None)
        runtime = self._runtime = Runtime(
            self,
            self._settings.member(address, self._incarnation, clock.wall()),
            host_port(tcp),
            clock,
            self._random,
            partition=self._settings.partition,
            serialize_local=self._settings.serialize_local,
            max_queued=self._settings.max_queued,
            context=self._context,
            offload=self._offload,
        )
        if isinstance(clock, LoopClock):
            self._watchdog = Watchdog(runtime)
            runtime.culprit = self._watchdog.culprit
        return runtime

    async def shutdown(self, timeout: float | None = 10.0) -> bool:
        """Take nothing new in, handle what is queued, stop all actors, flush the links.

        Actors stop in reverse order of their start. Past `timeout` (seconds, None for ever) they
        are cancelled. It may be called twice: the second call waits for the first. Returns
        whether all actors ended in time.
        """
        check_timeout(timeout)
        runtime = self._runtime
        if runtime is None:
            return True
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._shutdown(runtime, timeout))
        return await asyncio.shield(self._ending)

    async def _shutdown(self, runtime: Runtime, timeout: float | None) -> bool:
        drained = await shut_down(runtime, self._mesh, self._cluster, timeout)
        if self._watchdog is not None:
            self._watchdog.close()
        self._closed.set()
        return drained

    async def wait_closed(self) -> None:
        """Wait until the node has been shut down, by whomever."""
        await self._closed.wait()

    def _running(self) -> Runtime:
        if self._runtime is None or self._ending is not None:
            raise NodeClosedError(self.name)
        self._runtime.home.check()
        return self._runtime

    def _known(self) -> Runtime:
        if self._runtime is None:
            raise NodeClosedError(self.name)
        return self._runtime

    # --- keys and rules -------------------------------------------------------------------------

    @property
    def security(self) -> Security | None:
        """The keys and the roster that are in force; None where the node has none."""
        return self._settings.security

    def reload_security(self) -> None:
        """Read the roster's file again, and go by it from now on, without a restart.

        Members that it does not list any more, or not with these roles, are given up at once; the
        node's own key stays the one it has. Raises SecurityError where the file cannot be read or
        is malformed, or the node has no `security`: everything stays as it was then.
        """
        security = self._settings.security
        if security is None:
            raise SecurityError("security", "this node has none, so there is nothing to reload")
        self._settings = replace(self._settings, security=security.reread())
        self._go_by_roster()

    def _go_by_roster(self) -> None:
        security = self._settings.security
        if security is not None and self._mesh is not None and self._cluster is not None:
            self._mesh.go_by(security.roster)
            self._cluster.check_roles()
            self._cluster.authorise(self._settings.allow)

    @property
    def rules(self) -> tuple[Allow, ...] | None:
        """The rules for other nodes that are in force; None where there are none."""
        return self._settings.allow

    def replace_rules(self, allow: Sequence[Allow] | None) -> None:
        """From now on these rules say what other nodes may do here, instead of those before.

        None: everything; an empty list: nothing. Raises TypeError, and keeps the old ones.
        """
        self._settings = replace(self._settings, allow=rules(allow))
        if self._cluster is not None:
            self._cluster.authorise(self._settings.allow)

    # --- actors ---------------------------------------------------------------------------------

    def spawn(
        self,
        props: Props[A] | type[A],
        name: str | None = None,
        at: Place | None = None,
        restart: Restart = "transient",
        shutdown: float | None = 5.0,
    ) -> ActorRef[A]:
        """Start an actor right under this node, or under the node `at`, and return its ref.

        Returns at once; messages queue behind the start. `at`: the name of a node, a `Role` or
        `LeastLoaded()`.
        Where the spawn fails there, the ref ends with `error`. Raises NameTakenError,
        NodeClosedError, SerializationError (of arguments that must travel), TypeError, ValueError.
        """
        runtime = self._running()
        recipe, agreed = as_props(props), terms(restart, shutdown, at)
        if name is not None:
            check_name(name)
        placement = runtime.placement
        where = self.name if at is None else placement.choose(at, recipe.actor_class)
        if where == self.name:
            ref = runtime.guardian.spawn(recipe, name, agreed)
            assert ref is not None
            return ref
        name = name or runtime.name_abroad(recipe.actor_class)
        if where is not None:
            placement.settled(recipe.actor_class, where)
        birth = runtime.delivery.conceive(
            ChildRecord(runtime.guardian, recipe, name, agreed), where
        )
        birth.begin()
        return birth.ref

    def reliable(
        self,
        ref: ActorRef[Any],
        window: int = 50,
        journal: Journal | None = None,
        producer: str | None = None,
        *,
        wait: bool = False,
    ) -> Reliable:
        """Return what sends messages to that actor until it has handled them, at least once.

        `window` is how many may be unhandled before `send` waits. With a `journal`
        (`SqliteJournal`) they survive the end of this process; `producer` is the id under which
        they do, by default the journal's only one. With `wait` nothing raises where the actor is
        gone, and all waits for `redirect`. Raises TypeError, ValueError, NodeClosedError.
        """
        runtime = self._running()
        check_ref(ref)
        check_window(window)
        check_journal(journal)
        check_producer(producer)
        made = Reliable(runtime, lambda: ref, window, journal, producer, wait=wait)
        runtime.reliable.add(made)
        return made

    def ref(self, address: str) -> ActorRef[Any]:
        """Return the ref of an address, equal to the one it came from. Raises ValueError."""
        return self._known().delivery.ref(address)

    async def resolve(
        self, path: str, at: str | None = None, timeout: float | None = 5.0
    ) -> ActorRef[Any]:
        """Return the ref of the living actor with that path, here or on the node `at`.

        `timeout` in seconds, also for a node that has yet to come. Raises ActorNotFoundError,
        NodeUnreachableError, TimeoutError; TypeError or ValueError for a wrong path or name.
        """
        check_timeout(timeout)
        check_path(path)
        return await resolve(self._running(), path, at, timeout)

    # --- actors by name, in groups and by topic -------------------------------------------------

    async def register(self, name: str, ref: ActorRef[Any], timeout: float | None = 5.0) -> None:
        """Give an actor, here or elsewhere, a name that it alone has in the whole cluster.

        Returns when all members that are up know it. The actor has the name until it ends, or
        until `unregister`. Where two take one name at the same time, or on two sides of a cut, the
        earlier one has it, and the other side hears of a `NameConflict`. `timeout` in seconds; what
        raises has registered nothing. Raises NameTakenError, ActorStoppedError, TimeoutError,
        NodeUnreachableError, RegistryFullError; TypeError or ValueError for wrong arguments.
        """
        await self._running().registry.names.register(name, ref, timeout)

    async def unregister(self, name: str, timeout: float | None = 5.0) -> None:
        """Take the name from whoever has it, here or elsewhere; nothing where nobody has.

        Returns when all members that are up know it. `timeout` in seconds. Raises TimeoutError,
        NodeUnreachableError; TypeError or ValueError for wrong arguments.
        """
        await self._known().registry.names.unregister(name, timeout)

    async def whereis(self, name: str, timeout: float | None = 0) -> ActorRef[Any] | None:
        """Return the actor that was registered under this name anywhere in the cluster, or None.

        With a `timeout` (seconds, None for ever) it waits so long for somebody to have the name.
        Raises TypeError or ValueError for wrong arguments.
        """
        return await self._known().registry.names.whereis(name, timeout)

    @property
    def groups(self) -> Groups:
        """The groups of the cluster: `node.groups.join("resize", ref)`."""
        return self._known().registry.groups

    @property
    def topics(self) -> Topics:
        """The topics of the cluster: `node.topics.subscribe("prices.#", ref)`."""
        return self._known().registry.topics

    # --- the cluster ----------------------------------------------------------------------------

    @property
    def address(self) -> str | None:
        """The endpoint that this node advertises; None where it is local only."""
        return self._known().membership.own.address

    @property
    def members(self) -> tuple[Member, ...]:
        """The nodes that are up as far as this one knows, itself first."""
        return self._known().membership.members

    @property
    def is_ready(self) -> bool:
        """Whether this side of the cluster goes on, by the `partition` policy: true without one.

        Where it is not, its singletons have stopped; see `ReadinessChanged`.
        """
        return self._known().readiness.is_ready

    async def wait_for_members(self, n: int, timeout: float | None = None) -> None:
        """Wait until `n` nodes are up, this one included. `timeout` in seconds.

        Raises TimeoutError; NodeRefusedError where this node was refused.
        """
        check_count(n)
        check_timeout(timeout)
        await wait_for_members(self._known(), n, timeout, self._refusal)

    def _refusal(self) -> NodeRefusedError | None:
        return None if self._cluster is None else self._cluster.refusal

    def stats(self) -> NodeStats:
        """Return a snapshot of this node's ledger."""
        rejected = 0 if self._mesh is None else self._mesh.rejected
        return snapshot(self._known(), rejected)
