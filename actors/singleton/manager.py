"""Singletons: a manager on each node, one of which runs the instance. After Akka's.

The manager on the oldest node that may run it asks all others to make way, one after the other,
and starts the instance only when each has said that it runs none, or is gone. The others pass
on to it what they are sent, so any manager's ref stands for the singleton.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from actors.actor import Actor
from actors.errors import (
    ActorNotFoundError,
    ActorsError,
    ActorStoppedError,
    UnhandledMessageError,
)
from actors.events import (
    Event,
    GroupJoined,
    GroupLeft,
    MemberDown,
    MemberSuspect,
    MemberUp,
    ReadinessChanged,
)
from actors.handlers import on
from actors.names import check_name
from actors.props import Props, as_props
from actors.singleton.seniority import Seniority, is_eligible, most_senior
from serialization import Message

if TYPE_CHECKING:
    from actors.cluster.member import Member
    from actors.reason import Reason
    from actors.ref import ActorRef
    from actors.singleton.lease import Lease

PATIENCE = 10.0
"""Seconds that a manager may take to stop its instance and make way."""

AGAIN = 0.25
"""Seconds after which one that has not made way is asked again."""

KEPT = 10_000
"""Messages that are kept while the singleton moves; beyond that they are dead letters."""


class Look(Message[None]):
    """Something has changed: who is to run it?"""


class Resign(Message[bool]):
    """Make way; answers whether that is done, which a more senior manager refuses."""

    born: float
    name: str
    incarnation: int


class Lost(Message[None]):
    """The lease is lost."""

    token: int


class SingletonManager(Actor):
    """Runs the instance, or passes on what it is sent to who does. See `Singleton`."""

    def __init__(self, props: Props[Any], role: str | None, lease: Lease | None) -> None:
        self._props = props
        self._role = role
        self._lease = lease
        self._instance: ActorRef[Any] | None = None
        self._token = 0
        self._leader: ActorRef[Any] | None = None
        self._clearing: asyncio.Task[None] | None = None
        self._is_to_look = False
        self._kept = 0

    async def on_start(self) -> None:
        """Take part from now on."""
        kinds = (GroupJoined, GroupLeft, MemberUp, MemberSuspect, MemberDown, ReadinessChanged)
        self._unsubscribe = self.node.events.subscribe(self._notice, *kinds)
        # A name of any length makes a legal one for the group.
        path = hashlib.blake2b(self.ref.path.encode(), digest_size=12).hexdigest()
        self._group = f"singleton.{path}"
        if is_eligible(self._own, self._role):
            self.node.groups.join(self._group, self.ref)
        self._look_soon()

    async def on_stop(self, reason: Reason) -> None:
        """The instance has ended before: let another run it."""
        self._unsubscribe()
        await self._release()

    @property
    def _own(self) -> Member:
        return self._cell.node.membership.own

    def _notice(self, event: Event) -> None:
        if not isinstance(event, GroupJoined | GroupLeft) or event.group == self._group:
            self._look_soon()

    def _look_soon(self) -> None:
        if not self._is_to_look:
            self._is_to_look = True
            self.ref.tell(Look())

    # --- who runs it ----------------------------------------------------------------------------

    @on(Look)
    async def look(self, message: Look) -> None:
        """See who is to run it, and do one's part."""
        self._is_to_look = False
        self._leader = self._find_leader()
        if self._leader != self.ref:
            self._clear_no_more()
        elif self._clearing is None:
            self._clearing = self.create_task(self._clear_the_way())
        if not self.node.is_ready:
            await self._end()
        self._pass_on_kept()

    def _find_leader(self) -> ActorRef[Any] | None:
        """Return the manager on the most senior node that has one."""
        managers = {ref.node_name: ref for ref in self.node.groups.members(self._group)}
        members = [member for member in self.node.members if member.name in managers]
        leader = most_senior(members, self._role)
        return None if leader is None else managers[leader.name]

    async def _clear_the_way(self) -> None:
        """Have all others make way, and start the instance where it does not run yet."""
        try:
            if await self._is_clear() and self._instance is None:
                await self._begin()
        finally:
            self._clearing = None

    async def _is_clear(self) -> bool:
        """Ask everybody, until nobody is left who was not asked or has not made way."""
        node, asked = self._cell.node, set[tuple[str, int]]()
        while True:
            if not node.readiness.is_settled:
                if not self.node.is_ready:
                    return False
                await node.clock.sleep(AGAIN)
                continue
            others = [member for member in self.node.members if member.life not in asked]
            others = [member for member in others if member.name != node.name]
            if not others:
                return True
            if await self._makes_way(others[0]):
                asked.add(others[0].life)
            else:
                await node.clock.sleep(AGAIN)

    async def _makes_way(self, member: Member) -> bool:
        """Whether nothing runs there: its manager says so, or there is none."""
        seniority = Seniority.of(self._own)
        try:
            manager = await self.node.resolve(self.ref.path, at=member.name, timeout=PATIENCE)
            return bool(await manager.ask(Resign(*seniority), timeout=PATIENCE))
        except (ActorNotFoundError, UnhandledMessageError):
            return True  # whatever lives there under this path is no manager
        except (TimeoutError, ActorStoppedError, ActorsError):
            return False  # busy, just ended, or about to be declared down: that will show

    def _clear_no_more(self) -> None:
        if self._clearing is not None:
            self._clearing.cancel()
            self._clearing = None

    @on(Resign)
    async def resign(self, message: Resign) -> bool:
        """Stop the instance for a more senior manager."""
        theirs = Seniority(message.born, message.name, message.incarnation)
        own = self._own
        if self.node.is_ready and is_eligible(own, self._role) and Seniority.of(own) < theirs:
            return False
        self._clear_no_more()
        await self._end()
        return True

    # --- the instance ---------------------------------------------------------------------------

    async def _begin(self) -> None:
        props = self._props
        if self._lease is not None:
            self._token = token = await self._lease.acquire(self.ref.path, self._on_lost)
            props = Props(props.actor_class, props.args, {**props.kwargs, "fencing_token": token})
        self.log.info("the singleton runs here")
        self._instance = self.spawn(props, name="instance", restart="permanent")
        self._look_soon()

    def _on_lost(self) -> None:
        self.ref.tell(Lost(self._token))

    @on(Lost)
    async def lose(self, message: Lost) -> None:
        """Stop the instance at once, and try to get the lease again."""
        if self._lease is not None and message.token == self._token:
            self.log.warning("the lease of the singleton is lost: it stops here")
            await self._end(drain=False)
            self._look_soon()

    async def _end(self, *, drain: bool = True) -> None:
        instance, self._instance = self._instance, None
        if instance is not None:
            await instance.stop(drain=drain)
            self.log.info("the singleton ran here, and has stopped")
        await self._release()

    async def _release(self) -> None:
        if self._lease is not None and self._token:
            self._token = 0
            await self._lease.release(self.ref.path)

    # --- messages for it ------------------------------------------------------------------------

    @on(object)
    def pass_on(self, message: object) -> None:
        """Hand a message to the instance, or to the manager that is to run it."""
        if self._instance is not None:
            self.forward(self._instance, message)
        elif self._leader is not None and self._leader != self.ref:
            self.forward(self._leader, message)
        elif self._kept < KEPT:
            self._kept += 1
            self.stash()
        else:
            self._cell.unhandled(message)

    def _pass_on_kept(self) -> None:
        """Somebody can take what was kept, perhaps."""
        if self._kept and (self._instance is not None or self._leader not in (None, self.ref)):
            self._kept = 0
            self.unstash_all()


def Singleton(  # noqa: N802 - it reads as the thing that it makes, as `Router.pool` does
    props: Props[Any] | type[Actor], role: str | None = None, lease: Lease | None = None
) -> Props[SingletonManager]:
    """Return the recipe of an actor of which one instance runs in the whole cluster.

    Spawn it under the same name on every node, here: `node.spawn(Singleton(Scheduler.props(),
    role="worker"), name="scheduler")`. Each of these refs stands for it, wherever it runs: on the
    oldest node that has the role (and it under that name); elsewhere as soon as that one leaves,
    is declared down, or stops. What is sent meanwhile waits.

    Under a partition each side may run one, unless the nodes have a `partition` policy: then only
    the side that goes on has one. With a `lease` it runs only while that is held, and its
    constructor gets `fencing_token=`. An instance that stops itself is started anew.

    Raises TypeError or ValueError.
    """
    if role is not None:
        check_name(role, "role")
    return Props(SingletonManager, (as_props(props), role, lease))
