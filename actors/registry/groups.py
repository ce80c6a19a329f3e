"""Groups of actors that others find together, after Erlang's `pg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from actors.events import EventStream, GroupJoined, GroupLeft
from actors.names import check_name
from actors.ref import ActorRef, check_ref
from actors.registry.table import Change, Section

if TYPE_CHECKING:
    from actors.registry.registry import Registry

GROUPS = Section.GROUPS


class Follower(Protocol):
    """Who follows a group: a router follows its routees."""

    def member_joined(self, ref: ActorRef[Any]) -> None:
        """An actor is a member."""

    def member_paused(self, ref: ActorRef[Any]) -> None:
        """The link to its node broke: it may come back (`member_joined`), or not."""

    def member_left(self, ref: ActorRef[Any]) -> None:
        """It is one no more."""


class Groups:
    """The groups of the cluster; `node.groups`.

    A group is there while it has members. Names are as those of actors. `GroupJoined` and
    `GroupLeft` events say on each node what it has heard.
    """

    def __init__(self, registry: Registry, events: EventStream) -> None:
        self._registry = registry
        self._events = events
        self._followers: dict[str, dict[Follower, None]] = {}

    def join(self, group: str, ref: ActorRef[Any]) -> None:
        """Make an actor a member, until it leaves or ends; joining twice is joining once.

        Returns at once: members are known here now, on other nodes as soon as they hear of it.
        An actor that has ended joins nothing. For an actor elsewhere its own node does it. Raises
        NodeUnreachableError, RegistryFullError; TypeError or ValueError for wrong arguments.
        """
        self._registry.enter(GROUPS, check_name(group, "group"), check_ref(ref))

    def leave(self, group: str, ref: ActorRef[Any]) -> None:
        """Make it a member no more; nothing where it is none. Raises TypeError, ValueError."""
        self._registry.strike(GROUPS, check_name(group, "group"), check_ref(ref))

    def members(self, group: str) -> tuple[ActorRef[Any], ...]:
        """Return the members that this node knows of, in the order of their joining.

        Nodes that know of the same members have them in the same order.
        """
        return self._registry.table.refs(GROUPS, check_name(group, "group"))

    def _follow(self, group: str, follower: Follower) -> Callable[[], None]:
        """Tell the follower of all members, now and as they come and go.

        Returns what ends that. For routers: others subscribe to the events.
        """
        self._followers.setdefault(group, {})[follower] = None
        for ref in self.members(group):
            follower.member_joined(ref)
        return lambda: self._unfollow(group, follower)

    def _unfollow(self, group: str, follower: Follower) -> None:
        followers = self._followers.get(group, {})
        followers.pop(follower, None)
        if not followers:
            self._followers.pop(group, None)

    def _pause(self, is_meant: Callable[[ActorRef[Any]], bool], *, is_paused: bool) -> None:
        """Tell followers that some of the members cannot be reached at present, or can again."""
        for group, followers in tuple(self._followers.items()):
            for ref in filter(is_meant, self.members(group)):
                for follower in tuple(followers):
                    (follower.member_paused if is_paused else follower.member_joined)(ref)

    def _changed(self, change: Change[ActorRef[Any]]) -> None:
        """A member has come, or gone."""
        _, group, ref, time = change
        for follower in tuple(self._followers.get(group, ())):
            if time is None:
                follower.member_left(ref)
            else:
                follower.member_joined(ref)
        kind = GroupLeft if time is None else GroupJoined
        if self._events.wants(kind):
            self._events.publish(kind(group, ref))
