"""What members tell each other of third ones: gossip, carried by the probes (SWIM, section 4.1).

Das, Gupta and Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group
Membership Protocol", 2002.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

Said = Literal["up", "suspect", "down", "busy"]

SPREAD = 3
"""A rumour is passed on this many times, for each power of ten of members."""

MAX_VERSION = 2**53
"""Nobody gets there by contradicting; who is lied there stays there, and is understood still."""

MOST_WORDS = 1000
"""Characters of a reason or a culprit that are passed on."""

MOST_QUEUED = 1000
"""So many rumours wait to be passed on; beyond that the oldest is dropped."""

LOAD = 8
"""How many rumours one message carries at most: its size does not depend on the cluster's."""


_Name = Annotated[str, msgspec.Meta(max_length=128)]


class Rumour(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What is said of one life of a node.

    `version` counts how often that node has spoken for itself: it answers a `suspect` with an
    `up` of the next version, which overrides it. (SWIM calls it the incarnation; here that is
    the number of a life, and does not change within it.) `down` is final for that life. With
    `busy` it counts the stalls. `detail` is the address with `up`, the reason with `down`, the
    culprit with `busy`.
    """

    said: Said
    name: _Name
    incarnation: int
    version: Annotated[int, msgspec.Meta(ge=0, le=MAX_VERSION)] = 0
    by: _Name = ""
    detail: Annotated[str, msgspec.Meta(max_length=4 * MOST_WORDS)] = ""
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def subject(self) -> tuple[object, ...]:
        """What it is about: a newer rumour on the same subject takes the place of an older."""
        if self.said == "busy":
            return self.said, self.name, self.incarnation, self.version
        return self.name, self.incarnation, self.by if self.said == "suspect" else ""


class _Queued:
    __slots__ = ("rumour", "told")

    def __init__(self, rumour: Rumour) -> None:
        self.rumour = rumour
        self.told = 0


class Rumours:
    """Those that this node still passes on, each a number of times that grows as the logarithm
    of the cluster's size, the least told first."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: dict[tuple[object, ...], _Queued] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, rumour: Rumour) -> None:
        """Pass this on from now."""
        self._queue[rumour.subject] = _Queued(rumour)
        if len(self._queue) > MOST_QUEUED:
            del self._queue[next(iter(self._queue))]

    def tells(self, rumour: Rumour) -> bool:
        """Whether it passes on the same just now."""
        queued = self._queue.get(rumour.subject)
        return queued is not None and queued.rumour.said == rumour.said

    def forget(self, name: str, incarnation: int) -> None:
        """That life is over: only that it is `down` is still worth telling."""
        for subject, queued in list(self._queue.items()):
            rumour = queued.rumour
            same = (rumour.name, rumour.incarnation) == (name, incarnation)
            if same and rumour.said != "down":
                del self._queue[subject]

    def take(self, members: int) -> list[Rumour]:
        """Return what the next message should carry, in a cluster of so many members."""
        limit = SPREAD * math.ceil(math.log10(members + 1))
        chosen = sorted(self._queue.values(), key=lambda queued: queued.told)[:LOAD]
        for queued in chosen:
            queued.told += 1
            if queued.told >= limit:
                self._queue.pop(queued.rumour.subject, None)
        return [queued.rumour for queued in chosen]
