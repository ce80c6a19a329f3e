"""How many messages may wait for an actor, and which one gives way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Overflow = Literal["reject", "drop_old"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The bound of an actor's mailbox.

    `capacity` counts user messages that wait (neither system messages nor the one in hand);
    None is unbounded. When it is full `overflow="reject"` refuses the new message,
    `"drop_old"` turns the oldest one into a dead letter.

    Raises TypeError or ValueError for a capacity below 1 or an unknown overflow.
    """

    capacity: int | None = None
    overflow: Overflow = "reject"

    def __post_init__(self) -> None:
        capacity = self.capacity
        if capacity is not None and (isinstance(capacity, bool) or not isinstance(capacity, int)):
            raise TypeError(f"capacity must be an int or None, not {capacity!r}")
        if capacity is not None and capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity!r}")
        if self.overflow not in ("reject", "drop_old"):
            raise ValueError(f'overflow must be "reject" or "drop_old", not {self.overflow!r}')
