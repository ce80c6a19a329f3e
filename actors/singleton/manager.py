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
from actors.singleton.tenure import Tenure, Unconditional
from serialization import Message

if TYPE_CHECKING:
    from actors.cluster.member import Member
    from actors.reason import Reason
    from actors.ref import ActorRef
    from actors.singleton.lease import Lease

PATIENCE = 10.0
"""Seconds that a manager may take to stop its instance and make way."""

LOOKUP = 1.0
"""Seconds that a node may take to say whether it has a manager; then it may be gone."""

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


class SingletonManager(Actor):
    """Runs the instance, or passes on what it is sent to who does. See `Singleton`."""

    def __init__(self, props: Props[Any], role: str | None, lease: Lease | None) -> None:
        self._props = props
        self._role = role
        self._lease = lease
        self._instance: ActorRef[Any] | None = None
        """What takes messages; None as soon as it is to stop."""
        self._tenure: Tenure | None = None
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
        await self._end()

    async def on_restart(self, error: BaseException) -> None:
        """The next one begins without an instance, and without a lease."""
        self._unsubscribe()
        await self._end()

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
        if not self.node.is_ready:
            await self._end()
        elif self._leader == self.ref:
            self._clear_soon()
        elif self._instance is None:
            await self._end()  # it waits for a lease in vain
        else:
            await self._clear_no_more()  # what runs here ends when the leader says so
        self._pass_on_kept()

    def _find_leader(self) -> ActorRef[Any] | None:
        """Return the manager on the most senior node that has one."""
        managers = {ref.node_name: ref for ref in self.node.groups.members(self._group)}
        members = [member for member in self.node.members if member.name in managers]
        leader = most_senior(members, self._role)
        return None if leader is None else managers[leader.name]

    def _clear_soon(self) -> None:
        """Ask all others, also while one waits for the lease: who is new here may hold it."""
        if self._clearing is None:
            self._clearing = self.create_task(self._clear_the_way())

    async def _clear_the_way(self) -> None:
        """Have all others make way, and start the instance where it does not run yet."""
        is_clear = await self._is_clear()
        self._clearing = None
        if is_clear:
            self._begin()

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
        if member.status == "leaving":
            return False  # it does not listen any more, and is gone soon
        seniority = Seniority.of(self._own)
        try:
            manager = await self.node.resolve(self.ref.path, at=member.name, timeout=LOOKUP)
            return bool(await manager.ask(Resign(*seniority), timeout=PATIENCE))
        except (ActorNotFoundError, UnhandledMessageError):
            return True  # whatever lives there under this path is no manager
        except (TimeoutError, ActorsError):
            return False  # busy, just ended, or about to be declared down: that will show

    async def _clear_no_more(self) -> None:
        clearing, self._clearing = self._clearing, None
        if clearing is not None:
            clearing.cancel()
            await asyncio.wait({clearing})

    @on(Resign)
    async def resign(self, message: Resign) -> bool:
        """Stop the instance for a more senior manager."""
        theirs = Seniority(message.born, message.name, message.incarnation)
        own = self._own
        if self.node.is_ready and is_eligible(own, self._role) and Seniority.of(own) < theirs:
            return False
        await self._end()
        return True

    # --- the instance ---------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._tenure is None:
            lease = self._lease or Unconditional()
            self._tenure = Tenure(lease, self.ref.path, self._start, self._lose)
            self.create_task(self._serve(self._tenure))

    async def _serve(self, tenure: Tenure) -> None:
        await tenure.run()
        if tenure.has_run:
            self.log.info("the singleton ran here, and has stopped")
        if self._tenure is tenure:
            self._tenure = None
            self._look_soon()

    def _start(self, token: int) -> ActorRef[Any]:
        props = self._props
        if self._lease is not None:
            props = Props(props.actor_class, props.args, {**props.kwargs, "fencing_token": token})
        self.log.info("the singleton runs here")
        self._instance = self.spawn(props, name="instance", restart="permanent")
        self._look_soon()
        return self._instance

    def _lose(self) -> None:
        self.log.warning("the lease of the singleton is lost: it does not run here without")
        self._instance = None

    async def _end(self) -> None:
        """Neither run it nor try to any more; return when that is so."""
        await self._clear_no_more()
        self._instance = None
        tenure, self._tenure = self._tenure, None
        if tenure is not None:
            await tenure.end()

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


def role_of(props: Props[SingletonManager]) -> str | None:
    """Return the role without which a node does not run the singleton of this manager."""
    role: str | None = props.args[1] if len(props.args) > 1 else props.kwargs.get("role")
    return role


def Singleton(  # noqa: N802 - it reads as the thing that it makes, as `Router.pool` does
    props: Props[Any] | type[Actor], role: str | None = None, lease: Lease | None = None
) -> Props[SingletonManager]:
    """Return the recipe of an actor of which one instance runs in the whole cluster.

    Spawn it under the same name on every node, here: `node.spawn(Singleton(Scheduler.props(),
    role="worker"), name="scheduler")`. Each of these refs stands for it, wherever it runs: on the
    oldest node that has the role (and it under that name); elsewhere as soon as that one leaves,
    is declared down, or stops. What is sent meanwhile waits.

    Under a partition each side may run one, unless the nodes have a `partition` policy: then only
    the side that goes on has one. With a `lease`, such as a `ZooKeeperLease`, it runs only while
    that is held, and its constructor gets `fencing_token=`; each node needs a lease object of its
    own. An instance that stops itself is started anew.

    Raises TypeError or ValueError.
    """
    if role is not None:
        check_name(role, "role")
    return Props(SingletonManager, (as_props(props), role, lease))
