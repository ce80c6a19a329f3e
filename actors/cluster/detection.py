"""How fast failures are detected, and what a detector says of the others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from actors.cluster.member import Life
from actors.cluster.probes import Message


@dataclass(frozen=True, slots=True)
class Detection:
    """How failures are detected. Durations are seconds.

    Attributes:
        period: between two pings, each to the next member.
        answer_within: a ping that is not answered in this time makes its receiver busy.
        suspicion: how long a silent member has, once others find it silent too.
        suspicion_alone: how long while no other says so.
        witnesses: how many others are asked, and must agree for `suspicion`.
        enquiry: between two rounds of asking.
        unresponsive: a member whose link stands, but whose loop has not answered for so long,
            is declared down.
        stall: so late this node's own loop may be before it distrusts what it has seen.
        busy: a stall of its own that the others should hear of.
    """

    period: float = 1.0
    answer_within: float = 1.0
    suspicion: float = 0.8
    suspicion_alone: float = 2.4
    witnesses: int = 3
    enquiry: float = 0.25
    unresponsive: float = 120.0
    stall: float = 0.25
    busy: float = 0.5

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{each.name} must be a positive number, not {value!r}")
        if self.suspicion > self.suspicion_alone:
            raise ValueError("suspicion must not be longer than suspicion_alone")


class Send(NamedTuple):
    """Send this to that member."""

    to: Life
    message: Message


class Verdict(NamedTuple):
    """That member is down."""

    life: Life
    reason: str


class Silent(NamedTuple):
    """Nobody has reached that member for `suspicion_alone`, however long this node may yet wait."""

    life: Life


class Heard(NamedTuple):
    """A member that was silent has been heard of."""

    life: Life


class Busy(NamedTuple):
    """That member's loop does not run, or did not for a while; the culprit is "" if unknown."""

    life: Life
    seconds: float
    culprit: str


class Call(NamedTuple):
    """There is said to be a member that is not connected yet."""

    name: str
    address: str


class GivenUp(NamedTuple):
    """The others have declared this very life down."""

    by: str


class Stalled(NamedTuple):
    """This node's own loop stood still: `admit` what kept it, where that is known."""

    seconds: float


Action = Send | Verdict | Silent | Heard | Busy | Call | GivenUp | Stalled
