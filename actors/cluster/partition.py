"""What a node does when it has lost others and cannot know whether they live on without it.

The names and rules are Akka's (its split brain resolver): once the membership has been stable for
a while each side decides by itself, and by the same rule, which of them goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from actors.names import check_name


@dataclass(frozen=True, slots=True)
class KeepMajority:
    """The side with more of the members goes on; of two halves that with the smallest name.

    `stable_after`: seconds without a change before it is decided. `role`: only the members that
    have it are counted.
    """

    stable_after: float = 5.0
    role: str | None = None

    def __post_init__(self) -> None:
        _check(self.stable_after, self.role)

    def goes_on(self, here: Collection[str], lost: Collection[str]) -> bool:
        """Whether the side of the members `here` goes on, where others are `lost`."""
        if len(here) != len(lost):
            return len(here) > len(lost)
        return not lost or min(here) < min(lost)


@dataclass(frozen=True, slots=True)
class StaticQuorum:
    """The side with at least `size` members goes on: more than half of all that there ever are.

    `stable_after` and `role` as in `KeepMajority`.
    """

    size: int
    stable_after: float = 5.0
    role: str | None = None

    def __post_init__(self) -> None:
        _check(self.stable_after, self.role)
        if isinstance(self.size, bool) or not isinstance(self.size, int):
            raise TypeError(f"size must be an int, not {self.size!r}")
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")

    def goes_on(self, here: Collection[str], lost: Collection[str]) -> bool:
        """Whether the side of the members `here` goes on, whoever is `lost`."""
        return len(here) >= self.size


PartitionPolicy = KeepMajority | StaticQuorum


def _check(stable_after: float, role: str | None) -> None:
    if not 0 < stable_after < float("inf"):
        raise ValueError(f"stable_after must be a positive number, not {stable_after!r}")
    if role is not None:
        check_name(role, "role")


class Standing:
    """Whether this node's side goes on; a state machine without clock.

    Without a policy it always does: both sides go on, and merge when the link returns.

    Args:
        policy: how it is decided.
        own: the name of this node.
        counts: whether this node counts: it has the policy's role.
    """

    def __init__(self, policy: PartitionPolicy | None, own: str, *, counts: bool) -> None:
        self._policy = policy
        self._own = own
        self._counts = counts
        self._here = {own} if counts else set[str]()
        self._lost: set[str] = set()
        self._silent: set[str] = set()
        """Those of `_here` that nobody reaches, and that are not declared down yet."""
        self._decide_at: float | None = None
        self._settle_at: float | None = None
        # A quorum has to be there before anything is started.
        self.is_ready = policy is None or policy.goes_on(self._here, self._lost)
        """Whether this side goes on as far as is known; what must be single runs nowhere else."""

    @property
    def is_settled(self) -> bool:
        """Whether what the lost ones had may be taken over: by now they have given it up."""
        return self.is_ready and self._decide_at is None and self._settle_at is None

    @property
    def due(self) -> float | None:
        """When `tick` is to be called; None where nothing is open."""
        return self._settle_at if self._decide_at is None else self._decide_at

    def joined(self, name: str, now: float) -> None:
        """A member that counts is there, for the first time or again."""
        if self._policy is not None:
            self._here.add(name)
            self._lost.discard(name)
            self._silent.discard(name)
            self._put_off(now)

    def left(self, name: str, now: float) -> None:
        """A member has ended in order: it is not missed."""
        if self._policy is not None:
            self._here.discard(name)
            self._lost.discard(name)
            self._silent.discard(name)
            self._put_off(now)

    def lost(self, name: str, now: float) -> None:
        """A member was declared down: it may have died, or live on elsewhere."""
        if self._policy is not None and name in self._here:
            self._here.discard(name)
            self._lost.add(name)
            self._silent.discard(name)
            self._put_off(now)

    def silent(self, name: str, now: float) -> None:
        """Nobody reaches a member: this side must not count on it, nor take anything over yet.

        A node that distrusts itself may take long to declare others down. Were it the one that is
        cut off, it would go on all that time, while the others have long taken over.
        """
        if self._policy is not None and name in self._here and name not in self._silent:
            self._silent.add(name)
            self._put_off(now)

    def heard(self, name: str, now: float) -> None:
        """It is there after all."""
        if name in self._silent:
            self._silent.discard(name)
            self._put_off(now)

    def renew(self, now: float) -> None:
        """This node begins a new life, alone: the others are missed until they are there again."""
        if self._policy is not None:
            self._lost |= self._here
            self._silent.clear()
            self._here = {self._own} if self._counts else set()
            self._lost.discard(self._own)
            self._put_off(now)

    def tick(self, now: float) -> None:
        """Decide, where it is time."""
        if self._policy is None:
            return
        if self._decide_at is not None and now >= self._decide_at:
            self._decide_at = None
            heard = self._here - self._silent
            self.is_ready = self._policy.goes_on(self._here, self._lost) and self._policy.goes_on(
                heard, self._lost | self._silent
            )
            # The others decide at the same time, give or take how soon they noticed.
            missing = self._lost if self.is_ready else ()
            self._settle_at = now + self._policy.stable_after if missing else None
        elif self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            self._lost.clear()

    def _put_off(self, now: float) -> None:
        assert self._policy is not None
        self._settle_at = None
        self._decide_at = now + self._policy.stable_after
