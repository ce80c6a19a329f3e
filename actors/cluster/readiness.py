"""Whether this node's side of the cluster goes on: keeps the time of its `Standing`, and tells."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.cluster.partition import PartitionPolicy, Standing
from actors.events import ReadinessChanged

if TYPE_CHECKING:
    from actors.cluster.member import Member
    from actors.runtime import Runtime
    from transport import TimerHandle

log = logging.getLogger("actors.cluster")


class Readiness:
    """Follows the members that count."""

    def __init__(self, node: Runtime, policy: PartitionPolicy | None) -> None:
        self._node = node
        self._role = None if policy is None else policy.role
        own = node.membership.own
        self._standing = Standing(policy, own.name, counts=self._counts(own))
        self._timer: TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """Whether this side goes on."""
        return self._standing.is_ready

    @property
    def is_settled(self) -> bool:
        """Whether it may take over what lost members had."""
        return self._standing.is_settled

    def joined(self, member: Member) -> None:
        """A member is there."""
        if self._counts(member):
            self._standing.joined(member.name, self._node.clock.now())
            self._arm()

    def parted(self, member: Member, *, lost: bool) -> None:
        """A member is gone: `lost` or in order."""
        if self._counts(member):
            part = self._standing.lost if lost else self._standing.left
            part(member.name, self._node.clock.now())
            self._arm()

    def silent(self, name: str) -> None:
        """A member is a suspect for so long that it must not be counted on; it is not down yet."""
        self._standing.silent(name, self._node.clock.now())
        self._arm()

    def heard(self, name: str) -> None:
        """It is there after all."""
        self._standing.heard(name, self._node.clock.now())
        self._arm()

    def renew(self) -> None:
        """This node begins a new life: all others are lost until they are there again."""
        self._standing.renew(self._node.clock.now())
        self._arm()

    def close(self) -> None:
        """Decide nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _counts(self, member: Member) -> bool:
        return self._role is None or self._role in member.roles

    def _arm(self) -> None:
        self.close()
        due = self._standing.due
        if due is not None:
            clock = self._node.clock
            self._timer = clock.call_later(max(due - clock.now(), 0.0), self._tick)

    def _tick(self) -> None:
        before = self._standing.is_ready, self._standing.is_settled
        self._standing.tick(self._node.clock.now())
        ready = self._standing.is_ready
        if (ready, self._standing.is_settled) != before:
            if ready != before[0]:
                level = logging.INFO if ready else logging.WARNING
                words = "goes on" if ready else "does not go on: the other one is larger"
                log.log(level, "this side of the cluster %s", words)
            self._node.events.publish(ReadinessChanged(ready, self._standing.is_settled))
        self._arm()
